"""Namespaces: which are new, which are joined, and the operations that lead into them.

Three ways lead in, in the order of what they cost:

    direct   one clone3(2) makes every new namespace but the cgroup one, which is unshared
             once the cgroup is final
    staged   an intermediate process joins namespaces by path, makes a user namespace (who
             is executed in one before it is mapped loses all capabilities), or a time
             namespace whose offsets must be written before anybody is inside; then it forks:
             pid and time namespaces take in children only
    none     what is not listed stays the runtime's own
"""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.plan import IdMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, IDMapping, Linux
    from runtime.host.cgroup_layout import Hierarchy
    from runtime.host.facts import HostFacts
    from runtime.plan.ops import Op
    from runtime.plan.plan import Plan

NEWTIME = 0x80
NEWNS = 0x20000
NEWCGROUP = 0x2000000
NEWUTS = 0x4000000
NEWIPC = 0x8000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

# The names of the specification. The order is the one in which they are joined: mount comes
# last, because from then on every path means something else.
FLAGS = {
    "ipc": NEWIPC,
    "uts": NEWUTS,
    "network": NEWNET,
    "pid": NEWPID,
    "cgroup": NEWCGROUP,
    "time": NEWTIME,
    "user": NEWUSER,
    "mount": NEWNS,
}


class Namespaces:
    """What linux.namespaces asks for.

    new       CLONE_NEW* of the namespaces to make
    joined    CLONE_NEW* of those joined by path
    listed    both; whatever is not in it is the runtime's own
    paths     CLONE_NEW* -> path, in joining order
    origins   CLONE_NEW* -> the place in config.json
    """

    __slots__ = ("joined", "listed", "new", "origins", "paths")

    def __init__(self, linux: Linux) -> None:
        self.new = 0
        self.origins: dict[int, str] = {}
        found: dict[int, str] = {}
        for index, entry in enumerate(linux.get("namespaces", ())):
            flag = FLAGS.get(entry["type"], 0)
            self.origins[flag] = f"linux.namespaces[{index}]"
            # An empty path is a new namespace, as engines that fill in a template expect.
            path = entry.get("path", "")
            if path:
                found[flag] = path
            else:
                self.new |= flag
        self.paths = {flag: found[flag] for flag in FLAGS.values() if flag in found}
        self.joined = sum(self.paths)
        self.listed = self.new | self.joined


def is_in_user_namespace(namespaces: Namespaces, host: HostFacts) -> bool:
    """The container's root is not the host's: a user namespace is made, joined or around us."""
    return bool(namespaces.listed & NEWUSER) or host.in_user_namespace


def is_mapped(maps: list[IDMapping] | tuple[IDMapping, ...], number: int) -> bool:
    """The id `number` exists inside of a user namespace with these maps."""
    return any(0 <= number - entry["containerID"] < entry["size"] for entry in maps)


def first_id(maps: list[IDMapping] | tuple[IDMapping, ...]) -> int:
    """Who prepares a container: its root, or where that is not mapped the first who is.

    All rights in a user namespace come with making or joining it, not with the number 0.
    """
    return 0 if not maps or is_mapped(maps, 0) else maps[0]["containerID"]


def plan_becoming_root(linux: Linux, *, set_groups: bool) -> Op:
    """In the user namespace: from the overflow ids to those that it knows."""
    uid, gid = first_id(linux.get("uidMappings", ())), first_id(linux.get("gidMappings", ()))
    return ops.become_root(uid, gid, setgroups=set_groups)


def may_set_groups(linux: Linux, namespaces: Namespaces, host: HostFacts) -> bool:
    """setgroups(2) will be permitted to the container's first process.

    Source:  user_namespaces(7), "The /proc/pid/setgroups file".
    """
    if namespaces.new & NEWUSER:
        return not must_deny_groups(linux, host)
    if namespaces.joined & NEWUSER:
        # Whoever made it without privileges had to deny setgroups to get its map written.
        return host.euid == 0
    return host.euid == 0 and host.setgroups_allowed


def must_deny_groups(linux: Linux, host: HostFacts) -> bool:
    """The gid map can only be written after setgroups is denied: one id, no privileges."""
    maps = linux.get("gidMappings", ())
    if host.euid == 0:
        # Root of an outer user namespace that denies it: the inner one inherits that.
        return not host.setgroups_allowed
    return len(maps) == 1 and maps[0]["size"] == 1


