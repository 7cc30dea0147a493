"""Why an operation is in a plan, and what runc does in its place: for people who read one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.ops import Op

# Operations that nobody asked for, by their origin.
DEFAULTS = {
    "default CPU affinity": "the container's CPUs are its cgroup's, not its caller's",
    "default session": "no process of the container shares a terminal with the caller",
    "default keyring": "the caller's keys stay out of reach",
    "default loopback": "a new network namespace has lo, and it is down",
    "default propagation": "mounts made from here on must not appear on the host",
    "default devices": "the specification wants these in every /dev: config-linux.md",
    "exec fifo": "the program must not run before start is called",
}
WHY = {
    "setns": "the configuration names a namespace that exists",
    "unshare": "this namespace cannot be made by the clone: the process must be in its cgroup, "
    "or have its ids or clock, first",
    "fork": "pid and time namespaces take in only children",
    "cgroup_join": "who moves itself takes no lock of the whole kernel: 0.1 ms, not 10",
    "become_root": "files made from here on belong to the container's root",
    "sysctl": "asked for; it belongs to a namespace of the container",
    "root": "a root must be a mount of its own to be pivoted to",
    "mount": "asked for",
    "bind": "asked for",
    "hook": "asked for",
    "pivot": "the host's file system goes out of reach",
    "move_root": "the host's file system goes out of reach",
    "remount_ro": "asked for; only now, because files had to be made in it before",
    "readonly_path": "asked for: the program must not change it",
    "mask_path": "asked for: the program must not see it",
    "umask": "asked for, else 022",
    "stdio_owner": "the program's user must be able to reopen its own streams",
    "console": "asked for: process.terminal",
    "no_new_privs": "asked for: no set-user-ID program gives more than there is",
    "seccomp": "asked for; as late as possible, so that it need not allow our own calls",
    "bounding": "what is not in the set can never be gained",
    "user": "asked for, or root where nothing is said",
    "caps": "what is not listed is taken away, also where the section is missing",
    "chdir": "the program starts there; checked to lie in the container",
    "executable": "a program that is not there fails create, not start",
    "exec": "the end: the process becomes the program",
    "rlimit": "asked for",
}
BARRIERS = {
    1: "the runtime writes uid_map and gid_map, which the process may not",
    2: "the runtime writes the offsets before anybody is inside",
    3: "the runtime, or systemd for it, moves the process into its cgroup",
    4: "prestart and createRuntime hooks run outside, before the root is changed",
    5: "the runtime saves the state and the pid file: the status is created",
}
# Where runc gets to the same end another way, or to another end.
RUNC = {
    "clone": "clones three processes, one after the other, that unshare and join for the last",
    "cgroup_join": "writes the pid to cgroup.procs from outside",
    "cpu_affinity": "the same since 1.2; before, the caller's CPUs stay",
    "mount": "mount(2) on a path of /proc/thread-self/fd, then again for the attributes",
    "bind": "mount(2) with MS_BIND, then MS_REMOUNT: for a moment it is writable",
    "readonly_path": "mount(2) with MS_BIND, then MS_REMOUNT|MS_RDONLY",
    "mask_path": "a read-only tmpfs over a directory, where pyrunc binds an empty one",
    "caps": "keeps all that it has itself where process.capabilities is missing",
    "bounding": "keeps all that it has itself where process.capabilities is missing",
    "exec": "reaches execve from Go, in the container, out of a sealed copy of itself",
    "seccomp": "the same place; the filter is compiled in the container, pyrunc brings it along",
}


def why(op: Op) -> str:
    """The reason in a line; "" where the operation speaks for itself."""
    if op.origin in DEFAULTS:
        return DEFAULTS[op.origin]
    if op.name == "sync":
        return BARRIERS.get(op.numbers[0], "")
    return WHY.get(op.name, "")


def in_runc(name: str) -> str:
    """What runc does where we do `name`; "" where we have nothing to say."""
    return RUNC.get(name, "")
