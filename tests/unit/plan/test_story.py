"""A plan told to people leaves nothing out, and says what is so."""

from __future__ import annotations

import pytest
from harness.plans import HYBRID, facts, minimal, plan_of

from runtime.cgroups.plan import plan_cgroup
from runtime.plan import kernel_calls, ops, reasons, story
from runtime.plan.plan import Plan
from runtime.plan.story import CHILD, RUNTIME, STAGES, Step, tell

EVERYTHING = minimal(
    hostname="web",
    hooks={
        name: [{"path": f"/{name}"}] for name in ("createRuntime", "startContainer", "poststart")
    },
    mounts=[
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/tmp", "type": "tmpfs", "source": "t", "options": ["nosuid", "size=5k"]},
        {"destination": "/b", "source": "/srv", "options": ["rbind", "ro", "rprivate"]},
    ],
    linux={
        "namespaces": [{"type": name} for name in ("pid", "mount", "uts", "network", "user")],
        "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
        "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
        "resources": {"memory": {"limit": 1 << 20}},
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
    },
)  # fmt: skip


def told(config: dict[str, object], plan: Plan) -> list[tuple[str, list[Step]]]:
    linux = config["linux"]
    assert isinstance(linux, dict)
    cgroup = plan_cgroup("x", "c1", linux.get("resources"), [], HYBRID, rootless=False)
    return tell(plan, cgroup, config)


def steps_of(config: dict[str, object], plan: Plan) -> list[Step]:
    return [step for _, steps in told(config, plan) for step in steps]


def test_every_operation_is_told_in_its_order() -> None:
    plan = plan_of(EVERYTHING, seccomp=(bytes(16), 0))
    steps = steps_of(EVERYTHING, plan)
    assert [s.number for s in steps if s.side == CHILD] == list(range(len(plan.ops)))


def test_every_operation_has_words() -> None:
    assert set(kernel_calls.CALLS) == set(ops.CODES)
    assert set(reasons.RUNC) <= {*ops.CODES, "clone"}
    assert set(reasons.WHY) <= set(ops.CODES)
    assert set(story.OPENS) <= set(ops.CODES)


def test_stages_come_once_and_in_order() -> None:
    titles = [title for title, _ in told(EVERYTHING, plan_of(EVERYTHING))]
    assert titles == [title for title in STAGES if title in titles]


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("set memory.limit_in_bytes to 1048576",
         'write("/sys/fs/cgroup/memory/user/x/memory.limit_in_bytes", "1048576")'),
        ("map 10 uids from 1000 to 0", 'write("uid_map", "0 1000 10")'),
        ("run the createRuntime hook /createRuntime", 'fork, execve("/createRuntime"), wait'),
        ("run the poststart hook /poststart", 'fork, execve("/poststart"), wait'),
    ],
)  # fmt: skip
def test_what_the_runtime_does(what: str, call: str) -> None:
    found = [s for s in steps_of(EVERYTHING, plan_of(EVERYTHING)) if s.what == what]
    assert [(step.side, step.call) for step in found] == [(RUNTIME, call)]


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("mount tmpfs on /tmp",
         'fsopen("tmpfs"), fsconfig(size=5k), fsmount(MOUNT_ATTR_NOSUID), move_mount("/tmp")'),
        ("bind /srv on /b",
         'open_tree("/srv", OPEN_TREE_CLONE|AT_RECURSIVE), mount_setattr(MOUNT_ATTR_RDONLY), '
         'move_mount("/b")'),
        ("set the host name web", 'sethostname("web")'),
        ("unshare namespaces", "unshare(CLONE_NEWUSER)"),
        ("install the seccomp filter", "seccomp(SECCOMP_SET_MODE_FILTER, 0, 2 instructions)"),
    ],
)  # fmt: skip
def test_calls(what: str, call: str) -> None:
    plan = plan_of(EVERYTHING, seccomp=(bytes(16), 0))
    assert [kernel_calls.kernel_call(op) for op in plan.ops if op.what == what] == [call]


def test_a_clone_of_all_namespaces() -> None:
    plan = plan_of(minimal(), facts())
    clone = next(s for s in steps_of(minimal(), plan) if s.name == "clone")
    assert clone.call.startswith("clone3(CLONE_NEWPID|CLONE_NEWNS, ")


def test_defaults_have_reasons() -> None:
    plan = plan_of(EVERYTHING)
    origins = {op.origin for op in plan.ops if op.origin.startswith("default")}
    assert origins and origins <= set(reasons.DEFAULTS)
