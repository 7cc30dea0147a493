"""gc: remove what a crash has left in the state root."""

from __future__ import annotations

from runtime.cli.call import json_text, write_out
from runtime.cli.options import FLAG, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call
    from runtime.cli.paint import Paint
    from runtime.lifecycle.gc import Leftover

COMMAND = Command(
    "gc",
    "",
    "remove what a crash has left in the state root",
    least=0,
    most=0,
    options=(
        Option("dry-run", FLAG, "only say what would be removed", aliases=("n",)),
        Option("stopped", FLAG, "remove containers that have stopped as well"),
        Option("json", FLAG, "print what was found as JSON"),
    ),
    description="""
Removed are containers of an earlier boot, those whose maker died before they were created, with
their cgroups, and compiled seccomp filters of other versions. What an engine may still ask for is
left alone.
""",
)


def main(call: Call) -> int:
    """Print what was removed; 0, or 1 when something could not be."""
    from runtime.cli.paint import Paint
    from runtime.lifecycle.gc import collect

    dry_run = call.flag("dry-run")
    found = collect(call.store(), call.log, dry_run=dry_run, stopped=call.flag("stopped"))
    if call.flag("json"):
        keys = ("kind", "name", "reason", "error")
        rows = [{key: getattr(leftover, key) for key in keys} for leftover in found]
        write_out(json_text([*rows], "  ") + "\n")
    else:
        write_out(as_text(found, Paint(), dry_run=dry_run))
    return 1 if any(leftover.error for leftover in found) else 0


def as_text(found: list[Leftover], paint: Paint, *, dry_run: bool) -> str:
    """A line for each; nothing found is said, too."""
    if not found:
        return "nothing was left\n"
    lines = []
    for one in found:
        verb = "would remove" if dry_run else "removed"
        if one.error:
            verb = paint("red", "could not remove")
        words = f": {one.error}" if one.error else ""
        lines.append(f"{verb} the {one.kind} {paint('bold', one.name)} ({one.reason}){words}")
    return "\n".join(lines) + "\n"
