"""The two commands a newcomer types, as far as they can be tried without installing anything."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
BOOTSTRAP = TREE / "bootstrap"


def run(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path = TREE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BOOTSTRAP, *arguments],
        env=os.environ | (env or {}), cwd=cwd, text=True, capture_output=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["help"], ["-h"], ["--help"]])
def test_it_lists_what_it_can_do(arguments: list[str], tmp_path: Path) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.findall(r"^  (\w+)", result.stdout, re.MULTILINE) == [
        "demo", "test", "check", "build", "clean",
    ]  # fmt: skip


def test_an_unknown_command_is_refused() -> None:
    result = run("destroy")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.endswith("bootstrap: no command destroy\n")


@pytest.mark.parametrize("command", ["demo", "test"])
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: becomes another user")
def test_without_root_it_says_so(command: str) -> None:
    # Through standard input: the tree may lie where another user cannot read.
    result = subprocess.run(
        ["/bin/sh", "-s", command],
        input=BOOTSTRAP.read_text(), user=65534, group=65534, extra_groups=[],
        cwd="/", text=True, capture_output=True, timeout=20,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"bootstrap: {command} needs root: run it with sudo\n"


def test_an_interpreter_that_will_not_do_is_refused() -> None:
    result = run("build", env={"PYTHON": "/bin/false"})
    assert result.returncode == 1
    assert "bootstrap: /bin/false is not a Python 3.11" in result.stderr


def test_the_readme_shows_the_two_commands_first() -> None:
    before, _, _ = (TREE / "README.md").read_text().partition("## Install")
    assert "./bootstrap demo" in before and "./bootstrap test" in before


def test_ci_runs_what_everybody_can_run() -> None:
    ci = TREE / ".ci/run"
    assert os.access(ci, os.X_OK) and "./bootstrap test" in ci.read_text()
