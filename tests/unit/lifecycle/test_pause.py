from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.errors import KernelError, StatusError
from runtime.lifecycle import pause as pausing
from runtime.lifecycle.pause import pause, resume
from runtime.log import Log
from runtime.native import calls
from runtime.state import process_start

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.state import Container
    from tests.unit.lifecycle.conftest import World


class Freezer:
    """Stands for the cgroup; `on_freeze` is what happens meanwhile."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.warnings: list[str] = []
        self.on_freeze: Callable[[], object] = lambda: None

    def freeze(self) -> None:
        self.on_freeze()
        self.state.write_text("1\n")

    def thaw(self) -> None:
        self.on_freeze()
        self.state.write_text("0\n")


@pytest.fixture
def freezer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Freezer:
    (tmp_path / ".cgroup").mkdir()
    made = Freezer(tmp_path / ".cgroup/cgroup.freeze")
    made.state.write_text("0\n")
    monkeypatch.setattr(pausing.Cgroup, "load", lambda _paths: made)
    return made


def make(world: World, freezer: Freezer, **members: object) -> Container:
    return world.container(cgroupPaths={"": str(freezer.state.parent)}, **members)


@pytest.mark.parametrize("status", ["running", "created"])
def test_there_and_back(world: World, freezer: Freezer, status: str) -> None:
    container = make(world, freezer)
    if status == "created":
        os.mkfifo(container.fifo)
    pause(world.store, "c", Log())
    assert container.status() == "paused"
    with pytest.raises(StatusError, match="container not running"):
        pause(world.store, "c", Log())
    resume(world.store, "c", Log())
    assert container.status() == status
    with pytest.raises(StatusError, match="container not paused"):
        resume(world.store, "c", Log())


ME = {"maker": [os.getpid(), (process_start(os.getpid()) or (0, ""))[0]]}


@pytest.mark.parametrize(
    ("members", "status"),
    [({"pidStart": 1}, "stopped"), ({"pid": 0}, "stopped"), ({"pid": 0, **ME}, "creating")],
)
def test_wrong_moment(
    world: World, freezer: Freezer, members: dict[str, object], status: str
) -> None:
    assert make(world, freezer, **members).status() == status
    with pytest.raises(StatusError, match="container not running"):
        pause(world.store, "c", Log())
    with pytest.raises(StatusError, match="container not paused"):
        resume(world.store, "c", Log())


def test_init_that_ends_meanwhile(world: World, freezer: Freezer) -> None:
    container = make(world, freezer)
    freezer.on_freeze = world.end
    with pytest.raises(StatusError, match="container not running"):
        pause(world.store, "c", Log())
    assert container.status() == "stopped"


@pytest.mark.parametrize("number", [13, 30])
@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_refused_by_the_kernel(
    world: World, freezer: Freezer, capfd: pytest.CaptureFixture[str], verb: str, number: int
) -> None:
    make(world, freezer)
    if verb == "resume":
        freezer.state.write_text("1\n")

    def refuse() -> None:
        raise KernelError("freeze", errno=number)

    freezer.on_freeze = refuse
    freezer.warnings.append("it may stay frozen")
    with pytest.raises(KernelError):
        {"pause": pause, "resume": resume}[verb](world.store, "c", Log())
    said = capfd.readouterr().err
    words = f"pyrunc {verb} failure might be caused by lack of full access to cgroups"
    assert (words in said) is (number == 13)
    assert ("it may stay frozen" in said) is (verb == "pause")


def test_lock_is_held_and_given_back(world: World, freezer: Freezer) -> None:
    container = make(world, freezer)
    taken = []

    def look() -> None:
        fd = os.open(container.folder, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            taken.append(True)
        finally:
            os.close(fd)

    freezer.on_freeze = look
    pause(world.store, "c", Log())
    resume(world.store, "c", Log())
    assert taken == [True, True]
    fd = os.open(container.folder, os.O_RDONLY)
    calls.lock(fd)
    os.close(fd)
