"""The differential lane: one laboratory for all tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from differential.laboratory import Laboratory
from differential.surroundings import open_laboratory


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the lane, and say what is missing for it."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.root)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        elif shutil.which("runc") is None:
            item.add_marker(pytest.mark.skip(reason="needs runc to compare with"))


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    """Observes each configuration once; nothing may be left of it."""
    with open_laboratory() as made:
        yield made
