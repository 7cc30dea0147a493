"""What systemd will be asked for: the properties of a scope. Pure.

systemd owns the cgroup tree of its host. Whoever makes a cgroup in it asks for a transient
unit, and tells it the limits too: those that it does not know are gone after its next
daemon-reload. All limits are written into the cgroup's files as well, as by the fs driver:
many have no property.
"""

from __future__ import annotations

from runtime.cgroups.devices import ANY, rule_words
from runtime.cgroups.resources_v2 import io_weight_of_blkio, swap_max, weight_of_shares
from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups.devices import Device, DevicePolicy
    from runtime.cgroups.systemd_unit import Unit

    # Name, and a D-Bus variant: (signature, value).
    Property = tuple[str, tuple[str, Any]]

# Values that ask for nothing, where that is not infinity.
NOTHING = {"MemoryLow": 0, "MemoryMin": 0}
INFINITY = 2**64 - 1
SECOND_US = 1_000_000
DEFAULT_PERIOD_US = 100_000
QUOTA_STEP_US = 10_000  # systemd counts in whole percents of a CPU

# Versions of systemd that brought a property. Source: systemd's NEWS.
PERIOD_SINCE = 242
CPUSET_SINCE = 244
IDLE_SINCE = 252
OOM_POLICY_SINCE = 253


def start_properties(
    unit: Unit,
    container_id: str,
    pid: int,
    resources: Mapping[str, Any],
    version: int,
    asked: list[Property],
    *,
    unified: bool,
) -> list[Property]:
    """The properties that make the scope, its limits left out.

    `pid` is its first process; `asked` come from annotations.
    """  # fmt: skip
    made: list[Property] = [
        ("Description", ("s", f"container {container_id}")),
        ("Slice", ("s", unit.slice)),
        ("Delegate", ("b", True)),
        ("PIDs", ("au", [pid])),
        ("MemoryAccounting", ("b", True)),
        ("CPUAccounting", ("b", True)),
        ("IOAccounting" if unified else "BlockIOAccounting", ("b", True)),
        ("TasksAccounting", ("b", True)),
        ("DefaultDependencies", ("b", False)),
        *asked,
    ]
    group = (resources.get("unified") or {}).get("memory.oom.group")
    if unified and group in ("0", "1") and version >= OOM_POLICY_SINCE:
        made.append(("OOMPolicy", ("s", "kill" if group == "1" else "continue")))
    return made


def resource_properties(
    resources: Mapping[str, Any], version: int, *, unified: bool
) -> list[Property]:
    """The limits that systemd has a property for; for a new scope, and to update one.

    Errors:  ConfigError for a list of CPUs or memory nodes that is none.
    """
    found = _memory(resources, unified=unified)
    cpu: dict[str, Any] = dict(resources.get("cpu") or {})
    found += _cpu_share(cpu, version, unified=unified)
    found += quota_properties(cpu.get("quota") or 0, cpu.get("period") or 0, version)
    for member, name in (("cpus", "AllowedCPUs"), ("mems", "AllowedMemoryNodes")):
        if cpu.get(member) and version >= CPUSET_SINCE:
            field = f"linux.resources.cpu.{member}"
            found.append((name, ("ay", cpu_mask(cpu[member], field))))
    limit = (resources.get("pids") or {}).get("limit")
    if limit is not None:
        found.append(("TasksMax", ("t", INFINITY if limit < 0 else max(limit, 1))))
    if weight := (resources.get("blockIO") or {}).get("weight"):
        if unified:
            found.append(("IOWeight", ("t", io_weight_of_blkio(weight))))
        else:
            found.append(("BlockIOWeight", ("t", weight)))
    if unified and resources.get("unified"):
        # Last, as the files of `unified` are written last.
        found = _merge(found, _unified_properties(resources["unified"], version))
    return found


def _merge(first: list[Property], second: list[Property]) -> list[Property]:
    names = {name for name, _ in second}
    return [one for one in first if one[0] not in names] + second


def _bytes(size: int) -> tuple[str, int]:
    return ("t", INFINITY if size == -1 else size)


def _memory(resources: Mapping[str, Any], *, unified: bool) -> list[Property]:
    memory: Mapping[str, Any] = resources.get("memory") or {}
    limit = memory.get("limit") or 0
    found: list[Property] = []
    if limit:
        found.append(("MemoryMax" if unified else "MemoryLimit", _bytes(limit)))
    if not unified:
        return found
    if reservation := memory.get("reservation"):
        found.append(("MemoryLow", _bytes(reservation)))
    swap = swap_max(limit, memory.get("swap") or 0)
    if swap is not None:
        found.append(("MemorySwapMax", ("t", INFINITY if swap == "max" else int(swap))))
    return found


def _cpu_share(cpu: Mapping[str, Any], version: int, *, unified: bool) -> list[Property]:
    shares = cpu.get("shares") or 0
    if not unified:
        return [("CPUShares", ("t", shares))] if shares else []
    if cpu.get("idle") == 1 and version >= IDLE_SINCE:
        return [("CPUWeight", ("t", 0))]
    weight = weight_of_shares(shares)
    return [("CPUWeight", ("t", weight))] if weight else []


