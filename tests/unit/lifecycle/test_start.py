from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import ContainerError, HookError, KernelError, StatusError
from runtime.lifecycle.report import FAILED, MESSAGE
from runtime.lifecycle.start import start
from runtime.log import Log
from runtime.state import process_start

if TYPE_CHECKING:
    from tests.unit.lifecycle.conftest import World

ME = [os.getpid(), (process_start(os.getpid()) or (0, ""))[0]]
LAST_OPS = [
    ["7"],
    ["fifo", "exec fifo", "wait for start", ""],
    ["hook", "hooks.startContainer[0]", "run the hook /h", "/h"],
    ["exec", "process.args", "execute /x", ""],
]


HOOKLESS = [*LAST_OPS[:2], LAST_OPS[3]]


def created(world: World, **members: Any) -> None:
    os.mkfifo(world.container(**({"lastOps": LAST_OPS} | members)).fifo)


def init_says(monkeypatch: pytest.MonkeyPatch, words: bytes) -> None:
    monkeypatch.setattr("runtime.native.calls.wait_started", lambda *_: words)


def failure(index: int, number: int, call: bytes, detail: bytes) -> bytes:
    return b"0" + MESSAGE.pack(FAILED, 0, index, number, call) + detail


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, "cannot start an already running container"),
        ({"pidStart": 1}, "cannot start a container that has stopped"),
        ({"pid": 0, "maker": ME}, "cannot start a container that is still being created"),
    ],
)
def test_wrong_moment(world: World, members: dict[str, Any], text: str) -> None:
    world.container(**members)
    with pytest.raises(StatusError) as caught:
        start(world.store, "c", Log())
    assert str(caught.value) == text


@pytest.mark.parametrize(("ops", "words"), [(HOOKLESS, b"0"), (LAST_OPS, b"01")])
def test_the_fifo_is_gone_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch, ops: list[list[str]], words: bytes
) -> None:
    created(world, lastOps=ops)
    init_says(monkeypatch, words)
    start(world.store, "c", Log())
    assert world.store.load("c").status() == "running"


@pytest.mark.parametrize(
    ("words", "kind", "text"),
    [
        pytest.param(
            b"", ContainerError,
            "exec fifo is empty: the container's init died before its start",
            id="init died",
        ),
        pytest.param(
            b"0", ContainerError, "the container's init died before it executed its program",
            id="init died in a hook",
        ),
        pytest.param(
            b"01" + failure(9, errno.ENOEXEC, b"execve", b'exec: "/x"')[1:], KernelError,
            'exec: "/x": exec format error',
            id="execve failed after the hooks",
        ),
        pytest.param(
            failure(8, errno.ECANCELED, b"hook", b"exit status 3, output: because"), HookError,
            "hooks.startContainer[0]: error running startContainer hook #0: /h: "
            "exit status 3, output: because",
            id="a hook failed",
        ),
        pytest.param(
            failure(9, errno.ENOEXEC, b"execve", b'exec: "/x"'), KernelError,
            'exec: "/x": exec format error',
            id="execve failed",
        ),
    ],
)  # fmt: skip
def test_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, words: bytes, kind: type, text: str
) -> None:
    created(world)
    init_says(monkeypatch, words)
    with pytest.raises(ContainerError) as caught:
        start(world.store, "c", Log())
    assert type(caught.value) is kind
    assert str(caught.value) == text


def test_a_poststart_hook_that_fails_ends_the_container(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    created(world, config={"hooks": {"poststart": [{"path": "/bin/false"}]}})
    init_says(monkeypatch, b"01")
    with pytest.raises(HookError, match="error running poststart hook #0: /bin/false"):
        start(world.store, "c", Log())
    assert world.init.poll() == -9
    assert world.store.load("c").status() == "stopped"


def named(name: str) -> subprocess.Popen[str]:
    """A process that has given itself a name."""
    script = f"printf '{name}' >/proc/$$/comm; echo; read _"
    process = subprocess.Popen(
        ["/bin/sh", "-c", script], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize(("name", "has_failed"), [("pyrunc init", True), ("program", False)])
def test_a_death_without_hooks_shows_in_the_name(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, has_failed: bool
) -> None:
    """A zombie keeps the name it had; execve(2) would have changed it."""

    def dies(*_: object) -> bytes:
        init.kill()
        return b"0"

    with named(name) as init:
        started = process_start(init.pid) or (0, "")
        created(world, lastOps=HOOKLESS, pid=init.pid, pidStart=started[0])
        monkeypatch.setattr("runtime.native.calls.wait_started", dies)
        if has_failed:
            with pytest.raises(ContainerError, match="init died before it executed its program"):
                start(world.store, "c", Log())
        else:
            start(world.store, "c", Log())


def test_a_program_that_calls_itself_so_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.lifecycle.start.DYING_MS", 3)
    with named("pyrunc init") as init:
        started = process_start(init.pid) or (0, "")
        created(world, lastOps=HOOKLESS, pid=init.pid, pidStart=started[0])
        init_says(monkeypatch, b"0")
        start(world.store, "c", Log())
        init.kill()
