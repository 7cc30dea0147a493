"""Paths without os."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.paths import absolute, inside, is_there, resolved

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/a/b", "/a//b/", "/a/./b", "/a/../b", "/../..", "a", "", ".", "..", "a/../../b/."],
)
def test_absolute_is_what_python_says(path: str) -> None:
    # POSIX leaves two leading slashes to the system; to Linux they are one.
    assert absolute(path) == os.path.abspath(path).replace("//", "/")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nowhere/at/all")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone (deleted)").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "path",
    ["real", "link/deep", "link/../link/deep/..", "dangling", "link/missing/more", "loop/x",
     "gone (deleted)"],
)  # fmt: skip
def test_resolved_is_what_python_says(path: str, tree: Path) -> None:
    assert resolved(f"{tree}/{path}") == os.path.realpath(tree / path)


def test_resolved_from_the_working_directory(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "real")
    assert resolved("../link/deep") == f"{os.path.realpath(tree)}/real/deep"


@pytest.mark.parametrize(
    ("path", "found"),
    [("real", True), ("dangling", True), ("nothing", False), ("real/x", False), ("a\0b", False)],
)
def test_is_there(path: str, found: bool, tree: Path) -> None:
    assert is_there(f"{tree}/{path}") == found


def test_inside() -> None:
    assert (inside("/b", "rootfs"), inside("/b", "/r")) == ("/b/rootfs", "/r")


def test_os_is_not_loaded(tree: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from runtime.paths import absolute, is_there, resolved\n"
        "resolved(sys.argv[2]); absolute('x'); is_there('/')\n"
        "print('os' in sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(TOP), str(tree / "link")]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "False\n"
