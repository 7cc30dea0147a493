"""Scopes: what is planned, asked of systemd, and waited for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from runtime.cgroups import systemd
from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.plan import CgroupPlan
from runtime.cgroups.systemd import Scope, plan_scope, start_scope, version_number
from runtime.cgroups.systemd_bus import NO_SUCH_UNIT, UNIT_EXISTS, BusError
from runtime.errors import ConfigError, KernelError, StatusError
from tests.unit.cgroups.conftest import FakeCgroups


class Bus:
    """Stands for the manager. `answers`: method -> what happens, one after the other."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, list[Any]] = {}
        self.users: list[bool] = []
        self.open = 0
        self.properties = {"Version": "257.13-1~deb13u1", "ControlGroup": "/user.slice/user@5"}

    def connect(self, *, user: bool) -> Bus:
        self.users.append(user)
        self.open += 1
        return self

    def close(self) -> None:
        self.open -= 1

    def get(self, name: str) -> str:
        return self.properties[name]

    def call(self, method: str, signature: str, body: tuple[Any, ...]) -> Any:
        self.calls.append((method, body))
        answer = self.answers.get(method, [()]).pop(0) if self.answers.get(method) else ()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run_job(self, method: str, signature: str, body: tuple[Any, ...]) -> str:
        return self.call(method, signature, body) or "done"

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    made = Bus()
    monkeypatch.setattr(systemd, "Bus", made)
    return made


def planned(fake: FakeCgroups, linux: dict[str, Any], *, rootless: bool = False) -> CgroupPlan:
    layout = fake.layout(v2=("memory", "pids"))
    return plan_scope(linux, {}, "c1", layout, rootless=rootless, in_user_namespace=False)


@pytest.mark.parametrize(
    ("text", "number"),
    [("257.13-1~deb13u1", 257), ("v249", 249), ('"245"', 245), ("next", -1), ("", -1)],
)
def test_version(text: str, number: int) -> None:
    assert version_number(text) == number


class TestPlan:
    def test_of_root(self, fake: FakeCgroups, bus: Bus) -> None:
        linux = {"cgroupsPath": "a-b.slice:p:n", "resources": {"memory": {"limit": 9}}}
        plan = planned(fake, linux)
        assert plan.dirs[0].path == "/a.slice/a-b.slice/p-n.scope"
        assert plan.unit is not None
        assert (plan.unit.name, plan.unit.slice, plan.unit.attach) == (
            "p-n.scope",
            "a-b.slice",
            False,
        )
        asked = dict(plan.unit.properties)
        assert (asked["MemoryMax"], asked["DevicePolicy"]) == (("t", 9), ("s", "strict"))
        assert [s.file for s in plan.dirs[0].settings] == ["memory.max"]
        assert (bus.users, bus.open, bus.calls) == ([False], 0, [])

    def test_of_a_user(self, fake: FakeCgroups, bus: Bus) -> None:
        plan = planned(fake, {}, rootless=True)
        assert plan.dirs[0].path == "/user.slice/user@5/user.slice/pyrunc-c1.scope"
        assert plan.unit is not None and plan.unit.is_user
        assert "DevicePolicy" not in dict(plan.unit.properties)
        assert (bus.users, bus.open) == ([True], 0)

    def test_of_a_user_on_v1(self, fake: FakeCgroups, bus: Bus) -> None:
        layout = fake.layout("pids")
        with pytest.raises(ConfigError, match="no cgroups of v1"):
            plan_scope({}, {}, "c1", layout, rootless=True, in_user_namespace=False)
        assert bus.users == []

    @pytest.mark.parametrize(("limit", "attach"), [(0, True), (2, True), (3, False), (-1, False)])
    def test_no_room_for_a_placeholder(
        self, fake: FakeCgroups, bus: Bus, limit: int, attach: bool
    ) -> None:
        plan = planned(fake, {"resources": {"pids": {"limit": limit}}})
        assert plan.unit is not None
        assert plan.unit.attach == attach


