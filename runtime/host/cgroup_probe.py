"""Finds the cgroup hierarchies of this host: one read of each of three small files.

mountinfo is believed for what is a cgroup file system: its file system type comes from the
kernel, and its device number lets every later write check that it lands in that hierarchy
(an st_dev costs an fstat, where the file system magic would cost a statfs).
"""

from __future__ import annotations

import posix as os

from runtime.errors import HostError
from runtime.host.cgroup_layout import CgroupLayout, Hierarchy

TOP = "/sys/fs/cgroup"
HYBRID = TOP + "/unified"

# Joining and setting in runc's order: cpuset must be initialised before the join, devices
# should bite first. Named hierarchies other than systemd's belong to somebody else.
V1_ORDER = (
    "cpuset", "devices", "memory", "cpu", "cpuacct", "pids", "blkio", "hugetlb", "net_cls",
    "net_prio", "perf_event", "freezer", "rdma", "name=systemd", "misc",
)  # fmt: skip


def read_layout() -> CgroupLayout:
    """The layout of this host, as this process sees it.

    Errors:  HostError when /proc cannot be read.
    """
    mountinfo = _read("/proc/self/mountinfo")
    if mountinfo is None:
        raise HostError(
            "cannot read /proc/self/mountinfo", hint="mount proc on /proc before running containers"
        )
    # A kernel without cgroups has no such file, and then no hierarchies either.
    own = _read("/proc/self/cgroup") or ""
    # Only one of the two exists; in the root cgroup the file lists all there is.
    controllers = _read(TOP + "/cgroup.controllers")
    if controllers is None:
        controllers = _read(HYBRID + "/cgroup.controllers")
    return parse_layout(mountinfo, own, controllers or "")


def parse_layout(mountinfo: str, self_cgroup: str, controllers: str) -> CgroupLayout:
    """The layout that three files describe; pure.

    Units:   `controllers` is the cgroup.controllers of the v2 mount, "" without one.
    Source:  proc_pid_mountinfo(5), cgroups(7), kernel cgroup-v2.rst.
    """
    own = parse_self_cgroup(self_cgroup)
    v1: dict[str, Hierarchy] = {}
    v2: Hierarchy | None = None
    for version, device, root, mountpoint, words in _cgroup_mounts(mountinfo):
        if version == 2:
            # Elsewhere it is somebody's private mount, as runc sees it too.
            if mountpoint in (TOP, HYBRID):
                path = own.get("", "/")
                v2 = Hierarchy(tuple(controllers.split()), mountpoint, root, path, 2, device=device)
            continue
        names = tuple(w for w in words if w in V1_ORDER)
        if not names:
            continue
        known = v1.get(names[0])
        if known is not None and not _is_better(mountpoint, known.mountpoint):
            continue
        found = Hierarchy(
            names, mountpoint, root, own.get(names[0], "/"), 1, device=device,
            prefix="" if "noprefix" in words else "cpuset.",
        )  # fmt: skip
        for name in names:
            v1[name] = found
    if v2 is not None and v2.mountpoint == TOP:
        return CgroupLayout("unified", [v2])
    ordered: list[Hierarchy] = []
    for name in V1_ORDER:
        hierarchy = v1.get(name)
        if hierarchy is not None and hierarchy not in ordered:
            ordered.append(hierarchy)
    if v2 is None:
        return CgroupLayout("legacy", ordered)
    return CgroupLayout("hybrid", [*ordered, v2])


def parse_self_cgroup(text: str) -> dict[str, str]:
    """Controller -> own path; the key of the v2 hierarchy is "".

    Only the first two colons separate, paths may contain more. A removed cgroup is marked
    " (deleted)": its path can be made again.
    """
    own: dict[str, str] = {}
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        path = path.removesuffix(" (deleted)")
        for name in names.split(","):
            own[name] = path
    return own


def _cgroup_mounts(mountinfo: str) -> list[tuple[int, int, str, str, list[str]]]:
    """(version, st_dev, root, mount point, super options) of cgroup mounts not mounted over."""
    found: list[tuple[int, int, str, str, list[str]]] = []
    # Where a later mount would hide one of them. A host has hundreds of other mounts: one
    # look at each must do.
    covering: set[str] = set()
    for line in mountinfo.splitlines():
        fields = line.split(" ", 5)
        mountpoint = fields[4]
        if mountpoint in covering and mountpoint != "/":
            hidden = mountpoint + "/"
            found = [m for m in found if m[3] != mountpoint and not m[3].startswith(hidden)]
        if " - cgroup" not in line:
            continue
        fstype, _, options = line.partition(" - ")[2].split(" ", 2)
        if fstype not in ("cgroup", "cgroup2"):
            continue
        major, _, minor = fields[2].partition(":")
        device = os.makedev(int(major), int(minor))
        version = 1 if fstype == "cgroup" else 2
        found.append((version, device, _unescape(fields[3]), mountpoint, options.split(",")))
        while mountpoint:
            covering.add(mountpoint)
            mountpoint = mountpoint.rpartition("/")[0]
    return [(v, device, root, _unescape(place), o) for v, device, root, place, o in found]


def _is_better(mountpoint: str, known: str) -> bool:
    """The usual place wins over another mount of the same hierarchy, then the first one."""
    return mountpoint.startswith(TOP + "/") and not known.startswith(TOP + "/")


def _unescape(field: str) -> str:
    """A field of mountinfo, its octal escapes resolved."""
    if "\\" not in field:
        return field
    head, *rest = field.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


def _read(path: str) -> str | None:
    """The whole file, None if there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
    finally:
        os.close(fd)
    return b"".join(parts).decode("utf-8", "surrogateescape")
