"""resume: let the processes of a paused container go on."""

from __future__ import annotations

from runtime.cli.options import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "resume", "CONTAINER-ID", "let the processes of a paused container go on", least=1, most=1,
    description="""
A container that was paused before it was started is in the status created again.
""",
)  # fmt: skip


def main(call: Call) -> int:
    """Resume the container; 0."""
    from runtime.lifecycle.pause import resume

    resume(call.store(), call.container_id(), call.log)
    return 0
