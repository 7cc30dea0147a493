"""Everything that `events` tells of a container's cgroup: each controller from where it lives.

On a hybrid host that may be v1 for the one and v2 for the other; what no hierarchy has is
left out.
"""

from __future__ import annotations

import errno
import posix as os

from runtime.cgroups import files, stats_v1, stats_v2
from runtime.cgroups.counters import UNLIMITED, compact, number
from runtime.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.cgroups.cgroup import Cgroup

# The file says nothing: the kernel lacks it, the cgroup went meanwhile, or it is switched off
# (cgroup.pressure, a boot option).
SILENT = (*files.GONE, errno.EOPNOTSUPP)


class Place:
    """The directory with a controller's files; version 0 where there is none."""

    __slots__ = ("_dir_fd", "path", "prefix", "version")

    def __init__(self, cgroup: Cgroup, controller: str) -> None:
        found = cgroup.place(controller)
        self.version = 0
        self.path = self.prefix = ""
        self._dir_fd = -1
        if found is None:
            return
        hierarchy, self.path = found
        self.version, self.prefix = hierarchy.version, hierarchy.prefix
        try:
            self._dir_fd = files.open_dir(self.path, hierarchy)
        except OSError as error:
            if error.errno not in SILENT:
                raise _failed(self.path, error) from error

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._dir_fd >= 0:
            os.close(self._dir_fd)

    def read(self, name: str) -> str:
        """A file's content, empty where it says nothing.

        Errors:  KernelError.
        """
        if self._dir_fd < 0:
            return ""
        try:
            return files.read_file(self._dir_fd, name)
        except OSError as error:
            if error.errno in SILENT:
                return ""
            raise _failed(f"{self.path}/{name}", error) from error

    def names(self) -> list[str]:
        """The files there are."""
        return os.listdir(self._dir_fd) if self._dir_fd >= 0 else []


def read_stats(cgroup: Cgroup) -> dict[str, Any]:
    """The member `data` of an event, ready to be printed; zeros if there is no cgroup.

    Errors:  KernelError, HostError.
    """
    with Place(cgroup, "") as v2:
        return {
            "cpu": {**_cpu(cgroup), **_psi(v2, "cpu")},
            "cpuset": _cpuset(cgroup),
            "memory": {**_memory(cgroup), **_psi(v2, "memory")},
            "pids": _pids(cgroup),
            "blkio": {**_blkio(cgroup), **_psi(v2, "io")},
            "hugetlb": _hugetlb(cgroup),
            "intel_rdt": {},  # no cgroup's: see runtime/lifecycle/events.py
            "network_interfaces": None,  # runc's veth pairs; neither of us makes any
        }


def _psi(v2: Place, resource: str) -> dict[str, Any]:
    """Pressure is counted by v2 alone, whichever hierarchy the controller is in."""
    pressure = stats_v2.pressure(v2.read(f"{resource}.pressure"))
    return {} if pressure is None else {"psi": pressure}


def _cpu(cgroup: Cgroup) -> dict[str, Any]:
    with Place(cgroup, "cpuacct") as usage, Place(cgroup, "cpu") as quota:
        usage_of = stats_v1 if usage.version == 1 else stats_v2
        quota_of = stats_v1 if quota.version == 1 else stats_v2
        return compact(
            {
                "usage": usage_of.cpu_usage(usage.read),
                "throttling": quota_of.throttling(quota.read),
            }
        )


def _cpuset(cgroup: Cgroup) -> dict[str, Any]:
    with Place(cgroup, "cpuset") as place:
        if place.version == 1:
            return stats_v1.cpuset(place.read, place.prefix)
        return stats_v2.cpuset()


def _memory(cgroup: Cgroup) -> dict[str, Any]:
    with Place(cgroup, "memory") as place:
        if place.version == 1:
            return stats_v1.memory(place.read)
        return stats_v2.memory(place.read)


def _pids(cgroup: Cgroup) -> dict[str, Any]:
    """The same files in both versions; without the controller the processes are counted."""
    with Place(cgroup, "pids") as place:
        current = place.read("pids.current")
        limit = number(place.read("pids.max"))
    return compact(
        {
            "current": number(current) if current else len(cgroup.pids()),
            "limit": 0 if limit == UNLIMITED else limit,
        }
    )


def _blkio(cgroup: Cgroup) -> dict[str, Any]:
    with Place(cgroup, "blkio") as place:
        return stats_v1.blkio(place.read) if place.version == 1 else stats_v2.io(place.read)


def _hugetlb(cgroup: Cgroup) -> dict[str, Any]:
    with Place(cgroup, "hugetlb") as place:
        parse = stats_v1.hugetlb if place.version == 1 else stats_v2.hugetlb
        return parse(place.read, place.names())


def _failed(path: str, error: OSError) -> KernelError:
    return KernelError(f"read {path}", syscall="read", errno=error.errno or 0)
