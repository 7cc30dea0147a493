"""The cgroup belongs to the container's user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.cgroups import ownership
from runtime.cgroups.ownership import give_away


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("listed", ["cgroup.procs\ncpu.max\nnot.here\n", None])
def test_give_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str | None) -> None:
    cgroup = tmp_path / "c"
    cgroup.mkdir()
    for name in ("cgroup.procs", "cgroup.threads", "cpu.max", "memory.max"):
        (cgroup / name).touch()
    names = tmp_path / "delegate"
    if listed is not None:
        names.write_text(listed)
    monkeypatch.setattr(ownership, "DELEGATE_FILE", str(names))
    fd = os.open(cgroup, os.O_RDONLY)
    give_away(fd, str(cgroup), 1234)
    os.close(fd)
    given = {p.name for p in cgroup.iterdir() if p.stat().st_uid == 1234}
    assert given == ({"cgroup.procs", "cgroup.threads"} if listed is None
                     else {"cgroup.procs", "cpu.max"})  # fmt: skip
    assert cgroup.stat().st_uid == 1234
    assert cgroup.stat().st_gid == os.getegid()
