"""Fixtures of the attack suite: one module a class of flaws that container runtimes had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness.fixtures import (  # noqa: F401  # found by their names
    acceptable_host,
    base,
    bundle,
    busybox,
    leaks,
    make_bundle,
    nothing_is_left,
    numbers,
    runtime,
    runtime_path,
    subreaper,
    tag,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the whole lane."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.root)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
