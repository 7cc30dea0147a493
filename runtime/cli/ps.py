"""ps: show the processes of a container."""

from __future__ import annotations

from runtime.cli.call import json_text, write_out
from runtime.cli.options import NO_MAXIMUM, TEXT, Command, Option
from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "ps",
    "CONTAINER-ID [PS-OPTION...]",
    "show the processes of a container",
    least=1,
    most=NO_MAXIMUM,
    options=(
        Option(
            "format",
            TEXT,
            "how to print the processes",
            aliases=("f",),
            metavar="FORMAT",
            choices=("table", "json"),
            default="table",
        ),
    ),
    description="""
The table is what ps(1) prints for the options given, -ef without any, less the processes of
others; its PID column must be among the columns. JSON is the list of pids. Pids are those of
the host.
""",
    in_order=True,
)


def main(call: Call) -> int:
    """Print the processes; 0."""
    layout = call.text("format")
    if layout not in ("table", "json"):
        raise ConfigError("invalid format option", hint="write --format table or --format json")
    from runtime.lifecycle.ps import lines_of, pids, ps_output

    found = pids(call.store(), call.container_id(), call.log)
    if layout == "json":
        # An empty list is null, as runc's encoder writes it.
        write_out(json_text([*found] or None) + "\n")
        return 0
    table = lines_of(found, ps_output(call.arguments[1:]))
    write_out(table.decode("utf-8", "surrogateescape"))
    return 0
