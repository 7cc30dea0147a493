"""Which runtime is under test, and where it keeps its state by default."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

TREE = Path(__file__).parents[2]
RUN_FOLDERS = {"pyrunc": "/run/pyrunc", "runc": "/run/runc", "crun": "/run/crun"}


def find_runtime() -> str:
    """Absolute path: RUNTIME (a path or a name in PATH), else .venv/bin/pyrunc of the tree."""
    wanted = os.environ.get("RUNTIME") or str(TREE / ".venv/bin/pyrunc")
    found = shutil.which(wanted)
    return os.path.abspath(found or wanted)
