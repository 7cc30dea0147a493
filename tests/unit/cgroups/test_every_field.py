"""Every field of linux.resources on every kind of host: a file, an error or a warning.

Nothing that is asked for may be dropped in silence. The fields are those of the schema, so one
that is new there fails here until it is done.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import oci_schema
from runtime.cgroups.plan import CgroupPlan, plan_cgroup
from runtime.errors import ConfigError
from runtime.host.cgroup_layout import CgroupLayout, Hierarchy

V1_NAMES = (
    "cpuset", "devices", "memory", "cpu", "pids", "blkio", "hugetlb", "net_cls", "net_prio",
    "freezer", "rdma",
)  # fmt: skip
V2_NAMES = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma")


def v1(*names: str) -> list[Hierarchy]:
    """Hierarchies of one controller each."""
    return [Hierarchy((name,), f"/c/{name}", "/", "/", 1) for name in names]


HOSTS = {
    "v1": CgroupLayout("legacy", v1(*V1_NAMES)),
    "v2": CgroupLayout("unified", [Hierarchy(V2_NAMES, "/c", "/", "/", 2)]),
    "hybrid": CgroupLayout(
        "hybrid",
        [*v1("devices", "cpuset", "freezer", "net_cls", "net_prio"),
         Hierarchy(("cpu", "io", "memory", "hugetlb", "pids", "rdma"), "/u", "/", "/", 2)],
    ),
    "bare": CgroupLayout("hybrid", [*v1("devices"), Hierarchy((), "/u", "/", "/", 2)]),
}  # fmt: skip
BLOCK = {"major": 8, "minor": 0}
ERROR, WARNING, DEVICES, NOTHING = "error", "warning", "devices", "nothing"

# Field -> what asks for it, then what comes of it on v1, v2, a hybrid host with most
# controllers on v2, and one without controllers.
TABLE: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    "devices[].allow": (
        {"devices": [{"allow": True, "access": "rwm"}]}, DEVICES, DEVICES, DEVICES, DEVICES,
    ),
    "devices[].type": (
        {"devices": [{"allow": True, "type": "c", "access": "r"}]},
        DEVICES, DEVICES, DEVICES, DEVICES,
    ),
    "devices[].major": (
        {"devices": [{"allow": True, "type": "c", "major": 5, "access": "r"}]},
        DEVICES, DEVICES, DEVICES, DEVICES,
    ),
    "devices[].minor": (
        {"devices": [{"allow": True, "type": "c", "minor": 5, "access": "r"}]},
        DEVICES, DEVICES, DEVICES, DEVICES,
    ),
    "devices[].access": (
        {"devices": [{"allow": True, "type": "b", "major": 9, "access": "w"}]},
        DEVICES, DEVICES, DEVICES, DEVICES,
    ),
    "memory.limit": (
        {"memory": {"limit": 4096}}, "memory.limit_in_bytes=4096", "memory.max=4096",
        "memory.max=4096", ERROR,
    ),
    "memory.reservation": (
        {"memory": {"reservation": 4096}}, "memory.soft_limit_in_bytes=4096",
        "memory.low=4096", "memory.low=4096", ERROR,
    ),
    "memory.swap": (
        {"memory": {"limit": 4096, "swap": 8192}}, "memory.memsw.limit_in_bytes=8192",
        "memory.swap.max=4096", "memory.swap.max=4096", ERROR,
    ),
    "memory.kernel": ({"memory": {"kernel": 4096}}, WARNING, ERROR, ERROR, WARNING),
    "memory.kernelTCP": ({"memory": {"kernelTCP": 4096}}, WARNING, ERROR, ERROR, WARNING),
    "memory.swappiness": (
        {"memory": {"swappiness": 0}}, "memory.swappiness=0", ERROR, ERROR, ERROR,
    ),
    "memory.disableOOMKiller": (
        {"memory": {"disableOOMKiller": True}}, "memory.oom_control=1", ERROR, ERROR, ERROR,
    ),
    "memory.useHierarchy": (
        {"memory": {"useHierarchy": False}}, WARNING, WARNING, WARNING, WARNING,
    ),
    # It says how an update is done: tests/integration/test_update.py.
    "memory.checkBeforeUpdate": (
        {"memory": {"checkBeforeUpdate": True}}, NOTHING, NOTHING, NOTHING, NOTHING,
    ),
    "cpu.shares": (
        {"cpu": {"shares": 1024}}, "cpu.shares=1024", "cpu.weight=100", "cpu.weight=100", ERROR,
    ),
    "cpu.quota": (
        {"cpu": {"quota": 5000}}, "cpu.cfs_quota_us=5000", "cpu.max=5000 100000",
        "cpu.max=5000 100000", ERROR,
    ),
    "cpu.period": (
        {"cpu": {"period": 5000}}, "cpu.cfs_period_us=5000", "cpu.max=max 5000",
        "cpu.max=max 5000", ERROR,
    ),
    "cpu.burst": (
        {"cpu": {"burst": 500}}, "cpu.cfs_burst_us=500", "cpu.max.burst=500",
        "cpu.max.burst=500", ERROR,
    ),
    "cpu.realtimeRuntime": (
        {"cpu": {"realtimeRuntime": 500}}, "cpu.rt_runtime_us=500", ERROR, ERROR, ERROR,
    ),
    "cpu.realtimePeriod": (
        {"cpu": {"realtimePeriod": 500}}, "cpu.rt_period_us=500", ERROR, ERROR, ERROR,
    ),
    "cpu.cpus": (
        {"cpu": {"cpus": "0"}}, "cpuset.cpus=0", "cpuset.cpus=0", "cpuset.cpus=0", ERROR,
    ),
    "cpu.mems": (
        {"cpu": {"mems": "0"}}, "cpuset.mems=0", "cpuset.mems=0", "cpuset.mems=0", ERROR,
    ),
    "cpu.idle": ({"cpu": {"idle": 1}}, "cpu.idle=1", "cpu.idle=1", "cpu.idle=1", ERROR),
    "pids.limit": ({"pids": {"limit": 7}}, "pids.max=7", "pids.max=7", "pids.max=7", ERROR),
    "blockIO.weight": (
        {"blockIO": {"weight": 500}}, "blkio.weight=500", "io.bfq.weight=500",
        "io.bfq.weight=500", ERROR,
    ),
    "blockIO.leafWeight": (
        {"blockIO": {"leafWeight": 500}}, "blkio.leaf_weight=500", ERROR, ERROR, ERROR,
    ),
    "blockIO.weightDevice[].major": (
        {"blockIO": {"weightDevice": [{**BLOCK, "weight": 300}]}},
        "blkio.weight_device=8:0 300", "io.bfq.weight=8:0 300", "io.bfq.weight=8:0 300", ERROR,
    ),
    "blockIO.weightDevice[].minor": (
        {"blockIO": {"weightDevice": [{"major": 8, "minor": 16, "weight": 300}]}},
        "blkio.weight_device=8:16 300", "io.bfq.weight=8:16 300", "io.bfq.weight=8:16 300", ERROR,
    ),
    "blockIO.weightDevice[].weight": (
        {"blockIO": {"weightDevice": [{**BLOCK, "weight": 11}]}},
        "blkio.weight_device=8:0 11", "io.bfq.weight=8:0 11", "io.bfq.weight=8:0 11", ERROR,
    ),
    "blockIO.weightDevice[].leafWeight": (
        {"blockIO": {"weightDevice": [{**BLOCK, "leafWeight": 11}]}},
        "blkio.leaf_weight_device=8:0 11", ERROR, ERROR, ERROR,
    ),
    "hugepageLimits[].pageSize": (
        {"hugepageLimits": [{"pageSize": "1GB", "limit": 5}]}, "hugetlb.1GB.limit_in_bytes=5",
        "hugetlb.1GB.max=5", "hugetlb.1GB.max=5", ERROR,
    ),
    "hugepageLimits[].limit": (
        {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]},
        "hugetlb.2MB.rsvd.limit_in_bytes=0", "hugetlb.2MB.rsvd.max=0", "hugetlb.2MB.rsvd.max=0",
        ERROR,
    ),
    "network.classID": (
        {"network": {"classID": 7}}, "net_cls.classid=7", ERROR, "net_cls.classid=7", ERROR,
    ),
    "network.priorities[].name": (
        {"network": {"priorities": [{"name": "lo", "priority": 3}]}},
        "net_prio.ifpriomap=lo 3", ERROR, "net_prio.ifpriomap=lo 3", ERROR,
    ),
    "network.priorities[].priority": (
        {"network": {"priorities": [{"name": "lo", "priority": 0}]}},
        "net_prio.ifpriomap=lo 0", ERROR, "net_prio.ifpriomap=lo 0", ERROR,
    ),
    "rdma.*.hcaHandles": (
        {"rdma": {"mlx": {"hcaHandles": 2}}}, "rdma.max=mlx hca_handle=2",
        "rdma.max=mlx hca_handle=2", "rdma.max=mlx hca_handle=2", ERROR,
    ),
    "rdma.*.hcaObjects": (
        {"rdma": {"mlx": {"hcaObjects": 0}}}, "rdma.max=mlx hca_object=0",
        "rdma.max=mlx hca_object=0", "rdma.max=mlx hca_object=0", ERROR,
    ),
    "unified.*": (
        {"unified": {"memory.high": "5"}}, ERROR, "memory.high=5", "memory.high=5",
        "memory.high=5",
    ),
}  # fmt: skip
for _throttle, _v1, _v2 in (
    ("throttleReadBpsDevice", "read_bps_device", "rbps"),
    ("throttleWriteBpsDevice", "write_bps_device", "wbps"),
    ("throttleReadIOPSDevice", "read_iops_device", "riops"),
    ("throttleWriteIOPSDevice", "write_iops_device", "wiops"),
):
    for _member, _entry in (
        ("rate", {**BLOCK, "rate": 9}),
        ("major", {"major": 7, "minor": 0, "rate": 9}),
        ("minor", {"major": 8, "minor": 3, "rate": 9}),
    ):
        _number = f"{_entry['major']}:{_entry['minor']}"
        TABLE[f"blockIO.{_throttle}[].{_member}"] = (
            {"blockIO": {_throttle: [_entry]}}, f"blkio.throttle.{_v1}={_number} 9",
            f"io.max={_number} {_v2}=9", f"io.max={_number} {_v2}=9", ERROR,
        )  # fmt: skip


def schema_fields() -> set[str]:
    """Every leaf of linux.resources in the schema."""
    folder = Path(oci_schema.__file__).parent / "schema"
    definitions = json.loads((folder / "resources.json").read_text())["$defs"]
    found: set[str] = set()

    def walk(node: dict[str, Any], path: str) -> None:
        reference = node.get("$ref", "")
        if reference.startswith("#/$defs/"):
            walk(definitions[reference.removeprefix("#/$defs/")], path)
        elif node.get("type") == "array":
            walk(node["items"], f"{path}[]")
        elif node.get("type") == "object":
            for name, member in node.get("properties", {}).items():
                walk(member, f"{path}.{name}".lstrip("."))
            if isinstance(node.get("additionalProperties"), dict):
                walk(node["additionalProperties"], f"{path}.*")
        else:
            found.add(f"{path}.*" if reference.endswith("stringMap") else path)

    walk(definitions["resources"], "")
    return found


def test_the_table_has_every_field_of_the_schema() -> None:
    assert set(TABLE) == schema_fields()


def outcome(resources: dict[str, Any], host: str, wanted: str) -> str:
    """What comes of it, in the words of the table; a list where `wanted` is not in it."""
    try:
        plan = plan_cgroup("/c1", "c1", resources, (), HOSTS[host], rootless=False)
    except ConfigError as error:
        assert error.field.startswith("linux.resources."), error
        return ERROR
    written = [f"{one.file}={one.value}" for d in plan.dirs for one in d.settings]
    if wanted in written:
        return wanted
    if written:
        return str(written)
    return WARNING if plan.warnings else DEVICES if has_devices(plan) else NOTHING


def has_devices(plan: CgroupPlan) -> bool:
    """More is allowed than by default."""
    plain = plan_cgroup("/c1", "c1", {}, (), HOSTS["v1"], rootless=False)
    return plan.devices != plain.devices


@pytest.mark.parametrize("field", TABLE)
@pytest.mark.parametrize(("host", "column"), [("v1", 1), ("v2", 2), ("hybrid", 3), ("bare", 4)])
@pytest.mark.spec("linux.resources")
def test_outcome(field: str, host: str, column: int) -> None:
    row = TABLE[field]
    wanted = str(row[column])
    assert outcome(row[0], host, wanted) == wanted


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "resources",
    [
        {"memory": {"limit": 0}}, {"cpu": {"shares": 0}}, {"memory": {"kernel": -1}},
        {"network": {}}, {"rdma": {}}, {"unified": {}}, {"blockIO": {"weight": 0}},
        {"hugepageLimits": []}, {"memory": {"disableOOMKiller": False}},
    ],
)  # fmt: skip
def test_what_asks_for_nothing_is_no_fault_anywhere(host: str, resources: dict[str, Any]) -> None:
    assert outcome(resources, host, NOTHING) == NOTHING
