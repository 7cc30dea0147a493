"""Properties of a scope."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.devices import plan_policy
from runtime.cgroups.systemd_plan import (
    INFINITY,
    cpu_mask,
    device_properties,
    resource_properties,
    restoring_properties,
    start_properties,
)
from runtime.cgroups.systemd_unit import Unit
from runtime.errors import ConfigError

NEW = 257
INF = ("t", INFINITY)


def start(resources: dict[str, Any], version: int = NEW, **rest: Any) -> dict[str, Any]:
    unit = Unit("x.scope", "a.slice", is_user=False)
    rest = {"asked": [], "unified": True, **rest}
    return dict(start_properties(unit, "c1", 7, resources, version, **rest))


def test_start() -> None:
    assert start({}) == {
        "Description": ("s", "container c1"),
        "Slice": ("s", "a.slice"),
        "Delegate": ("b", True),
        "PIDs": ("au", [7]),
        "MemoryAccounting": ("b", True),
        "CPUAccounting": ("b", True),
        "IOAccounting": ("b", True),
        "TasksAccounting": ("b", True),
        "DefaultDependencies": ("b", False),
    }
    assert "BlockIOAccounting" in start({}, unified=False)
    assert start({}, asked=[("KillMode", ("s", "mixed"))])["KillMode"] == ("s", "mixed")


@pytest.mark.parametrize(
    ("value", "version", "policy"),
    [("1", 253, "kill"), ("0", 253, "continue"), ("1", 252, None), ("2", 253, None)],
)
def test_memory_group_decides_the_oom_policy(value: str, version: int, policy: str | None) -> None:
    found = start({"unified": {"memory.oom.group": value}}, version).get("OOMPolicy")
    assert found == (("s", policy) if policy else None)


V2: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"memory": {"limit": 1 << 20}}, {"MemoryMax": ("t", 1 << 20)}),
    ({"memory": {"limit": -1}}, {"MemoryMax": INF, "MemorySwapMax": INF}),
    (
        {"memory": {"limit": 100, "swap": 150, "reservation": 50}},
        {"MemoryMax": ("t", 100), "MemoryLow": ("t", 50), "MemorySwapMax": ("t", 50)},
    ),
    ({"cpu": {"shares": 1024}}, {"CPUWeight": ("t", 100)}),
    ({"cpu": {"shares": 1024, "idle": 1}}, {"CPUWeight": ("t", 0)}),
    (
        {"cpu": {"quota": 50000, "period": 100000}},
        {"CPUQuotaPerSecUSec": ("t", 500000), "CPUQuotaPeriodUSec": ("t", 100000)},
    ),
    ({"cpu": {"quota": 33333}}, {"CPUQuotaPerSecUSec": ("t", 340000)}),
    ({"cpu": {"quota": -1}}, {"CPUQuotaPerSecUSec": INF}),
    (
        {"cpu": {"period": 50000}},
        {"CPUQuotaPerSecUSec": INF, "CPUQuotaPeriodUSec": ("t", 50000)},
    ),
    (
        {"cpu": {"cpus": "0-1", "mems": "0"}},
        {"AllowedCPUs": ("ay", b"\x03"), "AllowedMemoryNodes": ("ay", b"\x01")},
    ),
    ({"pids": {"limit": 10}}, {"TasksMax": ("t", 10)}),
    ({"pids": {"limit": 0}}, {"TasksMax": ("t", 1)}),
    ({"pids": {"limit": -1}}, {"TasksMax": INF}),
    ({"blockIO": {"weight": 10}}, {"IOWeight": ("t", 1)}),
    (
        {"unified": {"memory.high": "5", "memory.min": "4", "memory.max": "max", "pids.max": "0"}},
        {"MemoryHigh": ("t", 5), "MemoryMin": ("t", 4), "MemoryMax": INF, "TasksMax": ("t", 1)},
    ),
    ({"unified": {"cpu.idle": "1", "cpu.weight": "5"}}, {"CPUWeight": ("t", 0)}),
    (
        {"unified": {"cpu.max": "1000 10000", "cpuset.cpus": "1"}},
        {
            "CPUQuotaPerSecUSec": ("t", 100000), "CPUQuotaPeriodUSec": ("t", 10000),
            "AllowedCPUs": ("ay", b"\x02"),
        },
    ),
    ({"unified": {"io.max": "8:0 rbps=1", "pids.max": "many", "cpu.max": "x"}}, {}),
    ({"memory": {"limit": 9}, "unified": {"memory.max": "5"}}, {"MemoryMax": ("t", 5)}),
]  # fmt: skip


@pytest.mark.parametrize(("resources", "expected"), V2)
def test_resources_on_v2(resources: dict[str, Any], expected: dict[str, Any]) -> None:
    found = resource_properties(resources, NEW, unified=True)
    assert dict(found) == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"memory": {"limit": 5, "swap": 9, "reservation": 3}}, {"MemoryLimit": ("t", 5)}),
        ({"cpu": {"shares": 512, "idle": 1}}, {"CPUShares": ("t", 512)}),
        ({"blockIO": {"weight": 500}}, {"BlockIOWeight": ("t", 500)}),
        ({"cpu": {"quota": 1000}}, {"CPUQuotaPerSecUSec": ("t", 10000)}),
    ],
)
def test_resources_on_v1(resources: dict[str, Any], expected: dict[str, Any]) -> None:
    assert dict(resource_properties(resources, NEW, unified=False)) == expected


def test_an_old_systemd_is_not_asked_for_what_it_does_not_know() -> None:
    cpu = {"quota": 1000, "period": 10000, "cpus": "0", "idle": 1, "shares": 1024}
    assert dict(resource_properties({"cpu": cpu}, 241, unified=True)) == {
        "CPUWeight": ("t", 100),
        "CPUQuotaPerSecUSec": ("t", 100000),
    }


@pytest.mark.parametrize(
    ("text", "mask"),
    [("0", b"\x01"), ("0-3,7", b"\x8f"), ("8", b"\x00\x01"), ("1, 9-10", b"\x02\x06")],
)
def test_cpu_mask(text: str, mask: bytes) -> None:
    assert cpu_mask(text, "f") == mask


@pytest.mark.parametrize("text", ["a", "3-1", "1-", "-1", "1,,2", "99999999", "0-99999", "½"])
def test_no_cpu_mask(text: str) -> None:
    with pytest.raises(ConfigError):
        cpu_mask(text, "f")


def test_restoring() -> None:
    new = [("MemoryMax", ("t", 1)), ("MemoryLow", ("t", 1)), ("TasksMax", ("t", 1)),
           ("AllowedCPUs", ("ay", b"\x01"))]  # fmt: skip
    old = [("MemoryMax", ("t", 9)), ("CPUWeight", ("t", 9))]
    assert restoring_properties(new, old) == [
        ("MemoryMax", ("t", 9)), ("MemoryLow", ("t", 0)), ("TasksMax", INF),
    ]  # fmt: skip


DENY = {"allow": False, "access": "rwm"}


def devices(*rules: dict[str, Any]) -> tuple[list[Any], list[str]]:
    warnings: list[str] = []
    return device_properties(plan_policy(rules, ()), warnings), warnings


def test_devices_are_listed() -> None:
    properties, warnings = devices(
        DENY, {"allow": True, "type": "b", "major": 8, "minor": 0, "access": "r"}
    )
    clear, policy, (name, (signature, allowed)) = properties
    assert clear == ("DeviceAllow", ("a(ss)", []))
    assert policy == ("DevicePolicy", ("s", "strict"))
    assert (name, signature, warnings) == ("DeviceAllow", "a(ss)", [])
    assert {("/dev/block/8:0", "r"), ("/dev/char/1:3", "rwm"), ("char-136", "rwm"),
            ("char-*", "m"), ("block-*", "m")} <= set(allowed)  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "warns"),
    [
        pytest.param([{"allow": True, "access": "rwm"}], False, id="all"),
        pytest.param(
            [{"allow": True, "access": "rwm"},
             {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "r"}],
            False, id="all but one",
        ),
        pytest.param(
            [DENY, {"allow": True, "type": "c", "minor": 5, "access": "r"}], True, id="any major"
        ),
    ],
)  # fmt: skip
def test_what_systemd_cannot_say_is_left_to_the_cgroup(
    rules: list[dict[str, Any]], warns: bool
) -> None:
    properties, warnings = devices(*rules)
    assert properties == [("DeviceAllow", ("a(ss)", [])), ("DevicePolicy", ("s", "auto"))]
    assert bool(warnings) == warns
