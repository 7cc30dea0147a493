"""The configurations: small ones about one thing, and wholes as engines make them."""

from __future__ import annotations

# Each module enters its own into the list.
from differential.configuration import CONFIGURATIONS
from differential.seen import (
    attributes,
    callers,
    filesystems,
    isolation,
    privileges,
    programs,
    wholes,
)

__all__ = [
    "CONFIGURATIONS", "attributes", "callers", "filesystems", "isolation", "privileges",
    "programs", "wholes",
]  # fmt: skip
