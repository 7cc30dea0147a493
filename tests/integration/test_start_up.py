"""What a plain `create` imports: every module costs all users time, every time."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.leaks import CGROUP_ROOT
from harness.locate import TREE
from harness.runtime import Runtime, run

PYTHON = "/usr/bin/python3"

# Slow ones of the standard library and beyond (milliseconds each), see docs and the style page.
FORBIDDEN = {
    "argparse", "cffi", "collections", "contextlib", "dataclasses", "enum", "functools", "inspect",
    "json", "jsonschema", "logging", "operator", "pathlib", "pyroute2", "re", "selectors",
    "shutil", "signal", "socket", "subprocess", "tempfile", "traceback", "types", "typing",
    "warnings", "weakref",
}  # fmt: skip

# No `os`: it takes 0.7 ms, nearly all of it for _collections_abc.
ALLOWED = {
    "__future__", "_blake2", "_cffi_backend", "_json", "_stat", "_struct", "array", "errno",
    "fcntl", "gc", "zlib",
}  # fmt: skip


def main_without_store(runtime: Runtime, folder: Path) -> Path:
    """A copy of the installed modules without their code store, whose imports nobody can count."""
    prefix = Path(runtime.path).resolve().parents[1]
    installed = next(prefix.glob("lib*/python3*/*-packages/runtime"), TREE / "runtime")
    shutil.copytree(installed, folder / "runtime", ignore=shutil.ignore_patterns("*.code"))
    for beside in (installed.parent / "oci_schema", *installed.parent.glob("_cffi_backend*")):
        (folder / beside.name).symlink_to(beside)
    return folder / "runtime/__main__.py"


def imported(stderr: str) -> list[str]:
    """The modules of an ``-X importtime`` report, in order of completion."""
    return re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s*(\S+)$", stderr, re.MULTILINE)


def bare() -> set[str]:
    """What the interpreter imports for nothing at all."""
    report = run([PYTHON, "-I", "-S", "-X", "utf8", "-X", "importtime", "-c", "pass"]).check().err
    return set(imported(report))


@pytest.fixture
def modules(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> list[str]:
    """What `create` of an ordinary bundle imports on top."""
    if runtime.kind != "pyrunc":
        pytest.skip("about pyrunc's own modules")
    bundle.save()
    name = runtime.new_id()
    log = bundle.path / "report"
    command = [
        # As the executable calls it, and a report.
        PYTHON, "-I", "-S", "-B", "-X", "utf8", "-X", f"pyrunc={runtime.path}",
        "-X", "importtime", str(main_without_store(runtime, tmp_path)),
        "--root", str(runtime.root), "create", "--bundle", str(bundle.path), name,
    ]  # fmt: skip
    with log.open("w") as err:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err
        )
    report = log.read_text()
    assert done.returncode == 0, report
    nothing = bare()
    return [name for name in imported(report) if name not in nothing]


def test_nothing_slow(modules: list[str]) -> None:
    assert sorted(set(modules) & FORBIDDEN) == []


def test_only_free_ones_of_the_standard_library(modules: list[str]) -> None:
    """Beyond our own: built into the interpreter, a single small file."""
    foreign = {name for name in modules if name.split(".")[0] not in ("runtime", "oci_schema")}
    assert foreign <= ALLOWED


# What a plain create loads more where cgroup v2 has everything.
ON_V2_ALONE = {
    "runtime.cgroups.device_program", "runtime.cgroups.enable", "runtime.plan.cgroup_owner",
}  # fmt: skip


def test_pinned(modules: list[str]) -> None:
    """The list itself; a new module on the path of `create` is a decision, not an accident."""
    pinned = (Path(__file__).parent / "create_modules.txt").read_text().split()
    own = {name for name in modules if name.split(".")[0] in ("runtime", "oci_schema")}
    if (CGROUP_ROOT / "cgroup.controllers").is_file():
        assert own - ON_V2_ALONE == set(pinned)
    else:
        assert own == set(pinned)
