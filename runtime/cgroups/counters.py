"""What statistics files of cgroups say, as numbers; pure.

A file that is missing is the empty text, and says nothing. So does a line of a form that is
not known: kernels add keys and columns as they please, and statistics are no reason to fail.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # The content of a cgroup's file by name, empty where there is none.
    Read = Callable[[str], str]

UNLIMITED = (1 << 64) - 1  # how runc writes the `max` of v2


def number(text: str) -> int:
    """The one number of a file; `max` is UNLIMITED, what is negative or no number is 0."""
    word = text.strip()
    if word == "max":
        return UNLIMITED
    return int(word) if word.isdecimal() else 0


def signed(text: str) -> int:
    """The one number of a file, below zero too (``cpuset.sched_relax_domain_level``)."""
    word = text.strip()
    return -number(word[1:]) if word[:1] == "-" else number(word)


def numbers(text: str) -> list[int]:
    """The numbers of a file that has them one after the other."""
    return [number(word) for word in text.split()]


def rows(text: str) -> list[list[str]]:
    """The words of each line that has any."""
    return [words for words in map(str.split, text.splitlines()) if words]


def keyed(text: str) -> dict[str, int]:
    """key -> number of a flat keyed file."""
    found = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if value.isdecimal():
            found[key] = int(value)
    return found


def members(text: str) -> list[int]:
    """The numbers in a list of CPUs or memory nodes such as ``0-2,7``."""
    found: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found += range(int(first), int(last or first) + 1)
    return found


def page_sizes(names: list[str], end: str) -> list[tuple[str, str]]:
    """(``2MB``, what its files begin with) of each size of huge pages among a cgroup's files.

    Reserved pages where the kernel counts them: a fault on those cannot fail for the limit.
    """
    sizes = {n.split(".")[1] for n in names if n.startswith("hugetlb.") and n.endswith(end)}
    found = []
    for size in sorted(sizes):
        reserved = f"hugetlb.{size}.rsvd"
        found.append((size, reserved if reserved + end in names else f"hugetlb.{size}"))
    return found


def compact(record: dict[str, Any], *kept: str) -> dict[str, Any]:
    """`record` without what is zero or empty, those `kept` excepted: the omitempty of Go."""
    return {key: value for key, value in record.items() if value or key in kept}


def whole(record: dict[str, Any], *kept: str) -> dict[str, Any]:
    """The same; and where all is zero there is no record at all."""
    return compact(record, *kept) if any(record.values()) else {}
