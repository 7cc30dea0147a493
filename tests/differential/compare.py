"""Two reports side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from differential.configuration import Report

ABSENT = "(absent)"


class Pair(NamedTuple):
    """What ours has at a place, and theirs."""

    ours: Any
    theirs: Any


def leaves(report: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object with its path, ``limits:rlimits:CPU``."""
    if isinstance(report, dict) and report:
        for key, value in report.items():
            yield from leaves(value, f"{path}:{key}" if path else key)
    else:
        yield path, report


def compare(ours: Report, theirs: Report) -> dict[str, Pair]:
    """Every path whose value is not the same; of a refusal only whether there was one."""
    if "refused" in ours or "refused" in theirs:
        refusals = Pair(ours.get("refused", False), theirs.get("refused", False))
        return {"refused": refusals} if refusals.ours != refusals.theirs else {}
    left, right = dict(leaves(ours)), dict(leaves(theirs))
    paths = {**left, **right}.keys()
    return {
        path: Pair(left.get(path, ABSENT), right.get(path, ABSENT))
        for path in sorted(paths)
        if left.get(path, ABSENT) != right.get(path, ABSENT)
    }


def matches(pattern: str, path: str) -> bool:
    """Whether the pattern fits; ``*`` is one key or a part of it, ``**`` any number."""
    parts = (re.escape(part) for part in pattern.split("**"))
    expression = ".*".join(part.replace(r"\*", "[^:]*") for part in parts)
    return re.fullmatch(expression, path) is not None


def explain(found: dict[str, Pair]) -> str:
    """The differences for a reader."""
    return "\n".join(
        f"{path}\n    ours:   {pair.ours!r}\n    theirs: {pair.theirs!r}"
        for path, pair in found.items()
    )
