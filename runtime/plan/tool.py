"""A program that the container has not: brought along in memory, executed by its descriptor."""

from __future__ import annotations

from runtime.plan import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.plan import Plan


def bring_tool(plan: Plan, path: str) -> None:
    """Have the plan end in the program `path` of the host, which no file of the container is.

    The copy is sealed: nobody in the container comes to the host's file by way of /proc/PID/exe.
    """
    slot = plan.add_slot("tool", path, "--tool")
    plan.ops = [op for op in plan.ops if op.name != "executable"]
    program = plan.ops[-1]
    program.flags |= ops.EXEC_FROM_SLOT
    program.numbers = (*program.numbers, slot)
    program.origin = "--tool"
