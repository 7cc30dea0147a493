"""A trace as a waterfall: bars in a terminal, or one page that needs nothing else."""

from __future__ import annotations

import html
import json

from runtime.cli.paint import Paint
from runtime.errors import ConfigError, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BAR = 40
EIGHTHS = " ▏▎▍▌▋▊▉█"
PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ padding: 1px 8px; text-align: left; white-space: nowrap }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums }}
td.bar {{ width: 45%; position: relative }}
td.bar i {{ position: absolute; top: 20%; height: 60%; min-width: 2px; border-radius: 2px }}
.runtime i {{ background: #4878a8 }} .container i {{ background: #d08030 }}
.wait i {{ opacity: .35 }} .failed td {{ color: #b00020 }} .failed i {{ background: #b00020 }}
tr:hover td {{ background: #f2f2f2 }} code {{ color: #777 }}
@media (prefers-color-scheme: dark) {{
body {{ color: #ddd; background: #181818 }} tr:hover td {{ background: #262626 }} }}
</style></head><body><h1>{title}</h1>
<p>{summary} <b style="color:#4878a8">runtime</b>, <b style="color:#d08030">container</b>; pale
bars wait for the other side.</p>
<table><tr><th>start ms</th><th>ms</th><th></th><th>step</th><th>asked for by</th></tr>
{rows}
</table></body></html>
"""


class Bar:
    """One event: milliseconds, names, how it ended."""

    __slots__ = ("call", "error", "is_unfinished", "is_wait", "length", "name", "origin", "side",
                 "start")  # fmt: skip

    def __init__(self, event: dict[str, Any]) -> None:
        more = event.get("args", {})
        self.name = str(event["name"])
        self.start = float(event["ts"]) / 1000
        self.length = float(event["dur"]) / 1000
        self.side = "runtime" if event["tid"] == 1 else "container"
        self.origin = str(more.get("origin", ""))
        self.call = str(more.get("call", ""))
        self.error = str(more.get("error", ""))
        self.is_unfinished = more.get("unfinished") is True
        self.is_wait = more.get("wait") is True


def read_bars(path: str) -> list[Bar]:
    """The events of a trace file, in the order of their begin.

    Errors:  ConfigError for a file that cannot be read, or is no trace of ours.
    """
    try:
        with open(path, encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
        bars = [Bar(event) for event in events if event.get("ph") == "X"]
    except OSError as error:
        raise ConfigError(f"read {path}", errno=error.errno or 0) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} is no trace", hint=f"write one with --trace {path}: {error}"
        ) from error
    return sorted(bars, key=lambda bar: (bar.start, -bar.length))


def as_text(bars: list[Bar], paint: Paint) -> str:
    """A line for each event, bars to scale; the longest are what to look at."""
    if not bars:
        return "no events\n"
    total = whole(bars)
    lines = [paint("bold", f"{'start':>9} {'ms':>9}  {'':{BAR}}  step")]
    for bar in bars:
        colour = "red" if bar.error else "blue" if bar.side == "runtime" else "yellow"
        if bar.is_wait and not bar.error:
            colour = "faint"
        place = f"  {paint('green', bar.origin)}" if bar.origin else ""
        lines.append(
            f"{bar.start:9.3f} {_length(bar):>9}  {paint(colour, _drawn(bar, total))}  "
            f"{printable(bar.name)}{place}{paint('red', _ending(bar))}"
        )
    lines.append(summary(bars))
    return "\n".join(lines) + "\n"


def as_page(bars: list[Bar], title: str) -> str:
    """One HTML page with everything in it, no script."""
    total = whole(bars)
    rows = "\n".join(_row(bar, total) for bar in bars)
    return PAGE.format(title=html.escape(title), summary=summary(bars), rows=rows)


def whole(bars: list[Bar]) -> float:
    """From the first begin to the last end, in milliseconds."""
    return max((bar.start + bar.length for bar in bars), default=0.0)


def summary(bars: list[Bar]) -> str:
    """The total, and what took longest of all that does not contain or await other things."""
    leaves = [b for b in bars if not b.is_wait and not _contains_others(b, bars)]
    if not leaves:
        return "nothing was done"
    longest = sorted(leaves, key=lambda bar: bar.length, reverse=True)[:3]
    words = ", ".join(f"{printable(bar.name)} {bar.length:.3f} ms" for bar in longest)
    return f"{whole(bars):.3f} ms in all; longest: {words}"


def _contains_others(bar: Bar, bars: list[Bar]) -> bool:
    return any(
        other is not bar and other.side == bar.side and bar.start <= other.start
        and other.start + other.length <= bar.start + bar.length and other.length > 0
        for other in bars
    )  # fmt: skip


def _length(bar: Bar) -> str:
    return "..." if bar.is_unfinished else f"{bar.length:.3f}"


def _ending(bar: Bar) -> str:
    return f"  {printable(bar.error)}" if bar.error else ""


def _drawn(bar: Bar, total: float) -> str:
    """The bar in eighths of a character; at least one of them is seen."""
    scale = BAR * 8 / total if total else 0
    first = int(bar.start * scale)
    last = max(int((bar.start + bar.length) * scale), first + 1)
    cells = []
    for cell in range(0, BAR * 8, 8):
        # A cell is filled from its left only: where a bar begins inside and goes on, all of it is.
        covered = last - max(first, cell) if last <= cell + 8 else 8 if first < cell + 8 else 0
        cells.append(EIGHTHS[max(covered, 0)])
    return "".join(cells)


def _row(bar: Bar, total: float) -> str:
    left = 100 * bar.start / total if total else 0
    width = 100 * bar.length / total if total else 0
    classes = [bar.side, *(["wait"] * bar.is_wait), *(["failed"] * bool(bar.error))]
    name, origin, call, ending = map(html.escape, (bar.name, bar.origin, bar.call, _ending(bar)))
    return (
        f'<tr class="{" ".join(classes)}" title="{call}"><td class="n">{bar.start:.3f}</td>'
        f'<td class="n">{_length(bar)}</td>'
        f'<td class="bar"><i style="left:{left:.2f}%;width:{width:.2f}%"></i></td>'
        f"<td>{name}{ending}</td><td><code>{origin}</code></td></tr>"
    )
