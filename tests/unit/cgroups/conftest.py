"""A file system of regular files that behaves like cgroupfs where it matters."""

from __future__ import annotations

import errno
import os
import posix
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.cgroups import files
from runtime.host.cgroup_layout import CgroupLayout, Hierarchy

V1_FILES: dict[str, dict[str, str]] = {
    "devices": {"devices.list": "a *:* rwm\n", "devices.allow": "", "devices.deny": ""},
    "cpuset": {"cpuset.cpus": "\n", "cpuset.mems": "\n"},
    "memory": {
        "memory.limit_in_bytes": "", "memory.memsw.limit_in_bytes": "",
        "memory.usage_in_bytes": "5", "memory.max_usage_in_bytes": "9",
        "memory.oom_control": "under_oom 0\noom_kill 3\n",
    },
    "freezer": {"freezer.state": "THAWED\n", "freezer.self_freezing": "0\n"},
    "pids": {"pids.max": "max\n"},
}  # fmt: skip
V2_FILES = {
    "cgroup.controllers": "memory pids\n", "cgroup.subtree_control": "", "cgroup.type": "domain\n",
    "cgroup.events": "populated 0\nfrozen 0\n", "cgroup.freeze": "0\n", "memory.max": "",
    "memory.events": "low 0\noom 1\noom_kill 2\n", "pids.max": "",
}  # fmt: skip

Writes = list[tuple[str, str]]


class FakeCgroups:
    """Mounts below one folder; what is written is noted, and refused on request.

    refuse    path relative to the folder -> errno of the next write to it
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.writes: Writes = []
        self.refuse: dict[str, int] = {}
        self.device = os.stat(top).st_dev

    def hierarchy(self, *controllers: str, version: int = 1) -> Hierarchy:
        where = self.top / (controllers[0] if version == 1 else "unified")
        made = Hierarchy(controllers, str(where), "/", "/", version, device=self.device)
        where.mkdir()
        self.populate(where)
        if controllers[0] == "cpuset":
            (where / "cpuset.cpus").write_text("0-1\n")
            (where / "cpuset.mems").write_text("0\n")
        if version == 2:
            (where / "cgroup.controllers").write_text(" ".join(controllers) + "\n")
            (where / "cgroup.type").unlink()
            (where / "cgroup.events").unlink()
        return made

    def layout(self, *v1: str, v2: tuple[str, ...] | None = None) -> CgroupLayout:
        hierarchies = [self.hierarchy(name) for name in v1]
        if v2 is None:
            return CgroupLayout("legacy", hierarchies)
        hierarchies.append(self.hierarchy(*v2, version=2))
        return CgroupLayout("hybrid" if v1 else "unified", hierarchies)

    def populate(self, directory: Path) -> None:
        """What the kernel puts into a new cgroup."""
        name = directory.relative_to(self.top).parts[0]
        content = V2_FILES if name == "unified" else V1_FILES.get(name, {})
        for file, text in {"cgroup.procs": "", "tasks": "", **content}.items():
            (directory / file).write_text(text)

    def tree(self) -> list[str]:
        """All cgroups there are, mount points left out."""
        found = (p.relative_to(self.top) for p in self.top.rglob("*") if p.is_dir())
        return sorted(str(p) for p in found if len(p.parts) > 1)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCgroups]:
    cgroups = FakeCgroups(tmp_path)
    real_mkdir: Callable[..., None] = os.mkdir
    real_rmdir: Callable[..., None] = os.rmdir

    def path_of(path: str, dir_fd: int | None) -> Path:
        return Path(path) if dir_fd is None else Path(os.readlink(f"/proc/self/fd/{dir_fd}"), path)

    def mkdir(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        real_mkdir(path, mode, dir_fd=dir_fd)
        cgroups.populate(path_of(path, dir_fd))

    def rmdir(path: str, *, dir_fd: int | None = None) -> None:
        full = path_of(path, dir_fd)
        entries = list(full.iterdir())
        if any(e.is_dir() for e in entries) or (full / "cgroup.procs").read_text():
            raise OSError(errno.EBUSY, "busy")
        for entry in entries:
            entry.unlink()
        real_rmdir(full)

    def write_file(dir_fd: int, name: str, value: str) -> None:
        place = Path(os.readlink(f"/proc/self/fd/{dir_fd}"), name).resolve()
        key = str(place.relative_to(tmp_path))
        if number := cgroups.refuse.pop(key, 0):
            raise OSError(number, os.strerror(number), key)
        if not place.exists():
            raise FileNotFoundError(errno.ENOENT, "no such file", key)
        place.write_text(value)
        cgroups.writes.append((key, value))

    for module in (os, posix):  # pathlib, in the tests, takes the one, the runtime the other
        monkeypatch.setattr(module, "mkdir", mkdir)
        monkeypatch.setattr(module, "rmdir", rmdir)
    monkeypatch.setattr(files, "write_file", write_file)
    yield cgroups
