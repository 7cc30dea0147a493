"""Annotations that become properties of the scope."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.systemd_annotations import annotated_properties
from runtime.errors import ConfigError

PREFIX = "org.systemd.property."


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("TimeoutStopUSec", "uint64 5", ("TimeoutStopUSec", ("t", 5)), id="as it is"),
        pytest.param(
            "CollectMode", "'inactive-or-failed'", ("CollectMode", ("s", "inactive-or-failed")),
            id="text",
        ),
        pytest.param("TimeoutStopSec", "7", ("TimeoutStopUSec", ("t", 7000000)), id="seconds"),
        pytest.param("JobTimeoutSec", "0.5", ("JobTimeoutUSec", ("t", 500000)), id="half a second"),
        pytest.param("KillSIGSec", "1", ("KillSIGSec", ("i", 1)), id="Sec of another word"),
        pytest.param("After", "['a.service']", ("After", ("as", ["a.service"])), id="list"),
    ],
)  # fmt: skip
def test_properties(name: str, text: str, expected: Any) -> None:
    assert annotated_properties({PREFIX + name: text, "other": "x"}) == [expected]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Ab", "1", "annotation org.systemd.property.Ab name incorrect: "),
        ("", "1", "name incorrect"),
        ("Kill-Mode", "1", "name incorrect"),
        ("Ünit", "1", "name incorrect"),
        ("KillMode", "word", "annotation org.systemd.property.KillMode=word value parse error: "),
        ("TimeoutStopSec", "'5'", "value parse error: not a number of seconds"),
        ("TimeoutStopSec", "true", "not a number of seconds"),
        ("TimeoutStopSec", "-5", "out of range"),
        ("TimeoutStopSec", "1e300", "out of range"),
    ],
)
def test_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        annotated_properties({PREFIX + name: text})
    assert words in str(caught.value)
