"""The statistics of `events` from the files of cgroup v2, a function a controller; pure.

They are told in the words of v1, as runc does: what v2 counts otherwise is converted.
Source:  kernel cgroup-v2.rst, accounting/psi.rst; runc's types/events.go.
"""

from __future__ import annotations

from runtime.cgroups.counters import UNLIMITED, compact, keyed, number, page_sizes, rows, whole
from runtime.cgroups.stats_v1 import CPUSET_SWITCHES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.cgroups.counters import Read

NANOSECONDS_PER_MICROSECOND = 1000

# Key of io.stat -> (member, operation); others have no name in v1.
BLOCK_KEYS = {
    "rbytes": ("ioServiceBytesRecursive", "Read"),
    "wbytes": ("ioServiceBytesRecursive", "Write"),
    "rios": ("ioServicedRecursive", "Read"),
    "wios": ("ioServicedRecursive", "Write"),
}


def cpu_usage(read: Read) -> dict[str, Any]:
    """CPU time; every cgroup has it, also without the controller.

    Units:   ns, from microseconds.
    """
    stat = keyed(read("cpu.stat"))
    record = {
        "total": stat.get("usage_usec", 0) * NANOSECONDS_PER_MICROSECOND,
        "kernel": stat.get("system_usec", 0) * NANOSECONDS_PER_MICROSECOND,
        "user": stat.get("user_usec", 0) * NANOSECONDS_PER_MICROSECOND,
    }
    return whole(record, "kernel", "user")


def throttling(read: Read) -> dict[str, Any]:
    """How often and how long the quota stopped it.

    Units:   ns, from microseconds.
    """
    stat = keyed(read("cpu.stat"))
    return compact(
        {
            "periods": stat.get("nr_periods", 0),
            "throttledPeriods": stat.get("nr_throttled", 0),
            "throttledTime": stat.get("throttled_usec", 0) * NANOSECONDS_PER_MICROSECOND,
        }
    )


def cpuset() -> dict[str, Any]:
    """Zeros: v2 has no such switches. Its CPUs are not told, as with runc."""
    return dict.fromkeys(CPUSET_SWITCHES, 0)


def memory(read: Read) -> dict[str, Any]:
    """Usage and limits, swap counted together with memory as v1 does, and memory.stat.

    Units:   bytes; UNLIMITED is no limit.
    """
    raw = keyed(read("memory.stat"))
    usage, limit = number(read("memory.current")), number(read("memory.max"))
    both = min(limit + number(read("memory.swap.max")), UNLIMITED)
    record = {
        "cache": raw.get("file", 0),
        "usage": whole(
            {"limit": limit, "usage": usage, "max": number(read("memory.peak")), "failcnt": 0},
            "limit",
            "failcnt",
        ),
        # The peaks of two things are no peak of their sum, so there is no max.
        "swap": whole(
            {"limit": both, "usage": usage + number(read("memory.swap.current")), "failcnt": 0},
            "limit",
            "failcnt",
        ),
        "raw": dict(sorted(raw.items())),
    }
    return compact(record)


def io(read: Read) -> dict[str, Any]:
    """I/O of each device, from lines ``8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0``."""
    record: dict[str, list[dict[str, Any]]] = {member: [] for member, _ in BLOCK_KEYS.values()}
    for device, *words in rows(read("io.stat")):
        major, _, minor = device.partition(":")
        for word in words:
            key, _, value = word.partition("=")
            if key in BLOCK_KEYS:
                member, op = BLOCK_KEYS[key]
                entry = {
                    "major": number(major), "minor": number(minor), "op": op,
                    "value": number(value),
                }  # fmt: skip
                record[member].append(compact(entry))
    return compact(record)


def hugetlb(read: Read, names: list[str]) -> dict[str, Any]:
    """Page size -> usage; `names` are the cgroup's files."""
    record = {}
    for size, base in page_sizes(names, ".current"):
        refused = keyed(read(f"hugetlb.{size}.events")).get("max", 0)
        usage = number(read(base + ".current"))
        record[size] = compact({"usage": usage, "failcnt": refused}, "failcnt")
    return record


def pressure(text: str) -> dict[str, Any] | None:
    """How much time was lost waiting, some or all of its tasks; None where nobody counts.

    Units:   per cent of the last 10, 60 and 300 s; total in microseconds.
    """
    if not text:
        return None
    record = {}
    for kind, *words in rows(text):
        values = dict(word.split("=", 1) for word in words if "=" in word)
        averages = {name: percentage(values.get(name, "")) for name in ("avg10", "avg60", "avg300")}
        row = {**averages, "total": number(values.get("total", ""))}
        if kind in ("some", "full") and any(row.values()):
            record[kind] = row
    return record


def percentage(text: str) -> int | float:
    """A number with decimals, a whole one as Go prints it: without a point."""
    if not text.replace(".", "", 1).isdecimal():
        return 0
    value = float(text)
    return int(value) if value.is_integer() else value
