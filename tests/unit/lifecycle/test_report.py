from __future__ import annotations

import errno

import pytest

from runtime.errors import ContainerError, HookError
from runtime.lifecycle.report import (
    FAILED,
    MESSAGE,
    error_after_start,
    error_of,
    last_ops,
    option_place,
)
from runtime.plan import ops
from runtime.plan.ops import Op

CONFIG = {"mounts": [{}, {"options": ["ro", "size=64Q"]}]}
HOOK = ops.hook("hooks.startContainer[1]", "/bin/h", ["h"], [], 0, "", "")
OPS: list[Op] = [
    Op("mount", "mounts[1]", "mount tmpfs on /dev"),
    Op("executable", "process.args[0]", "find the program"),
    Op("fifo", "exec fifo", "wait for start"),
    Op("seccomp", "linux.seccomp", "install the seccomp filter"),
    HOOK,
    Op("exec", "process.args", "execute /bin/x"),
]


def message(index: int, number: int, call: str, detail: str = "") -> bytes:
    return MESSAGE.pack(FAILED, 0, index, number, call.encode()) + detail.encode()


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        pytest.param(
            message(0, errno.EPERM, "move_mount"),
            "mounts[1]: mount tmpfs on /dev: move_mount: operation not permitted; "
            "the user namespace may not mount this",
            id="place, what, call, errno, hint",
        ),
        pytest.param(
            message(0, errno.EINVAL, "fsconfig", "size=64Q\0tmpfs: Bad value for 'size'"),
            "mounts[1].options[1]: mount tmpfs on /dev: fsconfig: invalid argument; "
            "option \"size=64Q\", the kernel says: tmpfs: Bad value for 'size'",
            id="an option and the kernel's words",
        ),
        pytest.param(
            message(1, errno.ENOENT, "stat", 'exec: "x": executable file not found in $PATH'),
            'exec: "x": executable file not found in $PATH',
            id="engines match this",
        ),
        pytest.param(
            message(1, errno.ENOENT, "stat", 'exec: "/x": stat /x'),
            'exec: "/x": stat /x: no such file or directory',
            id="and this",
        ),
        pytest.param(
            message(4, errno.ECANCELED, "hook", "exit status 3, output: a\nb\n"),
            "hooks.startContainer[1]: error running startContainer hook #1: /bin/h: "
            "exit status 3, output: a\\nb",
            id="a hook, on one line",
        ),
    ],
)
def test_error_of(sent: bytes, text: str) -> None:
    assert str(error_of(sent, OPS, CONFIG)) == text


def test_after_start_only_the_last_operations_are_known() -> None:
    known = last_ops(OPS)
    for index in (3, 4, 5):
        sent = message(index, errno.ENOEXEC, "call", "words")
        later: ContainerError = error_after_start(sent, known, CONFIG)
        assert str(later) == str(error_of(sent, OPS, CONFIG))
        assert type(later) is type(error_of(sent, OPS, CONFIG))
    assert type(error_after_start(message(4, 0, "hook"), known, CONFIG)) is HookError


@pytest.mark.parametrize(
    ("origin", "option", "place"),
    [
        ("mounts[1]", "size=64Q", "mounts[1].options[1]"),
        ("mounts[1]", "mode=755", "mounts[1]"),
        ("mounts[0]", "ro", "mounts[0]"),
        ("default /dev", "ro", "default /dev"),
    ],
)
def test_option_place(origin: str, option: str, place: str) -> None:
    assert option_place(origin, option, CONFIG) == place
