"""validate on the command line: statuses, and text that tools can read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.plans import minimal

from runtime.cli.paint import Paint
from runtime.cli.validate import as_text
from runtime.lifecycle.finding import Finding
from runtime.lifecycle.validate import Report


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "config.json").write_text(json.dumps(minimal()))
    return tmp_path


def change(bundle: Path, **members: Any) -> None:
    (bundle / "config.json").write_text(json.dumps(minimal(**members)))


def test_statuses(pyrunc: Callable[..., Any], bundle: Path) -> None:
    assert pyrunc("validate", "-b", str(bundle)).status == 0
    assert pyrunc("validate", "-b", str(bundle), "--strict").status == 2
    change(bundle, hostname=5)
    assert pyrunc("validate", "-b", str(bundle), "--strict").status == 1
    assert pyrunc("validate", "--config", str(bundle / "config.json")).status == 1
    assert pyrunc("validate", "-b", str(bundle / "none")).status == 1


def test_json(pyrunc: Callable[..., Any], bundle: Path) -> None:
    change(bundle, hostname=5)
    document = json.loads(pyrunc("validate", "--json", "-b", str(bundle)).out)
    assert document["valid"] is False
    assert document["errors"] == 1
    found = next(one for one in document["findings"] if one["level"] == "error")
    assert found["pointer"] == "/hostname"
    assert found["value"] == "5"


def test_schema(pyrunc: Callable[..., Any]) -> None:
    schema = json.loads(pyrunc("validate", "--schema").out)
    assert schema["$schema"].startswith("https://json-schema.org/")


def test_text() -> None:
    finding = Finding("error", "rule", "a.b", "is\nwrong", "do better")
    finding.line, finding.column, finding.allowed, finding.value = 3, 4, ("x", "y"), '"z"'
    lines = as_text(Report("f.json", [finding]), Paint(is_on=False)).splitlines()
    assert lines == [
        "f.json:3:4: error: a.b: is\\nwrong [rule]",
        '    value: "z"',
        "    allowed: x, y",
        "    do better",
        "1 error, no warnings",
    ]
    nothing = as_text(Report("f.json", []), Paint(is_on=False))
    assert nothing == "f.json: nothing to complain of\n"
