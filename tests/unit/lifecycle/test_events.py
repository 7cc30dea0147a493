from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from runtime.errors import ConfigError, StatusError
from runtime.lifecycle import events as events_module
from runtime.lifecycle.events import events
from runtime.state import process_start

if TYPE_CHECKING:
    from tests.unit.lifecycle.conftest import World

ME = {"maker": [os.getpid(), (process_start(os.getpid()) or (0, ""))[0]]}
MS = 1_000_000
NEVER = 3600 * 1000 * MS


class FakeWatch:
    """An OOM watch whose descriptor is a pipe, and which tells as it is told."""

    events = 1  # POLLIN

    def __init__(self) -> None:
        self.fd, self._end = os.pipe()
        self.is_closed = False

    def tell(self) -> None:
        os.write(self._end, b"x")

    def happened(self) -> bool:
        os.set_blocking(self.fd, False)
        try:
            return bool(os.read(self.fd, 10))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._end)
        self.is_closed = True


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> FakeWatch:
    made = FakeWatch()
    monkeypatch.setattr(events_module, "watch_oom", lambda _: made)
    return made


def test_once(world: World) -> None:
    world.container()
    (event,) = events(world.store, "c", NEVER, once=True)
    assert list(event) == ["type", "id", "data"]
    assert (event["type"], event["id"]) == ("stats", "c")
    assert event["data"]["network_interfaces"] is None


def test_a_sample_each_interval_and_the_first_after_one(world: World) -> None:
    world.container()
    start = time.monotonic()
    stream = events(world.store, "c", 20 * MS, once=False)
    found = [next(stream) for _ in range(3)]
    assert [event["type"] for event in found] == ["stats"] * 3
    assert 0.06 <= time.monotonic() - start < 5
    stream.close()


def test_ends_with_the_container(world: World) -> None:
    world.container()
    stream = events(world.store, "c", 20 * MS, once=False)
    next(stream)
    world.end()
    assert list(stream) == []


def test_an_oom_kill_of_init_is_told_before_the_end(world: World, watch: FakeWatch) -> None:
    world.container()
    stream = events(world.store, "c", NEVER, once=False)
    watch.tell()
    assert next(stream) == {"type": "oom", "id": "c"}
    watch.tell()
    world.end()
    assert list(stream) == [{"type": "oom", "id": "c"}]
    assert watch.is_closed


def test_goes_on_while_others_outlive_init(
    world: World, watch: FakeWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a pid namespace of its own: the cgroup says when all have ended."""
    others = [[7], [7], [7], []]
    monkeypatch.setattr(events_module.Cgroup, "pids", lambda _: others.pop(0))
    monkeypatch.setattr(events_module, "LINGERING_S", 0.001)
    world.container(own_pid_namespace=False)
    stream = events(world.store, "c", NEVER, once=False)
    watch.tell()
    next(stream)
    world.end()
    assert list(stream) == []
    assert others == []


@pytest.mark.parametrize("interval_ns", [0, -1])
@pytest.mark.parametrize("once", [True, False])
def test_no_interval(world: World, interval_ns: int, once: bool) -> None:
    with pytest.raises(StatusError, match="does not exist"):
        next(events(world.store, "c", interval_ns, once=once))
    world.container()
    with pytest.raises(ConfigError, match="duration interval must be greater than 0"):
        next(events(world.store, "c", interval_ns, once=once))


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("members", [{"pidStart": 1}, {"pid": 0}, {"pid": 0, **ME}])
def test_not_running(world: World, once: bool, members: dict[str, object]) -> None:
    world.container(**members)
    with pytest.raises(StatusError, match="container with id c is not running"):
        next(events(world.store, "c", NEVER, once=once))


def test_no_descriptor_is_left(world: World, watch: FakeWatch) -> None:
    world.container()
    before = len(os.listdir("/proc/self/fd"))
    stream = events(world.store, "c", 1 * MS, once=False)
    next(stream)
    stream.close()
    both_ends_of_the_fake = 2
    assert len(os.listdir("/proc/self/fd")) == before - both_ends_of_the_fake
