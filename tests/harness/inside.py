"""Small static programs for what busybox cannot do in a container: see inside.c and spy.c."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def build_inside(path: Path, name: str = "inside") -> Path:
    """Compile the one of this name to `path`."""
    compiler = shutil.which("musl-gcc") or "cc"
    strict = ["-std=gnu17", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *strict, "-static", "-o", path, HERE / f"{name}.c"], check=True)
    return path
