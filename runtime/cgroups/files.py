"""Directories and control files of cgroup file systems, by descriptor.

Control files are opened below the descriptor of a directory that was seen to be in the
hierarchy it should be in (its device number is the mount's), never created or truncated,
and get every value in one write.
"""

from __future__ import annotations

import errno
import posix as os
import time

from runtime.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.host.cgroup_layout import Hierarchy

# rmdir(2) says EBUSY while a process that was killed is still on its way out: mostly some
# tenths of a millisecond. The pauses add up to two seconds.
RMDIR_PAUSES_S = (
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0,
)  # fmt: skip

# The cgroup is gone: its directory was removed before or after the file was opened.
GONE = (errno.ENOENT, errno.ENODEV)


def open_dir(path: str, hierarchy: Hierarchy, parent_fd: int | None = None) -> int:
    """A descriptor of a directory that is certainly in `hierarchy`.

    Errors:  OSError; HostError if the path leads elsewhere, onto a tmpfs for example.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, dir_fd=parent_fd)
    if os.fstat(fd).st_dev != hierarchy.device:
        os.close(fd)
        raise HostError(
            f"{path} is not in the cgroup hierarchy of {hierarchy.mountpoint}",
            hint="something is mounted over it",
        )
    return fd


def read_file(dir_fd: int, name: str) -> str:
    """The content of a control file.

    Errors:  OSError.
    """
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        content = os.read(fd, 4096)
        if len(content) < 4096 and content.endswith(b"\n"):
            # The usual short file: no second read to see its end.
            return content.decode()
        while part := os.read(fd, 65536):
            content += part
    finally:
        os.close(fd)
    return content.decode()


def write_file(dir_fd: int, name: str, value: str) -> None:
    """Write a value in one write.

    Errors:  OSError.
    """
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def counter(text: str, name: str) -> int:
    """The number in the line ``name NUMBER`` of a flat keyed file, 0 without such a line."""
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def children(dir_fd: int) -> list[str]:
    """Names of the cgroups right below this one."""
    # The link count of a cgroup tells how many there are: mostly none, and no listing.
    if os.fstat(dir_fd).st_nlink == 2:
        return []
    with os.scandir(dir_fd) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def pids_below(dir_fd: int, hierarchy: Hierarchy) -> list[int]:
    """All processes in this cgroup and below; a pid of another pid namespace is left out.

    Errors:  OSError for the cgroup itself; what vanishes below it is no error.
    """
    try:
        text = read_file(dir_fd, "cgroup.procs")
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        # A threaded cgroup lists threads; signals to them reach their processes.
        text = read_file(dir_fd, "cgroup.threads")
    # 0 stands for a process we cannot see, and kill(0) would be ourselves.
    pids = [pid for pid in map(int, text.split()) if pid > 0]
    for name in children(dir_fd):
        try:
            fd = open_dir(name, hierarchy, dir_fd)
            try:
                pids += pids_below(fd, hierarchy)
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno not in GONE:
                raise
    return pids


def remove_tree(path: str, hierarchy: Hierarchy, pauses_s: Iterator[float]) -> None:
    """Remove a cgroup and those below it that the container made; gone already is fine.

    `pauses_s` is how long to wait between tries; directories that are removed together share
    it, since they become free together.
    Errors:  OSError, EBUSY if processes stay in it all the time.
    """
    while not _rmdir(path):
        try:
            fd = open_dir(path, hierarchy)
        except FileNotFoundError:
            return
        try:
            _remove_children(fd, hierarchy)
        finally:
            os.close(fd)
        if _rmdir(path):
            return
        pause = next(pauses_s, None)
        if pause is None:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        time.sleep(pause)


def _remove_children(dir_fd: int, hierarchy: Hierarchy) -> None:
    for name in children(dir_fd):
        try:
            fd = open_dir(name, hierarchy, dir_fd)
        except FileNotFoundError:
            continue
        try:
            _remove_children(fd, hierarchy)
        finally:
            os.close(fd)
        _rmdir(name, dir_fd)


def _rmdir(path: str, dir_fd: int | None = None) -> bool:
    """True when the directory is gone, False while it is busy.

    Errors:  OSError.
    """
    try:
        os.rmdir(path, dir_fd=dir_fd)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        # Read-only mounts and missing rights say so for what does not exist, too.
        if not _exists(path, dir_fd):
            return True
        raise
    return True


def _exists(path: str, dir_fd: int | None) -> bool:
    try:
        os.lstat(path) if dir_fd is None else os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
