"""cgroup v2: controllers are handed down level by level, and not every cgroup may have them."""

from __future__ import annotations

import errno
import posix as os

from runtime.cgroups import files
from runtime.cgroups.plan import THREADED_CONTROLLERS, ancestors, relative
from runtime.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.plan import DirPlan

PATH_FIELD = "linux.cgroupsPath"


def enable_controllers(plan: DirPlan, fd: int, top_fd: int) -> None:
    """Have the ancestors hand the controllers of the plan down to this cgroup.

    `fd` is its directory, `top_fd` the mount point.
    Errors:  KernelError when one that a setting needs is not to be had.
    """
    try:
        _check_type(plan, fd)
        missing = _missing(plan, fd)
        if not missing:
            return
        refused: dict[str, OSError] = {}
        for ancestor in ancestors(plan.path):
            ancestor_fd = files.open_dir(relative(ancestor), plan.hierarchy, top_fd)
            try:
                _enable_in(ancestor_fd, missing, refused)
            finally:
                os.close(ancestor_fd)
        missing = _missing(plan, fd)
    except OSError as error:
        raise KernelError(
            f"enable controllers for {plan.directory}",
            field=PATH_FIELD,
            syscall="write",
            errno=error.errno or 0,
        ) from error
    for controller in plan.needed:
        if controller not in missing:
            continue
        cause = refused.get(controller)
        number = (cause.errno or 0) if cause else 0
        raise KernelError(
            f"enable the controller {controller} for {plan.directory}",
            field=_field_of(plan, controller),
            syscall="write",
            errno=number,
            hint="processes in an ancestor forbid it" if number == errno.EBUSY else "",
        ) from cause


def _missing(plan: DirPlan, fd: int) -> list[str]:
    if not plan.enable:
        return []
    have = files.read_file(fd, "cgroup.controllers").split()
    return [controller for controller in plan.enable if controller not in have]


def _enable_in(fd: int, controllers: list[str], refused: dict[str, OSError]) -> None:
    """All at once; if that fails one by one, so that one bad one spoils no other."""
    try:
        files.write_file(fd, "cgroup.subtree_control", " ".join("+" + c for c in controllers))
    except OSError:
        for controller in controllers:
            try:
                files.write_file(fd, "cgroup.subtree_control", "+" + controller)
            except OSError as error:
                # Only those that a setting needs are missed; enable_controllers() looks.
                refused.setdefault(controller, error)


def _check_type(plan: DirPlan, fd: int) -> None:
    """A cgroup below one with processes, or in a threaded tree, can only be threaded.

    Errors:  KernelError when settings need a domain; OSError.
    """
    try:
        kind = files.read_file(fd, "cgroup.type").strip()
    except FileNotFoundError:
        return  # the root
    if kind == "domain":
        return
    for controller in plan.needed:
        if controller not in THREADED_CONTROLLERS:
            raise KernelError(
                f"{plan.directory} is {kind}: the controller {controller} needs a domain",
                field=_field_of(plan, controller),
                hint="choose a cgroupsPath below cgroups that hold no processes",
            )
    if kind == "domain invalid":
        files.write_file(fd, "cgroup.type", "threaded")


def _field_of(plan: DirPlan, controller: str) -> str:
    for setting in plan.settings:
        if setting.file.startswith(controller + "."):
            return setting.field
    return PATH_FIELD
