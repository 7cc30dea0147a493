"""Where resctrl is mounted and what it can share out."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.resctrl import Tree

from runtime.host import resctrl
from runtime.host.resctrl import find_mount, last_words, read_resctrl

LINE = "30 20 0:9 / {} rw,relatime shared:3 - {} resctrl rw\n"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], ""),
        ([("/sys/fs/resctrl", "tmpfs")], ""),
        ([("/sys/fs/resctrl", "resctrl")], "/sys/fs/resctrl"),
        ([("/a\\040b", "resctrl"), ("/other", "resctrl")], "/a b"),
        ([("/other", "resctrl"), ("/sys/fs/resctrl", "resctrl")], "/sys/fs/resctrl"),
    ],
)
def test_find_mount(lines: list[tuple[str, str]], found: str) -> None:
    assert find_mount("".join(LINE.format(*line) for line in lines)) == found


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    made = Tree(tmp_path)
    monkeypatch.setattr(resctrl, "MOUNTINFO", str(made.mountinfo))
    return made


def test_all_of_it(tree: Tree) -> None:
    found = read_resctrl()
    assert found is not None
    assert (found.root, found.has_l3, found.has_mb) == (str(tree.root), True, True)


def test_code_and_data_apart_are_a_cache_too(tree: Tree) -> None:
    (tree.root / "info" / "L3").rename(tree.root / "info" / "L3CODE")
    (tree.root / "info" / "MB").rmdir()
    found = read_resctrl()
    assert found is not None
    assert (found.has_l3, found.has_mb) == (True, False)


def test_none(tree: Tree) -> None:
    tree.mountinfo.write_text("")
    assert read_resctrl() is None
    tree.mountinfo.unlink()
    assert read_resctrl() is None


def test_last_words(tree: Tree) -> None:
    assert last_words(str(tree.root)) == ""
    (tree.root / "info" / "last_cmd_status").write_text("Failed to match\n")
    assert last_words(str(tree.root)) == "Failed to match"
    assert last_words("/none") == ""
