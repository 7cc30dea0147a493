"""The order of things when a process joins a container, and what exec may import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.plans import facts, minimal, ops_named

from runtime.plan import ops
from runtime.plan.exec import Target, cgroup_dirs, join_late, make_exec_plan
from runtime.plan.namespaces import NEWNS, NEWPID, NEWUSER
from runtime.plan.plan import Plan

ROOT = Path(__file__).parents[3]
V1 = {"memory": "/m/c1", "cpu": "/c/c1", "cpuacct": "/c/c1", "pids": "/p/c1"}
CLOSES_ITS_SLOT = {"cgroup_join", "join", "enter_root"}
USER = [{"containerID": 0, "hostID": 1000, "size": 10}]


def plan_of(
    process: dict[str, Any] | None = None,
    namespaces: tuple[str, ...] = ("pid", "mount"),
    paths: dict[str, str] | None = None,
    *,
    keyring: bool = True,
    seccomp: tuple[bytes, int] | None = None,
    preserve_fds: int = 0,
    **linux: Any,
) -> Plan:
    kinds = [{"type": kind} for kind in namespaces]
    config = minimal(linux={"namespaces": kinds, **linux})
    if "user" in namespaces:
        config["linux"] |= {"uidMappings": USER, "gidMappings": USER}
    target = Target("c1", config, 42, V1 if paths is None else paths, keyring=keyring)  # type: ignore[arg-type]
    return make_exec_plan(
        target,
        {"args": ["ls"], "cwd": "/", **(process or {})},  # type: ignore[typeddict-item]
        facts(), seccomp, preserve_fds=preserve_fds,
    )  # fmt: skip


def names(plan: Plan) -> list[str]:
    return [op.name for op in plan.ops]


def test_the_plan_of_the_smallest_process() -> None:
    assert names(plan_of()) == [
        "cgroup_join", "cgroup_join", "join", "fork", "cgroup_join", "cpu_affinity", "setsid",
        "keyring", "umask", "bounding", "stdio_owner", "chdir", "user", "caps", "chdir",
        "executable", "sync", "exec",
    ]  # fmt: skip


def test_all_namespaces_are_joined_at_once() -> None:
    plan = plan_of(namespaces=("pid", "mount", "user"))
    (op,) = ops_named(plan, "join")
    assert op.numbers[1] == NEWPID | NEWNS | NEWUSER
    assert plan.slots[op.numbers[0] - 2].kind == "init"


def test_a_limit_of_one_process_more_is_enough() -> None:
    """Where the intermediate does not count."""
    plan = plan_of()
    order = [plan.slots[op.numbers[0] - 2].path for op in ops_named(plan, "cgroup_join")]
    assert order == ["/m/c1", "/c/c1", "/p/c1"]
    assert names(plan).index("fork") == names(plan).index("join") + 1


def test_without_a_fork_all_cgroups_come_first() -> None:
    plan = plan_of(namespaces=("mount",))
    assert not plan.staged
    assert names(plan)[:4] == ["cgroup_join"] * 3 + ["join"]
    assert "fork" not in names(plan)


@pytest.mark.parametrize("namespaces", [("pid", "mount"), ("pid", "mount", "user"), ("pid",)])
def test_nothing_of_the_host_is_open_after_the_fork(namespaces: tuple[str, ...]) -> None:
    """But the tasks file of its own pids cgroup."""
    plan = plan_of(namespaces=namespaces)
    fork = names(plan).index("fork")
    closed = {op.numbers[0] for op in plan.ops[:fork] if op.name in CLOSES_ITS_SLOT}
    left = [slot.path for number, slot in enumerate(plan.slots, 2) if number not in closed]
    assert left == ["/p/c1"]


def test_becoming_root_is_not_seen_inside() -> None:
    order = names(plan_of(namespaces=("pid", "mount", "user")))
    assert order.index("join") < order.index("become_root") < order.index("fork")


def test_a_container_without_a_mount_namespace() -> None:
    plan = plan_of(namespaces=("pid",))
    (op,) = ops_named(plan, "enter_root")
    slot = plan.slots[op.numbers[0] - 2]
    assert (slot.kind, slot.path) == ("root", "/proc/42/root")
    assert names(plan).index("join") < names(plan).index("enter_root")


def test_a_container_without_namespaces() -> None:
    plan = plan_of(namespaces=())
    assert "join" not in names(plan)
    assert ops_named(plan, "enter_root")


def test_no_cgroups_at_all() -> None:
    assert ops_named(plan_of(paths={}), "cgroup_join") == []


def test_version_2_is_joined_by_the_clone() -> None:
    assert ops_named(plan_of(paths={"": "/c/x"}), "cgroup_join") == []


@pytest.mark.parametrize(
    ("namespaces", "before"), [(("pid", "mount"), "fork"), (("mount",), "join")]
)
def test_moved_to_version_2_when_there_is_one_of_us(
    namespaces: tuple[str, ...], before: str
) -> None:
    plan = plan_of(namespaces=namespaces, paths={"": "/u/c1"})
    join_late(plan)
    at = next(i for i, op in enumerate(plan.ops) if op.numbers == (ops.BARRIER_CGROUP,))
    assert plan.parent_joins
    assert names(plan)[at] == "sync"
    assert at == (names(plan).index("fork") + 1 if before == "fork" else 0)


def test_keyring() -> None:
    (op,) = ops_named(plan_of({"selinuxLabel": "l"}), "keyring")
    assert op.strings == ("_ses.c1", "l")
    assert ops_named(plan_of(keyring=False), "keyring") == []


@pytest.mark.parametrize(
    "process",
    [{"oomScoreAdj": 0}, {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}]}],
)
def test_limits_are_lifted_before_anything_else(process: dict[str, Any]) -> None:
    first = plan_of(process).ops[0]
    assert (first.name, first.numbers) == ("sync", (ops.BARRIER_LIMITS,))
    assert plan_of().ops[0].name != "sync"


def test_filter_last() -> None:
    """Without no_new_privs CAP_SYS_ADMIN is kept until it is in."""
    assert names(plan_of(seccomp=(b"8bytes..", 0)))[-4:] == ["sync", "seccomp", "caps", "exec"]
    strict = plan_of({"noNewPrivileges": True}, seccomp=(b"8bytes..", 0))
    assert names(strict)[-3:] == ["sync", "seccomp", "exec"]


@pytest.mark.parametrize("terminal", [True, False])
def test_the_program_waits_for_its_terminal_to_be_looked_at(terminal: bool) -> None:
    plan = plan_of({"terminal": terminal})
    (op,) = ops_named(plan, "sync")
    assert op.flags == ops.SYNC_LAST | (0 if terminal else ops.SYNC_ONLY_SAY)
    assert [op.flags for op in ops_named(plan, "console")] == ([0] if terminal else [])


def test_attributes_of_the_container_and_of_the_process() -> None:
    plan = plan_of(
        {"apparmorProfile": "p", "selinuxLabel": "l", "noNewPrivileges": True,
         "scheduler": {"policy": "SCHED_BATCH"}},
        personality={"domain": "LINUX32"},
    )  # fmt: skip
    asked = ["apparmor", "no_new_privs", "scheduler", "personality", "process_label"]
    assert [name for name in names(plan) if name in (*asked, "user")] == [*asked, "user"]


def test_affinity_before_and_after_the_cgroup() -> None:
    plan = plan_of({"execCPUAffinity": {"initial": "0", "final": "1"}})
    order = [name for name in names(plan) if name in ("cpu_affinity", "cgroup_join", "fork")]
    assert order == [
        "cpu_affinity", "cgroup_join", "cgroup_join", "fork", "cgroup_join", "cpu_affinity"
    ]  # fmt: skip


def test_affinity_before_a_cgroup_that_it_is_born_in() -> None:
    plan = plan_of({"execCPUAffinity": {"initial": "0,2", "final": "1"}}, paths={"": "/u/c1"})
    assert int.from_bytes(plan.cpus, sys.byteorder) == 0b101
    assert [op.strings[0] for op in ops_named(plan, "cpu_affinity")] == [
        (2).to_bytes(8, sys.byteorder)
    ]


def test_preserved_descriptors() -> None:
    plan = plan_of(preserve_fds=3)
    assert plan.preserved == 3
    assert ops_named(plan, "exec")[0].numbers[0] == 3


def test_controllers_that_share_a_hierarchy_have_one_directory() -> None:
    assert cgroup_dirs({**V1, "": "/u/c1"}) == [
        ("/m/c1", ["memory"]), ("/c/c1", ["cpu", "cpuacct"]), ("/p/c1", ["pids"]),
    ]  # fmt: skip


def test_exec_loads_nothing_of_create() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import runtime.lifecycle.exec;"
        "print(*sorted(n for n in sys.modules if n.startswith(('runtime', 'oci_schema'))))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code, str(ROOT)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    cold = {
        "runtime.plan.make", "runtime.plan.mounts", "runtime.plan.mount_options",
        "runtime.plan.rules", "runtime.plan.linux_rules", "runtime.cgroups.make",
        "runtime.cgroups.plan", "runtime.lifecycle.create", "runtime.host.cgroup_probe",
        "oci_schema.check", "oci_schema.tables", "runtime.lifecycle.terminal",
    }  # fmt: skip
    assert loaded & cold == set()
