"""Fuzzing: python tests/fuzz/run.py [--seconds N] [--corpus FOLDER] [NAME...]

The C parts under libFuzzer with AddressSanitizer and UBSan: NAME_fuzz.c beside this file, whose
first line says what it is linked with. `configurations` are changed at random and go through the
checks and the planner (hypothesis). Without names all of them, one after the other, N seconds each.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[1]
CSRC = TREE / "csrc"
CONFIGURATIONS = "configurations"
NAMES = sorted(path.name.removesuffix("_fuzz.c") for path in HERE.glob("*_fuzz.c"))
FLAGS = [
    "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-fno-omit-frame-pointer",
    "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", f"-I{CSRC}",
]  # fmt: skip
LARGEST = {"exec_record": 65536, "plan": 65536, "process": 8192, "record": 8192, "line": 4096}

LINES = [
    "state\0id", "--root\0/r\0start\0id", "kill\0id\0SIGTERM", "delete\0--force\0id",
    "--log\0/l\0--log-format\0json\0exec\0-d\0--pid-file\0/p\0--process\0/f\0id",
    "exec\0--user\x001:2\0--cwd\0/\0--env\0A=B\0id\0sh\0-c\0true",
]  # fmt: skip
PROCESS = {
    "terminal": False, "user": {"uid": 1, "gid": 2, "additionalGids": [3], "umask": 18},
    "args": ["sh", "-c", "\u00e4"], "env": ["A=1", "PATH=/bin"], "cwd": "/",
    "capabilities": {"bounding": ["CAP_KILL"], "effective": [], "ambient": None},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}], "noNewPrivileges": True,
    "oomScoreAdj": -5,
}  # fmt: skip


def seeds(name: str) -> list[bytes]:
    """What to begin with: the real thing."""
    sys.path[:0] = [str(TREE), str(TREE / "tests")]
    from harness.plans import minimal, plan_of

    from runtime.plan.encode import encode

    plan = plan_of(minimal(process={"env": ["A=1"], "rlimits": []}))
    encoded = encode(plan.ops, 2 + len(plan.slots))
    if name == "plan":
        return [encoded]
    if name == "line":
        return [line.encode() for line in LINES]
    if name == "process":
        return [json.dumps(PROCESS).encode()]
    if name == "record":
        return [bytes(48) + b"boot\0/freezer\0head\0tail\0/cgroup\0"]
    strings = b"/b/config.json\0\0init\0".ljust(24, b"\0")
    header = bytearray(72)
    header[60:68] = (3).to_bytes(4, sys.byteorder) + (96).to_bytes(4, sys.byteorder)
    return [bytes(header) + strings + encoded]


def compile_target(name: str, folder: Path) -> Path:
    """The fuzzer of this name.

    Errors:  CalledProcessError.
    """
    source = HERE / f"{name}_fuzz.c"
    first = re.fullmatch(r"/\* sources:((?: [\w.]+)*) \*/", source.read_text().split("\n", 1)[0])
    assert first, f"{source}: the first line must be /* sources: FILE... */"
    binary = folder / name
    sources = [CSRC / word for word in first[1].split()]
    subprocess.run(["clang", *FLAGS, "-o", binary, source, *sources], check=True)
    return binary


def fuzz(name: str, seconds: int, corpus: Path | None) -> int:
    """Exit status of the fuzzer, which shows the input that it fails on."""
    with tempfile.TemporaryDirectory(prefix="pyrunc-fuzz-") as made:
        folder = Path(made)
        kept = (corpus or folder) / f"{name}-corpus"
        kept.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds(name)):
            (kept / f"seed{number}").write_bytes(seed)
        command = [
            compile_target(name, folder), f"-max_total_time={seconds}", "-timeout=10",
            f"-max_len={LARGEST[name]}", f"-artifact_prefix={kept}/", "-print_final_stats=1", kept,
        ]  # fmt: skip
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
        if done.returncode != 0 and corpus is None:
            keep = Path(tempfile.mkdtemp(prefix="pyrunc-crash-"))
            shutil.copytree(kept, keep, dirs_exist_ok=True)
            print(f"{name}: the input is in {keep}")
    lines = done.stderr.splitlines()
    if done.returncode != 0:
        print("\n".join(lines[-60:]))
    for line in lines:
        if "number_of_executed_units" in line or ("cov:" in line and "DONE" in line):
            print(f"{name}: {line}")
    return done.returncode


def fuzz_configurations(seconds: int) -> int:
    """Rounds of the unit test of configurations, each with other random numbers."""
    end = time.monotonic() + seconds
    rounds = 0
    while rounds == 0 or time.monotonic() < end:
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x",
            f"--hypothesis-seed={int.from_bytes(os.urandom(4))}",
            TREE / "tests/unit/plan/test_any_configuration.py",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=TREE, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            print(done.stdout)
            return done.returncode
        rounds += 1
    print(f"{CONFIGURATIONS}: {rounds} rounds")
    return 0


def main() -> int:
    """The worst exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="where inputs are kept from run to run")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    given = parser.parse_args()
    worst = 0
    for name in given.names or [*NAMES, CONFIGURATIONS]:
        if name == CONFIGURATIONS:
            worst = max(worst, fuzz_configurations(given.seconds))
        elif name in NAMES:
            worst = max(worst, abs(fuzz(name, given.seconds, given.corpus)))
        else:
            parser.error(f"{name} is none of {', '.join([*NAMES, CONFIGURATIONS])}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
