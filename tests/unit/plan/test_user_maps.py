"""Mappings that the kernel would refuse."""

from __future__ import annotations

import pytest

from runtime.plan.findings import Findings
from runtime.plan.user_maps import MAP_LINES_MOST, check_map


def problems(*triples: tuple[int, int, int]) -> list[tuple[str, str]]:
    """What is wrong with a map."""
    found = Findings()
    check_map(
        found, "m", [{"containerID": c, "hostID": h, "size": s} for c, h, s in triples]
    )  # fmt: skip
    return found.errors


def test_a_good_map() -> None:
    assert problems((0, 1000, 1), (1, 100000, 65535), (70000, 2**32 - 2, 1)) == []


@pytest.mark.parametrize(
    ("triples", "problem"),
    [
        ([(0, 0, 0)], ("m[0].size", "is 0, expected at least 1")),
        ([(0, 2**32 - 2, 2)], ("m[0]", "goes beyond the last id, 4294967294")),
        ([(0, 0, 5), (4, 50, 1)], ("m", "two entries overlap at containerID 4")),
        ([(0, 10, 5), (50, 9, 2)], ("m", "two entries overlap at hostID 10")),
    ],
)
def test_bad_maps(triples: list[tuple[int, int, int]], problem: tuple[str, str]) -> None:
    assert problems(*triples) == [problem]


def test_too_many_lines() -> None:
    lines = [(number, number, 1) for number in range(MAP_LINES_MOST + 1)]
    assert problems(*lines) == [("m", "has 341 entries, the kernel takes 340")]
