"""Plans for tests of the planner: hosts to plan for, configurations, plans as text."""

from __future__ import annotations

import copy
from typing import Any

from runtime.errors import ConfigError
from runtime.host.cgroup_layout import CgroupLayout, Hierarchy
from runtime.host.facts import HostFacts
from runtime.plan import namespaces, ops
from runtime.plan.make import make_plan
from runtime.plan.options import CreateOptions
from runtime.plan.plan import Plan
from runtime.plan.rules import check_rules

CGROUPS = "/sys/fs/cgroup"
HYBRID = CgroupLayout(
    "hybrid",
    [
        Hierarchy(("cpu", "cpuacct"), f"{CGROUPS}/cpu,cpuacct", "/", "/", 1),
        Hierarchy(("memory",), f"{CGROUPS}/memory", "/", "/user", 1),
        Hierarchy(("name=systemd",), f"{CGROUPS}/systemd", "/", "/", 1),
        Hierarchy((), f"{CGROUPS}/unified", "/", "/", 2),
    ],
)
UNIFIED = CgroupLayout("unified", [Hierarchy(("cpu", "memory"), CGROUPS, "/", "/", 2)])
HOST_NETWORK = (4, 4026531840)

MINIMAL: dict[str, Any] = {
    "ociVersion": "1.3.0",
    "process": {"args": ["/bin/true"], "cwd": "/"},
    "root": {"path": "rootfs"},
    "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
}


def facts(**changed: Any) -> HostFacts:
    """A host on which root runs us, with what differs from that."""
    answers: dict[str, Any] = {
        "euid": 0,
        "in_user_namespace": False,
        "setgroups_allowed": True,
        "last_cap": 40,
        "network_namespace": HOST_NETWORK,
        "cgroups": HYBRID,
        "kcore": True,
    }
    return HostFacts(**(answers | changed))


def minimal(**sections: Any) -> dict[str, Any]:
    """The smallest configuration; a section that is a dict adds to the one that is there."""
    config = copy.deepcopy(MINIMAL)
    for key, section in sections.items():
        if isinstance(section, dict) and key in config:
            config[key].update(section)
        else:
            config[key] = section
    return config


def options(**changed: Any) -> CreateOptions:
    """The options of a plain create."""
    result = CreateOptions("c1")
    for name, value in changed.items():
        setattr(result, name, value)
    return result


def plan_of(
    config: dict[str, Any],
    host: HostFacts | None = None,
    chosen: CreateOptions | None = None,
    *,
    seccomp: tuple[bytes, int] | None = None,
    listen_fds: int = 0,
) -> Plan:
    """The plan of a configuration that keeps the rules, for a bundle at /bundle."""
    host, chosen = host or facts(), chosen or options()
    warnings = check_rules(config, chosen, host)  # type: ignore[arg-type]  # a plain dict
    dirs = [(item, f"{item.mountpoint}/c1") for item in host.cgroups.hierarchies]
    plan = make_plan(
        config,  # type: ignore[arg-type]
        "/bundle", "/bundle/rootfs", chosen, host, dirs, seccomp, listen_fds=listen_fds,
    )  # fmt: skip
    plan.warnings = warnings
    return plan


def problems_of(
    config: dict[str, Any], host: HostFacts | None = None, chosen: CreateOptions | None = None
) -> list[str]:
    """What the rules have against a configuration, one "field: text" each."""
    try:
        check_rules(config, chosen or options(), host or facts())  # type: ignore[arg-type]
    except ConfigError as error:
        text = str(error)
        if error.field != "config.json":
            return [text]
        return text.split(" problems: ", 1)[1].split("; ")
    return []


def warnings_of(
    config: dict[str, Any], host: HostFacts | None = None, chosen: CreateOptions | None = None
) -> list[str]:
    """The warnings about a configuration that keeps the rules."""
    return check_rules(config, chosen or options(), host or facts())  # type: ignore[arg-type]


def ops_named(plan: Plan, *names: str) -> list[ops.Op]:
    """The operations of these names, in order."""
    return [op for op in plan.ops if op.name in names]


def render(plan: Plan) -> str:
    """A plan to read: what the parent does, then a line for each operation."""
    lines = [
        f"staged {plan.staged}",
        f"clone {clone_words(plan.clone_flags)}",
        f"deny setgroups {plan.deny_setgroups}",
        f"oom_score_adj {plan.oom_score_adj}",
        f"preserved {plan.preserved}",
    ]
    lines += [f"uid map {m.container} {m.host} {m.size}" for m in plan.uid_maps]
    lines += [f"gid map {m.container} {m.host} {m.size}" for m in plan.gid_maps]
    lines += [f"time {line}" for line in plan.time_offsets]
    lines += [f"rlimit {r.resource} {r.soft} {r.hard} ({r.origin})" for r in plan.rlimits]
    for number, slot in enumerate(plan.slots, 2):
        foreign = f" not {slot.foreign}" if slot.foreign else ""
        lines.append(f"slot {number} {slot.kind} {slot.path}{foreign} ({slot.origin})")
    lines += [f"warning {line}" for line in plan.warnings]
    return "\n".join(lines + [""] + [render_op(op) for op in plan.ops]) + "\n"


def render_op(op: ops.Op) -> str:
    """One operation: name, place in the configuration, flags, numbers, strings."""
    parts = [op.name, f"({op.origin})"]
    if op.flags:
        parts.append(f"flags={op.flags:#x}")
    if op.name in ("setns", "unshare", "fork"):
        parts.append(" ".join([*map(str, op.numbers[:-1]), clone_words(op.numbers[-1])]))
    elif op.name == "sync":
        parts.append(ops.BARRIER_NAMES[op.numbers[0]])
    elif op.name in ("bounding", "caps", "root_propagation"):
        parts.append(" ".join(f"{number:#x}" for number in op.numbers))
    elif op.name in ("mount", "bind"):
        keys = ("set", "clr", "rec_set", "rec_clr", "propagation")
        pairs = zip(keys, op.numbers, strict=True)
        parts += [f"{key}={number:#x}" for key, number in pairs if number]
    elif op.name in ("mkdir", "umask", "mknod"):
        parts.append(" ".join([f"{op.numbers[0]:#o}", *map(str, op.numbers[1:])]))
    elif op.numbers:
        parts.append(" ".join(map(str, op.numbers)))
    parts += [repr(text) for text in op.strings]
    return " ".join(parts)


def clone_words(flags: int) -> str:
    """CLONE_NEW* in the names of the specification."""
    return "+".join(name for name, flag in namespaces.FLAGS.items() if flags & flag) or "-"
