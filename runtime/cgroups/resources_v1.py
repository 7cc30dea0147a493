"""linux.resources as cgroup v1 files; pure, one function a controller.

A numeric 0 is "not set" as runc has it, except where 0 is a value of its own (swappiness,
burst, idle, pids). The order within a list is the order of the writes.
"""

from __future__ import annotations

from runtime.cgroups.setting import (
    IGNORE,
    WARN,
    Setting,
    check_memory_sizes,
    check_swap,
    device_number,
    hierarchy_warnings,
    page_size,
    pids,
    rdma,
)
from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SHARES_MIN = 2
SHARES_MAX = 262144

MEMORY = "linux.resources.memory"
CPU = "linux.resources.cpu"
BLOCK = "linux.resources.blockIO"

LIMIT_FILE = "memory.limit_in_bytes"
SWAP_FILE = "memory.memsw.limit_in_bytes"
QUOTA_FILE = "cpu.cfs_quota_us"
RT_RUNTIME_FILE = "cpu.rt_runtime_us"

THROTTLES = (
    ("throttleReadBpsDevice", "blkio.throttle.read_bps_device"),
    ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device"),
    ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device"),
    ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device"),
)


def memory(resources: dict[str, Any]) -> list[Setting]:
    """Limits in bytes. The kernel keeps limit <= memsw at all times.

    Errors:  ConfigError for sizes below -1, swap below the limit, swappiness above 100.
    Source:  kernel cgroup-v1/memory.rst.
    """
    given: dict[str, Any] = resources.get("memory") or {}
    check_memory_sizes(given)
    limit = given.get("limit") or 0
    swap = given.get("swap") or 0
    settings = []
    if given.get("useHierarchy"):
        # Since Linux 5.11 it is so, whatever is said.
        field = MEMORY + ".useHierarchy"
        settings.append(Setting("memory.use_hierarchy", 1, field, missing=IGNORE))
    if limit:
        if limit != -1:
            check_swap(limit, swap)
        settings.append(Setting(LIMIT_FILE, limit, MEMORY + ".limit", after=SWAP_FILE))
    elif swap > 0:
        check_swap(limit, swap)
    if swap:
        settings.append(Setting(SWAP_FILE, swap, MEMORY + ".swap"))
    elif limit == -1:
        # No limit on memory, but one on memory and swap, would be a limit on memory.
        settings.append(Setting(SWAP_FILE, -1, MEMORY + ".limit", missing=IGNORE))
    if reservation := given.get("reservation"):
        settings.append(Setting("memory.soft_limit_in_bytes", reservation, MEMORY + ".reservation"))
    swappiness = given.get("swappiness")
    if swappiness is not None:
        if not 0 <= swappiness <= 100:
            raise ConfigError(
                f"{swappiness} is out of range", field=MEMORY + ".swappiness", hint="0 to 100"
            )
        settings.append(Setting("memory.swappiness", swappiness, MEMORY + ".swappiness"))
    if given.get("disableOOMKiller"):
        settings.append(Setting("memory.oom_control", 1, MEMORY + ".disableOOMKiller"))
    return settings


def cpu(resources: dict[str, Any]) -> list[Setting]:
    """Shares, the bandwidth of CFS, idle and real time.

    Units:   microseconds; a negative quota is no limit.
    Errors:  ConfigError for shares the kernel would quietly change.
    Source:  kernel scheduler/sched-bwc.rst, sched-rt-group.rst.
    """
    given: dict[str, Any] = resources.get("cpu") or {}
    settings = []
    idle = given.get("idle")
    if shares := given.get("shares"):
        check_shares(shares)
        # An idle group refuses shares: an update may have to end that first.
        after = "cpu.idle" if idle is not None else ""
        settings.append(Setting("cpu.shares", shares, CPU + ".shares", after=after))
    quota = given.get("quota")
    after = QUOTA_FILE if quota else ""
    if period := given.get("period"):
        settings.append(Setting("cpu.cfs_period_us", period, CPU + ".period", after=after))
    burst = given.get("burst")
    if burst is not None:
        missing = WARN if burst else IGNORE
        settings.append(
            Setting("cpu.cfs_burst_us", burst, CPU + ".burst", after=after, missing=missing)
        )
    if quota:
        settings.append(Setting(QUOTA_FILE, max(quota, -1), CPU + ".quota"))
    if idle is not None:
        missing = WARN if idle else IGNORE
        settings.append(Setting("cpu.idle", idle, CPU + ".idle", missing=missing))
    runtime = given.get("realtimeRuntime")
    if period := given.get("realtimePeriod"):
        after = RT_RUNTIME_FILE if runtime else ""
        settings.append(Setting("cpu.rt_period_us", period, CPU + ".realtimePeriod", after=after))
    if runtime:
        settings.append(Setting(RT_RUNTIME_FILE, runtime, CPU + ".realtimeRuntime"))
    return settings


