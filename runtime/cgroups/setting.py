"""One value for one control file, and what the two cgroup versions check alike."""

from __future__ import annotations

from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What a missing control file means: this kernel cannot do it.
FAIL = 0  # an error
IGNORE = 1  # nothing: without the file, what is asked for is so anyway
WARN = 2  # the container runs, the log says what it lacks


class Setting:
    """`value` goes into `file` of a cgroup, in one write, because `field` asked for it.

    missing      FAIL, IGNORE or WARN when the kernel has no such file
    after        on EINVAL the write is tried again after this file was written: the kernel
                 checks the two against each other, and which one must come first depends on
                 what they hold (memory.limit_in_bytes and memory.memsw.limit_in_bytes)
    instead      what to write where the file does not exist (another I/O scheduler)
    """

    __slots__ = ("after", "field", "file", "instead", "missing", "value")

    def __init__(
        self,
        file: str,
        value: int | str,
        field: str,
        *,
        missing: int = FAIL,
        after: str = "",
        instead: Setting | None = None,
    ) -> None:
        self.file = file
        self.value = str(value)
        self.field = field
        self.missing = missing
        self.after = after
        self.instead = instead

    def __repr__(self) -> str:
        return f"Setting({self.file!r}, {self.value!r}, {self.field!r})"


def device_number(entry: dict[str, Any]) -> str:
    """``8:0`` of a blockIO device entry."""
    return f"{entry['major']}:{entry['minor']}"


def page_size(entry: dict[str, Any], field: str) -> str:
    """The page size of a hugepageLimits entry, fit to be a part of a file name.

    Errors:  ConfigError; a size is a number and KB, MB or GB, nothing else. It was once the
             way to write to other files (runc before 1.1.11).
    """
    size: str = entry["pageSize"]
    if size[-2:] in ("KB", "MB", "GB") and size[:-2].isdecimal() and size.isascii():
        return size
    raise ConfigError(
        f"{size!r} is no page size",
        field=f"{field}.pageSize",
        hint="write a number and KB, MB or GB, such as 2MB",
    )


def rdma_line(device: str, limits: dict[str, Any]) -> str:
    """``mlx5_0 hca_handle=2 hca_object=2000``, what is not limited left out; "" if nothing is.

    Errors:  ConfigError for a name that would be read as something else.
    """
    field = f"linux.resources.rdma.{device}"
    if not device or not device.isprintable() or " " in device or "/" in device:
        raise ConfigError(f"{device!r} is no RDMA device name", field=field)
    words = [device]
    if (handles := limits.get("hcaHandles")) is not None:
        words.append(f"hca_handle={handles}")
    if (objects := limits.get("hcaObjects")) is not None:
        words.append(f"hca_object={objects}")
    return " ".join(words) if len(words) > 1 else ""


def rdma(resources: dict[str, Any]) -> list[Setting]:
    """rdma.max, the same file in both versions."""
    settings = []
    for device, limits in resources.get("rdma", {}).items():
        if line := rdma_line(device, limits):
            settings.append(Setting("rdma.max", line, f"linux.resources.rdma.{device}"))
    return settings


def pids(resources: dict[str, Any]) -> list[Setting]:
    """pids.max, the same file in both versions.

    Units:   processes and threads; negative is no limit. 0 becomes 1: neither lets the
             container fork, but with 0 its first process could not be born in the cgroup.
    """
    limit = (resources.get("pids") or {}).get("limit")
    if limit is None:
        return []
    value = "max" if limit < 0 else str(max(limit, 1))
    return [Setting("pids.max", value, "linux.resources.pids.limit")]


def check_swap(limit: int, swap: int) -> None:
    """The configured swap counts memory and swap together, so it cannot be the smaller one.

    Errors:  ConfigError, in runc's words.
    Source:  runtime-spec config-linux.md, Memory.
    """
    field = "linux.resources.memory.swap"
    if swap in (0, -1):
        return
    if swap < -1:
        raise ConfigError(f"{swap} is no number of bytes", field=field, hint="-1 is unlimited")
    if limit == 0:
        raise ConfigError(
            "unable to set swap limit without memory limit",
            field=field,
            hint=f"swap is {swap}: set memory.limit too, -1 is unlimited",
        )
    if limit > swap:
        raise ConfigError(
            "memory+swap limit should be >= memory limit",
            field=field,
            hint=f"swap, which means memory plus swap, is {swap}, the limit {limit}",
        )


def hierarchy_warnings(resources: dict[str, Any]) -> list[str]:
    """That memory used below counts above cannot be switched off.

    Source:  kernel cgroup-v1/memory.rst: since 5.11; cgroup v2 has never known it otherwise.
    """
    if (resources.get("memory") or {}).get("useHierarchy") is not False:
        return []
    return ["linux.resources.memory.useHierarchy is not applied: cgroups are always hierarchical"]


def check_memory_sizes(memory: dict[str, Any]) -> None:
    """Sizes are bytes, or -1 for no limit.

    Errors:  ConfigError.
    """
    for name in ("limit", "reservation"):
        value = memory.get(name) or 0
        if value < -1:
            raise ConfigError(
                f"{value} is no number of bytes",
                field=f"linux.resources.memory.{name}",
                hint="-1 is unlimited",
            )
