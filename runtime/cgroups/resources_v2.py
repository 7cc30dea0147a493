"""linux.resources as cgroup v2 files; pure, one function a controller.

The configuration speaks the language of v1. What v2 counts otherwise is converted; what it
cannot do is an error if it would have an effect. The order within a list is the order of
the writes.
"""

from __future__ import annotations

from runtime.cgroups.setting import (
    IGNORE,
    WARN,
    Setting,
    check_memory_sizes,
    check_swap,
    device_number,
    page_size,
    pids,
    rdma,
)
from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DEFAULT_PERIOD_US = 100000

MEMORY = "linux.resources.memory"
CPU = "linux.resources.cpu"
BLOCK = "linux.resources.blockIO"

THROTTLES = (
    ("throttleReadBpsDevice", "rbps"),
    ("throttleWriteBpsDevice", "wbps"),
    ("throttleReadIOPSDevice", "riops"),
    ("throttleWriteIOPSDevice", "wiops"),
)


def weight_of_shares(shares: int) -> int:
    """cpu.weight for cpu.shares: 2, 1024 and 262144 become 1, 100 and 10000.

    A quadratic through these three points on a logarithmic scale, so that the default of
    one is the default of the other, as all runtimes compute it since 2025. The old linear
    formula gave a default container 39, less than half of its fair share.
    Units:   shares 0 is "not set" and stays 0.
    Source:  runc's libcontainer/cgroups, Kubernetes KEP-2254.
    """
    if shares == 0:
        return 0
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    # math is a shared object on some builds: imported where shares are given.
    from math import ceil, log2

    log = log2(shares)
    exponent = (log * log + 125 * log) / 612.0 - 7.0 / 34.0
    return ceil(10**exponent)


def io_weight_of_blkio(weight: int) -> int:
    """io.weight (1 to 10000) for a blkio weight (10 to 1000), linear; 0 stays 0."""
    if weight == 0:
        return 0
    return 1 + (weight - 10) * 9999 // 990


def swap_max(limit: int, swap: int) -> str | None:
    """memory.swap.max, swap alone, from memory plus swap; None leaves the file alone.

    Units:   bytes; -1 is no limit, 0 is not set.
    Errors:  ConfigError when swap is below the limit, or the limit is missing.
    """
    if swap == -1 or (limit == -1 and swap == 0):
        return "max"
    if swap == 0:
        return None
    check_swap(limit, swap)
    return str(swap if limit == -1 else swap - limit)


def size(limit: int) -> str:
    """Bytes, -1 as ``max``."""
    return "max" if limit == -1 else str(limit)


def memory(resources: dict[str, Any]) -> list[Setting]:
    """Swap before the limit: a limit that comes first could push pages out to swap.

    Errors:  ConfigError for sizes that do not fit each other, and for what v2 has not.
    """
    given: dict[str, Any] = resources.get("memory") or {}
    if given.get("swappiness") is not None:
        raise v1_only("memory.swappiness")
    if given.get("disableOOMKiller"):
        raise v1_only("memory.disableOOMKiller")
    for name in ("kernel", "kernelTCP"):
        if (given.get(name) or 0) > 0:
            raise v1_only(f"memory.{name}")
    check_memory_sizes(given)
    limit = given.get("limit") or 0
    settings = []
    swap = swap_max(limit, given.get("swap") or 0)
    if swap is not None:
        # A kernel without swap has no such file, and swaps nothing.
        missing = IGNORE if swap in ("max", "0") else 0
        settings.append(Setting("memory.swap.max", swap, MEMORY + ".swap", missing=missing))
    if limit:
        settings.append(Setting("memory.max", size(limit), MEMORY + ".limit"))
    if reservation := given.get("reservation"):
        settings.append(Setting("memory.low", size(reservation), MEMORY + ".reservation"))
    return settings


def cpu(resources: dict[str, Any]) -> list[Setting]:
    """Idle first: while it is 1 the kernel refuses every weight, so none is written then.

    Units:   microseconds; a negative quota is no limit.
    """
    given: dict[str, Any] = resources.get("cpu") or {}
    for name in ("realtimeRuntime", "realtimePeriod"):
        if given.get(name):
            raise v1_only(f"cpu.{name}")
    settings = []
    idle = given.get("idle")
    if idle is not None:
        missing = WARN if idle else IGNORE
        settings.append(Setting("cpu.idle", idle, CPU + ".idle", missing=missing))
    if not idle and (weight := weight_of_shares(given.get("shares") or 0)):
        settings.append(Setting("cpu.weight", weight, CPU + ".shares"))
    quota = given.get("quota") or 0
    period = given.get("period") or 0
    burst = given.get("burst")
    if burst is not None:
        missing = WARN if burst else IGNORE
        after = "cpu.max" if quota or period else ""
        settings.append(
            Setting("cpu.max.burst", burst, CPU + ".burst", after=after, missing=missing)
        )
    if quota or period:
        most = str(quota) if quota > 0 else "max"
        field = f"{CPU}.quota" if quota else f"{CPU}.period"
        settings.append(Setting("cpu.max", f"{most} {period or DEFAULT_PERIOD_US}", field))
    return settings


