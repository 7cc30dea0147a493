"""Which cgroup hierarchies this host has, where, and in which cgroups the runtime is."""

from __future__ import annotations


class Hierarchy:
    """One mounted cgroup hierarchy.

    controllers  ("memory",), ("cpu", "cpuacct"), ("name=systemd",); for v2 those that
                 its cgroup.controllers lists
    mountpoint   where it is mounted, absolute
    root         field 4 of its mountinfo line: which cgroup of it the mount shows
    own          the runtime's own cgroup in it, from /proc/self/cgroup ("/" is the root)
    version      1 or 2
    """

    __slots__ = ("controllers", "mountpoint", "own", "root", "version")

    def __init__(
        self, controllers: tuple[str, ...], mountpoint: str, root: str, own: str, version: int
    ) -> None:
        self.controllers = controllers
        self.mountpoint = mountpoint
        self.root = root
        self.own = own
        self.version = version


class CgroupLayout:
    """mode is "legacy", "hybrid" or "unified"; hierarchies in joining order."""

    __slots__ = ("hierarchies", "mode")

    def __init__(self, mode: str, hierarchies: list[Hierarchy]) -> None:
        self.mode = mode
        self.hierarchies = hierarchies
