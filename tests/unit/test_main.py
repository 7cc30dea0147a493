"""runtime/__main__.py as the executable calls it: `python -I -S -B -X utf8 FILE ARGV...`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runtime

RUNTIME = Path(runtime.__file__).parent
# Modules that cost next to nothing, or that the interpreter loads in any case.
FREE = {
    "__future__", "_abc", "_codecs", "_collections_abc", "_frozen_importlib",
    "_frozen_importlib_external", "_imp", "_io", "_json", "_signal", "_stat", "_thread",
    "_warnings", "_weakref", "abc", "builtins", "codecs", "encodings", "encodings.aliases",
    "encodings.utf_8", "errno", "gc", "genericpath", "io", "marshal", "os", "posix",
    "posixpath", "stat", "sys", "time", "zipimport",
}  # fmt: skip


def run(
    *argv: str, main: Path = RUNTIME / "__main__.py", options: tuple[str, ...] = (), **how: Any
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", *options, str(main), *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, **how)


def imported(*argv: str) -> set[str]:
    """The modules that a command line loads."""
    lines = run(*argv, options=("-X", "importtime")).stderr.splitlines()
    names = [line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")]
    return set(names[1:])  # the first line is a heading


@pytest.mark.parametrize(
    ("argv", "status"),
    [(["--version"], 0), (["help", "create"], 0), (["bogus"], 3), (["list", "--bogus"], 1)],
)
def test_the_exit_status(argv: list[str], status: int) -> None:
    assert run(*argv).returncode == status


def test_nothing_costly_is_imported(tmp_path: Path) -> None:
    modules = imported("spec", "-b", str(tmp_path))
    ours = {name for name in modules if name.partition(".")[0] == "runtime"}
    assert modules - ours <= FREE
    assert ours <= {
        "runtime", "runtime.cli", "runtime.cli.call", "runtime.cli.dispatch",
        "runtime.cli.options", "runtime.cli.spec", "runtime.environment", "runtime.errors",
        "runtime.launch", "runtime.log", "runtime.paths",
        "runtime.plan", "runtime.plan.options", "runtime.version",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["json.py", "runtime.py", "os.py", "time.py", "pwd.py"])
def test_the_callers_files_are_not_imported(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("raise SystemExit('imported')")
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "HOME": str(tmp_path)}
    done = run("--version", cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_our_directory_comes_last(tmp_path: Path) -> None:
    shutil.copytree(RUNTIME, tmp_path / "runtime")
    for name in ("json.py", "traceback.py", "select.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')")
    done = run("--debug", "--version", main=tmp_path / "runtime" / "__main__.py")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_empty_environment_and_a_deleted_directory(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = f"cd {gone} && rmdir {gone} && exec env -i {sys.executable} -I -S -B"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{shell} {RUNTIME}/__main__.py --version"], capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("closed", [{0}, {1}, {2}, {0, 1, 2}])
def test_closed_descriptors_are_not_taken_by_files(closed: set[int], tmp_path: Path) -> None:
    log = tmp_path / "log"

    def close() -> None:
        for fd in closed:
            os.close(fd)

    done = run("--log", str(log), "help", preexec_fn=close)
    assert done.returncode == 0
    assert log.read_text() == "", "the help is not in the log"


def test_a_pipe_without_a_reader_is_told() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-I", "-S", "-B", str(RUNTIME / "__main__.py"), "help"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr.endswith('level=error msg="write to standard output: broken pipe"\n')
    assert done.stderr.count("\n") == 1


def test_an_installation_with_parts_missing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    shutil.copy(RUNTIME / "__main__.py", tmp_path / "runtime")
    done = run("list", main=tmp_path / "runtime" / "__main__.py")
    assert done.returncode == 1
    assert done.stderr == (
        "pyrunc: parts of the installation are missing: No module named 'runtime.launch'\n"
    )


def test_an_installation_without_commands_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    for name in ("__main__.py", "launch.py"):
        shutil.copy(RUNTIME / name, tmp_path / "runtime")
    done = run("list", main=tmp_path / "runtime" / "__main__.py")
    assert done.returncode == 1
    assert done.stderr == (
        "pyrunc: internal error: ModuleNotFoundError: No module named 'runtime.cli'\n"
    )


def test_undecodable_arguments_are_survived() -> None:
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(RUNTIME / "__main__.py")]
    done = subprocess.run([*command, b"caf\xe9"], capture_output=True)
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
