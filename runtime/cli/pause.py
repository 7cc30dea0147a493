"""pause: suspend all processes of a container."""

from __future__ import annotations

from runtime.cli.options import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "pause", "CONTAINER-ID", "suspend all processes of a container", least=1, most=1,
    description="""
The processes stop where they are and keep their memory; resume lets them go on.
""",
)  # fmt: skip


def main(call: Call) -> int:
    """Pause the container; 0."""
    from runtime.lifecycle.pause import pause

    pause(call.store(), call.container_id(), call.log)
    return 0