def quota_properties(quota: int, period: int, version: int) -> list[Property]:
    """CPU time a second, and the period it is shared out in.

    The file gets the exact quota. systemd's own figure is rounded up to a whole percent, so
    that what it may write one day does not take anything away.
    Units:   microseconds; a quota that is not positive is none, 0 for both says nothing.
    """
    found: list[Property] = []
    if period and version >= PERIOD_SINCE:
        found.append(("CPUQuotaPeriodUSec", ("t", period)))
    if quota or period:
        per_second = INFINITY
        if quota > 0:
            exact = quota * SECOND_US // (period or DEFAULT_PERIOD_US)
            per_second = -(-exact // QUOTA_STEP_US) * QUOTA_STEP_US
        found.append(("CPUQuotaPerSecUSec", ("t", per_second)))
    return found


def cpu_mask(text: str, field: str) -> bytes:
    """The bits of a list such as ``0-3,7``: number n is bit n % 8 of byte n / 8.

    Errors:  ConfigError.
    """
    bits = 0
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)) or len(part) > 20:
            raise ConfigError(f'"{text}" is no list of numbers', field=field, hint="as in 0-3,7")
        low, high = int(first), int(last or first)
        if high < low or high >= 1 << 16:
            raise ConfigError(f'"{part}" is no range', field=field, hint="as in 0-3,7")
        bits |= ((1 << (high - low + 1)) - 1) << low
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def restoring_properties(new: list[Property], old: list[Property]) -> list[Property]:
    """What leads from `new` back to `old`. What was not limited is unlimited again."""
    before = dict(old)
    return [
        (name, before.get(name) or ("t", NOTHING.get(name, INFINITY)))
        for name, _ in new
        # Sets of CPUs and nodes cannot be taken back: an empty one is refused.
        if name in before or name not in ("AllowedCPUs", "AllowedMemoryNodes")
    ]


def _unified_properties(unified: Mapping[str, str], version: int) -> list[Property]:
    """Those files of v2 that systemd has a property for; values it cannot take are left to
    the file, which the kernel checks."""
    found: dict[str, tuple[str, Any]] = {}
    for key, value in unified.items():
        words = value.split()
        if key == "cpu.max" and words and (words[0] == "max" or words[0].isdecimal()):
            period = int(words[1]) if len(words) > 1 and words[1].isdecimal() else DEFAULT_PERIOD_US
            quota = -1 if words[0] == "max" else int(words[0])
            found.update(quota_properties(quota, period, version))
        elif key == "cpu.weight" and value.isdecimal():
            found.setdefault("CPUWeight", ("t", int(value)))
        elif key == "cpu.idle" and value == "1" and version >= IDLE_SINCE:
            found["CPUWeight"] = ("t", 0)  # beats a weight, wherever that stands
        elif key in ("cpuset.cpus", "cpuset.mems") and value.strip() and version >= CPUSET_SINCE:
            name = "AllowedCPUs" if key == "cpuset.cpus" else "AllowedMemoryNodes"
            found[name] = ("ay", cpu_mask(value, f"linux.resources.unified.{key}"))
        elif key in UNIFIED_SIZES and (value == "max" or value.isdecimal()):
            found[UNIFIED_SIZES[key]] = ("t", INFINITY if value == "max" else int(value))
    if "TasksMax" in found and found["TasksMax"][1] == 0:
        found["TasksMax"] = ("t", 1)  # systemd refuses 0
    return [*found.items()]


UNIFIED_SIZES = {
    "memory.high": "MemoryHigh",
    "memory.low": "MemoryLow",
    "memory.min": "MemoryMin",
    "memory.max": "MemoryMax",
    "memory.swap.max": "MemorySwapMax",
    "pids.max": "TasksMax",
}


def device_properties(policy: DevicePolicy, warnings: list[str]) -> list[Property]:
    """The device policy in systemd's words, as far as it has them.

    It has a list of what is allowed. A policy that it cannot express is left wholly to the
    container's own program or files: systemd's would forbid what that one allows, as both
    must agree.
    """
    clear: Property = ("DeviceAllow", ("a(ss)", []))
    open_policy: list[Property] = [clear, ("DevicePolicy", ("s", "auto"))]
    if policy.allows:
        return open_policy
    allowed = []
    for device, access in sorted(policy.exceptions.items()):
        name = _device_name(device)
        if name is None:
            warnings.append(
                f"systemd cannot restrict devices to {rule_words(device, access)}: "
                "that is left to the cgroup alone"
            )
            return open_policy
        allowed.append((name, rule_words(device, access).rpartition(" ")[2]))
    return [clear, ("DevicePolicy", ("s", "strict")), ("DeviceAllow", ("a(ss)", allowed))]


def _device_name(device: Device) -> str | None:
    kind, major, minor = device
    if major == ANY:
        return f"{'char' if kind == 'c' else 'block'}-*" if minor == ANY else None
    if minor == ANY:
        return f"{'char' if kind == 'c' else 'block'}-{major}"
    return f"/dev/{'char' if kind == 'c' else 'block'}/{major}:{minor}"
