"""trace: show what a file of --trace holds."""

from __future__ import annotations

from runtime.cli.call import write_out
from runtime.cli.options import FLAG, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "trace",
    "FILE",
    "show where the time of a create or run went",
    least=1,
    most=1,
    options=(Option("html", FLAG, "print a page for a browser"),),
    description="""
FILE is what `pyrunc create --trace FILE` or `pyrunc run --trace FILE` has written. Viewers of
Chrome traces open it as well.
""",
)  # fmt: skip


def main(call: Call) -> int:
    """Print the waterfall; 0."""
    from runtime.cli.paint import Paint
    from runtime.cli.waterfall import as_page, as_text, read_bars

    path = call.arguments[0]
    bars = read_bars(path)
    write_out(as_page(bars, f"pyrunc: {path}") if call.flag("html") else as_text(bars, Paint()))
    return 0
