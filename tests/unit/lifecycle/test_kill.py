from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runtime.errors import KernelError, StatusError
from runtime.lifecycle.kill import end_everything, kill, open_init
from runtime.state import process_start

if TYPE_CHECKING:
    from tests.unit.lifecycle.conftest import World

ME = {"maker": [os.getpid(), (process_start(os.getpid()) or (0, ""))[0]]}


@pytest.mark.parametrize("number", [1, 9, 15])
def test_signal(world: World, number: int) -> None:
    world.container()
    kill(world.store, "c", number, all_processes=False)
    assert world.init.wait(5) == -number


def test_signal_0_only_asks(world: World) -> None:
    world.container()
    kill(world.store, "c", 0, all_processes=False)
    assert world.init.poll() is None


@pytest.mark.parametrize("number", [65, 999, -1])
def test_no_signal(world: World, number: int) -> None:
    world.container()
    with pytest.raises(KernelError) as caught:
        kill(world.store, "c", number, all_processes=False)
    assert str(caught.value) == (
        f"unable to signal init: invalid argument; the signal was {number}"
    )


@pytest.mark.parametrize("number", [9, 15])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("pid_of_another", [True, False])
def test_stopped(world: World, number: int, own: bool, pid_of_another: bool) -> None:
    """--all is content; a process that has the pid now is spared."""
    world.container(own_pid_namespace=own, **({"pidStart": 1} if pid_of_another else {}))
    if not pid_of_another:
        world.end()
    kill(world.store, "c", number, all_processes=True)
    with pytest.raises(StatusError, match="container not running"):
        kill(world.store, "c", number, all_processes=False)
    assert (world.init.poll() is None) is pid_of_another


@pytest.mark.parametrize("own", [True, False])
def test_creating(world: World, own: bool) -> None:
    world.container(own_pid_namespace=own, pid=0, **ME)
    with pytest.raises(StatusError, match="still being created"):
        kill(world.store, "c", 9, all_processes=True)


def test_sigkill_ends_everything_without_a_pid_namespace(world: World) -> None:
    world.container(own_pid_namespace=False)
    kill(world.store, "c", 9, all_processes=False)
    assert world.init.wait(5) == -9


def test_end_everything_waits(world: World) -> None:
    end_everything(world.container())
    assert world.init.poll() == -9


def test_open_init_is_the_very_process(world: World) -> None:
    os.close(open_init(world.container()))
    world.store.load("c").remove()
    with pytest.raises(StatusError):
        open_init(world.container(pidStart=1))
