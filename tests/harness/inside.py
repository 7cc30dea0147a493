"""A small static program for what busybox cannot do in a container: see inside.c."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("inside.c")


def build_inside(path: Path) -> Path:
    """Compile it to `path`."""
    compiler = shutil.which("musl-gcc") or "cc"
    strict = ["-std=gnu17", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *strict, "-static", "-o", path, SOURCE], check=True)
    return path