def check_shares(shares: int) -> None:
    """The kernel clamps what is out of range and says nothing.

    Errors:  ConfigError.
    """
    if shares < SHARES_MIN:
        raise ConfigError(f"the minimum allowed cpu-shares is {SHARES_MIN}", field=CPU + ".shares")
    if shares > SHARES_MAX:
        raise ConfigError(f"the maximum allowed cpu-shares is {SHARES_MAX}", field=CPU + ".shares")


def cpuset(resources: dict[str, Any]) -> list[Setting]:
    """CPUs and memory nodes, lists such as ``0-3,7``."""
    given: dict[str, Any] = resources.get("cpu") or {}
    return [
        Setting(f"cpuset.{name}", given[name], f"{CPU}.{name}")
        for name in ("cpus", "mems")
        if given.get(name)
    ]


def blkio(resources: dict[str, Any]) -> list[Setting]:
    """Weights and throttles of block devices.

    Weights belong to an I/O scheduler: the old CFQ names first, BFQ's where they are gone.
    Source:  kernel cgroup-v1/blkio-controller.rst, block/bfq-iosched.rst.
    """
    given: dict[str, Any] = resources.get("blockIO") or {}
    settings = []
    if weight := given.get("weight"):
        settings.append(_weight("weight", weight, BLOCK + ".weight"))
    if weight := given.get("leafWeight"):
        settings.append(Setting("blkio.leaf_weight", weight, BLOCK + ".leafWeight"))
    for index, entry in enumerate(given.get("weightDevice") or ()):
        field = f"{BLOCK}.weightDevice[{index}]"
        number = device_number(entry)
        if weight := entry.get("weight"):
            settings.append(_weight("weight_device", f"{number} {weight}", field))
        if weight := entry.get("leafWeight"):
            settings.append(Setting("blkio.leaf_weight_device", f"{number} {weight}", field))
    for name, file in THROTTLES:
        for index, entry in enumerate(given.get(name) or ()):
            value = f"{device_number(entry)} {entry.get('rate', 0)}"
            settings.append(Setting(file, value, f"{BLOCK}.{name}[{index}]"))
    return settings


def _weight(name: str, value: int | str, field: str) -> Setting:
    bfq = Setting(f"blkio.bfq.{name}", value, field)
    return Setting(f"blkio.{name}", value, field, instead=bfq)


def hugetlb(resources: dict[str, Any]) -> list[Setting]:
    """Limits on used and, since Linux 5.7, on reserved huge pages."""
    settings = []
    for index, entry in enumerate(resources.get("hugepageLimits") or ()):
        field = f"linux.resources.hugepageLimits[{index}]"
        size = page_size(entry, field)
        limit = entry["limit"]
        settings.append(Setting(f"hugetlb.{size}.limit_in_bytes", limit, field))
        settings.append(
            Setting(f"hugetlb.{size}.rsvd.limit_in_bytes", limit, field, missing=IGNORE)
        )
    return settings


def net_cls(resources: dict[str, Any]) -> list[Setting]:
    """The class that packets are tagged with; the file takes and gives decimal numbers."""
    class_id = (resources.get("network") or {}).get("classID")
    if not class_id:
        return []
    return [Setting("net_cls.classid", class_id, "linux.resources.network.classID")]


def net_prio(resources: dict[str, Any]) -> list[Setting]:
    """One priority an interface, one write each."""
    settings = []
    priorities = (resources.get("network") or {}).get("priorities") or ()
    for index, entry in enumerate(priorities):
        field = f"linux.resources.network.priorities[{index}]"
        name = entry["name"]
        if not name.isprintable() or " " in name:
            raise ConfigError(f"{name!r} is no interface name", field=field + ".name")
        settings.append(Setting("net_prio.ifpriomap", f"{name} {entry['priority']}", field))
    return settings


def warnings(resources: dict[str, Any]) -> list[str]:
    """What is deprecated and not applied: limits on kernel memory, gone from Linux.

    Source:  runtime-spec config-linux.md, Memory: kernel is NOT RECOMMENDED.
    """
    given: dict[str, Any] = resources.get("memory") or {}
    return [
        f"{MEMORY}.{name} is not applied: current kernels have no limit on kernel memory"
        for name in ("kernel", "kernelTCP")
        if (given.get(name) or 0) > 0
    ] + hierarchy_warnings(resources)


# Controller -> its settings.
CONVERSIONS: dict[str, Callable[[dict[str, Any]], list[Setting]]] = {
    "memory": memory,
    "cpu": cpu,
    "cpuset": cpuset,
    "pids": pids,
    "blkio": blkio,
    "hugetlb": hugetlb,
    "net_cls": net_cls,
    "net_prio": net_prio,
    "rdma": rdma,
}
