"""start: let the program of a created container begin."""

from __future__ import annotations

from runtime.cli.options import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "start",
    "CONTAINER-ID",
    "start the program of a created container",
    least=1,
    most=1,
    description="""
Returns when the program has been executed, or tells why it could not be.

With NOTIFY_SOCKET in the environment of create and of start, pyrunc waits until the
program says READY=1 on the socket at /run/notify, and tells the service manager.
""",
)


def main(call: Call) -> int:
    """Start the container; 0."""
    from runtime.lifecycle.start import start

    start(call.store(), call.container_id(), call.log)
    return 0
