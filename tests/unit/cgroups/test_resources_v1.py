"""linux.resources as cgroup v1 files."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.resources_v1 import CONVERSIONS, warnings
from runtime.cgroups.setting import Setting
from runtime.errors import ConfigError


def lines(settings: list[Setting]) -> list[str]:
    return [f"{s.file} = {s.value}" for s in settings]


@pytest.mark.parametrize(
    ("controller", "resources", "expected"),
    [
        pytest.param("memory", {}, [], id="nothing asked"),
        pytest.param("memory", {"memory": None}, [], id="null section"),
        pytest.param(
            "memory", {"memory": {"limit": 100000000}},
            ["memory.limit_in_bytes = 100000000"], id="memory limit",
        ),
        pytest.param(
            "memory", {"memory": {"limit": 1 << 20, "swap": 2 << 20, "reservation": 4096}},
            ["memory.limit_in_bytes = 1048576", "memory.memsw.limit_in_bytes = 2097152",
             "memory.soft_limit_in_bytes = 4096"], id="limit, swap, reservation",
        ),
        pytest.param(
            "memory", {"memory": {"limit": -1}},
            ["memory.limit_in_bytes = -1", "memory.memsw.limit_in_bytes = -1"],
            id="unlimited memory takes swap along",
        ),
        pytest.param("memory", {"memory": {"limit": 0, "swap": 0}}, [], id="zero is not set"),
        pytest.param(
            "memory", {"memory": {"swappiness": 0, "disableOOMKiller": True}},
            ["memory.swappiness = 0", "memory.oom_control = 1"], id="swappiness 0 is a value",
        ),
        pytest.param("memory", {"memory": {"disableOOMKiller": False}}, [], id="0 never written"),
        pytest.param("memory", {"memory": {"kernel": 5}}, [], id="kernel memory is not applied"),
        pytest.param(
            "cpu", {"cpu": {"shares": 512, "period": 50000, "quota": 25000, "burst": 1000}},
            ["cpu.shares = 512", "cpu.cfs_period_us = 50000", "cpu.cfs_burst_us = 1000",
             "cpu.cfs_quota_us = 25000"], id="bandwidth in the kernel's order",
        ),
        pytest.param("cpu", {"cpu": {"quota": -5}}, ["cpu.cfs_quota_us = -1"], id="no quota"),
        pytest.param("cpu", {"cpu": {"idle": 1}}, ["cpu.idle = 1"], id="idle"),
        pytest.param(
            "cpu", {"cpu": {"realtimeRuntime": 950, "realtimePeriod": 1000}},
            ["cpu.rt_period_us = 1000", "cpu.rt_runtime_us = 950"], id="real time",
        ),
        pytest.param(
            "cpuset", {"cpu": {"cpus": "0-1", "mems": "0", "shares": 5}},
            ["cpuset.cpus = 0-1", "cpuset.mems = 0"], id="cpuset",
        ),
        pytest.param("cpuset", {"cpu": {"cpus": ""}}, [], id="an empty list is not set"),
        pytest.param("pids", {"pids": {"limit": 2048}}, ["pids.max = 2048"], id="pids"),
        pytest.param("pids", {"pids": {"limit": -1}}, ["pids.max = max"], id="pids unlimited"),
        pytest.param("pids", {"pids": {"limit": 0}}, ["pids.max = 1"], id="no forks"),
        pytest.param("pids", {"pids": {}}, [], id="pids unset"),
        pytest.param(
            "blkio",
            {"blockIO": {"weight": 500, "leafWeight": 300,
                         "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 9}],
                         "throttleReadBpsDevice": [{"major": 8, "minor": 16, "rate": 600}],
                         "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 0}]}},
            ["blkio.weight = 500", "blkio.leaf_weight = 300", "blkio.weight_device = 8:0 500",
             "blkio.leaf_weight_device = 8:0 9", "blkio.throttle.read_bps_device = 8:16 600",
             "blkio.throttle.write_iops_device = 8:0 0"], id="block I/O",
        ),
        pytest.param(
            "hugetlb", {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]},
            ["hugetlb.2MB.limit_in_bytes = 4194304", "hugetlb.2MB.rsvd.limit_in_bytes = 4194304"],
            id="huge pages, reservations too",
        ),
        pytest.param(
            "net_cls", {"network": {"classID": 1048577}}, ["net_cls.classid = 1048577"], id="class",
        ),
        pytest.param("net_cls", {"network": {"classID": 0}}, [], id="no class"),
        pytest.param(
            "net_prio", {"network": {"priorities": [{"name": "eth0", "priority": 500},
                                                    {"name": "eth1", "priority": 0}]}},
            ["net_prio.ifpriomap = eth0 500", "net_prio.ifpriomap = eth1 0"], id="priorities",
        ),
        pytest.param(
            "rdma", {"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}, "mlx4_0": {}}},
            ["rdma.max = mlx5_1 hca_handle=3 hca_object=10000"], id="rdma",
        ),
    ],
)  # fmt: skip
def test_conversion(controller: str, resources: dict[str, Any], expected: list[str]) -> None:
    assert lines(CONVERSIONS[controller](resources)) == expected


@pytest.mark.parametrize(
    ("controller", "resources", "field"),
    [
        ("memory", {"memory": {"limit": -2}}, "memory.limit"),
        ("memory", {"memory": {"reservation": -2}}, "memory.reservation"),
        ("memory", {"memory": {"limit": 2, "swap": 1}}, "memory.swap"),
        ("memory", {"memory": {"swap": 1}}, "memory.swap"),
        ("memory", {"memory": {"limit": 2, "swap": -2}}, "memory.swap"),
        ("memory", {"memory": {"swappiness": 101}}, "memory.swappiness"),
        ("cpu", {"cpu": {"shares": 1}}, "cpu.shares"),
        ("cpu", {"cpu": {"shares": 262145}}, "cpu.shares"),
        (
            "hugetlb",
            {"hugepageLimits": [{"pageSize": "../../x", "limit": 1}]},
            "hugepageLimits[0].pageSize",
        ),
        ("hugetlb", {"hugepageLimits": [{"pageSize": "MB", "limit": 1}]}, "hugepageLimits[0]."),
        ("hugetlb", {"hugepageLimits": [{"pageSize": "²MB", "limit": 1}]}, "hugepageLimits[0]."),
        (
            "net_prio",
            {"network": {"priorities": [{"name": "a b", "priority": 1}]}},
            "network.priorities[0]",
        ),
        ("rdma", {"rdma": {"a\nb": {"hcaHandles": 1}}}, "rdma."),
        ("rdma", {"rdma": {"../x": {"hcaHandles": 1}}}, "rdma."),
    ],
)
def test_refused(controller: str, resources: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CONVERSIONS[controller](resources)
    assert caught.value.field.startswith(f"linux.resources.{field}")


def test_weights_fall_back_to_bfq() -> None:
    (weight,) = CONVERSIONS["blkio"]({"blockIO": {"weight": 300}})
    assert weight.instead is not None
    assert (weight.instead.file, weight.instead.value) == ("blkio.bfq.weight", "300")


def test_every_setting_names_its_field() -> None:
    for setting in CONVERSIONS["cpu"]({"cpu": {"shares": 5, "quota": 1000, "period": 1000}}):
        assert setting.field.startswith("linux.resources.cpu.")


def test_kernel_memory_is_a_warning() -> None:
    assert len(warnings({"memory": {"kernel": 1, "kernelTCP": 2}})) == 2
    assert warnings({"memory": {"kernel": -1, "kernelTCP": 0}}) == []