class TestStart:
    def test_around_a_placeholder(self, bus: Bus) -> None:
        scope = Scope("x.scope", is_user=False)
        scope.start([("Slice", ("s", "a.slice")), ("PIDs", ("au", [0]))])
        ((method, (name, mode, properties, more)),) = bus.calls
        assert (method, name, mode, more) == ("StartTransientUnit", "x.scope", "replace", [])
        pid = dict(properties)["PIDs"][1][0]
        assert Path(f"/proc/{pid}/stat").read_text().split()[3] == str(os.getpid())
        scope.settle()
        assert not Path(f"/proc/{pid}").exists()
        assert bus.open == 0
        scope.settle()

    def test_a_failed_one_of_the_name_is_forgotten(self, bus: Bus) -> None:
        bus.answers["StartTransientUnit"] = [BusError("exists", UNIT_EXISTS), "done"]
        scope = Scope("x.scope", is_user=False)
        scope.start([])
        scope.settle()
        assert bus.methods == ["StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"]

    def test_one_that_runs_stays(self, bus: Bus) -> None:
        bus.answers["StartTransientUnit"] = [BusError("exists", UNIT_EXISTS)] * 2
        scope = Scope("x.scope", is_user=False)
        with pytest.raises(KernelError, match=r"linux\.cgroupsPath: exists"):
            scope.start([])
        scope.settle()

    def test_a_job_that_fails(self, bus: Bus) -> None:
        bus.answers["StartTransientUnit"] = ["failed"]
        scope = Scope("x.scope", is_user=False)
        with pytest.raises(KernelError, match=r"starting x\.scope: failed"):
            scope.start([])
        scope.settle()
        assert bus.methods[-1] == "ResetFailedUnit"

    def test_of_a_cgroup_in_use(self, fake: FakeCgroups, bus: Bus) -> None:
        plan = planned(fake, {})
        os.makedirs(plan.dirs[0].directory)
        Path(plan.dirs[0].directory, "cgroup.procs").write_text("7\n")
        assert plan.unit is not None
        with pytest.raises(StatusError, match=r"not empty: 1 process\(es\) found"):
            start_scope(plan, plan.unit, Cgroup([]))
        assert bus.calls == []

    def test_nothing_is_left_of_a_refusal(self, fake: FakeCgroups, bus: Bus) -> None:
        plan, cgroup = planned(fake, {}), Cgroup([])
        bus.answers["StartTransientUnit"] = [BusError("no", "org.x")]
        assert plan.unit is not None
        with pytest.raises(BusError):
            start_scope(plan, plan.unit, cgroup)
        assert cgroup.scope is None
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


class TestLater:
    def test_attach(self, bus: Bus) -> None:
        Scope("x.scope", is_user=True).attach(7)
        assert bus.calls == [("AttachProcessesToUnit", ("x.scope", "/", [7]))]

    def test_update(self, bus: Bus) -> None:
        scope = Scope("x.scope", is_user=False)
        scope.update([])
        assert bus.users == []
        scope.update([("TasksMax", ("t", 5))])
        assert bus.calls == [("SetUnitProperties", ("x.scope", True, [("TasksMax", ("t", 5))]))]

    @pytest.mark.parametrize("answer", ["done", BusError("gone", NO_SUCH_UNIT)])
    def test_stop(self, bus: Bus, answer: Any) -> None:
        bus.answers["StopUnit"] = [answer]
        bus.answers["ResetFailedUnit"] = [BusError("gone", NO_SUCH_UNIT)]
        Scope("x.scope", is_user=False).stop()
        assert bus.methods == ["StopUnit", "ResetFailedUnit"]
        assert bus.open == 0

    @pytest.mark.parametrize("answer", ["timeout", BusError("denied", "org.x.AccessDenied")])
    def test_stop_that_fails(self, bus: Bus, answer: Any) -> None:
        bus.answers["StopUnit"] = [answer]
        with pytest.raises(KernelError):
            Scope("x.scope", is_user=False).stop()
        assert bus.open == 0

    def test_removing_the_cgroup_stops_it_first(self, fake: FakeCgroups, bus: Bus) -> None:
        layout = fake.layout(v2=("pids",))
        unit = {"name": "x.scope", "user": False}
        saved = {"": f"{layout.hierarchies[0].mountpoint}/x.scope"}
        Cgroup.load(saved, layout, unit).remove()
        assert bus.methods == ["StopUnit", "ResetFailedUnit"]
        bus.calls.clear()
        Cgroup.load(saved, layout).remove()
        assert bus.calls == []
