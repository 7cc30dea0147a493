"""What a cgroup says of itself, on a tree of regular files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.make import make
from runtime.cgroups.plan import plan_cgroup
from runtime.errors import HostError, KernelError
from runtime.host.cgroup_layout import CgroupLayout, Hierarchy


def cgroup_on(layout: CgroupLayout) -> Cgroup:
    return make(plan_cgroup("/x", "x", None, None, layout, rootless=True))


def test_saved_has_a_key_for_every_controller_and_the_empty_one_for_v2() -> None:
    cpu = Hierarchy(("cpu", "cpuacct"), "/cg/cpu,cpuacct", "/", "/", 1)
    v2 = Hierarchy(("memory",), "/cg/unified", "/", "/", 2)
    cgroup = Cgroup([(cpu, "/cg/cpu,cpuacct/x"), (v2, "/cg/unified/x")])
    paths = {"cpu": "/cg/cpu,cpuacct/x", "cpuacct": "/cg/cpu,cpuacct/x", "": "/cg/unified/x"}
    assert cgroup.saved() == paths
    loaded = Cgroup.load(paths, CgroupLayout("hybrid", [cpu, v2]))
    assert loaded.dirs() == cgroup.dirs()
    assert loaded.tasks_files() == ["/cg/cpu,cpuacct/x/tasks"]
    assert loaded.clone_dir() == "/cg/unified/x"


def test_load_keeps_to_what_was_saved() -> None:
    layout = CgroupLayout("legacy", [Hierarchy((c,), f"/cg/{c}", "/", "/", 1) for c in "ab"])
    assert Cgroup.load({"b": "/cg/b/x", "gone": "/cg/gone/x"}, layout).saved() == {"b": "/cg/b/x"}


@pytest.mark.parametrize(
    ("state", "own", "frozen"),
    [
        ("THAWED\n", "0\n", False),
        ("FROZEN\n", "1\n", True),
        pytest.param("FROZEN\n", "0\n", False, id="by a parent"),
    ],
)
def test_is_frozen_on_v1(fake: Any, state: str, own: str, frozen: bool) -> None:
    cgroup = cgroup_on(fake.layout("freezer"))
    (fake.top / "freezer/x/freezer.state").write_text(state)
    (fake.top / "freezer/x/freezer.self_freezing").write_text(own)
    assert cgroup.is_frozen() is frozen


def test_is_frozen_on_v2(fake: Any) -> None:
    cgroup = cgroup_on(fake.layout(v2=("memory", "pids")))
    assert not cgroup.is_frozen()
    (fake.top / "unified/x/cgroup.freeze").write_text("1\n")
    assert cgroup.is_frozen()
    (fake.top / "unified/x/cgroup.freeze").unlink()  # before Linux 5.2
    assert not cgroup.is_frozen()


def test_a_freeze_that_does_not_come_true_is_taken_back(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.cgroups.cgroup.FREEZE_TRIES", 3)
    cgroup = cgroup_on(fake.layout(v2=("memory", "pids")))
    with pytest.raises(KernelError, match="did not stop"):
        cgroup.freeze()
    assert (fake.top / "unified/x/cgroup.freeze").read_text() == "0"


def test_oom_kills(fake: Any) -> None:
    assert cgroup_on(fake.layout("memory")).oom_kills() == 3
    assert cgroup_on(fake.layout(v2=("memory", "pids"))).oom_kills() == 2


def test_pids_below(fake: Any) -> None:
    cgroup = cgroup_on(fake.layout("devices"))
    (fake.top / "devices/x/cgroup.procs").write_text("12\n0\n13\n")  # 0: not in our namespace
    assert cgroup.pids() == [12, 13]


def test_gone_is_empty(fake: Any) -> None:
    cgroup = cgroup_on(fake.layout("devices", "freezer", "memory"))
    cgroup.remove()
    assert cgroup.pids() == []
    assert cgroup.oom_kills() == 0
    assert not cgroup.is_frozen()
    cgroup.thaw()
    cgroup.kill_all()
    cgroup.remove()


def test_a_path_from_an_edited_state_leads_nowhere_else(tmp_path: Path) -> None:
    """Whatever the file says, pids to kill are read from cgroup file systems only."""
    (tmp_path / "cgroup.procs").write_text("1\n")
    hierarchy = Hierarchy(("devices",), "/sys/fs/cgroup/devices", "/", "/", 1, device=1)
    cgroup = Cgroup.load({"devices": str(tmp_path)}, CgroupLayout("legacy", [hierarchy]))
    with pytest.raises(HostError, match="is not in the cgroup hierarchy"):
        cgroup.kill_all()
