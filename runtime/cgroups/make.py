"""Makes the cgroup of a plan: directories, then values, then devices; or nothing at all."""

from __future__ import annotations

import errno
import posix as os

from runtime.cgroups import files
from runtime.cgroups.apply import apply_settings
from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.devices import parse_list, transition
from runtime.cgroups.plan import ancestors, relative
from runtime.errors import ContainerError, KernelError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.device_program import Bpf
    from runtime.cgroups.plan import CgroupPlan, DirPlan

DENIED = (errno.EPERM, errno.EACCES, errno.EROFS)
PATH_FIELD = "linux.cgroupsPath"
CPUSET_FILES = ("cpus", "mems")


class Open:
    """A directory of the plan while it is being made: the mount point, itself."""

    __slots__ = ("fd", "is_new", "plan", "top_fd")

    def __init__(self, plan: DirPlan, top_fd: int, fd: int, *, is_new: bool) -> None:
        self.plan = plan
        self.top_fd = top_fd
        self.fd = fd
        self.is_new = is_new


def make(plan: CgroupPlan, bpf: Bpf | None = None) -> Cgroup:
    """The cgroup of the plan, ready to be joined.

    `bpf` stands in for bpf(2) in tests.
    Errors:  StatusError for a cgroup that is in use; KernelError naming the field and the
             file. Nothing that was made here is left then.
    """
    cgroup = Cgroup([])
    cgroup.warnings += plan.warnings
    opened: list[Open] = []
    try:
        if plan.unit is not None:
            from runtime.cgroups.systemd import start_scope

            start_scope(plan, plan.unit, cgroup)
        for directory in plan.dirs:
            if (entry := _open(directory, plan, cgroup)) is not None:
                opened.append(entry)
        if plan.unit is None:
            _check_unused(plan, opened)
        for entry in opened:
            if entry.plan.hierarchy.version == 2:
                # A module of its own: a plain create on v1 has no use for it.
                from runtime.cgroups.enable import enable_controllers

                enable_controllers(entry.plan, entry.fd, entry.top_fd)
            elif "cpuset" in entry.plan.hierarchy.controllers:
                _initialise_cpuset(entry)
            apply_settings(entry.fd, entry.plan.directory, entry.plan.settings, cgroup.warnings)
            if plan.devices is not None and entry.plan is plan.devices_on:
                _apply_devices(entry, plan, bpf)
            if plan.owner is not None and entry.plan.hierarchy.version == 2:
                from runtime.cgroups.ownership import give_away

                give_away(entry.fd, entry.plan.directory, plan.owner)
    except BaseException as error:
        _close(opened)
        opened = []
        try:
            cgroup.undo()
        except ContainerError as left:
            error.add_note(str(left))
        raise
    finally:
        _close(opened)
    return cgroup


def _close(opened: list[Open]) -> None:
    for entry in opened:
        os.close(entry.fd)
        os.close(entry.top_fd)


def _open(directory: DirPlan, plan: CgroupPlan, cgroup: Cgroup) -> Open | None:
    """Make one directory, and open it; None if there is nothing to do in it.

    That is so for a new one without values; and for one that may not be made, where a
    rootless container goes without.
    """
    hierarchy = directory.hierarchy
    try:
        top_fd = files.open_dir(hierarchy.mountpoint, hierarchy)
        try:
            is_new = _make_path(top_fd, directory, cgroup)
            if is_new and not _has_work(directory, plan):
                os.close(top_fd)
                cgroup.add_dir(hierarchy, directory.directory)
                return None
            fd = files.open_dir(relative(directory.path), hierarchy, top_fd)
        except BaseException:
            os.close(top_fd)
            raise
    except OSError as error:
        if plan.droppable and error.errno in DENIED and not directory.settings:
            return None
        # The first limit tells more than the path which nobody asked for.
        first = directory.settings[:1] if plan.droppable else []
        field = first[0].field if first else PATH_FIELD
        raise KernelError(
            f"make the cgroup {directory.directory}",
            field=field, syscall="mkdir", errno=error.errno or 0, hint=_make_hint(error),
        ) from error  # fmt: skip
    cgroup.add_dir(hierarchy, directory.directory)
    return Open(directory, top_fd, fd, is_new=is_new)


def _has_work(directory: DirPlan, plan: CgroupPlan) -> bool:
    """Whether a new directory needs a look or a write."""
    hierarchy = directory.hierarchy
    return (
        bool(directory.settings)
        or bool(directory.enable)
        or directory in (plan.devices_on, plan.freezer_on)
        or "cpuset" in hierarchy.controllers
    )


def _make_path(top_fd: int, directory: DirPlan, cgroup: Cgroup) -> bool:
    """mkdir -p, noting what was made, parents first; False for a directory that was there.

    Errors:  OSError.
    """
    # The parents are there, as a rule.
    try:
        return _mkdir(top_fd, directory, directory.path, cgroup)
    except FileNotFoundError:
        pass
    for ancestor in ancestors(directory.path)[1:]:
        _mkdir(top_fd, directory, ancestor, cgroup)
    return _mkdir(top_fd, directory, directory.path, cgroup)


