"""What may have been meant by a name that there is not: asked for after a mistake only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN_MOST = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean --force?``, a hint; "" when nothing known comes near."""
    found = similar(name, known)
    if not found:
        return ""
    *others, last = found
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def similar(name: str, known: Iterable[str]) -> list[str]:
    """What `name` abbreviates, else what is a slip or two away, the nearest only.

    Names of a letter or two are near to everything, and say nothing.
    """
    letters = name.strip("-")
    if len(letters) < 2:
        return []
    names = sorted({one for one in known if len(one.strip("-")) > 1})
    if longer := [one for one in names if one.startswith(name)]:
        return longer[:SHOWN_MOST]
    slips = {one: distance(letters, one.strip("-")) for one in names}
    nearest = min(slips.values(), default=0)
    if nearest > min(2, len(letters) // 2):
        return []
    return [one for one in names if slips[one] == nearest][:SHOWN_MOST]


def distance(one: str, other: str) -> int:
    """How many slips part two words: a letter left out, added, replaced, or two swapped.

    Source:  optimal string alignment, the restricted Damerau-Levenshtein distance.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        last, row = row, [i + 1]
        for j, wanted in enumerate(other):
            cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter != wanted))
            if i and j and letter == other[j - 1] and one[i - 1] == wanted:
                cost = min(cost, before[j - 1] + 1)
            row.append(cost)
        before = last
    return row[-1]
