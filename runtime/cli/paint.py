"""Text for people: colours where a terminal shows them, columns that line up.

Commands that answer people use this; what engines read is never painted.
"""

from __future__ import annotations

import posix as os

from runtime.environment import variable

STDOUT = 1
COLOURS = {
    "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36",
    "bold": "1", "faint": "2",
}  # fmt: skip


class Paint:
    """Colours text, or leaves it as it is."""

    __slots__ = ("is_on",)

    def __init__(self, *, is_on: bool | None = None) -> None:
        """By default on if standard output is a terminal that may be coloured."""
        self.is_on = wants_colour() if is_on is None else is_on

    def __call__(self, colour: str, text: str) -> str:
        """`text` in a colour of COLOURS."""
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.is_on and text else text


def wants_colour() -> bool:
    """Source:  https://no-color.org: any value but the empty one turns colours off."""
    return os.isatty(STDOUT) and not variable("NO_COLOR") and variable("TERM") != "dumb"


def table(rows: list[tuple[str, ...]], gap: int = 2) -> list[str]:
    """Lines with columns as wide as their widest cell; the last one is not padded."""
    widths = [max(map(len, column)) + gap for column in zip(*rows, strict=True)]
    return [
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def counted(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``, ``no errors``."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
