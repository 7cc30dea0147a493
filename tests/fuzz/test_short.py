"""Each fuzzer for a moment: it compiles, starts from its seeds, and finds nothing at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMES = sorted(path.name.removesuffix("_fuzz.c") for path in HERE.glob("*_fuzz.c"))
SECONDS = "3"


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang with libFuzzer")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_at_once(name: str) -> None:
    done = subprocess.run(
        [sys.executable, HERE / "run.py", "--seconds", SECONDS, name],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    executed = int(done.stdout.rpartition("number_of_executed_units:")[2].split()[0])
    assert executed > 100, done.stdout
