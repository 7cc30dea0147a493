"""linux.resources as cgroup v2 files."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.resources_v2 import (
    CONVERSIONS,
    io_weight_of_blkio,
    swap_max,
    unified,
    warnings,
    weight_of_shares,
)
from runtime.cgroups.setting import Setting
from runtime.errors import ConfigError


def lines(settings: list[Setting]) -> list[str]:
    return [f"{s.file} = {s.value}" for s in settings]


@pytest.mark.parametrize(
    ("shares", "weight"),
    [(0, 0), (1, 1), (2, 1), (256, 35), (512, 59), (1024, 100), (2048, 174), (4096, 303),
     (262143, 10000), (262144, 10000), (1 << 40, 10000)],
)  # fmt: skip
def test_weight_of_shares(shares: int, weight: int) -> None:
    assert weight_of_shares(shares) == weight


def test_weight_never_falls_when_shares_grow() -> None:
    weights = [weight_of_shares(shares) for shares in range(2, 262145, 97)]
    assert weights == sorted(weights)


@pytest.mark.parametrize(
    ("blkio", "weight"), [(0, 0), (10, 1), (100, 910), (300, 2930), (500, 4950), (1000, 10000)]
)
def test_io_weight(blkio: int, weight: int) -> None:
    assert io_weight_of_blkio(blkio) == weight


@pytest.mark.parametrize(
    ("limit", "swap", "expected"),
    [
        pytest.param(-1, 0, "max", id="unlimited memory takes swap along"),
        pytest.param(5, -1, "max", id="unlimited swap"),
        pytest.param(0, -1, "max", id="unlimited swap without a limit"),
        pytest.param(5, 0, None, id="not set"),
        pytest.param(-1, 7, "7", id="swap alone is limited"),
        pytest.param(5, 7, "2", id="the difference"),
        pytest.param(7, 7, "0", id="no swap"),
    ],
)
def test_swap_max(limit: int, swap: int, expected: str | None) -> None:
    assert swap_max(limit, swap) == expected


@pytest.mark.parametrize(("limit", "swap"), [(0, 7), (8, 7), (5, -2)])
def test_swap_refused(limit: int, swap: int) -> None:
    with pytest.raises(ConfigError) as caught:
        swap_max(limit, swap)
    assert caught.value.field == "linux.resources.memory.swap"


@pytest.mark.parametrize(
    ("controller", "resources", "expected"),
    [
        pytest.param(
            "memory", {"memory": {"limit": 100, "swap": 300, "reservation": 50}},
            ["memory.swap.max = 200", "memory.max = 100", "memory.low = 50"], id="swap comes first",
        ),
        pytest.param(
            "memory", {"memory": {"limit": -1, "reservation": -1}},
            ["memory.swap.max = max", "memory.max = max", "memory.low = max"], id="unlimited",
        ),
        pytest.param(
            "memory", {"memory": {"useHierarchy": True, "checkBeforeUpdate": True, "kernel": -1}},
            [], id="true anyway",
        ),
        pytest.param("cpu", {"cpu": {"shares": 1024}}, ["cpu.weight = 100"], id="shares"),
        pytest.param(
            "cpu", {"cpu": {"quota": 20000, "period": 50000, "burst": 5}},
            ["cpu.max.burst = 5", "cpu.max = 20000 50000"], id="bandwidth",
        ),
        pytest.param("cpu", {"cpu": {"quota": -1}}, ["cpu.max = max 100000"], id="no quota"),
        pytest.param("cpu", {"cpu": {"quota": 5000}}, ["cpu.max = 5000 100000"], id="quota only"),
        pytest.param("cpu", {"cpu": {"period": 5000}}, ["cpu.max = max 5000"], id="period only"),
        pytest.param("cpu", {"cpu": {"idle": 1, "shares": 512}}, ["cpu.idle = 1"], id="idle wins"),
        pytest.param(
            "cpu", {"cpu": {"idle": 0, "shares": 512}}, ["cpu.idle = 0", "cpu.weight = 59"],
            id="idle is cleared first",
        ),
        pytest.param("cpuset", {"cpu": {"cpus": "1"}}, ["cpuset.cpus = 1"], id="cpuset"),
        pytest.param("pids", {"pids": {"limit": -7}}, ["pids.max = max"], id="pids"),
        pytest.param(
            "io",
            {"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 70}],
                         "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}],
                         "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 2}],
                         "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 3}],
                         "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 0}]}},
            ["io.bfq.weight = 8:0 70", "io.max = 8:0 rbps=1", "io.max = 8:0 wbps=2",
             "io.max = 8:0 riops=3", "io.max = 8:0 wiops=max"], id="block I/O",
        ),
        pytest.param(
            "hugetlb", {"hugepageLimits": [{"pageSize": "1GB", "limit": 0}]},
            ["hugetlb.1GB.max = 0", "hugetlb.1GB.rsvd.max = 0"], id="huge pages: 0 is a limit",
        ),
        pytest.param(
            "rdma", {"rdma": {"mlx5_1": {"hcaObjects": 0}}}, ["rdma.max = mlx5_1 hca_object=0"],
            id="rdma",
        ),
    ],
)  # fmt: skip
def test_conversion(controller: str, resources: dict[str, Any], expected: list[str]) -> None:
    assert lines(CONVERSIONS[controller](resources)) == expected


@pytest.mark.parametrize(
    ("controller", "resources", "field"),
    [
        ("memory", {"memory": {"swappiness": 60}}, "memory.swappiness"),
        ("memory", {"memory": {"disableOOMKiller": True}}, "memory.disableOOMKiller"),
        ("memory", {"memory": {"kernel": 1}}, "memory.kernel"),
        ("memory", {"memory": {"kernelTCP": 1}}, "memory.kernelTCP"),
        ("cpu", {"cpu": {"realtimeRuntime": 1}}, "cpu.realtimeRuntime"),
        ("cpu", {"cpu": {"realtimePeriod": 1}}, "cpu.realtimePeriod"),
        ("io", {"blockIO": {"leafWeight": 10}}, "blockIO.leafWeight"),
        (
            "io",
            {"blockIO": {"weightDevice": [{"major": 1, "minor": 2, "leafWeight": 10}]}},
            "blockIO.weightDevice[0].leafWeight",
        ),
    ],
)
def test_v1_only(controller: str, resources: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError, match="cgroup v2 has no such setting") as caught:
        CONVERSIONS[controller](resources)
    assert caught.value.field == f"linux.resources.{field}"


def test_v1_only_without_effect_is_fine() -> None:
    assert CONVERSIONS["memory"]({"memory": {"disableOOMKiller": False, "kernel": 0}}) == []
    assert CONVERSIONS["cpu"]({"cpu": {"realtimeRuntime": 0}}) == []


def test_weight_by_bfq_else_converted() -> None:
    (weight,) = CONVERSIONS["io"]({"blockIO": {"weight": 500}})
    assert (weight.file, weight.value) == ("io.bfq.weight", "500")
    assert weight.instead is not None
    assert (weight.instead.file, weight.instead.value) == ("io.weight", "4950")


def test_unified_is_written_line_by_line() -> None:
    assert lines(unified("io.max", "8:0 rbps=1\n8:16 rbps=2")) == [
        "io.max = 8:0 rbps=1", "io.max = 8:16 rbps=2",
    ]  # fmt: skip
    assert lines(unified("hugetlb.2MB.rsvd.max", "5")) == ["hugetlb.2MB.rsvd.max = 5"]


@pytest.mark.parametrize(
    "key",
    ["", "memory", ".memory.max", "memory.", "../x.y", "a/b.c", "memory.ma x", "cgroup.procs",
     "cgroup.threads", "cgroup.kill", "cgroup.freeze", "mémory.max", "memory.max\n"],
)  # fmt: skip
def test_unified_refused(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        unified(key, "1")
    assert caught.value.field == f"linux.resources.unified.{key}"


def test_shares_beside_idle_are_a_warning() -> None:
    assert len(warnings({"cpu": {"idle": 1, "shares": 5}})) == 1
    assert warnings({"cpu": {"idle": 0, "shares": 5}}) == []
