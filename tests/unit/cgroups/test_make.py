"""Making a cgroup on a tree of regular files: what is written, what is left on failure."""

from __future__ import annotations

import errno
import os
import posix
from typing import Any

import pytest

from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.make import make
from runtime.cgroups.plan import CgroupPlan, plan_cgroup
from runtime.errors import HostError, KernelError, StatusError
from runtime.host.cgroup_layout import CgroupLayout

V1 = ("cpuset", "devices", "memory", "freezer", "pids")


def plan(
    layout: CgroupLayout,
    resources: dict[str, Any] | None = None,
    path: str | None = "/pod/x",
    *,
    rootless: bool = False,
) -> CgroupPlan:
    return plan_cgroup(path, "x", resources, None, layout, rootless=rootless)


def test_every_hierarchy_gets_its_directory(fake: Any) -> None:
    cgroup = make(plan(fake.layout(*V1)))
    assert fake.tree() == sorted(f"{name}{path}" for name in V1 for path in ("/pod", "/pod/x"))
    assert cgroup.saved() == {name: f"{fake.top}/{name}/pod/x" for name in V1}
    assert cgroup.tasks_files() == [f"{fake.top}/{name}/pod/x/tasks" for name in V1]
    assert cgroup.clone_dir() is None


def test_values_are_written(fake: Any) -> None:
    make(plan(fake.layout(*V1), {"memory": {"limit": 4096}, "pids": {"limit": 7}}))
    assert ("memory/pod/x/memory.limit_in_bytes", "4096") in fake.writes
    assert ("pids/pod/x/pids.max", "7") in fake.writes


def test_devices_are_denied_then_allowed(fake: Any) -> None:
    make(plan(fake.layout(*V1)))
    there = fake.top / "devices/pod/x"
    assert (there / "devices.deny").read_text() == "a *:* rwm"
    assert (there / "devices.allow").read_text().startswith("b *:* mc *:* m")


def test_an_empty_cpuset_inherits_level_by_level(fake: Any) -> None:
    make(plan(fake.layout(*V1), {"cpu": {"cpus": "1"}}))
    assert [w for w in fake.writes if w[0].startswith("cpuset")] == [
        ("cpuset/pod/cpuset.cpus", "0-1"),
        ("cpuset/pod/cpuset.mems", "0"),
        ("cpuset/pod/x/cpuset.mems", "0"),
        ("cpuset/pod/x/cpuset.cpus", "1"),
    ]


def test_v2_enables_what_is_missing_down_the_path(fake: Any) -> None:
    layout = fake.layout(v2=("memory", "pids", "cpu"))
    programs: list[int] = []

    def bpf(command: int, attr: bytearray) -> int:
        programs.append(command)
        return os.open("/dev/null", os.O_RDONLY) if command == 5 else 0

    # The fake leaf always lists memory and pids; cpu is missing, but no setting needs it.
    make(plan(layout, {"memory": {"limit": 4096}}), bpf)
    assert fake.writes == [
        ("unified/cgroup.subtree_control", "+cpu"),
        ("unified/pod/cgroup.subtree_control", "+cpu"),
        ("unified/pod/x/memory.max", "4096"),
    ]
    assert programs == [5, 8]  # load, attach


def test_a_needed_controller_that_is_not_to_be_had(fake: Any) -> None:
    layout = fake.layout(v2=("memory", "pids", "cpu"))
    fake.refuse = {"unified/pod/cgroup.subtree_control": errno.EBUSY}
    with pytest.raises(KernelError, match="enable the controller cpu") as caught:
        make(plan(layout, {"cpu": {"shares": 5}}))
    assert caught.value.field == "linux.resources.cpu.shares"
    assert fake.tree() == []


def test_a_domain_controller_in_a_threaded_tree(fake: Any, monkeypatch: Any) -> None:
    layout = fake.layout(v2=("memory", "pids"))
    populate = fake.populate

    def threaded(directory: Any) -> None:
        populate(directory)
        (directory / "cgroup.type").write_text("domain invalid\n")

    monkeypatch.setattr(fake, "populate", threaded)
    with pytest.raises(KernelError, match="is domain invalid: the controller memory"):
        make(plan(layout, {"memory": {"limit": 5}}))
    assert fake.tree() == []
    make(plan(layout, {"pids": {"limit": 5}}, rootless=True))
    assert ("unified/pod/x/cgroup.type", "threaded") in fake.writes


