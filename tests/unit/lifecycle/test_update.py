from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import HostError, KernelError, StatusError
from runtime.lifecycle import update as updating
from runtime.lifecycle.update import update
from runtime.log import Log
from runtime.state import Container, process_start

if TYPE_CHECKING:
    from tests.unit.lifecycle.conftest import World

ME = {"maker": [os.getpid(), (process_start(os.getpid()) or (0, ""))[0]]}
STORED = {"memory": {"limit": 5}, "devices": [{"allow": False}]}


class Change:
    """Stands for the cgroup: what is written, and what fails."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.put_back_count = 0
        self.fails = False
        self.put_back_fails = False
        self.warnings = ["it may not matter"]

    def make(self, resources: dict[str, Any], stored: dict[str, Any]) -> None:
        self.made.append(resources)
        if self.fails:
            raise KernelError("write", errno=22)

    def put_back(self) -> None:
        self.put_back_count += 1
        if self.put_back_fails:
            raise KernelError("no way back")


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Change:
    made = Change()
    monkeypatch.setattr(updating, "Change", lambda _cgroup: made)
    return made


def make(world: World, **members: Any) -> Container:
    return world.container(**{"config": {"linux": {"resources": STORED}}, **members})


def stored(world: World) -> dict[str, Any]:
    resources: dict[str, Any] = world.store.load("c").config["linux"]["resources"]
    return resources


def test_success_is_saved(world: World, change: Change, capfd: pytest.CaptureFixture[str]) -> None:
    make(world)
    update(world.store, "c", {"memory": {"swap": 9}}, Log())
    assert change.made == [{"memory": {"limit": 5, "swap": 9}}]
    assert stored(world) == {**STORED, "memory": {"limit": 5, "swap": 9}}
    assert change.put_back_count == 0
    assert "it may not matter" in capfd.readouterr().err


def test_the_next_builds_on_it(world: World, change: Change) -> None:
    make(world)
    for request in ({"cpu": {"quota": 1}}, {"pids": {"limit": 1}}, {"cpu": {"period": 2}}):
        update(world.store, "c", request, Log())
    assert change.made[-1] == {"cpu": {"quota": 1, "period": 2}}


@pytest.mark.parametrize("config", [{}, {"linux": {}}])
def test_without_any_limits_before(world: World, change: Change, config: dict[str, Any]) -> None:
    make(world, config=config)
    update(world.store, "c", {"pids": {"limit": 1}}, Log())
    assert stored(world) == {"pids": {"limit": 1}}


@pytest.mark.parametrize("request_", [{}, {"memory": {"limit": 0}}, {"devices": [{"allow": True}]}])
def test_nothing_to_do(
    world: World, change: Change, request_: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    make(world)
    update(world.store, "c", request_, Log())
    assert change.made == []
    assert ("devices is not changed" in capfd.readouterr().err) is ("devices" in request_)


@pytest.mark.parametrize("put_back_fails", [False, True])
def test_failure(
    world: World, change: Change, put_back_fails: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    make(world)
    change.fails = True
    change.put_back_fails = put_back_fails
    with pytest.raises(KernelError, match="write"):
        update(world.store, "c", {"pids": {"limit": 1}}, Log())
    assert stored(world) == STORED
    assert change.put_back_count == 1
    words = "Setting back cgroup configs failed due to error: no way back"
    assert (words in capfd.readouterr().err) is put_back_fails


def test_what_cannot_be_saved_is_put_back(
    world: World, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(world)

    def fail(_self: Container) -> None:
        raise HostError("write the state")

    monkeypatch.setattr(Container, "save", fail)
    with pytest.raises(HostError):
        update(world.store, "c", {"pids": {"limit": 1}}, Log())
    assert change.put_back_count == 1


@pytest.mark.parametrize("members", [{"pidStart": 1}, {"pid": 0}, {"pid": 0, **ME}])
def test_not_running(world: World, change: Change, members: dict[str, Any]) -> None:
    make(world, **members)
    with pytest.raises(StatusError, match="container not running"):
        update(world.store, "c", {"pids": {"limit": 1}}, Log())
    assert change.made == []
