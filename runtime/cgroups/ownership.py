"""Gives a cgroup to the container's user, who may divide it further.

Source:  runtime-spec config-linux.md, Cgroup ownership; kernel cgroup-v2.rst, Delegation.
"""

from __future__ import annotations

import errno
import posix as os

from runtime.errors import KernelError

DELEGATE_FILE = "/sys/kernel/cgroup/delegate"
ALWAYS = ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads")


def give_away(dir_fd: int, directory: str, uid: int) -> None:
    """Make the directory and the files for delegation the user's; its group stays.

    Errors:  KernelError.
    """
    try:
        if os.fstat(dir_fd).st_uid == uid:
            return
        os.chown(dir_fd, uid, -1)
        for name in _delegated():
            try:
                os.chown(name, uid, -1, dir_fd=dir_fd, follow_symlinks=False)
            except FileNotFoundError:
                continue  # of a controller that is not here
    except OSError as error:
        # An ordinary user gives to himself alone, where that is mapped: it is his already.
        if error.errno == errno.EPERM and os.geteuid() != 0:
            return
        raise KernelError(
            f"give {directory} to the container's user {uid}",
            field="process.user.uid", syscall="chown", errno=error.errno or 0,
        ) from error  # fmt: skip


def _delegated() -> list[str]:
    """The files that the kernel names; before Linux 4.15 it named none.

    Errors:  OSError.
    """
    try:
        fd = os.open(DELEGATE_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return [*ALWAYS]
    try:
        names = os.read(fd, 4096).decode().split()
    finally:
        os.close(fd)
    return [name for name in names if "/" not in name]
