"""tables.py is what the schema says, and what no table can say is noticed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from oci_schema import generate
from oci_schema.check import _holds


def test_tables_are_up_to_date() -> None:
    assert Path(generate.TABLES).read_text() == generate.render(), (
        "run python -m oci_schema.generate"
    )


PATTERNS = ["^RLIMIT_[A-Z]+$", "^[0-9, -]*$", "^[1-9][0-9]*[KMG]B$", "^MB:[^\\n]*$", "^a$", "^$"]
TEXTS = [
    "", "a", "ab", "RLIMIT_", "RLIMIT_A", "RLIMIT_CORE", "RLIMIT_core", "xRLIMIT_A", "RLIMIT_A\n",
    "0-3, 7", "0-3;7", "-", "MB:", "MB:0=1", "MB:0\n1", "MB:0\n", "mb:", "1KB", "0KB", "10GB",
    "1kB", "KB", "1K", "1KBB", "105MB", "\uff11KB",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_pattern_matches_what_re_matches(pattern: str, text: str) -> None:
    namespace: dict[str, Any] = {"PATTERN": 2}
    rule = eval(generate.flat(generate.pattern(pattern)), namespace)
    assert _holds(rule, text) is bool(re.fullmatch(pattern[1:-1], text))


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("[a-z]", id="open at both ends"),
        pytest.param("^a|b$", id="alternatives"),
        pytest.param("^[a-z]*[x-z]$", id="runs that overlap"),
        pytest.param("^[^x]*y$", id="a negated run that could eat the next"),
        pytest.param("^[\\d]$", id="an escape"),
        pytest.param("^a{3}$", id="a count"),
        pytest.param("^.*$", id="any character"),
    ],
)
def test_patterns_beyond_the_tables(pattern: str) -> None:
    with pytest.raises(generate.Unsupported):
        generate.pattern(pattern)


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"oneOf": []}, id="an unknown keyword"),
        pytest.param({"type": "array", "items": {"type": "string"}, "maxItems": 3}, id="maxItems"),
        pytest.param({"type": "object", "patternProperties": {}}, id="patternProperties"),
        pytest.param({"type": "integer", "minimum": 3}, id="half a range"),
        pytest.param({"type": ["string", "null"]}, id="two types"),
        pytest.param({"type": "number"}, id="numbers"),
    ],
)
def test_keywords_beyond_the_tables(schema: dict[str, Any]) -> None:
    with pytest.raises((generate.Unsupported, TypeError)):
        generate.Tables({}).rule(schema)


def test_names_of_constants() -> None:
    assert generate.constant("#/$defs/common.json/$defs/idMapping") == "ID_MAPPING"
    assert generate.constant("#/$defs/config.json") == "CONFIG"
