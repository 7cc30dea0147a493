"""The fast validator: what it takes, what it refuses, and that it costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oci_schema.check import is_valid

TOP = Path(__file__).parents[3]
BASE: dict[str, Any] = {"ociVersion": "1.3.0"}


def rlimit(**changes: Any) -> dict[str, Any]:
    limit = {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2, **changes}
    return {**BASE, "process": {"cwd": "/", "rlimits": [limit]}}


def memory(limit: Any) -> dict[str, Any]:
    return {**BASE, "linux": {"resources": {"memory": {"limit": limit}}}}


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(BASE, id="no more than a version"),
        pytest.param({**BASE, "unknown": {"a": None}}, id="unknown members are ignored"),
        pytest.param(memory(-(2**63)), id="lowest int64"),
        pytest.param(memory(2**63 - 1), id="highest int64"),
        pytest.param(rlimit(hard=2**64 - 1), id="highest uint64"),
        pytest.param({**BASE, "annotations": {}}, id="no annotations"),
        pytest.param({**BASE, "mounts": [], "linux": {}}, id="empty sections"),
    ],
)
def test_valid(config: object) -> None:
    assert is_valid(config)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="an array"),
        pytest.param({}, id="no version"),
        pytest.param({**BASE, "mounts": None}, id="null for an array"),
        pytest.param({**BASE, "hostname": 5}, id="a number for a string"),
        pytest.param({**BASE, "annotations": {"a": 1}}, id="a number for an annotation"),
        pytest.param({**BASE, "process": {}}, id="a process without cwd"),
        pytest.param({**BASE, "mounts": [{"destination": "/"}, {}]}, id="second item"),
        pytest.param({**BASE, "mounts": {"0": {"destination": "/"}}}, id="object for an array"),
        pytest.param(memory(True), id="true for an integer"),
        pytest.param(memory(1.0), id="1.0 for an integer"),
        pytest.param(memory("1"), id="a string for an integer"),
        pytest.param(memory(2**63), id="beyond int64"),
        pytest.param(rlimit(soft=-1), id="below uint64"),
        pytest.param(rlimit(type="NOFILE"), id="pattern: prefix missing"),
        pytest.param(rlimit(type="RLIMIT_"), id="pattern: nothing behind it"),
        pytest.param(rlimit(type="RLIMIT_A\n"), id="pattern: newline at the end"),
        pytest.param({**BASE, "linux": {"namespaces": [{"type": "net"}]}}, id="unknown word"),
        pytest.param({**BASE, "linux": {"namespaces": [{"type": []}]}}, id="array for a word"),
        pytest.param(
            {**BASE, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [
                {"names": [], "action": "SCMP_ACT_LOG"}]}}},
            id="too few items",
        ),
    ],
)  # fmt: skip
def test_invalid(config: object) -> None:
    assert not is_valid(config)


def test_imports_nothing_of_weight() -> None:
    program = (
        "import sys; before = {*sys.modules}; sys.path.insert(0, sys.argv[1])\n"
        "import oci_schema.check; print(*sorted({*sys.modules} - before))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, os.fspath(TOP)],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {"__future__", "oci_schema", "oci_schema.check", "oci_schema.tables"}
    assert set(result.stdout.split()) == imported