def _mkdir(top_fd: int, directory: DirPlan, path: str, cgroup: Cgroup) -> bool:
    try:
        os.mkdir(relative(path), 0o755, dir_fd=top_fd)
    except FileExistsError:
        return False
    hierarchy = directory.hierarchy
    cgroup.created_dirs.append((hierarchy, hierarchy.mountpoint + path))
    return True


def _make_hint(error: OSError) -> str:
    if error.errno in DENIED:
        return "the runtime may not make cgroups here: run as root, or have a cgroup delegated"
    if error.errno == errno.ENAMETOOLONG:
        return "a component has at most 255 characters"
    if error.errno == errno.EAGAIN:
        return "a limit on cgroups (cgroup.max.descendants or cgroup.max.depth) is reached"
    return ""


def _check_unused(plan: CgroupPlan, opened: list[Open]) -> None:
    """A cgroup that others use, or in which a process would never start, is refused.

    Errors:  StatusError, with the words that engines know.
    """
    for entry in opened:
        hierarchy = entry.plan.hierarchy
        if entry.is_new:
            continue
        # Emptiness where it matters: kill_all() looks into these two.
        if hierarchy.version == 2 or "devices" in hierarchy.controllers:
            count = len(files.pids_below(entry.fd, hierarchy))
            if count:
                raise StatusError(
                    f"container's cgroup is not empty: {count} process(es) found",
                    code="cgroup-not-empty",
                    field=PATH_FIELD,
                    hint=f"choose another path than {entry.plan.directory}",
                )
    freezer = next((entry for entry in opened if entry.plan is plan.freezer_on), None)
    if freezer is None:
        return
    # Also a parent's state counts: the process would stop before its first instruction.
    if freezer.plan.hierarchy.version == 1:
        frozen = files.read_file(freezer.fd, "freezer.state").strip() != "THAWED"
    else:
        try:
            frozen = files.counter(files.read_file(freezer.fd, "cgroup.events"), "frozen") == 1
        except FileNotFoundError:  # the root has none, and cannot be frozen
            return
    if frozen:
        raise StatusError(
            "container's cgroup unexpectedly frozen",
            code="cgroup-frozen",
            field=PATH_FIELD,
            hint=f"thaw {freezer.plan.directory} or its parents",
        )


def _initialise_cpuset(entry: Open) -> None:
    """A v1 cpuset is born empty and cannot be joined so: it inherits what is not configured.

    Errors:  KernelError.
    """
    plan = entry.plan
    try:
        for name in CPUSET_FILES:
            file = plan.hierarchy.prefix + name
            setting = next((s for s in plan.settings if s.file == "cpuset." + name), None)
            if setting is None:
                _inherit(entry, plan.path, file, is_new=entry.is_new)
            else:
                setting.file = file
                _inherit(entry, plan.path.rpartition("/")[0] or "/", file)
    except OSError as error:
        raise KernelError(
            f"initialise the cpuset {plan.directory}",
            field=PATH_FIELD, syscall="write", errno=error.errno or 0,
        ) from error  # fmt: skip


def _inherit(entry: Open, path: str, file: str, *, is_new: bool = False) -> str:
    """The value of a cpuset file; an empty one is copied from the parent's first."""
    below = relative(path)
    value = "" if is_new else files.read_file(entry.top_fd, f"{below}/{file}").strip()
    if not value and path != "/":
        value = _inherit(entry, path.rpartition("/")[0] or "/", file)
        files.write_file(entry.top_fd, f"{below}/{file}", value)
    return value


def _apply_devices(entry: Open, plan: CgroupPlan, bpf: Bpf | None) -> None:
    """The policy, by v1's files or by a program; nothing to do where it is there already.

    Errors:  KernelError.
    """
    policy = plan.devices
    if policy is None:
        return
    if entry.plan.hierarchy.version == 2:
        if policy.allows and not policy.exceptions and entry.is_new:
            return
        from runtime.cgroups.device_program import device_program, install

        if bpf is None:
            from runtime.native.calls import bpf as call_bpf

            bpf = call_bpf
        program = device_program(policy)
        install(program, entry.plan.directory, entry.fd, bpf, is_new=entry.is_new)
        return
    fds: dict[str, int] = {}
    line = file = ""
    try:
        file = "devices.list"
        now = parse_list(files.read_file(entry.fd, file))
        for allow, line in transition(now, policy):
            file = "devices.allow" if allow else "devices.deny"
            if file not in fds:
                fds[file] = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=entry.fd)
            os.write(fds[file], line.encode())
    except OSError as error:
        hint = ""
        if error.errno == errno.EPERM:
            hint = "the parent cgroup does not allow it"
        elif error.errno == errno.EINVAL:
            hint = "the cgroup has children that must be removed first"
        raise KernelError(
            f'failed to write "{line}" to {entry.plan.directory}/{file}',
            field="linux.resources.devices", syscall="write", errno=error.errno or 0, hint=hint,
        ) from error  # fmt: skip
    finally:
        for fd in fds.values():
            os.close(fd)
