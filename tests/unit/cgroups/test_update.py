"""New values for a cgroup that is there: what is written, and how it is put back."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.update import Change, old_value, plan_update
from runtime.errors import ConfigError, HostError, KernelError

V1 = {
    "memory": {
        "memory.limit_in_bytes": "100", "memory.memsw.limit_in_bytes": "200",
        "memory.soft_limit_in_bytes": "50", "memory.usage_in_bytes": "5",
        "memory.max_usage_in_bytes": "9",
    },
    "cpu": {
        "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000", "cpu.shares": "1024",
        "cpu.idle": "0",
    },
    "cpuset": {"cpuset.cpus": "0-1", "cpuset.mems": "0"},
    "pids": {"pids.max": "max"},
    "blkio": {
        "blkio.bfq.weight": "100",
        "blkio.throttle.read_bps_device": "8:0 1000\n8:16 2000",
    },
}  # fmt: skip
V2 = {
    "memory.max": "100", "memory.swap.max": "50", "memory.low": "0", "memory.current": "90",
    "cpu.max": "max 100000", "cpu.weight": "79", "cpu.idle": "0", "cpuset.cpus": "",
    "pids.max": "max", "io.bfq.weight": "default 100\n8:0 200",
    "io.max": "8:0 rbps=5 wbps=max riops=max wiops=max",
    "cgroup.controllers": "memory cpu cpuset pids io", "cgroup.type": "domain",
}  # fmt: skip


class Tree:
    """A container's cgroup on fake hierarchies."""

    def __init__(self, fake: Any, *v1: str, v2: tuple[str, ...] | None = None) -> None:
        self.fake = fake
        self.dirs = []
        for hierarchy in fake.layout(*v1, v2=v2).hierarchies:
            directory = Path(hierarchy.mountpoint, "c")
            directory.mkdir()
            content = V2 if hierarchy.version == 2 else V1.get(hierarchy.controllers[0], {})
            for name, text in content.items():
                (directory / name).write_text(text + "\n")
            self.dirs.append((hierarchy, str(directory)))

    @property
    def cgroup(self) -> Cgroup:
        return Cgroup(self.dirs)

    def change(self, resources: dict[str, Any]) -> Change:
        change = Change(self.cgroup)
        change.make(resources)
        return change

    def content(self) -> dict[str, str]:
        return {
            f"{Path(d).parent.name}/{p.name}": p.read_text().strip()
            for _, d in self.dirs
            for p in Path(d).iterdir()
        }

    def written(self) -> list[str]:
        return [f"{name.rpartition('/')[2]}={value}" for name, value in self.fake.writes]


@pytest.fixture
def v1(fake: Any) -> Tree:
    return Tree(fake, *V1)


@pytest.fixture
def v2(fake: Any) -> Tree:
    return Tree(fake, v2=("memory", "cpu", "cpuset", "pids", "io"))


@pytest.fixture
def hybrid(fake: Any) -> Tree:
    return Tree(fake, "cpu", "pids", v2=("memory",))


@pytest.mark.parametrize(
    ("resources", "written"),
    [
        ({"pids": {"limit": 5}}, ["pids.max=5"]),
        ({"memory": {"limit": 70, "swap": 90}},
         ["memory.limit_in_bytes=70", "memory.memsw.limit_in_bytes=90"]),
        ({"memory": {"limit": -1}},
         ["memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1"]),
        ({"cpu": {"quota": 5000}}, ["cpu.cfs_quota_us=5000"]),
        ({"cpu": {"period": 5000}}, ["cpu.cfs_period_us=5000"]),
        ({"cpu": {"idle": 0}}, ["cpu.idle=0"]),
        ({"cpu": {"cpus": "0"}}, ["cpuset.cpus=0"]),
        ({"blockIO": {"weight": 30}}, ["blkio.bfq.weight=30"]),
    ],
)  # fmt: skip
def test_v1(v1: Tree, resources: dict[str, Any], written: list[str]) -> None:
    v1.change(resources)
    assert v1.written() == written


@pytest.mark.parametrize(
    ("resources", "written"),
    [
        ({"memory": {"limit": 100, "swap": 300}}, ["memory.swap.max=200", "memory.max=100"]),
        ({"memory": {"limit": -1}}, ["memory.swap.max=max", "memory.max=max"]),
        ({"cpu": {"quota": 5000}}, ["cpu.max=5000 100000"]),
        ({"cpu": {"quota": -1, "period": 7}}, ["cpu.max=max 7"]),
        ({"cpu": {"period": 5000}}, ["cpu.max=max 5000"]),
        ({"cpu": {"shares": 1024}}, ["cpu.weight=100"]),
        ({"unified": {"memory.max": "7"}}, ["memory.max=7"]),
    ],
)
def test_v2(v2: Tree, resources: dict[str, Any], written: list[str]) -> None:
    v2.change(resources)
    assert v2.written() == written