def plan_namespaces(
    plan: Plan,
    config: Config,
    namespaces: Namespaces,
    host: HostFacts,
    cgroup_dirs: list[tuple[Hierarchy, str]],
    *,
    parent_joins: bool,
) -> None:
    """Everything up to the point where the container's process is in all its namespaces.

    `parent_joins` says that the process is not born in its v2 cgroup, but moved there.
    """
    linux = config.get("linux", {})
    if namespaces.new & NEWUSER:
        plan.uid_maps = id_maps(linux.get("uidMappings", ()))
        plan.gid_maps = id_maps(linux.get("gidMappings", ()))
        plan.deny_setgroups = must_deny_groups(linux, host)
    if namespaces.new & NEWTIME:
        plan.time_offsets = time_offset_lines(linux)
    set_groups = may_set_groups(linux, namespaces, host)
    in_clone = namespaces.new & ~NEWCGROUP
    if namespaces.joined or plan.time_offsets or in_clone & NEWUSER:
        plan.staged = True
        _plan_stage(plan, linux, namespaces, host, in_clone, set_groups=set_groups)
    else:
        plan.clone_flags = in_clone
    # After the fork: with a pids limit of 1 the intermediate could not make it.
    for hierarchy, path in cgroup_dirs:
        # The parent's CLONE_INTO_CGROUP sees to version 2.
        if hierarchy.version == 1:
            slot = plan.add_slot("cgroup", path, "linux.cgroupsPath")
            plan.ops.append(ops.cgroup_join("linux.cgroupsPath", slot, path))
    # Nor would there be room for both of them in one that they are born in.
    is_v2 = bool(cgroup_dirs) and all(hierarchy.version == 2 for hierarchy, _ in cgroup_dirs)
    plan.parent_joins = parent_joins or (plan.staged and is_v2 and _leaves_room_for_one(linux))
    if plan.parent_joins:
        plan.ops.append(ops.sync(ops.BARRIER_CGROUP))
    if namespaces.new & NEWCGROUP:
        plan.ops.append(ops.unshare(namespaces.origins[NEWCGROUP], NEWCGROUP))


def _leaves_room_for_one(linux: Linux) -> bool:
    pids = linux.get("resources", {}).get("pids")
    return pids is not None and pids.get("limit") in (0, 1)


def _plan_stage(
    plan: Plan,
    linux: Linux,
    namespaces: Namespaces,
    host: HostFacts,
    in_clone: int,
    *,
    set_groups: bool,
) -> None:
    """The intermediate process: join, map, join what was refused before, fork.

    Foreign namespaces want the rights that we have outside of the user namespace, its own
    ones those that we only get inside: so every one is tried before, and again after.
    """
    retry = bool(namespaces.listed & NEWUSER)
    slots: dict[int, int] = {}
    for flag, path in namespaces.paths.items():
        origin = f"{namespaces.origins[flag]}.path"
        slots[flag] = plan.add_slot("namespace", path, origin)
        if flag == NEWNET and _sets_network_sysctls(linux):
            plan.slots[-1].foreign = host.network_namespace
        if flag != NEWUSER:
            plan.ops.append(
                ops.setns(origin, slots[flag], flag, path, ops.SETNS_MAY_DEFER if retry else 0)
            )
    if namespaces.new & NEWUSER:
        plan.ops.append(ops.unshare(namespaces.origins[NEWUSER], NEWUSER))
        plan.ops.append(ops.sync(ops.BARRIER_MAPS))
    elif namespaces.joined & NEWUSER:
        path = namespaces.paths[NEWUSER]
        origin = f"{namespaces.origins[NEWUSER]}.path"
        plan.ops.append(ops.setns(origin, slots[NEWUSER], NEWUSER, path))
    if retry:
        plan.ops.append(plan_becoming_root(linux, set_groups=set_groups))
        for flag, path in namespaces.paths.items():
            if flag != NEWUSER:
                origin = f"{namespaces.origins[flag]}.path"
                plan.ops.append(ops.setns(origin, slots[flag], flag, path, ops.SETNS_IF_DEFERRED))
    in_clone &= ~NEWUSER
    if plan.time_offsets:
        # Frozen as soon as a process is inside, hence unshared and not cloned.
        plan.ops.append(ops.unshare(namespaces.origins[NEWTIME], NEWTIME))
        plan.ops.append(ops.sync(ops.BARRIER_TIME))
        in_clone &= ~NEWTIME
    plan.ops.append(ops.fork("linux.namespaces", in_clone))


def time_offset_lines(linux: Linux) -> list[str]:
    """Lines for /proc/PID/timens_offsets; a clock at zero needs none."""
    lines = []
    offsets = linux.get("timeOffsets", {})
    for clock, offset in (
        ("monotonic", offsets.get("monotonic", {})),
        ("boottime", offsets.get("boottime", {})),
    ):
        seconds, nanoseconds = offset.get("secs", 0), offset.get("nanosecs", 0)
        if seconds or nanoseconds:
            lines.append(f"{clock} {seconds} {nanoseconds}")
    return lines


def id_maps(entries: list[IDMapping] | tuple[IDMapping, ...]) -> list[IdMap]:
    """Mappings of the configuration for the plan."""
    return [IdMap(entry["containerID"], entry["hostID"], entry["size"]) for entry in entries]


def _sets_network_sysctls(linux: Linux) -> bool:
    return any(key.startswith(("net.", "net/")) for key in linux.get("sysctl", {}))
