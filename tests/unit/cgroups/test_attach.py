"""Who can be born where."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from runtime.cgroups.attach import common_ancestor, must_be_attached
from runtime.host.cgroup_layout import Hierarchy


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("/a/b", "/a/c/d", "/a"),
        ("/a/b", "/a/b/c", "/a/b"),
        ("/a/bc", "/a/b", "/a"),
        ("/a", "/b", ""),
        ("/", "/a", ""),
        ("/a", "/a", "/a"),
    ],
)
def test_common_ancestor(one: str, other: str, shared: str) -> None:
    assert common_ancestor(one, other) == shared


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize(("own", "attached"), [("/mine/session", False), ("/other", True)])
def test_what_counts_is_the_common_ancestor(own: str, attached: bool) -> None:
    # Not pytest's folder, which is closed to others.
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        top.chmod(0o755)
        (top / "mine").mkdir()
        for cgroup in (top, top / "mine"):
            (cgroup / "cgroup.procs").touch(mode=0o600)
        os.chown(top / "mine/cgroup.procs", 1234, -1)
        os.seteuid(1234)
        try:
            hierarchy = Hierarchy((), folder, "/", own, 2)
            assert must_be_attached(hierarchy, "/mine/user.slice/x.scope") == attached
        finally:
            os.seteuid(0)
