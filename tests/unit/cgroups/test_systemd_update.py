"""What systemd hears of an update, and when."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups import systemd_update
from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.systemd_plan import INFINITY
from runtime.cgroups.systemd_update import set_properties, tell_systemd
from tests.unit.cgroups.conftest import FakeCgroups


class Told:
    """Stands for a scope: notes the properties between what is written to files."""

    is_user = False

    def __init__(self, fake: FakeCgroups) -> None:
        self.fake = fake

    def update(self, properties: list[Any]) -> None:
        self.fake.writes += [("systemd", name) for name, _ in properties]


class Bus:
    """Stands for the manager's version."""

    @classmethod
    def connect(cls, *, user: bool) -> Bus:
        return cls()

    def get(self, name: str) -> str:
        return {"Version": "257"}[name]

    def close(self) -> None:
        pass


def made(fake: FakeCgroups, *v1: str, v2: tuple[str, ...] | None = None) -> tuple[Cgroup, Any]:
    cgroup = Cgroup([])
    for hierarchy in fake.layout(*v1, v2=v2).hierarchies:
        cgroup.add_dir(hierarchy, hierarchy.mountpoint)
    return cgroup, Told(fake)


def test_the_way_back_is_known(fake: FakeCgroups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd_update, "Bus", Bus)
    cgroup, scope = made(fake, v2=("memory", "pids"))
    old: dict[str, Any] = {"memory": {"limit": 9}}
    new: dict[str, Any] = {"memory": {"limit": 5}, "pids": {"limit": 3}}
    back = tell_systemd(cgroup, scope, new, old)
    assert fake.writes == [("systemd", "MemoryMax"), ("systemd", "TasksMax")]
    assert back == [("MemoryMax", ("t", 9)), ("TasksMax", ("t", INFINITY))]


def test_on_v1_nothing_runs_meanwhile(fake: FakeCgroups) -> None:
    cgroup, scope = made(fake, "freezer", "pids")
    set_properties(cgroup, scope, [("TasksMax", ("t", 3))])
    state = "freezer/freezer.state"
    assert fake.writes == [(state, "FROZEN"), ("systemd", "TasksMax"), (state, "THAWED")]


def test_a_paused_container_stays_so(fake: FakeCgroups) -> None:
    cgroup, scope = made(fake, "freezer", "pids")
    (fake.top / "freezer/freezer.state").write_text("FROZEN\n")
    (fake.top / "freezer/freezer.self_freezing").write_text("1\n")
    set_properties(cgroup, scope, [("TasksMax", ("t", 3))])
    assert fake.writes == [("systemd", "TasksMax")]
