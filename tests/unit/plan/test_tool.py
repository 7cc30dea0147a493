"""A program brought along is the end of the plan, and nothing looks for one in the container."""

from __future__ import annotations

from harness.plans import minimal, plan_of

from runtime.plan import ops
from runtime.plan.plan import FIRST_SLOT
from runtime.plan.tool import bring_tool


def test_bring_tool() -> None:
    plan = plan_of(minimal())
    before = [op.name for op in plan.ops]
    flags = plan.ops[-1].flags
    bring_tool(plan, "/bin/busybox")
    assert [op.name for op in plan.ops] == [name for name in before if name != "executable"]
    last = plan.ops[-1]
    assert last.flags == flags | ops.EXEC_FROM_SLOT
    assert last.numbers[2] == FIRST_SLOT + len(plan.slots) - 1
    assert (plan.slots[-1].kind, plan.slots[-1].path) == ("tool", "/bin/busybox")