def cpuset(resources: dict[str, Any]) -> list[Setting]:
    """CPUs and memory nodes, lists such as ``0-3,7``."""
    given: dict[str, Any] = resources.get("cpu") or {}
    return [
        Setting(f"cpuset.{name}", given[name], f"{CPU}.{name}")
        for name in ("cpus", "mems")
        if given.get(name)
    ]


def io(resources: dict[str, Any]) -> list[Setting]:
    """Weights (BFQ's file where that scheduler is, else the converted one) and throttles.

    Weights per device are BFQ's alone: io.weight of the cost model is another thing.
    """
    given: dict[str, Any] = resources.get("blockIO") or {}
    if given.get("leafWeight"):
        raise v1_only("blockIO.leafWeight")
    settings = []
    if weight := given.get("weight"):
        field = BLOCK + ".weight"
        other = Setting("io.weight", io_weight_of_blkio(weight), field)
        settings.append(Setting("io.bfq.weight", weight, field, instead=other))
    for index, entry in enumerate(given.get("weightDevice") or ()):
        if entry.get("leafWeight"):
            raise v1_only(f"blockIO.weightDevice[{index}].leafWeight")
        if weight := entry.get("weight"):
            value = f"{device_number(entry)} {weight}"
            settings.append(Setting("io.bfq.weight", value, f"{BLOCK}.weightDevice[{index}]"))
    for name, key in THROTTLES:
        for index, entry in enumerate(given.get(name) or ()):
            # 0 lifts the limit on v1; on v2 it would be refused.
            rate = entry.get("rate") or "max"
            value = f"{device_number(entry)} {key}={rate}"
            settings.append(Setting("io.max", value, f"{BLOCK}.{name}[{index}]"))
    return settings


def hugetlb(resources: dict[str, Any]) -> list[Setting]:
    """Limits on used and, since Linux 5.7, on reserved huge pages."""
    settings = []
    for index, entry in enumerate(resources.get("hugepageLimits") or ()):
        field = f"linux.resources.hugepageLimits[{index}]"
        pages = page_size(entry, field)
        limit = entry["limit"]
        settings.append(Setting(f"hugetlb.{pages}.max", limit, field))
        settings.append(Setting(f"hugetlb.{pages}.rsvd.max", limit, field, missing=IGNORE))
    return settings


def unified(key: str, value: str) -> list[Setting]:
    """A file of `unified`, its value line by line.

    Errors:  ConfigError for a key that is no control file name, or one that is no resource:
             moving, killing or freezing processes is nothing a limit may do.
    """
    field = f"linux.resources.unified.{key}"
    plain = key.replace(".", "").replace("_", "").replace("-", "")
    if "." not in key.strip(".") or key.startswith(".") or not (plain.isalnum() and key.isascii()):
        raise ConfigError(f"{key!r} must be CONTROLLER.PARAMETER", field=field)
    if key in NOT_RESOURCES:
        raise ConfigError(f"{key} is no resource", field=field, hint="leave it out")
    return [Setting(key, line, field) for line in value.splitlines() or [""]]


NOT_RESOURCES = frozenset(
    ("cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze", "cgroup.type")
)


def warnings(resources: dict[str, Any]) -> list[str]:
    """What another setting makes pointless."""
    given: dict[str, Any] = resources.get("cpu") or {}
    if given.get("idle") and given.get("shares"):
        return [f"{CPU}.shares has no effect while {CPU}.idle is 1"]
    return []


def v1_only(name: str) -> ConfigError:
    """The error for a setting that v2 cannot express."""
    return ConfigError(
        "cgroup v2 has no such setting",
        field=f"linux.resources.{name}",
        hint="leave it out, or look for a file of cgroup v2 to set through resources.unified",
    )


# Controller -> its settings.
CONVERSIONS: dict[str, Callable[[dict[str, Any]], list[Setting]]] = {
    "memory": memory,
    "cpu": cpu,
    "cpuset": cpuset,
    "pids": pids,
    "io": io,
    "hugetlb": hugetlb,
    "rdma": rdma,
}
