from __future__ import annotations

import errno
import os
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


def created(world: World, **members: Any) -> None:
    os.mkfifo(world.container(lastOps=LAST_OPS, **members).fifo)


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


def test_the_fifo_is_gone_afterwards(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    created(world)
    init_says(monkeypatch, b"0")
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
    init_says(monkeypatch, b"0")
    with pytest.raises(HookError, match="error running poststart hook #0: /bin/false"):
        start(world.store, "c", Log())
    assert world.init.poll() == -9
    assert world.store.load("c").status() == "stopped"
