"""Writes planned values into a cgroup's files, and says in words what the kernel refuses."""

from __future__ import annotations

import errno

from runtime.cgroups import files
from runtime.cgroups.setting import IGNORE, WARN
from runtime.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.setting import Setting

# (file or the last word of its name, errno) -> what it means there.
HINTS = {
    ("cpu.max", errno.EINVAL): "a quota is at least 1000 us, a period is 1000 to 1000000 us",
    ("cpus", errno.ERANGE): "this host has no such CPU",
    ("cpus", errno.EINVAL): "this host has no such CPU",
    ("cpus", errno.EACCES): "a cpuset is a subset of its parent's",
    ("mems", errno.ERANGE): "this host has no such memory node",
    ("mems", errno.EINVAL): "this host has no such memory node",
    ("mems", errno.EACCES): "a cpuset is a subset of its parent's",
    ("cfs_quota_us", errno.EINVAL): "a quota is at least 1000 us and within the parent's share",
    ("cfs_period_us", errno.EINVAL): "a period is 1000 to 1000000 us",
    ("cfs_burst_us", errno.EINVAL): "a burst is at most the quota",
    ("burst", errno.EINVAL): "a burst is at most the quota",
    ("cpu.weight", errno.EINVAL): "a weight is 1 to 10000, and none can be set while cpu.idle is 1",
    ("cpu.shares", errno.EINVAL): "none can be set while cpu.idle is 1",
    ("max", errno.ENODEV): "there is no such device",
    ("ifpriomap", errno.ENODEV): "there is no such interface",
    ("rt_runtime_us", errno.EINVAL): "the parent has no realtime runtime to give",
}


def apply_settings(
    dir_fd: int, directory: str, settings: list[Setting], warnings: list[str]
) -> None:
    """Write the values in their order; see Setting.after for the exception.

    Errors:  KernelError naming field, file and value.
    """
    waiting: list[Setting] = []
    for index, setting in enumerate(settings):
        try:
            _write(dir_fd, directory, setting, warnings)
        except KernelError as error:
            later = any(s.file == setting.after for s in settings[index + 1 :])
            if error.errno != errno.EINVAL or not later:
                raise
            waiting.append(setting)
            continue
        for retry in [w for w in waiting if w.after == setting.file]:
            waiting.remove(retry)
            _write(dir_fd, directory, retry, warnings)


def _write(dir_fd: int, directory: str, setting: Setting, warnings: list[str]) -> None:
    try:
        files.write_file(dir_fd, setting.file, setting.value)
        return
    except OSError as error:
        refusal = error
    if refusal.errno == errno.ENOENT:
        if setting.instead is not None:
            _write(dir_fd, directory, setting.instead, warnings)
            return
        if setting.missing == IGNORE:
            return
        if setting.missing == WARN:
            warnings.append(f"{setting.field} is not applied: this kernel has no {setting.file}")
            return
    what = f'failed to write "{setting.value}" to {directory}/{setting.file}'
    if refusal.errno == errno.EBUSY and setting.file == "memory.limit_in_bytes":
        what = _limit_in_use(dir_fd, setting) or what
    raise KernelError(
        what, field=setting.field, syscall="write", errno=refusal.errno or 0,
        hint=_write_hint(setting, refusal.errno or 0),
    ) from refusal  # fmt: skip


def _limit_in_use(dir_fd: int, setting: Setting) -> str:
    """A v1 limit below what is in use, in runc's words."""
    try:
        usage = files.read_file(dir_fd, "memory.usage_in_bytes").strip()
        peak = files.read_file(dir_fd, "memory.max_usage_in_bytes").strip()
    except OSError:
        return ""
    return (
        f"unable to set memory limit to {setting.value} (current usage: {usage},"
        f" peak usage: {peak})"
    )


def _write_hint(setting: Setting, number: int) -> str:
    if number == errno.ENOENT:
        if setting.file.startswith(("memory.memsw.", "memory.swap.")):
            return "swap is not accounted here: boot with swapaccount=1, or leave swap out"
        return "this kernel has no such control file"
    if number == errno.EBUSY and setting.file.startswith("memory."):
        return "more than that is in use"
    last = setting.file.rpartition(".")[2]
    return HINTS.get((setting.file, number)) or HINTS.get((last, number), "")
