"""linux.memoryPolicy: what is planned, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import minimal, ops_named, plan_of, problems_of

from runtime.plan.memory_policy import MODE_FLAGS, MODES

MODE_WORDS = ", ".join(MODES)


def words(*numbers: int) -> bytes:
    """A mask of 64-bit words, the lowest first."""
    import sys

    return b"".join(number.to_bytes(8, sys.byteorder) for number in numbers)


@pytest.mark.parametrize(
    ("policy", "number", "mask"),
    [
        ({"mode": "MPOL_DEFAULT"}, 0, b""),
        ({"mode": "MPOL_LOCAL", "nodes": ""}, 4, b""),
        ({"mode": "MPOL_PREFERRED"}, 1, b""),
        ({"mode": "MPOL_PREFERRED", "nodes": "1"}, 1, words(2)),
        ({"mode": "MPOL_BIND", "nodes": "0-3,7"}, 2, words(0b10001111)),
        ({"mode": "MPOL_INTERLEAVE", "nodes": "0,64"}, 3, words(1, 1)),
        (
            {"mode": "MPOL_PREFERRED_MANY", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
            5 | 1 << 15,
            words(1),
        ),
        (
            {
                "mode": "MPOL_BIND",
                "nodes": "0",
                "flags": ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES"],
            },
            2 | 1 << 13 | 1 << 14,
            words(1),
        ),
        ({"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "1"}, 6, words(2)),
    ],
)
def test_planned(policy: dict[str, Any], number: int, mask: bytes) -> None:
    (op,) = ops_named(plan_of(minimal(linux={"memoryPolicy": policy})), "memory_policy")
    assert (op.numbers, op.strings) == ((number,), (mask,))


def test_the_place_in_the_plan() -> None:
    linux = {"memoryPolicy": {"mode": "MPOL_LOCAL"}, "personality": {"domain": "LINUX32"}}
    plan = plan_of(minimal(linux=linux))
    names = [op.name for op in ops_named(plan, "pivot", "personality", "memory_policy", "bounding")]
    assert names == ["pivot", "personality", "memory_policy", "bounding"]


def test_not_asked_for() -> None:
    assert ops_named(plan_of(minimal(linux={"memoryPolicy": {}})), "memory_policy") == []


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"nodes": "0"}, f"mode: is missing, expected one of {MODE_WORDS}"),
        ({"mode": "BIND", "nodes": "0"}, f'mode: "BIND" is none, expected one of {MODE_WORDS}'),
        ({"mode": "MPOL_BIND"}, "nodes: is empty, MPOL_BIND needs nodes"),
        ({"mode": "MPOL_BIND", "nodes": " "}, "nodes: is empty, MPOL_BIND needs nodes"),
        ({"mode": "MPOL_LOCAL", "nodes": "0"}, "nodes: MPOL_LOCAL takes no nodes"),
        ({"mode": "MPOL_DEFAULT", "nodes": "0"}, "nodes: MPOL_DEFAULT takes no nodes"),
        (
            {"mode": "MPOL_BIND", "nodes": "0-"},
            'nodes: "0-" is neither a node nor a range of them',
        ),
        ({"mode": "MPOL_BIND", "nodes": "3-1"}, 'nodes: the range "3-1" runs backwards'),
        (
            {"mode": "MPOL_BIND", "nodes": "65536"},
            "nodes: 65536 is no node, Linux has at most 65536",
        ),
        (
            {"mode": "MPOL_BIND", "nodes": "0", "flags": ["STATIC"]},
            f'flags[0]: "STATIC" is none, expected one of {", ".join(MODE_FLAGS)}',
        ),
        (
            {"mode": "MPOL_BIND", "nodes": "0", "flags": [*MODE_FLAGS]},
            "flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other",
        ),
    ],
)
def test_refused(policy: dict[str, Any], problem: str) -> None:
    assert problems_of(minimal(linux={"memoryPolicy": policy})) == [f"linux.memoryPolicy.{problem}"]
