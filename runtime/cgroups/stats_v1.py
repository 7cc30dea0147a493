"""The statistics of `events` from the files of cgroup v1, a function a controller; pure.

Members, their order and what is left out are runc's.
Source:  kernel cgroup-v1/; runc's types/events.go.
"""

from __future__ import annotations

from runtime.cgroups.counters import (
    compact,
    keyed,
    members,
    number,
    numbers,
    page_sizes,
    rows,
    signed,
    whole,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.cgroups.counters import Read

# cpuacct.stat counts in ticks of USER_HZ, which is 100 on every architecture but alpha and ia64.
NANOSECONDS_PER_TICK = 10_000_000

CPUSET_SWITCHES = (
    "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
    "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
)  # fmt: skip

MEMORIES = (
    ("usage", "memory"),
    ("swap", "memory.memsw"),
    ("kernel", "memory.kmem"),
    ("kernelTCP", "memory.kmem.tcp"),
)

# Member -> the part of a file's name that says the same, in runc's order of members.
BLOCK_MEMBERS = (
    ("ioServiceBytesRecursive", "io_service_bytes"),
    ("ioServicedRecursive", "io_serviced"),
    ("ioQueueRecursive", "io_queued"),
    ("ioServiceTimeRecursive", "io_service_time"),
    ("ioWaitTimeRecursive", "io_wait_time"),
    ("ioMergedRecursive", "io_merged"),
    ("ioTimeRecursive", "time"),
    ("sectorsRecursive", "sectors"),
)
# Who counted, the richest first: (what names begin with, what they end in, the file that must
# say something for the group to be taken).
BLOCK_GROUPS = (
    ("blkio.bfq.", "_recursive", "sectors"),  # kernels with BFQ's debugging
    ("blkio.bfq.", "_recursive", "io_serviced"),
    ("blkio.", "_recursive", "sectors"),  # CFQ, gone since Linux 5.0
    ("blkio.throttle.", "_recursive", "io_serviced"),
    ("blkio.throttle.", "", "io_serviced"),
)


def cpu_usage(read: Read) -> dict[str, Any]:
    """CPU time, all of it and each CPU's.

    Units:   ns.
    """
    per_cpu = cpu_table(read("cpuacct.usage_all"))
    ticks = keyed(read("cpuacct.stat"))
    record = {
        "total": number(read("cpuacct.usage")),
        "percpu": numbers(read("cpuacct.usage_percpu")),
        "percpu_kernel": [kernel for _, kernel in per_cpu],
        "percpu_user": [user for user, _ in per_cpu],
        "kernel": ticks.get("system", 0) * NANOSECONDS_PER_TICK,
        "user": ticks.get("user", 0) * NANOSECONDS_PER_TICK,
    }
    return whole(record, "kernel", "user")


def cpu_table(text: str) -> list[tuple[int, int]]:
    """(user, system) of each line ``cpu user system`` below the header; more columns may come."""
    return [(number(row[1]), number(row[2])) for row in rows(text)[1:] if len(row) >= 3]


def throttling(read: Read) -> dict[str, Any]:
    """How often and how long the quota stopped it.

    Units:   ns.
    """
    stat = keyed(read("cpu.stat"))
    return compact(
        {
            "periods": stat.get("nr_periods", 0),
            "throttledPeriods": stat.get("nr_throttled", 0),
            "throttledTime": stat.get("throttled_time", 0),
        }
    )


def cpuset(read: Read, prefix: str) -> dict[str, Any]:
    """CPUs, memory nodes and the switches, these also where they are 0.

    Units:   prefix is "cpuset.", or "" on a mount with the option noprefix.
    """
    lists = {name: members(read(prefix + name)) for name in ("cpus", "mems")}
    switches = {name: signed(read(prefix + name)) for name in CPUSET_SWITCHES}
    order = ("cpus", "cpu_exclusive", "mems", *CPUSET_SWITCHES[1:])
    found = {**lists, **switches}
    return compact({name: found[name] for name in order}, *CPUSET_SWITCHES)


def memory(read: Read) -> dict[str, Any]:
    """Usage and limits: memory, memory and swap, the kernel's part, and memory.stat as it is.

    Units:   bytes.
    """
    raw = keyed(read("memory.stat"))
    record: dict[str, Any] = {"cache": raw.get("cache", 0)}
    for name, files in MEMORIES:
        record[name] = whole(
            {
                "limit": number(read(files + ".limit_in_bytes")),
                "usage": number(read(files + ".usage_in_bytes")),
                "max": number(read(files + ".max_usage_in_bytes")),
                "failcnt": number(read(files + ".failcnt")),
            },
            "limit",
            "failcnt",
        )
    record["raw"] = dict(sorted(raw.items()))
    return compact(record)


def blkio(read: Read) -> dict[str, Any]:
    """I/O of each device, by whoever counted it."""
    for start, end, first in BLOCK_GROUPS:
        if not block_entries(read(start + first + end)):
            continue
        return compact(
            {member: block_entries(read(start + part + end)) for member, part in BLOCK_MEMBERS}
        )
    return {}


def block_entries(text: str) -> list[dict[str, Any]]:
    """The lines ``8:0 Read 4096`` or ``8:0 4096``; the grand total has no device."""
    found = []
    for device, *words in rows(text):
        major, colon, minor = device.partition(":")
        if not colon or not words:
            continue
        record = {
            "major": number(major), "minor": number(minor),
            "op": words[0] if len(words) > 1 else "", "value": number(words[-1]),
        }  # fmt: skip
        found.append(compact(record))
    return found


def hugetlb(read: Read, names: list[str]) -> dict[str, Any]:
    """Page size -> usage; `names` are the cgroup's files."""
    record = {}
    for size, base in page_sizes(names, ".usage_in_bytes"):
        record[size] = compact(
            {
                "usage": number(read(base + ".usage_in_bytes")),
                "max": number(read(base + ".max_usage_in_bytes")),
                "failcnt": number(read(base + ".failcnt")),
            },
            "failcnt",
        )
    return record
