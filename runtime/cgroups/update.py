"""New values for a cgroup in which processes live, and the way back to the old ones."""

from __future__ import annotations

import posix as os

from runtime.cgroups import files
from runtime.cgroups.apply import apply_settings
from runtime.cgroups.plan import CgroupPlan, DirPlan, place_settings
from runtime.errors import ConfigError, HostError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.cgroups.cgroup import Cgroup
    from runtime.cgroups.setting import Setting
    from runtime.cgroups.systemd_plan import Property
    from runtime.host.cgroup_layout import Hierarchy

# Writing the one resets the others: the kernel gives an idle group the least weight, and one
# that is idle no more the default.
RESETS = {"cpu.idle": ("cpu.weight", "cpu.shares")}


class Change:
    """The values of one update. Every old value is noted before the first new one is written.

    warnings  one line each, for the log
    """

    __slots__ = ("_cgroup", "_old", "_old_properties", "warnings")

    def __init__(self, cgroup: Cgroup) -> None:
        self._cgroup = cgroup
        self._old: list[tuple[Hierarchy, str, str, str]] = []
        self._old_properties: list[Property] = []
        self.warnings: list[str] = []

    def make(self, resources: dict[str, Any], stored: dict[str, Any] | None = None) -> None:
        """Write linux.resources, whole or in part; devices are not touched.

        `stored` are the container's until now: what systemd is told when they are put back.
        Errors:  ConfigError for what this host cannot do and for values that do not fit each
                 other, HostError without a cgroup, nothing was written then; KernelError,
                 put_back() is due then.
        """
        if not self._cgroup.dirs():
            raise HostError(
                "the container has no cgroup, and so no limits",
                hint="its runtime may not make cgroups here",
            )
        plan = plan_update(self._cgroup, _with_other_half(self._cgroup, resources))
        self.warnings += plan.warnings
        memory = resources.get("memory") or {}
        if memory.get("checkBeforeUpdate"):
            _check_usage(self._cgroup, memory)
        opened: list[tuple[DirPlan, int]] = []
        try:
            for directory in plan.dirs:
                if directory.settings:
                    opened.append((directory, _open(directory)))
            for directory, fd in opened:
                self._note(directory, fd)
            if self._cgroup.scope is not None:
                # First: it writes files too, and not always with our precision.
                from runtime.cgroups.systemd_update import tell_systemd

                self._old_properties = tell_systemd(
                    self._cgroup, self._cgroup.scope, resources, stored or {}
                )
            for directory, fd in opened:
                apply_settings(fd, directory.directory, directory.settings, self.warnings)
        finally:
            for _, fd in opened:
                os.close(fd)

    def put_back(self) -> None:
        """Write the old values where others are now, last things first.

        So every state on the way is one that the kernel had accepted before. What it refuses
        all the same is tried again after the rest.
        Errors:  KernelError for what cannot be put back.
        """
        if self._cgroup.scope is not None:
            from runtime.cgroups.systemd_update import set_properties

            set_properties(self._cgroup, self._cgroup.scope, self._old_properties)
        left = self._old[::-1]
        while left:
            refused: list[tuple[tuple[Hierarchy, str, str, str], OSError]] = []
            for old in left:
                try:
                    _put_back(*old)
                except OSError as refusal:
                    refused.append((old, refusal))
            if len(refused) == len(left):
                (_, directory, file, value), error = refused[0]
                raise KernelError(
                    f'failed to write "{value.strip()}" to {directory}/{file}',
                    syscall="write", errno=error.errno or 0,
                ) from error  # fmt: skip
            left = [old for old, _ in refused]

    def _note(self, directory: DirPlan, fd: int) -> None:
        for setting in directory.settings:
            for file in RESETS.get(setting.file, ()):
                self._note_value(directory, file, old_value(fd, file, ""))
            one: Setting | None = setting
            while one is not None:
                self._note_value(directory, one.file, old_value(fd, one.file, one.value))
                one = one.instead

    def _note_value(self, directory: DirPlan, file: str, value: str | None) -> None:
        if value is not None:
            self._old.append((directory.hierarchy, directory.directory, file, value))


def plan_update(cgroup: Cgroup, resources: dict[str, Any]) -> CgroupPlan:
    """The values for the directories that the cgroup has.

    Errors:  ConfigError.
    """
    dirs = [DirPlan(h, d[len(h.mountpoint) :] or "/") for h, d in cgroup.dirs()]
    plan = CgroupPlan(dirs, droppable=False)
    place_settings(plan, resources)
    for directory in dirs:
        if directory.hierarchy.version == 1 and "cpuset" in directory.hierarchy.controllers:
            for setting in directory.settings:
                # The mount option noprefix takes it away.
                name = setting.file.removeprefix("cpuset.")
                if name != setting.file:
                    setting.file = directory.hierarchy.prefix + name
    return plan


