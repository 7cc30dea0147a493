"""linux.intelRdt: which group, which schemata; what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal, problems_of

from runtime.host.resctrl import Resctrl
from runtime.plan.resctrl import differences, parse_schemata, plan_group, schema_lines

HERE = Resctrl("/r", has_l3=True, has_mb=True)
POOR = Resctrl("/r", has_l3=False, has_mb=False)


@pytest.mark.parametrize(
    ("rdt", "directory", "is_own", "must_exist"),
    [
        ({"enableMonitoring": False}, "/r/c1", True, False),
        ({"l3CacheSchema": "L3:0=f"}, "/r/c1", True, False),
        ({"closID": "", "memBwSchema": "MB:0=20"}, "/r/c1", True, False),
        ({"closID": "gold"}, "/r/gold", False, True),
        ({"closID": "gold", "schemata": []}, "/r/gold", False, True),
        ({"closID": "gold", "schemata": ["L2:0=f"]}, "/r/gold", False, False),
        ({"closID": "/"}, "/r", False, True),
    ],
)
def test_group(rdt: Any, directory: str, is_own: bool, must_exist: bool) -> None:
    plan = plan_group(rdt, "c1", HERE)
    assert (plan.directory, plan.is_own, plan.must_exist) == (directory, is_own, must_exist)


@pytest.mark.parametrize(
    ("rdt", "monitor"),
    [
        ({"enableMonitoring": True}, "/r/c1/mon_groups/c1"),
        ({"closID": "/", "enableMonitoring": True}, "/r/mon_groups/c1"),
        ({"closID": "gold", "enableMonitoring": True}, "/r/gold/mon_groups/c1"),
        ({"closID": "gold"}, ""),
    ],
)
def test_monitoring_group(rdt: Any, monitor: str) -> None:
    assert plan_group(rdt, "c1", HERE).monitor == monitor


@pytest.mark.parametrize(
    ("rdt", "lines"),
    [
        ({}, []),
        ({"l3CacheSchema": "L3:0=f\nMB:0=10"}, ["L3:0=f", "MB:0=10"]),
        ({"l3CacheSchema": "L3:0=f\nMB:0=10", "memBwSchema": "MB:0=20"}, ["L3:0=f", "MB:0=20"]),
        (
            {"l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20", "schemata": ["L2:0=3", ""]},
            ["L3:0=f", "MB:0=20", "L2:0=3"],
        ),
    ],
)
def test_lines(rdt: Any, lines: list[str]) -> None:
    assert schema_lines(rdt) == lines


def test_parse() -> None:
    assert parse_schemata(["  L3:0=0ff;1=f", "MB: 0=20"]) == {
        ("L3", 0): 255, ("L3", 1): 15, ("MB", 0): 20,
    }  # fmt: skip
    for bad in ("L3", ":0=f", "L3:0", "L3:x=f", "L3:0=g", "MB:0=f", "L3:"):
        with pytest.raises(ValueError):
            parse_schemata([bad])


@pytest.mark.parametrize(
    ("wanted", "found", "differing"),
    [
        (["L3:0=f"], "    L3:0=0000f;1=fffff\n    MB:0=100\n", []),
        (["L3:0=f;1=1", "MB:0=20"], "L3:0=f;1=f\nMB:0=100\n", ["L3:1", "MB:0"]),
        (["L2:0=f"], "L3:0=f\n", ["L2:0"]),
    ],
)
def test_differences(wanted: list[str], found: str, differing: list[str]) -> None:
    assert differences(wanted, found) == differing


@pytest.mark.parametrize(
    ("rdt", "host", "problem"),
    [
        (
            {"closID": "x"}, None,
            "linux.intelRdt: intelRdt is specified in config, but Intel RDT is not supported or "
            "enabled",
        ),
        (
            {"l3CacheSchema": "L3:0=f"}, POOR,
            "linux.intelRdt: l3CacheSchema is specified in config, but Intel RDT/CAT is not "
            "enabled",
        ),
        (
            {"memBwSchema": "MB:0=20"}, POOR,
            "linux.intelRdt: memBwSchema is specified in config, but Intel RDT/MBA is not enabled",
        ),
        ({"closID": ".."}, HERE, 'linux.intelRdt.closID: ".." is no name of a group'),
        ({"closID": "a/b"}, HERE, 'linux.intelRdt.closID: "a/b" is no name of a group'),
        (
            {"l3CacheSchema": "L3"}, HERE,
            'linux.intelRdt.l3CacheSchema: "L3" is no schema like L3:0=ff;1=f0',
        ),
        (
            {"schemata": ["L3:0=f", "MB:0=x"]}, HERE,
            'linux.intelRdt.schemata[1]: "MB:0=x" is no schema like L3:0=ff;1=f0',
        ),
    ],
)  # fmt: skip
def test_refused(rdt: Any, host: Resctrl | None, problem: str) -> None:
    found = problems_of(minimal(linux={"intelRdt": rdt}), facts(resctrl=host))
    assert " ; ".join(found).replace(" ; ", "; ") == problem


def test_accepted() -> None:
    rdt = {"closID": "x", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20"}
    assert problems_of(minimal(linux={"intelRdt": rdt}), facts(resctrl=HERE)) == []
    assert problems_of(minimal(linux={"intelRdt": {}}), facts()) == []
