"""events: print what a container uses, and when it runs out of memory, as JSON."""

from __future__ import annotations

from runtime.cli.call import write_out
from runtime.cli.options import DURATION, FLAG, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "events",
    "CONTAINER-ID",
    "print OOM notices and resource usage of a container",
    least=1,
    most=1,
    options=(
        Option(
            "interval", DURATION, "print the usage once in DURATION, such as 500ms, 5s or 1m30s",
            metavar="DURATION", default="5s",
        ),
        Option("stats", FLAG, "print the usage once, now, and exit"),
    ),
    description="""
Every line is a JSON object: {"type":"stats","id":...,"data":{...}}, or {"type":"oom","id":...}
when the kernel finds no memory for the container within its limit. Ends with the container.
""",
)  # fmt: skip


def main(call: Call) -> int:
    """Print the events as they come; 0 when the container has ended."""
    from runtime.cli.duration import parse_duration
    from runtime.jsonfile import dump_compact
    from runtime.lifecycle.events import events
    from runtime.lifecycle.interrupt import die_of_signals

    once = call.flag("stats")
    interval_ns = parse_duration(call.text("interval"))
    if not once:
        die_of_signals()
    for event in events(call.store(), call.container_id(), interval_ns, once=once):
        write_out(dump_compact(event, go_escapes=True) + "\n")
    return 0