def test_failure_undoes_what_was_made_and_nothing_else(fake: Any) -> None:
    layout = fake.layout(*V1)
    os.mkdir(fake.top / "pids/pod")
    fake.refuse = {"memory/pod/x/memory.limit_in_bytes": errno.EBUSY}
    with pytest.raises(KernelError) as caught:
        make(plan(layout, {"memory": {"limit": 4096}}))
    assert fake.tree() == ["pids/pod"]
    text = str(caught.value)
    assert text.startswith(
        "linux.resources.memory.limit: unable to set memory limit to 4096"
        " (current usage: 5, peak usage: 9): "
    )


def test_a_populated_cgroup_is_refused_before_anything_is_written(fake: Any) -> None:
    layout = fake.layout(*V1)
    os.mkdir(fake.top / "devices/x")
    os.mkdir(fake.top / "devices/x/below")
    (fake.top / "devices/x/below/cgroup.procs").write_text("17\n18\n")
    with pytest.raises(StatusError, match=r"cgroup is not empty: 2 process\(es\) found"):
        make(plan(layout, {"memory": {"limit": 4096}}, "/x"))
    assert fake.writes == []
    assert fake.tree() == ["devices/x", "devices/x/below"]


def test_an_empty_cgroup_that_exists_is_taken(fake: Any) -> None:
    layout = fake.layout(*V1)
    for name in V1:
        os.mkdir(fake.top / name / "x")
    cgroup = make(plan(layout, None, "/x"))
    assert cgroup.created_dirs == []
    assert len(cgroup.dirs()) == len(V1)


@pytest.mark.parametrize("state", ["FROZEN\n", "FREEZING\n"])
def test_a_frozen_cgroup_is_refused(fake: Any, state: str) -> None:
    layout = fake.layout(*V1)
    os.mkdir(fake.top / "freezer/x")
    (fake.top / "freezer/x/freezer.state").write_text(state)
    with pytest.raises(StatusError, match="container's cgroup unexpectedly frozen"):
        make(plan(layout, None, "/x"))


def test_a_mount_that_is_hidden_is_refused(fake: Any) -> None:
    layout = fake.layout(*V1)
    layout.hierarchies[2].device = 1
    with pytest.raises(HostError, match="is not in the cgroup hierarchy"):
        make(plan(layout))
    assert fake.tree() == []


class TestRootless:
    @pytest.fixture(autouse=True)
    def denied(self, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """memory belongs to somebody else."""
        mkdir = os.mkdir

        def refusing(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            if dir_fd is not None and os.readlink(f"/proc/self/fd/{dir_fd}").endswith("memory"):
                raise PermissionError(errno.EACCES, "denied", path)
            mkdir(path, mode, dir_fd=dir_fd)

        monkeypatch.setattr(posix, "mkdir", refusing)

    def test_goes_without_what_it_may_not_have(self, fake: Any) -> None:
        cgroup = make(plan(fake.layout("memory", "pids"), None, None, rootless=True))
        assert list(cgroup.saved()) == ["pids"]

    def test_but_not_without_a_limit(self, fake: Any) -> None:
        resources = {"memory": {"limit": 4096}}
        with pytest.raises(KernelError) as caught:
            make(plan(fake.layout("memory", "pids"), resources, None, rootless=True))
        assert caught.value.field == "linux.resources.memory.limit"
        assert fake.tree() == []

    def test_nor_without_a_path_that_was_asked_for(self, fake: Any) -> None:
        with pytest.raises(KernelError) as caught:
            make(plan(fake.layout("memory", "pids"), None, "/a", rootless=True))
        assert caught.value.field == "linux.cgroupsPath"
        assert "delegated" in caught.value.hint

    def test_no_cgroup_at_all_does_nothing(self, fake: Any) -> None:
        cgroup = make(plan(fake.layout("memory"), None, None, rootless=True))
        assert cgroup.saved() == {}
        assert cgroup.pids() == []
        assert cgroup.oom_kills() == 0
        assert not cgroup.is_frozen()
        cgroup.thaw()
        cgroup.kill_all()
        cgroup.remove()
        assert Cgroup.load({}).dirs() == []
        with pytest.raises(KernelError, match="no cgroup"):
            cgroup.freeze()


def test_no_descriptor_is_left(fake: Any) -> None:
    layout = fake.layout(*V1)
    before = len(os.listdir("/proc/self/fd"))
    make(plan(layout))
    fake.refuse = {"pids/y/pids.max": errno.EINVAL}
    with pytest.raises(KernelError):
        make(plan(layout, {"pids": {"limit": 5}}, "/y"))
    assert len(os.listdir("/proc/self/fd")) == before
