"""linux.netDevices: what is refused, and when they move."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal, ops_named, plan_of, problems_of

from runtime.plan import ops

NETWORK = [{"type": "mount"}, {"type": "network"}]
BAD = "has a character that no device may have in its name"
NONE = "is no name of a device, expected 1 to 15 bytes"


def linux(**devices: Any) -> dict[str, Any]:
    """A linux section with a network namespace."""
    return {"namespaces": NETWORK, "netDevices": devices}


def test_they_move_once_the_namespaces_are_there_and_before_anything_is_done_in_them() -> None:
    plan = plan_of(minimal(linux=linux(eth0={}), process={"env": []}))
    names = [op.name for op in ops_named(plan, "sync", "link_up", "root")]
    assert names == ["sync", "link_up", "root", "sync"]
    assert ops_named(plan, "sync")[0].numbers == (ops.BARRIER_NETWORK,)


def test_none() -> None:
    plan = plan_of(minimal(linux={"netDevices": {}}))
    assert [op.numbers for op in ops_named(plan, "sync")] == [(ops.BARRIER_CREATED,)]


@pytest.mark.parametrize(
    "devices",
    [
        {"eth0": {}},
        {"eth0": {"name": ""}, "eth1": {"name": "eth2"}},
        {"a": {"name": "eth%d"}, "b": {"name": "eth%d"}},
        {"x" * 15: {"name": "y" * 15}},
    ],
)
def test_accepted(devices: dict[str, Any]) -> None:
    assert problems_of(minimal(linux=linux(**devices))) == []


@pytest.mark.parametrize(
    ("devices", "problem"),
    [
        ({"": {}}, f'linux.netDevices[""]: "" {NONE}'),
        ({"..": {}}, f'linux.netDevices[".."]: ".." {NONE}'),
        ({"x" * 16: {}}, f'linux.netDevices["{"x" * 16}"]: "{"x" * 16}" {NONE}'),
        ({"a/b": {}}, f'linux.netDevices["a/b"]: "a/b" {BAD}'),
        ({"a b": {}}, f'linux.netDevices["a b"]: "a b" {BAD}'),
        ({"a%d": {}}, f'linux.netDevices["a%d"]: "a%d" {BAD}'),
        ({"a": {"name": "b:1"}}, f'linux.netDevices["a"].name: "b:1" {BAD}'),
        ({"a": {"name": "b%d%d"}}, f'linux.netDevices["a"].name: "b%d" {BAD}'),
        ({"a": {"name": "b%s"}}, f'linux.netDevices["a"].name: "b%s" {BAD}'),
        ({"a": {"name": "."}}, f'linux.netDevices["a"].name: "." {NONE}'),
        (
            {"a": {"name": "b"}, "b": {}},
            'linux.netDevices["b"].name: another device becomes "b" already',
        ),
    ],
)
def test_names(devices: dict[str, Any], problem: str) -> None:
    assert problems_of(minimal(linux=linux(**devices))) == [problem]


def test_needs() -> None:
    assert problems_of(minimal(linux={"netDevices": {"eth0": {}}})) == [
        "linux.netDevices: needs a network namespace to move them to"
    ]
    found = problems_of(minimal(linux=linux(eth0={})), facts(euid=1000))
    assert "linux.netDevices: needs root, who alone may move devices of the host" in found
