"""Privileges and places that others can reach.

CVE-2016-8659, CVE-2020-5291: helpers with the setuid bit; CVE-2019-12439, CVE-2021-41103: folders
that others may enter or foresee. A runtime with the hole obeys an ordinary user with root's rights,
or leaves something that others can read, replace or write.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime, run


def test_a_setuid_copy_refuses(runtime: Runtime, base: Path) -> None:
    copy = base / "setuid"
    shutil.copy(runtime.path, copy)
    copy.chmod(0o4755)
    try:
        for words in (["list"], ["--root", "/run", "state", "x"], ["--version"]):
            result = run([str(copy), *words], user=65534, group=65534)
            assert result.status != 0, result
            assert "more rights than the caller" in result.err
    finally:
        copy.unlink()


def test_state_is_private_whatever_the_umask(runtime: Runtime, bundle: Bundle) -> None:
    """All but the fifo, which root of the container opens, below folders that only we enter."""
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}
    bundle.linux["seccomp"] = profile
    container = runtime.create(bundle, umask=0)
    folder = runtime.root / container.id
    for path in (folder, *folder.rglob("*"), *runtime.root.glob(".*"), *runtime.root.glob(".*/*")):
        status = path.lstat()
        assert status.st_uid == 0
        if not stat.S_ISFIFO(status.st_mode):
            assert not status.st_mode & 0o077, f"{path}: {status.st_mode:o}"


@pytest.mark.parametrize("kind", ["link", "foreign", "open"])
def test_a_root_of_somebody_else(runtime: Runtime, bundle: Bundle, base: Path, kind: str) -> None:
    """A foreseeable place that another user made first."""
    root = base / f"others-{kind}"
    target = base / f"target-{kind}"
    target.mkdir(mode=0o700)
    if kind == "link":
        root.symlink_to(target)
    else:
        root.mkdir()
        root.chmod(0o777 if kind == "open" else 0o755)
        if kind == "foreign":
            os.chown(root, 65534, 65534)
    runtime.root = root
    try:
        result = runtime.attempt("create", bundle, container_id=f"{runtime.tag}-o{kind}")
        if kind == "foreign":
            assert result.status != 0, result
        if result.status == 0:
            status = os.stat(root)
            assert status.st_uid == 0
            assert not status.st_mode & 0o022, f"{status.st_mode:o}"
    finally:
        runtime.clean()
        runtime.root = target


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "/etc", "a\nb", ".seccomp", "", "a b"])
def test_ids_stay_in_their_place(runtime: Runtime, bundle: Bundle, name: str) -> None:
    before = sorted(str(path) for path in runtime.root.parent.iterdir())
    for words in (["state"], ["delete", "--force"], ["kill"], ["start"], ["exec"]):
        assert runtime.call(*words, name, *(["true"] if words == ["exec"] else [])).status != 0
    assert runtime.attempt("create", bundle, container_id=name).status != 0
    assert sorted(str(path) for path in runtime.root.parent.iterdir()) == before
