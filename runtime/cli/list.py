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
    from collections.abc import Callable
    from typing import TypeVar

    from runtime.cli.call import Call, Json
    from runtime.state import Container, StateStore

    T = TypeVar("T")

COMMAND = Command(
    "list",
    "",
    "list the containers of the state root",
    least=0,
    most=0,
    options=(
        Option(
            "format",
            TEXT,
            "how to print the list",
            aliases=("f",),
            metavar="FORMAT",
            choices=("table", "json"),
            default="table",
        ),
        Option("quiet", FLAG, "print ids only", aliases=("q",)),
    ),
    description="""
The containers are those that were created with the same --root, whatever their status.
""",
)
HEADER = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")
KEYS = ("id", "pid", "status", "bundle", "created", "owner")
MINIMUM_WIDTH = 12
GAP = 3


def main(call: Call) -> int:
    """Print the containers; 0, also where some could not be read."""
    layout = call.text("format")
    store, root_given = call.store(), call.is_given("root")
    if call.flag("quiet"):
        found = read_containers(store, lambda container: container.id, root_given=root_given)
        write_out("".join(f"{container_id}\n" for container_id in found))
        return 0
    if layout not in ("table", "json"):
        raise ConfigError("invalid format option", hint="write --format table or --format json")
    owners: dict[int, str] = {}

    def members(container: Container) -> dict[str, Json]:
        uid = container.owner_uid
        if uid not in owners:
            owners[uid] = owner_name(uid)
        return state_members(container, owner=owners[uid])

    states = read_containers(store, members, root_given=root_given)
    if layout == "table":
        write_out(table_text(states))
    else:
        # runc's encoder writes an empty list as null, and its readers expect that.
        write_out(json_text([*states] or None) + "\n")
    return 0


def read_containers(
    store: StateStore, look: Callable[[Container], T], *, root_given: bool
) -> list[T]:
    """What `look` sees of every container that can be read, by id; of the others a line is said.

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
    found = []
    for container_id in sorted(ids):
        try:
            found.append(look(store.glance(container_id)))
        except ContainerError as error:
            say(f"load container {container_id}: {error}")
    return found


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
