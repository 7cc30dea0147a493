"""delete: remove a container that has stopped, or with --force any."""

from __future__ import annotations

from runtime.cli.options import FLAG, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "delete",
    "CONTAINER-ID",
    "delete a container, its cgroup and its state",
    least=1,
    most=1,
    options=(
        Option(
            "force", FLAG, "kill a container that runs; succeed if there is none", aliases=("f",)
        ),
    ),
    description="""
The container must have stopped, or have been created only; --force ends one that runs.
""",
)


def main(call: Call) -> int:
    """Delete the container; 0."""
    from runtime.lifecycle.delete import delete

    delete(call.store(), call.container_id(), force=call.flag("force"), log=call.log)
    return 0
