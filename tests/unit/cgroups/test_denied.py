"""What an ordinary user may not make is left out before it is planned with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cgroups.denied import leave_out_denied
from runtime.cgroups.plan import CgroupPlan, DirPlan
from runtime.cgroups.setting import Setting
from runtime.host.cgroup_layout import Hierarchy

NOBODY = 65534


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[None]:
    """An ordinary user, for whom the folders above the test's are open."""
    if os.geteuid() != 0:
        yield
        return
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(0o711)
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


def hierarchy(folder: Path, name: str) -> DirPlan:
    (folder / name).mkdir()
    made = DirPlan(Hierarchy((name,), str(folder / name), "/", "/", 1), "")
    made.path = "/above/c1"
    return made


def test_what_may_be_made_stays(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    closed, given, deep, limited = (
        hierarchy(tmp_path, name) for name in ("cpu", "pids", "memory", "cpuset")
    )
    (tmp_path / "cpu").chmod(0o555)
    (tmp_path / "cpuset").chmod(0o555)
    (tmp_path / "pids").chmod(0o777)
    (tmp_path / "memory").chmod(0o777)
    (tmp_path / "memory/above").mkdir(mode=0o555)
    limited.settings.append(Setting("cpuset.cpus", "0", "linux.resources.cpu.cpus"))
    plan = CgroupPlan([closed, given, deep, limited], droppable=True)
    request.getfixturevalue("as_nobody")
    leave_out_denied(plan)
    assert plan.dirs == [given, limited]
