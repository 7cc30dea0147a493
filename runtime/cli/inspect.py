"""inspect: show a running container beside its configuration."""

from __future__ import annotations

from runtime.cli.call import json_text, write_out
from runtime.cli.options import FLAG, Command, Option
from runtime.errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call, Json
    from runtime.cli.paint import Paint
    from runtime.lifecycle.inspect import Row

DRIFT_STATUS = 2
COMMAND = Command(
    "inspect",
    "CONTAINER-ID",
    "show a container beside its configuration",
    least=1,
    most=1,
    options=(
        Option("drift", FLAG, "show only where they differ, and exit with 2 if they do"),
        Option("json", FLAG, "print the comparison as JSON"),
    ),
    description="""
Namespaces, user, capabilities, limits, mounts and cgroup values, as the kernel has them now.
""",
)


def main(call: Call) -> int:
    """Print the comparison; 0, under --drift 2 when something differs."""
    from runtime.cli.paint import Paint
    from runtime.lifecycle.inspect import inspect
    from runtime.lifecycle.ps import pids

    container_id = call.container_id()
    status, pid, rows = inspect(call.store(), container_id)
    drifted = [row for row in rows if row.differs]
    shown = drifted if call.flag("drift") else rows
    if call.flag("json"):
        document: dict[str, Json] = {
            "id": container_id, "status": status, "pid": pid,
            "pids": [*pids(call.store(), container_id, call.log)],
            "drift": len(drifted), "rows": [_document(row) for row in shown],
        }  # fmt: skip
        write_out(json_text(document, "  ") + "\n")
    else:
        heading = f"{container_id}: {status}, pid {pid}"
        write_out(as_text(heading, shown, Paint()))
    return DRIFT_STATUS if call.flag("drift") and drifted else 0


def _document(row: Row) -> dict[str, Json]:
    return {
        "area": row.area, "what": row.what, "configured": row.configured, "actual": row.actual,
        "differs": row.differs,
    }  # fmt: skip


def as_text(heading: str, rows: list[Row], paint: Paint) -> str:
    """By area; what differs is marked, and both sides are shown."""
    lines = [heading]
    if not rows:
        lines.append(paint("green", "as configured"))
    area = ""
    for row in rows:
        if row.area != area:
            area = row.area
            lines.append(paint("bold", area))
        what = printable(row.what)
        if row.differs:
            lines.append(
                f"{paint('red', '!')} {what}: {printable(row.actual)}, "
                f"{paint('yellow', 'configured')}: {printable(row.configured)}"
            )
        elif row.differs is None:
            lines.append(f"? {what}: {printable(row.actual)}, written: {printable(row.configured)}")
        else:
            lines.append(f"  {what}: {printable(row.actual)}")
    return "\n".join(lines) + "\n"
