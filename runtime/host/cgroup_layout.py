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
    device       st_dev of everything in it: a directory with this number is truly in this
                 cgroup hierarchy; -1 is unknown
    prefix       "cpuset." as a rule; "" where the mount option noprefix took it away
    """

    __slots__ = ("controllers", "device", "mountpoint", "own", "prefix", "root", "version")

    def __init__(
        self,
        controllers: tuple[str, ...],
        mountpoint: str,
        root: str,
        own: str,
        version: int,
        *,
        device: int = -1,
        prefix: str = "cpuset.",
    ) -> None:
        self.controllers = controllers
        self.mountpoint = mountpoint
        self.root = root
        self.own = own
        self.version = version
        self.device = device
        self.prefix = prefix

    def own_below_mountpoint(self) -> str:
        """The runtime's own cgroup as the mount shows it: "/" is the mount point itself.

        In a container without a cgroup namespace the paths of /proc/self/cgroup are the
        host's, while the mount shows a subtree. Where the own cgroup lies outside of that
        subtree, the top of the mount is the nearest cgroup there is.
        """
        if self.root == "/":
            below = self.own
        elif self.own == self.root or self.own.startswith(self.root + "/"):
            below = self.own[len(self.root) :]
        else:
            below = "/"
        return "/" if not below or below == "/.." or below.startswith("/../") else below


class CgroupLayout:
    """mode is "legacy", "hybrid" or "unified"; hierarchies in joining order."""

    __slots__ = ("hierarchies", "mode")

    def __init__(self, mode: str, hierarchies: list[Hierarchy]) -> None:
        self.mode = mode
        self.hierarchies = hierarchies
