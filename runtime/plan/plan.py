"""The plan itself: operations for the child, and what the parent must bring along."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.ops import Op

FIRST_SLOT = 2  # slot 0 is the control socket, slot 1 the plan


class Slot:
    """A descriptor the child needs and the parent opens before the clone.

    kind    "fifo" (the exec fifo), "namespace" (path of a namespace to join), "cgroup"
            (directory of a v1 cgroup, or of a threaded v2 one, whose tasks file the child
            writes), "idmap" (a detached id-mapped mount), "root" (a directory to be the root),
            "init" (a pidfd of the container's init), "trace" (memory for times), "tool" (a
            sealed copy of a program of the host)
    path    what to open, as `kind` says
    origin  the place in config.json
    foreign (st_dev, st_ino) that the opened file must not have, None is no such wish: with
            it a network namespace to join is not the host's, whose sysctls would change
    idmap   of the kind "idmap": how
    """

    __slots__ = ("foreign", "idmap", "kind", "origin", "path")

    def __init__(self, kind: str, path: str, origin: str) -> None:
        self.kind = kind
        self.path = path
        self.origin = origin
        self.foreign: tuple[int, int] | None = None
        self.idmap: MountIdMap | None = None


class MountIdMap:
    """How a mount shows ids: `container` in the filesystem, `host` in the mount.

    uid_maps, gid_maps   the mappings
    namespace            path of the user namespace that has them instead; "" is none
    is_recursive         the mounts below the source come along
    is_idmapped_below    and show ids the same way
    """

    __slots__ = ("gid_maps", "is_idmapped_below", "is_recursive", "namespace", "uid_maps")

    def __init__(
        self, uid_maps: list[IdMap], gid_maps: list[IdMap], namespace: str,
        *, is_recursive: bool, is_idmapped_below: bool,
    ) -> None:  # fmt: skip
        self.uid_maps = uid_maps
        self.gid_maps = gid_maps
        self.namespace = namespace
        self.is_recursive = is_recursive
        self.is_idmapped_below = is_idmapped_below


class IdMap:
    """One line of a uid_map or gid_map: inside, outside, how many."""

    __slots__ = ("container", "host", "size")

    def __init__(self, container: int, host: int, size: int) -> None:
        self.container = container
        self.host = host
        self.size = size


class RlimitRequest:
    """One rlimit. The child sets it; its hard limit the parent may have to raise before."""

    __slots__ = ("hard", "origin", "resource", "soft")

    def __init__(self, resource: int, soft: int, hard: int, origin: str) -> None:
        self.resource = resource
        self.soft = soft
        self.hard = hard
        self.origin = origin


class HookRequest:
    """A hook that the parent runs: prestart, createRuntime, poststart, poststop."""

    __slots__ = ("args", "env", "origin", "path", "timeout_s")

    def __init__(
        self, path: str, args: list[str], env: list[str] | None, timeout_s: int, origin: str
    ) -> None:
        self.path = path
        self.args = args
        self.env = env
        self.timeout_s = timeout_s
        self.origin = origin


class Plan:
    """What create is going to do.

    ops            in order; an op of the child may refer to slots by number
    slots          slots[i] becomes slot FIRST_SLOT + i
    clone_flags    CLONE_NEW* for the clone in the parent; 0 when `staged`
    staged         an intermediate process joins namespaces first (ops up to the fork)
    uid_maps, gid_maps, deny_setgroups   what the parent writes at BARRIER_MAPS
    time_offsets   lines "monotonic SECS NSECS" written at BARRIER_TIME
    oom_score_adj  written by the parent right after the clone; None leaves it
    rlimits        whose hard limits the parent raises right after the clone
    parent_joins   the v2 cgroup is not the one to be born in: see BARRIER_CGROUP
    cpus           mask of the CPUs to be born on, as sched_setaffinity(2) takes it; b"" is any
    preserved      descriptors 3... handed to the program
    trace_slot     of the memory that takes the times of the operations; 0 is none
    notify_folder  what the parent makes for the program's NOTIFY_SOCKET; "" is nothing
    warnings       one line each, for the log
    """

    __slots__ = (
        "clone_flags", "cpus", "deny_setgroups", "gid_maps", "notify_folder", "oom_score_adj",
        "ops", "parent_joins", "preserved", "rlimits", "slots", "staged",
        "time_offsets", "trace_slot", "uid_maps", "warnings",
    )  # fmt: skip

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.slots: list[Slot] = []
        self.clone_flags = 0
        self.staged = False
        self.uid_maps: list[IdMap] = []
        self.gid_maps: list[IdMap] = []
        self.deny_setgroups = False
        self.oom_score_adj: int | None = None
        self.time_offsets: list[str] = []
        self.rlimits: list[RlimitRequest] = []
        self.parent_joins = False
        self.cpus = b""
        self.preserved = 0
        self.trace_slot = 0
        self.notify_folder = ""
        self.warnings: list[str] = []

    def add_slot(self, kind: str, path: str, origin: str) -> int:
        """Ask for a descriptor; returns the slot number that operations name."""
        self.slots.append(Slot(kind, path, origin))
        return FIRST_SLOT + len(self.slots) - 1