def _open(directory: DirPlan) -> int:
    """The directory, the controllers of its settings enabled in it."""
    hierarchy = directory.hierarchy
    try:
        fd = files.open_dir(directory.directory, hierarchy)
    except OSError as error:
        raise KernelError(
            f"open the cgroup {directory.directory}",
            field=directory.settings[0].field, syscall="open", errno=error.errno or 0,
        ) from error  # fmt: skip
    if hierarchy.version == 2:
        from runtime.cgroups.enable import enable_controllers

        try:
            top_fd = files.open_dir(hierarchy.mountpoint, hierarchy)
            try:
                enable_controllers(directory, fd, top_fd)
            finally:
                os.close(top_fd)
        except BaseException:
            os.close(fd)
            raise
    return fd


def old_value(dir_fd: int, file: str, new: str) -> str | None:
    """What to write to have things as they are now; `new` is about to be written.

    Files of many lines, one a device, are put back a line at a time. None if there is no such
    file, or no telling.
    """
    try:
        lines = files.read_file(dir_fd, file).splitlines()
    except OSError:
        return None  # the write will say what is the matter
    key, _, rest = new.partition(" ")
    if rest:
        for line in lines:
            if line.startswith(key + " "):
                return line
    if _is_device(key):
        return f"{key} {_no_entry(file, rest)}"
    if len(lines) <= 1:
        # An empty value needs at least a byte to be written.
        return lines[0] if lines and lines[0] else "\n"
    return next((line for line in lines if line.startswith("default ")), None)


def _is_device(word: str) -> bool:
    major, colon, minor = word.partition(":")
    return bool(colon) and major.isdecimal() and minor.isdecimal()


def _no_entry(file: str, entry: str) -> str:
    """How a file of devices is told to forget one."""
    if "=" in entry:
        return " ".join(word.partition("=")[0] + "=max" for word in entry.split())
    return "default" if file.startswith("io.") else "0"


def _put_back(hierarchy: Hierarchy, directory: str, file: str, value: str) -> None:
    """Errors:  OSError."""
    fd = files.open_dir(directory, hierarchy)
    try:
        # Also what was never written, since the file before it was refused, is among these.
        if old_value(fd, file, value) != value:
            files.write_file(fd, file, value)
    finally:
        os.close(fd)


def _v2_home(cgroup: Cgroup, controller: str) -> tuple[Hierarchy, str] | None:
    """The v2 directory, if that is where the controller is."""
    for hierarchy, directory in cgroup.dirs():
        if controller in hierarchy.controllers:
            return (hierarchy, directory) if hierarchy.version == 2 else None
    return None


def _read(home: tuple[Hierarchy, str], file: str) -> str | None:
    """A file's content, None if there is none."""
    try:
        fd = files.open_dir(home[1], home[0])
        try:
            return files.read_file(fd, file).strip()
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno in files.GONE:
            return None
        raise KernelError(
            f"read {home[1]}/{file}", syscall="read", errno=error.errno or 0
        ) from error


def _with_other_half(cgroup: Cgroup, resources: dict[str, Any]) -> dict[str, Any]:
    """On v2 quota and period are one value: the half that nobody named stays as it is."""
    cpu = resources.get("cpu") or {}
    home = _v2_home(cgroup, "cpu")
    if home is None or bool(cpu.get("quota")) == bool(cpu.get("period")):
        return resources
    quota, _, period = (_read(home, "cpu.max") or "").partition(" ")
    if not period:
        return resources
    now = {"quota": -1 if quota == "max" else int(quota), "period": int(period)}
    return {**resources, "cpu": {**now, **cpu}}


def _check_usage(cgroup: Cgroup, memory: dict[str, Any]) -> None:
    """A v2 limit below what is in use kills at once: for those who ask, it is refused.

    Errors:  ConfigError, in runc's words.
    Source:  runtime-spec config-linux.md, Memory: checkBeforeUpdate. A v1 kernel refuses it.
    """
    home = _v2_home(cgroup, "memory")
    text = _read(home, "memory.current") if home else None
    if text is None:
        return
    usage = int(text)
    for name, words in (("swap", "memory+swap"), ("limit", "memory")):
        limit = memory.get(name) or 0
        if 0 < limit <= usage:
            raise ConfigError(
                f"rejecting {words} limit {limit} <= usage {usage}",
                field=f"linux.resources.memory.{name}",
            )
