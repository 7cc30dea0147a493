"""A plan as a story: steps of both sides in the order in which they happen, grouped by stage."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.kernel_calls import clone_words, kernel_call
from runtime.plan.reasons import in_runc, why

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.plan import CgroupPlan
    from runtime.plan.ops import Op
    from runtime.plan.plan import Plan

RUNTIME, CHILD = "runtime", "container"
STAGES = (
    "Preparation: the runtime, before there is a process",
    "Birth: the process and its namespaces",
    "Names and settings of the namespaces",
    "Root filesystem, seen from outside",
    "Root filesystem, from inside",
    "What the program is allowed",
    "Created: all is ready, the program waits",
    "Start",
)
PREPARE, BIRTH, SETTINGS, OUTSIDE, INSIDE, PROCESS, CREATED, START = range(len(STAGES))
# The stage that an operation opens, unless a later one was open already.
OPENS = {
    "cpu_affinity": SETTINGS, "setsid": SETTINGS, "keyring": SETTINGS, "link_up": SETTINGS,
    "hostname": SETTINGS, "domainname": SETTINGS, "sysctl": SETTINGS,
    "root_propagation": OUTSIDE, "root": OUTSIDE, "mount": OUTSIDE, "bind": OUTSIDE,
    "file_label": OUTSIDE, "mkdir": OUTSIDE, "mknod": OUTSIDE, "symlink": OUTSIDE, "hook": OUTSIDE,
    "pivot": INSIDE, "move_root": INSIDE,
    "umask": PROCESS, "apparmor": PROCESS, "rlimit": PROCESS, "scheduler": PROCESS,
    "memory_policy": PROCESS, "personality": PROCESS, "user": PROCESS, "caps": PROCESS,
    "bounding": PROCESS, "no_new_privs": PROCESS, "seccomp": PROCESS, "fifo": CREATED,
    "exec": START,
}  # fmt: skip


class Step:
    """One thing that happens.

    side     RUNTIME or CHILD: who does it
    number   of the operation in the plan; -1 is none
    """

    __slots__ = ("call", "name", "number", "origin", "runc", "side", "what", "why")

    def __init__(
        self, side: str, what: str, origin: str, call: str, why: str, *,
        name: str = "", number: int = -1,
    ) -> None:  # fmt: skip
        self.side = side
        self.what = what
        self.origin = origin
        self.call = call
        self.why = why
        self.name = name
        self.number = number
        self.runc = in_runc(name)


def tell(plan: Plan, cgroup: CgroupPlan, config: object) -> list[tuple[str, list[Step]]]:
    """The stages with their steps; those without any are left out."""
    stages: list[list[Step]] = [[] for _ in STAGES]
    stages[PREPARE] = _preparation(plan, cgroup)
    stages[BIRTH].append(_clone(plan))
    at = BIRTH
    for number, op in enumerate(plan.ops):
        if op.name == "sync" and op.numbers[0] == ops.BARRIER_CREATED:
            at = CREATED
        at = max(at, OPENS.get(op.name, at))
        stages[at].append(_step(number, op))
        if op.name == "sync":
            stages[at] += _at_barrier(op.numbers[0], plan, config)
        if op.name == "fifo":
            at = START
    stages[START] += _hooks("poststart", config)
    return [(title, steps) for title, steps in zip(STAGES, stages, strict=True) if steps]


def _step(number: int, op: Op) -> Step:
    return Step(
        CHILD, op.what, op.origin, kernel_call(op), why(op), name=op.name, number=number
    )  # fmt: skip


def _clone(plan: Plan) -> Step:
    flags = clone_words(plan.clone_flags)
    if plan.staged:
        reason = "an intermediate process joins and maps first, then forks the container's"
    else:
        reason = "every namespace is new: one call makes them all"
    call = f"clone3({flags}, CLONE_PIDFD), execveat(a sealed copy in memory)"
    return Step(
        RUNTIME, "start the container's process", "linux.namespaces", call, reason, name="clone"
    )


def _preparation(plan: Plan, cgroup: CgroupPlan) -> list[Step]:
    steps = [
        Step(RUNTIME, "claim the id", "CONTAINER-ID", "mkdir, rename(state.json)",
             "what is about to be made is written down first, for who cleans up after a crash"),
    ]  # fmt: skip
    if cgroup.unit is not None:
        reason = "--systemd-cgroup: systemd owns the tree"
        steps.append(Step(RUNTIME, f"have systemd make {cgroup.unit.name}", "linux.cgroupsPath",
                          "StartTransientUnit", reason))  # fmt: skip
    for one in cgroup.dirs:
        names = ",".join(one.hierarchy.controllers) or "cgroup2"
        steps.append(
            Step(RUNTIME, f"make the cgroup {one.path} ({names})", "linux.cgroupsPath",
                 f'mkdir("{one.directory}")', "limits must hold from the first instruction on")
        )  # fmt: skip
        for setting in one.settings:
            steps.append(
                Step(RUNTIME, f"set {setting.file} to {setting.value}", setting.field,
                     f'write("{one.directory}/{setting.file}", "{setting.value}")', "asked for")
            )  # fmt: skip
    if cgroup.devices is not None and cgroup.devices_on is not None:
        is_v2 = cgroup.devices_on.hierarchy.version == 2
        call = "bpf(BPF_PROG_ATTACH)" if is_v2 else "write(devices.allow, devices.deny)"
        reason = "what is allowed is the usual dozen and what the configuration adds"
        steps.append(Step(RUNTIME, "limit the devices", "linux.resources.devices", call, reason))
    for slot in plan.slots:
        steps.append(
            Step(RUNTIME, f"open {slot.path} ({slot.kind})", slot.origin,
                 "mknod, open(O_PATH)" if slot.kind == "fifo" else "open",
                 "the process is handed a descriptor, and walks no path of the host")
        )  # fmt: skip
    return steps


def _at_barrier(barrier: int, plan: Plan, config: object) -> list[Step]:
    """What the runtime does while the process waits."""
    steps = []
    if barrier == ops.BARRIER_MAPS:
        if plan.deny_setgroups:
            reason = "without it a user may map no group"
            call = 'write("setgroups", "deny")'
            steps.append(Step(RUNTIME, "deny setgroups", "linux.gidMappings", call, reason))
        for kind, maps in (("uid", plan.uid_maps), ("gid", plan.gid_maps)):
            for one in maps:
                text = f"{one.container} {one.host} {one.size}"
                steps.append(Step(RUNTIME, f"map {one.size} {kind}s from {one.host} to "
                                  f"{one.container}", f"linux.{kind}Mappings",
                                  f'write("{kind}_map", "{text}")', "asked for"))  # fmt: skip
    elif barrier == ops.BARRIER_TIME:
        steps += [Step(RUNTIME, f"set the clock {line}", "linux.timeOffsets",
                       f'write("timens_offsets", "{line}")', "asked for")
                  for line in plan.time_offsets]  # fmt: skip
    elif barrier == ops.BARRIER_HOOKS:
        steps += [*_hooks("prestart", config), *_hooks("createRuntime", config)]
    elif barrier == ops.BARRIER_CREATED:
        steps.append(Step(RUNTIME, "save the state and the pid file", "CONTAINER-ID",
                          "rename(state.json)", "the status is created from here on"))  # fmt: skip
    return steps


def _hooks(name: str, config: object) -> list[Step]:
    from runtime.plan.hooks import runtime_hooks

    return [
        Step(RUNTIME, f"run the {name} hook {hook.path}", hook.origin,
             f'fork, execve("{hook.path}"), wait', "asked for")
        for hook in runtime_hooks(config, name)  # type: ignore[arg-type]  # a Config
    ]  # fmt: skip
