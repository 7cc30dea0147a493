"""list: print the containers of the state root as a table, as JSON or by id alone."""

from __future__ import annotations

from errno import ENOENT

from runtime.cli.call import json_text, write_out
from runtime.cli.options import FLAG, TEXT, Command, Option
from runtime.cli.state import state_members
from runtime.errors import ConfigError, ContainerError, HostError
from runtime.log import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call, Json
    from runtime.state import StateStore

COMMAND = Command(
    "list",
    "",
    "list the containers of the state root",
    least=0,
    most=0,
    options=(
        Option("format", TEXT, "table or json", aliases=("f",), metavar="FORMAT", default="table"),
        Option("quiet", FLAG, "print ids only", aliases=("q",)),
    ),
)
HEADER = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")
KEYS = ("id", "pid", "status", "bundle", "created", "owner")
MINIMUM_WIDTH = 12
GAP = 3


def main(call: Call) -> int:
    """Print the containers; 0, also where some could not be read."""
    states = read_states(call.store(), root_given=call.is_given("root"))
    layout = call.text("format")
    if call.flag("quiet"):
        write_out("".join(f"{state['id']}\n" for state in states))
    elif layout == "table":
        write_out(table_text(states))
    elif layout == "json":
        # runc's encoder writes an empty list as null, and its readers expect that.
        write_out(json_text([*states] or None) + "\n")
    else:
        raise ConfigError("invalid format option", hint="write --format table or --format json")
    return 0


def read_states(store: StateStore, *, root_given: bool) -> list[dict[str, Json]]:
    """The members of every container that can be read, by id; of the others a line is said.

    Errors:  HostError when the state root cannot be read. The default one may be missing:
             there were no containers yet.
    """
    try:
        ids = store.ids()
    except HostError as error:
        is_missing = error.errno == ENOENT or isinstance(error.__cause__, FileNotFoundError)
        if is_missing and not root_given:
            return []
        raise
    states = []
    for container_id in sorted(ids):
        try:
            container = store.load(container_id)
            state = state_members(container, owner=owner_name(container.owner_uid))
        except ContainerError as error:
            say(f"load container {container_id}: {error}")
        else:
            states.append(state)
    return states


def owner_name(uid: int) -> str:
    """The user's name, ``#uid`` where there is none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def table_text(states: list[dict[str, Json]]) -> str:
    """The header and a line for each container, columns as wide as their longest cell."""
    rows = [HEADER, *(tuple(str(state[key]) for key in KEYS) for state in states)]
    widths = [max(MINIMUM_WIDTH, max(map(len, column)) + GAP) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    return "".join(
        "".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + "\n"
        for row in rows
    )
