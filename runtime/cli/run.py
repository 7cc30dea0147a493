"""run: create a container, start it and, unless detached, wait for its end."""

from __future__ import annotations

from runtime.cli.create import CREATE_OPTIONS, create_options, creation_globals
from runtime.cli.options import FLAG, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "run",
    "CONTAINER-ID",
    "create a container and start its program",
    least=1,
    most=1,
    options=(
        *CREATE_OPTIONS,
        Option("detach", FLAG, "leave the container running and return", aliases=("d",)),
        Option("keep", FLAG, "do not delete the container when its program has ended"),
        Option("no-subreaper", FLAG, "do not adopt the container's orphaned processes"),
    ),
    description="""
Without --detach pyrunc waits for the program's end, deletes the container and exits
with the program's status, or with 128+N when signal N ended it.

With NOTIFY_SOCKET in its environment pyrunc gives the program a socket of its own at
/run/notify and tells the service manager when the program says READY=1 there; with
--detach it waits for that.
""",
    failure_prefix="pyrunc run failed: ",
)


def main(call: Call) -> int:
    """Run the container: 0 when detached, else the exit status of its program."""
    from runtime.lifecycle.run import run

    options = create_options(call)
    options.detach = call.flag("detach")
    options.keep = call.flag("keep")
    options.no_subreaper = call.flag("no-subreaper")
    if options.trace:
        from runtime.lifecycle.trace import traced

        return traced(options.trace, lambda: run(options, creation_globals(call), call.log))
    return run(options, creation_globals(call), call.log)