def test_the_half_of_cpu_max_that_nobody_names_stays(v2: Tree) -> None:
    Path(v2.dirs[0][1], "cpu.max").write_text("5000 20000\n")
    v2.change({"cpu": {"quota": 7000}})
    v2.change({"cpu": {"period": 30000}})
    assert v2.written() == ["cpu.max=7000 20000", "cpu.max=7000 30000"]


def test_each_side_gets_its_own(hybrid: Tree) -> None:
    hybrid.change({"memory": {"limit": 5}, "pids": {"limit": 6}, "cpu": {"quota": 7}})
    assert sorted(name for name, _ in hybrid.fake.writes) == [
        "cpu/c/cpu.cfs_quota_us", "pids/c/pids.max", "unified/c/memory.max",
    ]  # fmt: skip


def test_a_controller_that_was_not_handed_down_is(fake: Any) -> None:
    tree = Tree(fake, v2=("memory", "pids"))
    Path(tree.dirs[0][1], "cgroup.controllers").write_text("pids\n")
    with pytest.raises(KernelError, match="enable the controller memory"):
        tree.change({"memory": {"limit": 5}})  # the fake kernel hands nothing down
    assert fake.writes[0] == ("unified/cgroup.subtree_control", "+memory")


def test_noprefix(fake: Any) -> None:
    tree = Tree(fake, "cpuset")
    tree.dirs[0][0].prefix = ""
    assert [s.file for s in plan_update(tree.cgroup, {"cpu": {"cpus": "1"}}).dirs[0].settings] == [
        "cpus"
    ]


def test_no_such_controller(fake: Any) -> None:
    with pytest.raises(ConfigError, match="no memory cgroup controller"):
        Tree(fake, "pids").change({"memory": {"limit": 5}})


def test_no_cgroup() -> None:
    """A rootless container may have none."""
    with pytest.raises(HostError, match="the container has no cgroup"):
        Change(Cgroup([])).make({"pids": {"limit": 5}})


@pytest.mark.parametrize(
    ("memory", "reason"),
    [
        ({"limit": 90}, "rejecting memory limit 90 <= usage 90"),
        ({"limit": 50, "swap": 80}, "rejecting memory\\+swap limit 80 <= usage 90"),
        ({"limit": 91}, ""),
        ({"limit": -1}, ""),
    ],
)
def test_check_before_update(v2: Tree, memory: dict[str, int], reason: str) -> None:
    request: dict[str, Any] = {"memory": {**memory, "checkBeforeUpdate": True}}
    if not reason:
        v2.change(request)
        return
    with pytest.raises(ConfigError, match=reason):
        v2.change(request)
    assert v2.fake.writes == []
    v2.change({"memory": memory})


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ({"memory": {"swap": 5}}, "unable to set swap limit without memory limit"),
        ({"memory": {"limit": 9, "swap": 5}}, "memory\\+swap limit should be >= memory limit"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_what_does_not_fit(
    version: int, resources: dict[str, Any], reason: str, request: pytest.FixtureRequest
) -> None:
    tree: Tree = request.getfixturevalue(f"v{version}")
    with pytest.raises(ConfigError, match=reason):
        tree.change({**resources, "pids": {"limit": 5}})
    assert tree.fake.writes == []


def test_unified_on_v1(v1: Tree) -> None:
    with pytest.raises(ConfigError, match="cannot use unified on cgroup v1"):
        v1.change({"unified": {"memory.max": "5"}})


EVERYTHING: dict[int, dict[str, Any]] = {
    1: {
        "memory": {"limit": 500, "swap": 900, "reservation": 3},
        "cpu": {"shares": 5, "quota": 5, "period": 5, "idle": 1, "cpus": "0", "mems": "0"},
        "blockIO": {
            "weight": 30,
            "throttleReadBpsDevice": [
                {"major": 8, "minor": 0, "rate": 5}, {"major": 9, "minor": 0, "rate": 5},
            ],
        },
        "pids": {"limit": 7},
    },
    2: {
        "memory": {"limit": 500, "swap": 900, "reservation": 3},
        "cpu": {"quota": 5, "period": 5, "idle": 1, "cpus": "0"},
        "blockIO": {"weight": 30, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 6}]},
        "pids": {"limit": 7},
        "unified": {"io.max": "8:0 rbps=7"},
    },
}  # fmt: skip


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("last", range(20))
def test_put_back(version: int, last: int, request: pytest.FixtureRequest) -> None:
    """Whichever write is refused: afterwards everything is as it was."""
    tree: Tree = request.getfixturevalue(f"v{version}")
    before = tree.content()
    change = tree.change(EVERYTHING[version])
    names = [name for name, _ in tree.fake.writes]
    change.put_back()
    assert comparable(tree.content()) == comparable(before)
    if last >= len(names):
        return
    tree.fake.writes.clear()
    tree.fake.refuse = {names[last]: errno.EIO}
    change = Change(tree.cgroup)
    with pytest.raises(KernelError):
        change.make(EVERYTHING[version])
    change.put_back()
    assert comparable(tree.content()) == comparable(before)


