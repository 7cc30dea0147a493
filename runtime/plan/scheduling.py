"""When and where the process runs: scheduler, I/O priority, CPUs."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.bit_list import bit_mask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Process
    from runtime.plan.ops import Op

# Source: include/uapi/linux/sched.h; SCHED_ISO is reserved, the kernel refuses it.
POLICIES = {
    "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4,
    "SCHED_IDLE": 5, "SCHED_DEADLINE": 6,
}  # fmt: skip
SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x1, "SCHED_FLAG_RECLAIM": 0x2, "SCHED_FLAG_DL_OVERRUN": 0x4,
    "SCHED_FLAG_KEEP_POLICY": 0x8, "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20, "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}  # fmt: skip
# Source: include/uapi/linux/ioprio.h
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}

CPUS_MOST = 8192  # Linux has no more


def plan_priorities(process: Process) -> list[Op]:
    """process.scheduler and process.ioPriority, while the process has its rights yet."""
    planned = []
    scheduler = process.get("scheduler")
    if scheduler:
        flags = 0
        for name in scheduler.get("flags", ()):
            flags |= SCHEDULER_FLAGS[name]
        planned.append(
            ops.scheduler(
                scheduler["policy"], POLICIES[scheduler["policy"]], flags,
                scheduler.get("nice", 0), scheduler.get("priority", 0),
                scheduler.get("runtime", 0), scheduler.get("deadline", 0),
                scheduler.get("period", 0),
            )
        )  # fmt: skip
    wanted = process.get("ioPriority")
    if wanted:
        kind = wanted["class"]
        planned.append(ops.io_priority(kind, IO_CLASSES[kind], wanted.get("priority", 0)))
    return planned


def plan_exec_affinity(process: Process) -> tuple[list[Op], list[Op]]:
    """What a process that joins a container does before it enters the cgroup, and after.

    `initial` alone stays in force afterwards; without both the process gets every CPU of the
    cgroup, not those of the caller.
    Source:  runtime-spec config.md, Process, execCPUAffinity.
    """
    affinity = process.get("execCPUAffinity", {})
    initial, final = affinity.get("initial", ""), affinity.get("final", "")
    before = [_on_cpus("initial", initial)] if initial else []
    if final:
        return before, [_on_cpus("final", final)]
    return before, [] if initial else [ops.every_cpu()]


def _on_cpus(key: str, cpus: str) -> Op:
    return ops.cpu_affinity(f"process.execCPUAffinity.{key}", cpus, cpu_mask(cpus))


def cpu_mask(cpus: str) -> bytes:
    """``0-3,7`` as sched_setaffinity(2) takes it.

    Errors:  ValueError that says what is wrong with it; an empty list, too.
    """
    return bit_mask(cpus, "CPU", CPUS_MOST)
