"""What is wrong with a scheduler, an I/O priority or a list of CPUs, beyond its names.

Source:  runtime-spec config.md, Process; sched_setattr(2); ioprio_set(2).
"""

from __future__ import annotations

from runtime.plan.scheduling import cpu_mask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Process, Scheduler
    from runtime.plan.findings import Findings

NICE_POLICIES = ("SCHED_OTHER", "SCHED_BATCH")
PRIORITY_POLICIES = ("SCHED_FIFO", "SCHED_RR")
PRIORITY_MOST = 99
IO_PRIORITY_MOST = 7


def check_scheduling(found: Findings, process: Process) -> None:
    """process.scheduler, process.ioPriority and process.execCPUAffinity."""
    if process.get("scheduler"):
        _check_scheduler(found, process["scheduler"])
    wanted = process.get("ioPriority")
    if wanted:
        priority = wanted.get("priority", 0)
        if not 0 <= priority <= IO_PRIORITY_MOST:
            found.error(
                "process.ioPriority.priority", f"{priority} is not between 0 and {IO_PRIORITY_MOST}"
            )
    affinity = process.get("execCPUAffinity", {})
    for key, cpus in (
        ("initial", affinity.get("initial", "")),
        ("final", affinity.get("final", "")),
    ):
        if cpus:
            try:
                cpu_mask(cpus)
            except ValueError as error:
                found.error(f"process.execCPUAffinity.{key}", str(error))


def _check_scheduler(found: Findings, scheduler: Scheduler) -> None:
    field, policy = "process.scheduler", scheduler["policy"]
    nice, priority = scheduler.get("nice", 0), scheduler.get("priority", 0)
    if policy in NICE_POLICIES and not -20 <= nice <= 19:
        found.error(f"{field}.nice", f"{nice} is not between -20 and 19")
    if policy in PRIORITY_POLICIES:
        if not 1 <= priority <= PRIORITY_MOST:
            found.error(
                f"{field}.priority",
                f"{priority} is not between 1 and {PRIORITY_MOST}, which {policy} needs",
            )
    elif priority:
        found.error(f"{field}.priority", f"is for {' and '.join(PRIORITY_POLICIES)} only")
    if policy != "SCHED_DEADLINE":
        for key, value in (
            ("runtime", scheduler.get("runtime", 0)),
            ("deadline", scheduler.get("deadline", 0)),
            ("period", scheduler.get("period", 0)),
        ):
            if value:
                found.error(f"{field}.{key}", "is for SCHED_DEADLINE only")
