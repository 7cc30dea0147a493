"""The order of things in a plan, and what it may import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.plans import facts, minimal, ops_named, options, plan_of

ROOT = Path(__file__).parents[3]


def test_the_plan_of_the_smallest_configuration() -> None:
    names = [op.name for op in plan_of(minimal()).ops if op.name not in ("mknod", "symlink")]
    assert names == [
        "cgroup_join", "cgroup_join", "cgroup_join", "cpu_affinity", "setsid", "keyring",
        "root_propagation", "root", "pivot", "stdio_null", "umask", "bounding", "stdio_owner",
        "chdir", "user", "caps", "chdir", "executable", "sync", "fifo", "exec",
    ]  # fmt: skip


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_names(field: str) -> None:
    namespaces = [{"type": "mount"}, {"type": "uts"}]
    plan = plan_of(minimal(**{field: "box"}, linux={"namespaces": namespaces}))
    assert [op.strings for op in ops_named(plan, field)] == [("box",)]
    assert ops_named(plan_of(minimal(**{field: ""})), field) == []


def test_keyring() -> None:
    assert ops_named(plan_of(minimal()), "keyring")[0].strings == ("_ses.c1", None)
    assert ops_named(plan_of(minimal(), None, options(no_new_keyring=True)), "keyring") == []


def test_descriptors_that_are_handed_down() -> None:
    plan = plan_of(minimal(), None, options(preserve_fds=2), listen_fds=3)
    assert plan.preserved == 5
    (op,) = ops_named(plan, "exec")
    assert op.numbers[0] == 5
    assert op.strings[1] == ["LISTEN_FDS=3", "LISTEN_PID=1"]


def test_the_cgroup_of_version_2_is_joined_by_the_clone() -> None:
    slots = [slot.path for slot in plan_of(minimal()).slots if slot.kind == "cgroup"]
    assert slots == [
        "/sys/fs/cgroup/cpu,cpuacct/c1", "/sys/fs/cgroup/memory/c1", "/sys/fs/cgroup/systemd/c1",
    ]  # fmt: skip


def test_no_linux_section_at_all() -> None:
    config: dict[str, Any] = minimal()
    del config["linux"]
    plan = plan_of(config, facts())
    assert plan.clone_flags == 0
    assert not plan.staged
    assert ops_named(plan, "mount", "bind", "root_propagation") == []


def test_planning_imports_only_what_is_free() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules);"
        "import runtime.plan.make, runtime.plan.rules, runtime.plan.hooks, runtime.plan.sysctl,"
        " runtime.plan.cgroup_mount;"
        "print(*sorted(n for n in set(sys.modules) - before if not n.startswith('runtime')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, str(ROOT)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    free = "__future__ _json _stat abc _abc _collections_abc errno genericpath os"
    allowed = {*free.split(), "os.path", "posixpath", "stat"}
    assert set(done.stdout.split()) <= allowed