def comparable(content: dict[str, str]) -> dict[str, str]:
    """A file of ours holds the last line that was written, where the kernel's has one a device."""
    result = dict(content)
    for name in ("unified/io.max", "unified/io.bfq.weight"):
        if name in result:
            result[name] = result[name].splitlines()[0]
    name = "blkio/blkio.throttle.read_bps_device"
    result.pop(name, None)
    return result


def test_last_things_first(v1: Tree) -> None:
    change = v1.change({"memory": {"limit": 500, "swap": 900}})
    v1.fake.writes.clear()
    change.put_back()
    assert v1.written() == ["memory.memsw.limit_in_bytes=200", "memory.limit_in_bytes=100"]


def test_a_refusal_on_the_way_back_is_tried_again(v1: Tree) -> None:
    change = v1.change({"memory": {"limit": 500, "swap": 900}})
    v1.fake.refuse = {"memory/c/memory.memsw.limit_in_bytes": errno.EINVAL}
    before = v1.content()
    change.put_back()
    assert v1.content() != before
    assert v1.content()["memory/memory.memsw.limit_in_bytes"] == "200"


def test_what_cannot_be_put_back_is_told(v1: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    change = v1.change({"pids": {"limit": 500}})
    v1.fake.refuse = {"pids/c/pids.max": errno.EIO}
    with pytest.raises(KernelError, match=r'^failed to write "max" to .*/pids.max: write: '):
        change.put_back()


def test_weight_comes_back_after_idle(v2: Tree) -> None:
    """The kernel forgets it when a group becomes idle."""
    change = v2.change({"cpu": {"idle": 1}})
    Path(v2.dirs[0][1], "cpu.weight").write_text("1\n")
    v2.fake.writes.clear()
    change.put_back()
    assert v2.written() == ["cpu.idle=0", "cpu.weight=79"]


@pytest.mark.parametrize(
    ("file", "content", "new", "old"),
    [
        pytest.param("pids.max", "max\n", "5", "max", id="single value"),
        pytest.param("cpu.max", "max 100000\n", "5 7", "max 100000", id="of two words"),
        pytest.param("cpu.max", "5 100000\n", "5 7", "5 100000", id="first word alike"),
        pytest.param("cpuset.cpus", "\n", "0", "\n", id="empty"),
        pytest.param("cpuset.cpus", "", "0", "\n", id="without a line"),
        pytest.param("io.weight", "default 100\n", "5", "default 100", id="default"),
        pytest.param("io.bfq.weight", "default 9\n8:0 5\n", "7", "default 9", id="default of many"),
        pytest.param("io.bfq.weight", "default 9\n8:0 5\n", "8:0 7", "8:0 5", id="a device"),
        pytest.param("io.bfq.weight", "9\n", "8:0 7", "8:0 default", id="a new device"),
        pytest.param("io.max", "8:0 rbps=5 wiops=max\n", "8:0 wbps=7", "8:0 rbps=5 wiops=max",
                     id="line of io.max"),
        pytest.param("io.max", "", "8:0 wbps=7 riops=1", "8:0 wbps=max riops=max",
                     id="new line of io.max"),
        pytest.param("blkio.throttle.read_bps_device", "8:16 5\n", "8:1 7", "8:1 0",
                     id="v1 throttle"),
        pytest.param("rdma.max", "a x=1\nb x=2\n", "b x=3", "b x=2", id="by name"),
        pytest.param("some.thing", "a 1\nb 2\n", "c", None, id="no telling"),
        pytest.param("missing", None, "5", None, id="no file"),
    ],
)  # fmt: skip
def test_old_value(
    tmp_path: Path, file: str, content: str | None, new: str, old: str | None
) -> None:
    if content is not None:
        (tmp_path / file).write_text(content)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert old_value(fd, file, new) == old
        if old is not None and content is not None and content.strip():
            assert old_value(fd, file, old) == old
    finally:
        os.close(fd)
