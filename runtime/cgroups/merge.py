"""What an update asks for, put together with what the container has already. Pure.

Both are linux.resources, the request in part. Some values belong together (memory and swap,
quota and period): who names one of them gets the other from the container's configuration.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Resources = dict[str, Any]

# What an update may name. A 0 is "not named", except where it is a value of its own.
NUMBERS = {
    "memory": ("limit", "reservation", "swap"),
    "cpu": ("shares", "quota", "period", "realtimeRuntime", "realtimePeriod", "cpus", "mems"),
    "blockIO": ("weight", "leafWeight"),
}
VALUES_WITH_ZERO = {
    "memory": ("checkBeforeUpdate",),
    "cpu": ("burst", "idle"),
    "pids": ("limit",),
}
DEVICE_LISTS = (
    "weightDevice", "throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice",
    "throttleWriteIOPSDevice",
)  # fmt: skip
TOGETHER = {"memory": ("limit", "swap"), "cpu": ("quota", "period")}
NOT_UPDATED = ("devices", "hugepageLimits", "network", "rdma")
KERNEL_MEMORY = ("kernel", "kernelTCP")


def asked(request: Resources) -> Resources:
    """The part of a request that an update can do, sections without a value left out."""
    result: Resources = {}
    for section in ("memory", "cpu", "pids", "blockIO"):
        given = request.get(section) or {}
        members = {n: given[n] for n in NUMBERS.get(section, ()) if given.get(n)}
        members |= {n: given[n] for n in VALUES_WITH_ZERO.get(section, ()) if n in given}
        if section == "blockIO":
            members |= {n: upserted([], given[n]) for n in DEVICE_LISTS if given.get(n)}
        if members:
            result[section] = members
    if request.get("unified"):
        result["unified"] = request["unified"]
    return result


def to_write(stored: Resources, request: Resources) -> Resources:
    """What goes into the cgroup: what was asked for, and what belongs to it."""
    result = dict(request)
    for section, names in TOGETHER.items():
        given = request.get(section) or {}
        if any(name in given for name in names):
            have = _without_old_swap(stored, request) if section == "memory" else stored
            kept = have.get(section) or {}
            result[section] = {n: kept[n] for n in names if kept.get(n)} | given
    return result


def to_save(stored: Resources, request: Resources) -> Resources:
    """The container's resources after the update, for state.json and the next update."""
    stored = _without_old_swap(stored, request)
    result = dict(stored)
    for section, given in request.items():
        merged = {**(stored.get(section) or {}), **given}
        if section == "blockIO":
            for name in DEVICE_LISTS:
                if name in given:
                    merged[name] = upserted(stored.get(section, {}).get(name) or [], given[name])
        result[section] = merged
    if "memory" in result:
        # It says how this update was to be done, and nothing of the next.
        result["memory"] = {k: v for k, v in result["memory"].items() if k != "checkBeforeUpdate"}
    return result


def _without_old_swap(stored: Resources, request: Resources) -> Resources:
    """No limit on memory lifts that on memory and swap, too: it would be a limit on memory."""
    given = request.get("memory") or {}
    if given.get("limit") != -1 or "swap" in given:
        return stored
    memory = {k: v for k, v in (stored.get("memory") or {}).items() if k != "swap"}
    return {**stored, "memory": memory}


def upserted(old: list[Resources], new: list[Resources]) -> list[Resources]:
    """The entries of devices, one a device: a later one replaces what it names of an earlier."""
    result: dict[tuple[int, int], Resources] = {}
    for entry in [*old, *new]:
        number = (entry["major"], entry["minor"])
        result[number] = {**result.get(number, {}), **entry}
    return list(result.values())


def warnings(stored: Resources, request: Resources) -> list[str]:
    """What a request holds that an update does not do; what is so already needs no word."""
    found = [
        f"linux.resources.{section} is not changed by an update"
        for section in NOT_UPDATED
        if request.get(section) and request[section] != stored.get(section)
    ]
    memory = request.get("memory") or {}
    if any(memory.get(name) for name in KERNEL_MEMORY):
        found.append("Kernel memory settings are ignored and will be removed")
    kept = stored.get("memory") or {}
    for name in ("swappiness", "disableOOMKiller"):
        if memory.get(name) and memory[name] != kept.get(name):
            found.append(f"linux.resources.memory.{name} is not changed by an update")
    return found
