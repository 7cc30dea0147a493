"""state: print what is known of a container, as JSON."""

from __future__ import annotations

from runtime.cli.call import json_text, write_out
from runtime.cli.options import Command
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call, Json
    from runtime.state import Container

COMMAND = Command(
    "state", "CONTAINER-ID", "print the state of a container, as JSON", least=1, most=1,
    description="""
The status is one of created, running, paused and stopped.
""",
)  # fmt: skip


def main(call: Call) -> int:
    """Print the state; 0."""
    container = call.store().load(call.container_id())
    # Without a newline at the end: every byte is runc's.
    write_out(json_text(state_members(container, owner=""), "  "))
    return 0


def state_members(container: Container, *, owner: str) -> dict[str, Json]:
    """The members in runc's order; ociVersion is the runtime's, not config.json's.

    Units:   pid is 0 when the container has stopped.
    """
    status = container.status()
    members: dict[str, Json] = {
        "ociVersion": SPEC_VERSION,
        "id": container.id,
        "pid": 0 if status == "stopped" else container.pid,
        "status": status,
        "bundle": container.bundle,
        "rootfs": container.rootfs,
        "created": container.created,
    }
    if container.annotations:
        members["annotations"] = dict(sorted(container.annotations.items()))
    members["owner"] = owner
    return members
