"""Cgroups by names from outside.

crun 1.28, 1.29: ".." in a cgroup's name left its place; runc 1.1.10: a page size became the name of
a file. A runtime with the hole makes folders or files elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.hostile import Victim
from harness.runtime import Runtime

CGROUPS = "/sys/fs/cgroup"


def remove_parents(name: str) -> None:
    """The cgroups above a container's, which stay: the path, but below the root of cgroups."""
    for folder, _, _ in os.walk(CGROUPS, topdown=False):
        if f"/{name}" in folder:
            os.rmdir(folder)


@pytest.mark.parametrize("start", ["/", "", "/a/", "/../"])
def test_paths_that_climb(runtime: Runtime, bundle: Bundle, base: Path, start: str) -> None:
    victim = Victim(base / f"cg{len(start)}{start.count('.')}")
    bundle.linux["cgroupsPath"] = f"{start}{'../' * 8}{victim.path}/x"
    result = runtime.run(bundle)
    victim.check()
    remove_parents(base.name)
    if result.status != 0:
        assert runtime.ids() == []


@pytest.mark.parametrize("path", ["/a\nb", "/a\0b"])
def test_odd_paths(runtime: Runtime, bundle: Bundle, path: str) -> None:
    bundle.linux["cgroupsPath"] = path
    assert runtime.run(bundle).status != 0


@pytest.mark.parametrize("name", ["..", "../..", "a/../../..", "/..", "x/../..", ".", "a//..//.."])
def test_exec_stays_below(runtime: Runtime, bundle: Bundle, name: str) -> None:
    container = runtime.run_detached(bundle.sleep())
    own = Path(f"/proc/{container.pid}/cgroup").read_text()
    result = runtime.call("exec", "--cgroup", name, container.id, "cat", "/proc/self/cgroup")
    assert result.status != 0 or result.out == own


RESOURCES: list[dict[str, Any]] = [
    {"hugepageLimits": [{"pageSize": "../../../tmp/2MB", "limit": 1}]},
    {"hugepageLimits": [{"pageSize": "2MB/../..", "limit": 1}]},
    {"unified": {"../memory.max": "1"}},
    {"unified": {"memory.max/../../x": "1"}},
    {"unified": {"cgroup.procs": "1"}},
    {"rdma": {"../x": {"hcaHandles": 1}}},
    {"rdma": {"a\nb": {"hcaHandles": 1}}},
]


@pytest.mark.parametrize("resources", RESOURCES, ids=repr)
def test_names_of_files(runtime: Runtime, bundle: Bundle, resources: dict[str, Any]) -> None:
    bundle.linux["resources"].update(resources)
    assert runtime.run(bundle).status != 0
    assert runtime.ids() == []


def test_nothing_is_made_where_no_cgroups_are(runtime: Runtime, bundle: Bundle) -> None:
    """/sys/fs/cgroup of a hybrid host is a tmpfs: no folder of ours appears in it."""
    before = set(os.listdir(CGROUPS))
    runtime.run(bundle)
    assert set(os.listdir(CGROUPS)) == before
