"""A plain create imports this room: it must stay free of what costs milliseconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import runtime.host.cgroup_probe, runtime.cgroups.plan, runtime.cgroups.make
import runtime.cgroups.resources_v1, runtime.cgroups.resources_v2
import runtime.cgroups.enable, runtime.cgroups.device_program
print(*sorted(sys.modules))
"""

EXPENSIVE = {
    "argparse", "array", "collections", "contextlib", "ctypes", "dataclasses", "enum", "functools",
    "json", "logging", "pathlib", "re", "shutil", "signal", "socket", "subprocess", "tempfile",
    "typing",
}  # fmt: skip


def test_nothing_expensive_is_imported() -> None:
    top = Path(__file__).parents[3]
    command = [sys.executable, "-I", "-S", "-c", SCRIPT, str(top)]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert not EXPENSIVE & set(loaded)
