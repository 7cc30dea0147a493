"""Whole plans of typical configurations, as text that is reviewed when it changes.

`PYRUNC_GOLDEN=write pytest tests/unit/plan/test_golden.py` writes them anew: read the
difference before it is committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from harness.plans import UNIFIED, facts, options, plan_of, render

GOLDEN = Path(__file__).parent / "golden"
FILTER = (b"8bytes..", 4)
CASES: dict[str, dict[str, Any]] = {
    "podman": {"seccomp": FILTER},
    "read-only-user": {"seccomp": FILTER},
    "spec-unified": {"host": facts(cgroups=UNIFIED)},
    "rootless": {"host": facts(euid=1000)},
    "pod-member": {},
    "user-time-staged": {"seccomp": FILTER},
    "no-mount-namespace": {"chosen": options(no_new_keyring=True)},
    "hooks": {"chosen": options(no_pivot=True, preserve_fds=2), "listen_fds": 1},
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    config = json.loads((GOLDEN / f"{name}.json").read_text())
    text = render(plan_of(config, **CASES[name]))
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("PYRUNC_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def test_every_configuration_has_a_plan() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_planning_leaves_the_configuration_alone(name: str) -> None:
    text = (GOLDEN / f"{name}.json").read_text()
    config = json.loads(text)
    plan_of(config, **CASES[name])
    assert config == json.loads(text)
