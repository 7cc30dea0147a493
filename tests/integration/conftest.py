"""Fixtures of the integration lane, and what other runtimes are known to do differently."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness.differences import is_strict, reason
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
from harness.locate import find_runtime
from harness.runtime import kind_of


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the whole lane, and what the runtime under test is known to do differently."""
    here = Path(__file__).parent
    kind = kind_of(find_runtime())
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.root)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        why = reason(kind, f"{item.path.name}::{item.nodeid.partition('::')[2]}")
        if why is not None:
            item.add_marker(pytest.mark.xfail(reason=f"{kind}: {why}", strict=is_strict(kind)))
