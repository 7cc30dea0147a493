"""Notices that a container ran out of memory.

    v1   an eventfd that cgroup.event_control ties to memory.oom_control. The kernel adds one
         each time it is out of memory (also where it may not kill), and one at removal
    v2   poll(2) for POLLPRI on memory.events, whose oom_kill grows. The kernel may be late
         with it by some milliseconds, so whoever sees the container end looks once more

Where neither can be had (v1 on a PREEMPT_RT kernel) each look compares the counter.
Source:  kernel cgroup-v1/memory.rst, OOM control; cgroup-v2.rst, memory.events.
"""

from __future__ import annotations

import errno
import posix as os
import select

from runtime.cgroups import files
from runtime.errors import KernelError
from runtime.paths import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.cgroup import Cgroup

EVENTS_BYTES = 4096
CANNOT_TELL = (*files.GONE, errno.EOPNOTSUPP)


class SignalWatch:
    """The kernel's word through an eventfd, v1.

    fd      to be polled for `events`
    file    is there as long as the cgroup
    """

    __slots__ = ("_file", "fd")
    events = select.POLLIN

    def __init__(self, fd: int, file: str) -> None:
        self.fd = fd
        self._file = file

    def happened(self) -> bool:
        """Whether memory ran out since the last time, once or more often."""
        try:
            signals = os.eventfd_read(self.fd)
        except BlockingIOError:
            return False
        return signals > 1 or is_there(self._file)

    def close(self) -> None:
        """Watch no more."""
        os.close(self.fd)


class CounterWatch:
    """The number of processes that were killed for want of memory.

    fd      memory.events of v2, to be polled for `events`; -1: nothing to poll, look at times
    """

    __slots__ = ("_cgroup", "_kills", "fd")
    events = select.POLLPRI

    def __init__(self, cgroup: Cgroup, fd: int) -> None:
        self._cgroup = cgroup
        self.fd = fd
        self._kills = 0
        self._kills = self._count()

    def happened(self) -> bool:
        """Whether some were killed since the last time.

        Errors:  KernelError, HostError.
        """
        before, self._kills = self._kills, self._count()
        return self._kills > before

    def close(self) -> None:
        """Watch no more."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _count(self) -> int:
        if self.fd < 0:
            return self._cgroup.oom_kills()
        try:
            # By this descriptor: poll tells of changes since it was read last.
            text = os.pread(self.fd, EVENTS_BYTES, 0)
        except OSError as error:
            if error.errno not in files.GONE:
                raise _failed("memory.events", "read", error) from error
            # The poll would come back at once for ever.
            self.close()
            return self._kills
        return files.counter(text.decode(), "oom_kill")


OomWatch = SignalWatch | CounterWatch


def watch_oom(cgroup: Cgroup) -> OomWatch:
    """Begin to watch: what happens from now on is told.

    Errors:  KernelError, HostError.
    """
    place = cgroup.place("memory")
    if place is None:
        return CounterWatch(cgroup, -1)
    hierarchy, directory = place
    try:
        dir_fd = files.open_dir(directory, hierarchy)
        try:
            if hierarchy.version == 1:
                return SignalWatch(_arm(dir_fd), directory + "/memory.oom_control")
            return CounterWatch(
                cgroup, os.open("memory.events", os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
            )
        finally:
            os.close(dir_fd)
    except OSError as error:
        if error.errno not in CANNOT_TELL:
            raise _failed(directory, "open", error) from error
        return CounterWatch(cgroup, -1)


def _arm(dir_fd: int) -> int:
    """An eventfd that the kernel adds to.

    Errors:  OSError.
    """
    control_fd = os.open("memory.oom_control", os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
    event_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        files.write_file(dir_fd, "cgroup.event_control", f"{event_fd} {control_fd}")
    except OSError:
        os.close(event_fd)
        raise
    finally:
        os.close(control_fd)
    return event_fd


def _failed(file: str, syscall: str, error: OSError) -> KernelError:
    return KernelError(f"watch {file} for OOM", syscall=syscall, errno=error.errno or 0)
