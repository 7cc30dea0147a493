"""Directories and control files by descriptor."""

from __future__ import annotations

import errno
import os
import posix
import time
from pathlib import Path
from typing import Any

import pytest

from runtime.cgroups import files
from runtime.errors import HostError
from runtime.host.cgroup_layout import Hierarchy


def here(path: Path) -> Hierarchy:
    return Hierarchy(("pids",), str(path), "/", "/", 1, device=os.stat(path).st_dev)


def test_a_directory_of_another_file_system_is_refused(tmp_path: Path) -> None:
    other = Hierarchy(("pids",), "/cg", "/", "/", 1, device=os.stat("/proc").st_dev)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HostError, match="is not in the cgroup hierarchy of /cg"):
        files.open_dir(str(tmp_path), other)
    assert len(os.listdir("/proc/self/fd")) == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").symlink_to("/etc/passwd")
    with pytest.raises(NotADirectoryError):
        files.open_dir(str(tmp_path / "link"), here(tmp_path))
    fd = files.open_dir(str(tmp_path), here(tmp_path))
    for action in (files.read_file, lambda d, n: files.write_file(d, n, "x")):
        with pytest.raises(OSError) as caught:
            action(fd, "file")
        assert caught.value.errno == errno.ELOOP
    os.close(fd)


def test_files_are_neither_made_nor_emptied(tmp_path: Path) -> None:
    fd = files.open_dir(str(tmp_path), here(tmp_path))
    with pytest.raises(FileNotFoundError):
        files.write_file(fd, "new", "1")
    (tmp_path / "old").write_text("1234")
    files.write_file(fd, "old", "9")
    assert (tmp_path / "old").read_text() == "9234"
    os.close(fd)


@pytest.mark.parametrize("length", [0, 1, 4095, 4096, 4097, 100000])
def test_files_are_read_whole(tmp_path: Path, length: int) -> None:
    text = "x" * length + "\n"
    (tmp_path / "f").write_text(text)
    fd = files.open_dir(str(tmp_path), here(tmp_path))
    assert files.read_file(fd, "f") == text
    os.close(fd)


def test_counter() -> None:
    text = "low 0\noom 1\noom_kill 12\n"
    assert files.counter(text, "oom_kill") == 12
    assert files.counter(text, "oom") == 1
    assert files.counter(text, "kill") == 0


def test_pids_of_the_whole_tree(fake: Any) -> None:
    hierarchy = fake.hierarchy("pids")
    for path, pids in (("a", "1\n"), ("a/b", ""), ("a/b/c", "2\n3\n"), ("a/d", "0\n4\n")):
        os.mkdir(fake.top / "pids" / path)
        (fake.top / "pids" / path / "cgroup.procs").write_text(pids)
    fd = files.open_dir(str(fake.top / "pids/a"), hierarchy)
    assert sorted(files.pids_below(fd, hierarchy)) == [1, 2, 3, 4]
    os.close(fd)


def test_remove_takes_children_along(fake: Any) -> None:
    hierarchy = fake.hierarchy("pids")
    for path in ("a", "a/b", "a/b/c", "a/d"):
        os.mkdir(fake.top / "pids" / path)
    files.remove_tree(str(fake.top / "pids/a"), hierarchy, iter(()))
    assert fake.tree() == []


def test_remove_tries_again_and_gives_up(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hierarchy = fake.hierarchy("pids")
    path = fake.top / "pids/a"
    os.mkdir(path)
    (path / "cgroup.procs").write_text("7\n")
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(OSError) as caught:
        files.remove_tree(str(path), hierarchy, iter((1.0, 2.0)))
    assert caught.value.errno == errno.EBUSY
    assert slept == [1.0, 2.0]

    def the_process_ends(pause: float) -> None:
        (path / "cgroup.procs").write_text("")

    monkeypatch.setattr(time, "sleep", the_process_ends)
    files.remove_tree(str(path), hierarchy, iter((1.0,)))
    assert fake.tree() == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_what_does_not_exist_needs_no_right_to_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(path: str, *, dir_fd: int | None = None) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(posix, "rmdir", refuse)
    files.remove_tree(str(tmp_path / "gone"), here(tmp_path), iter(()))
    with pytest.raises(OSError):
        files.remove_tree(str(tmp_path), here(tmp_path), iter(()))
