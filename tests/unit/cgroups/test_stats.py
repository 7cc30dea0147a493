"""Statistics from trees of regular files: each controller from the hierarchy that has it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from runtime.cgroups import files
from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.stats import read_stats
from runtime.errors import HostError, KernelError
from runtime.host.cgroup_layout import Hierarchy

MEMBERS = [
    "cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces",
]  # fmt: skip
PRESSURE = "some avg10=1.50 avg60=0.00 avg300=0.00 total=9\n"
PSI = {"some": {"avg10": 1.5, "avg60": 0, "avg300": 0, "total": 9}}

V1 = {
    "cpu": {"cpu.stat": "nr_periods 1\nnr_throttled 0\nthrottled_time 0\n"},
    "cpuacct": {"cpuacct.usage": "7\n", "cpuacct.stat": "user 1\nsystem 0\n"},
    "cpuset": {"cpuset.cpus": "0\n", "cpuset.sched_load_balance": "1\n"},
    "memory": {"memory.usage_in_bytes": "5\n", "memory.stat": "cache 1\n"},
    "pids": {"pids.current": "2\n", "pids.max": "max\n"},
    "blkio": {"blkio.throttle.io_serviced": "8:0 Read 1\n"},
    "hugetlb": {"hugetlb.2MB.usage_in_bytes": "0\n"},
}
V2 = {
    "cpu.stat": "usage_usec 7\nuser_usec 7\nsystem_usec 0\n",
    "memory.current": "5\n",
    "memory.max": "max\n",
    "memory.stat": "file 1\n",
    "pids.current": "3\n",
    "pids.max": "20\n",
    "io.stat": "8:0 rios=1\n",
    "hugetlb.2MB.current": "0\n",
    **{f"{name}.pressure": PRESSURE for name in ("cpu", "memory", "io")},
}


class Tree:
    """A cgroup in as many hierarchies as were added."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.dirs: list[tuple[Hierarchy, str]] = []

    def add(self, content: dict[str, str], *controllers: str, version: int) -> Tree:
        """One hierarchy more."""
        where = self.top / (controllers[0] if controllers else "unified") / "x"
        where.mkdir(parents=True)
        for name, text in content.items():
            (where / name).write_text(text)
        device = os.stat(where).st_dev
        mountpoint = str(where.parent)
        hierarchy = Hierarchy(controllers, mountpoint, "/", "/", version, device=device)
        self.dirs.append((hierarchy, str(where)))
        return self

    def cgroup(self) -> Cgroup:
        """The cgroup in all of them."""
        return Cgroup(self.dirs)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_members_come_in_the_order_of_runc(tree: Tree) -> None:
    assert list(read_stats(tree.cgroup())) == MEMBERS


def test_v1(tree: Tree) -> None:
    for name, content in V1.items():
        tree.add(content, name, version=1)
    record = read_stats(tree.cgroup())
    assert record["cpu"]["usage"] == {"total": 7, "kernel": 0, "user": 10000000}
    assert record["cpu"]["throttling"] == {"periods": 1}
    assert (record["cpuset"]["cpus"], record["cpuset"]["sched_load_balance"]) == ([0], 1)
    assert record["memory"]["usage"] == {"limit": 0, "usage": 5, "failcnt": 0}
    assert record["pids"] == {"current": 2}
    assert record["blkio"] == {"ioServicedRecursive": [{"major": 8, "op": "Read", "value": 1}]}
    assert record["hugetlb"] == {"2MB": {"failcnt": 0}}
    assert (record["intel_rdt"], record["network_interfaces"]) == ({}, None)


def test_v2(tree: Tree) -> None:
    tree.add(V2, version=2)
    record = read_stats(tree.cgroup())
    assert record["cpu"] == {"usage": {"total": 7000, "kernel": 0, "user": 7000}, "psi": PSI}
    assert record["cpuset"]["sched_load_balance"] == 0
    assert record["memory"]["usage"]["usage"] == 5
    assert record["memory"]["psi"] == PSI
    assert record["pids"] == {"current": 3, "limit": 20}
    assert record["blkio"] == {
        "ioServicedRecursive": [{"major": 8, "op": "Read", "value": 1}], "psi": PSI,
    }  # fmt: skip
    assert record["hugetlb"] == {"2MB": {"failcnt": 0}}


def test_hybrid_takes_each_from_where_it_lives(tree: Tree) -> None:
    """Memory on v1, all others on v2; the pressure of memory is v2's all the same."""
    tree.add(V1["memory"], "memory", version=1).add(V2, version=2)
    record = read_stats(tree.cgroup())
    assert "swap" not in record["memory"]
    assert record["memory"]["psi"] == PSI
    assert record["pids"] == {"current": 3, "limit": 20}


def test_cpu_time_and_quota_may_be_apart(tree: Tree) -> None:
    v2 = {"cpu.stat": "usage_usec 9\nnr_periods 6\nthrottled_usec 2\n"}
    tree.add(V1["cpuacct"], "cpuacct", version=1).add(v2, version=2)
    record = read_stats(tree.cgroup())["cpu"]
    assert record["usage"]["total"] == 7
    assert record["throttling"] == {"periods": 6, "throttledTime": 2000}


def test_without_any_cgroup_all_is_zero(tree: Tree) -> None:
    record = read_stats(tree.cgroup())
    assert not any(record.pop("cpuset").values())
    assert not any(record.values())


def test_a_cgroup_that_is_gone_is_zeros(tree: Tree, tmp_path: Path) -> None:
    tree.add(V2, version=2)
    cgroup = tree.cgroup()
    (tmp_path / "unified/x").rename(tmp_path / "elsewhere")
    assert read_stats(cgroup)["memory"] == {}


def test_without_the_pids_controller_processes_are_counted(tree: Tree) -> None:
    tree.add({"cgroup.procs": "12\n13\n"}, version=2)
    assert read_stats(tree.cgroup())["pids"] == {"current": 2}


@pytest.mark.parametrize(
    "number", [errno.ENOENT, errno.ENODEV, pytest.param(errno.EOPNOTSUPP, id="switched off")]
)
def test_a_file_that_says_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    refuse(monkeypatch, "memory.pressure", number)
    record = read_stats(tree.add(V2, version=2).cgroup())
    assert "psi" not in record["memory"]
    assert "psi" in record["cpu"]


def test_a_file_that_cannot_be_read(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "memory.stat", errno.EACCES)
    with pytest.raises(KernelError, match=r"read .*/unified/x/memory.stat: read: permission"):
        read_stats(tree.add(V2, version=2).cgroup())


def test_a_directory_of_another_file_system(tree: Tree) -> None:
    tree.add(V2, version=2).dirs[0][0].device = 1
    with pytest.raises(HostError, match="is not in the cgroup hierarchy"):
        read_stats(tree.cgroup())


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Have reads of one file fail."""
    real = files.read_file

    def read_file(dir_fd: int, wanted: str) -> str:
        if wanted == name:
            raise OSError(number, os.strerror(number))
        return real(dir_fd, wanted)

    monkeypatch.setattr(files, "read_file", read_file)


def test_no_descriptor_is_left(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.add(V2, version=2)
    before: list[Any] = sorted(os.listdir("/proc/self/fd"))
    read_stats(tree.cgroup())
    refuse(monkeypatch, "io.stat", errno.EACCES)
    with pytest.raises(KernelError):
        read_stats(tree.cgroup())
    assert sorted(os.listdir("/proc/self/fd")) == before
