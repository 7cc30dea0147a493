"""The operations a plan is made of, one constructor each.

Everything the container side does between its birth and execve(2) is one of these. The
constructors are the whole vocabulary of the planner; `encode.py` writes them for the C
executor, whose table is csrc/ops.def. A constructor takes the *origin* first: the JSON
pointer-like place in config.json that asked for the operation (``mounts[3]``), or the name
of the default that did (``default devices``).

Strings are encoded as UTF-8 with surrogateescape, so any path survives.
"""

from __future__ import annotations

# Barriers of sync(): the child says it got there and waits for the parent's word.
BARRIER_MAPS = 1  # user namespace made: the parent writes uid_map and gid_map
BARRIER_TIME = 2  # time namespace made: the parent writes timens_offsets
BARRIER_CGROUP = 3  # not in its cgroup: the parent has systemd move it
BARRIER_HOOKS = 4  # root filesystem ready, not pivoted: prestart, createRuntime hooks
BARRIER_CREATED = 5  # all done but the exec fifo: the parent saves the state
BARRIER_LIMITS = 6  # before anything else: the parent lifts limits, sets the oom score
BARRIER_PROGRAM = 7  # exec: all done but the seccomp filter and execve
BARRIER_NETWORK = 8  # in its namespaces: the parent moves network devices there
BARRIER_LISTENER = 9  # the filter is in: the parent hands its listener to the agent
BARRIER_NAMES = {
    BARRIER_MAPS: "user namespace maps",
    BARRIER_TIME: "time offsets",
    BARRIER_CGROUP: "cgroup",
    BARRIER_HOOKS: "runtime hooks",
    BARRIER_CREATED: "created",
    BARRIER_LIMITS: "limits",
    BARRIER_PROGRAM: "program",
    BARRIER_NETWORK: "network devices",
    BARRIER_LISTENER: "seccomp agent",
}

# Flags of single operations.
ROOT_NO_BIND = 1  # root: do not bind the rootfs on itself (no mount namespace)
ROOT_SLAVE = 2  # root: the mount holding the rootfs becomes a slave, not private
MOUNT_TMPCOPYUP = 1  # mount: copy what the target held into the new tmpfs
MOUNT_REAL_DIR = 2  # mount: the target must be (or become) a true directory: proc, sysfs
MOUNT_MODE_OF_TARGET = 4  # mount: tmpfs takes the mode of an existing target
MOUNT_SYSFS_FALLBACK = 16  # mount: on EPERM bind the host's /sys instead
MOUNT_CGROUP_FALLBACK = 32  # mount: cgroup2 on EPERM or EBUSY becomes a bind of `source`
MOUNT_REMOUNT = 64  # mount: reconfigure what is mounted at the target, attributes replaced
BIND_RECURSIVE = 1
BIND_REPLACE_ATTRS = 2  # attributes become exactly attr_set (atime kept unless named)
BIND_SOURCE_IS_SLOT = 4  # numbers[4] >> 32 is the slot of a detached mount or O_PATH descriptor
SYMLINK_REPLACE = 1  # unlink what is there first; else an existing entry is kept
MKNOD_BIND = 1  # bind the host's node of the same path (user namespaces)
MKNOD_BIND_ON_EPERM = 2
USER_SETGROUPS = 1
BECOME_ROOT_SETGROUPS = 1
EXEC_FROM_SLOT = 2  # exec: the program is the sealed memory in the slot numbers[2]
EXEC_DEFAULT_HOME = 1  # HOME comes from the container's passwd, else "/"
EXECUTABLE_NO_PATH = 1  # PATH is not in the environment: only names with a slash are found
SYNC_ONLY_SAY = 1  # sync: no word is waited for
SYNC_LAST = 2  # sync: from now on the socket carries nothing but a failure
SETNS_MAY_DEFER = 1  # setns: on EPERM go on, a later setns of this slot tries again
SETNS_IF_DEFERRED = 2  # setns: only if the first try was deferred
CONSOLE_BIND = 1  # console: show the slave on /dev/console
CHDIR_TRY = 1  # chdir: as root, before the user is changed; EPERM and EACCES are kept
CHDIR_AGAIN = 2  # chdir: only if the first try did not succeed; then check the place

# Propagation changes, one byte each, packed low byte first into one number.
PROPAGATION_BYTE = {"private": 1, "slave": 2, "shared": 3, "unbindable": 4}
PROPAGATION_RECURSIVE = 0x80


class Op:
    """One kernel operation: what to do, its arguments and who asked for it."""

    __slots__ = ("code", "flags", "name", "numbers", "origin", "strings", "what")

    def __init__(
        self,
        name: str,
        origin: str,
        what: str,
        flags: int = 0,
        numbers: tuple[int, ...] = (),
        strings: tuple[str | bytes | list[str] | None, ...] = (),
    ) -> None:
        self.code = CODES[name]
        self.name = name
        self.origin = origin
        self.what = what
        self.flags = flags
        self.numbers = numbers
        self.strings = strings

    def __repr__(self) -> str:
        return (
            f"Op({self.name!r}, {self.origin!r}, {self.what!r}, flags={self.flags:#x}, "
            f"numbers={self.numbers!r}, strings={self.strings!r})"
        )


# Name -> number; the same table as csrc/ops.def.
CODES = {
    "setns": 1, "unshare": 2, "fork": 3, "sync": 4, "cgroup_join": 5, "become_root": 6,
    "setsid": 7, "keyring": 8, "link_up": 9, "hostname": 10, "domainname": 11,
    "sysctl": 13, "root_propagation": 14, "root": 15, "mount": 16,
    "bind": 17, "mkdir": 18, "symlink": 19, "mknod": 20, "hook": 21, "pivot": 22,
    "move_root": 23, "remount_ro": 24, "readonly_path": 25, "mask_path": 26, "umask": 27,
    "stdio_owner": 28, "stdio_null": 29, "no_new_privs": 30, "seccomp": 31, "bounding": 32,
    "user": 33, "caps": 34, "personality": 35, "chdir": 36, "executable": 37, "fifo": 38,
    "exec": 39, "rlimit": 40, "console": 41, "join": 42, "enter_root": 43, "scheduler": 44,
    "io_priority": 45, "cpu_affinity": 46, "apparmor": 47, "process_label": 48,
    "memory_policy": 49, "file_label": 50,
}  # fmt: skip


def setns(origin: str, slot: int, kind: int, path: str, flags: int = 0) -> Op:
    """Join the namespace whose descriptor is in `slot`; `kind` is its CLONE_NEW flag."""
    return Op("setns", origin, f"join the namespace {path}", flags, (slot, kind))


def join(slot: int, flags: int) -> Op:
    """Join the namespaces `flags` (CLONE_NEW*) of the process whose pidfd is in `slot`."""
    return Op("join", "linux.namespaces", "join the container's namespaces", 0, (slot, flags))


def enter_root(slot: int) -> Op:
    """Make the directory in `slot` the root: the container has no mount namespace of its own."""
    return Op("enter_root", "root.path", "enter the container's root", 0, (slot,))


def unshare(origin: str, flags: int) -> Op:
    """Leave the namespaces of `flags` (CLONE_NEW*) for new ones, unshare(2)."""
    return Op("unshare", origin, "unshare namespaces", 0, (flags,))


def fork(origin: str, flags: int) -> Op:
    """Go on in a child made with `flags` (CLONE_NEW*), a child of the runtime itself."""
    return Op("fork", origin, "fork the container's process", 0, (flags,))


def sync(barrier: int) -> Op:
    """Tell the parent that `barrier` is reached, wait until it says to go on."""
    return Op("sync", BARRIER_NAMES[barrier], "wait for the runtime", 0, (barrier,))


def sync_last(barrier: int, *, wait: bool) -> Op:
    """The last barrier of exec: wait for a word or not, then only a failure is told."""
    return Op(
        "sync", BARRIER_NAMES[barrier], "tell the runtime",
        SYNC_LAST if wait else SYNC_LAST | SYNC_ONLY_SAY, (barrier,),
    )  # fmt: skip


def cgroup_join(origin: str, slot: int, path: str) -> Op:
    """Move oneself: write "0" to the tasks or cgroup.threads file open in `slot`."""
    return Op("cgroup_join", origin, f"join the cgroup {path}", 0, (slot,))


def become_root(uid: int = 0, gid: int = 0, *, setgroups: bool) -> Op:
    """Take these ids of the user namespace, dropping groups where permitted."""
    return Op(
        "become_root", "linux.namespaces", f"become user {uid} of the user namespace",
        BECOME_ROOT_SETGROUPS if setgroups else 0, (uid, gid),
    )  # fmt: skip


def setsid() -> Op:
    """Start a new session, so that nothing shares the caller's terminal."""
    return Op("setsid", "default session", "start a session")


KEYRING_OTHERS_SEARCH = 0x8  # the permission bit KEY_OTH_SEARCH


def keyring(name: str, *, in_user_namespace: bool, label: str | None = None) -> Op:
    """Join a new session keyring of this name, with an SELinux label; ENOSYS is no error.

    The owner may search it; in a user namespace others too, as the owner is one of them there.
    """
    return Op(
        "keyring", "default keyring", f"join the session keyring {name}", 0,
        (KEYRING_OTHERS_SEARCH if in_user_namespace else 0,), (name, label),
    )  # fmt: skip


def link_up(name: str) -> Op:
    """Bring a network interface of the new network namespace up."""
    return Op("link_up", "default loopback", f"bring {name} up", 0, (), (name,))


def hostname(name: str) -> Op:
    """sethostname(2)."""
    return Op("hostname", "hostname", f"set the host name {name}", 0, (), (name,))


def domainname(name: str) -> Op:
    """setdomainname(2)."""
    return Op("domainname", "domainname", f"set the domain name {name}", 0, (), (name,))


def sysctl(origin: str, path: str, value: str) -> Op:
    """Write `value` to the file `path` (with slashes) below /proc/sys."""
    return Op("sysctl", origin, f"set the sysctl {path}", 0, (), (path, value))


def root_propagation(origin: str, flags: int) -> Op:
    """Change the propagation of the mount "/" (MS_SHARED, MS_SLAVE..., MS_REC)."""
    return Op("root_propagation", origin, "change the propagation of /", 0, (flags,))


def root(path: str, flags: int = 0) -> Op:
    """Open the root filesystem; bind it on itself so that it can be pivoted to."""
    return Op("root", "root.path", f"prepare the root filesystem {path}", flags, (), (path,))


def mount(
    origin: str,
    *,
    fstype: str,
    source: str,
    target: str,
    options: list[str],
    flags: int = 0,
    attr_set: int = 0,
    attr_clr: int = 0,
    rec_set: int = 0,
    rec_clr: int = 0,
    propagation: int = 0,
) -> Op:
    """Mount a new filesystem inside the root.

    `options` go to the filesystem (fsconfig), superblock words like ``ro`` or ``sync``
    included; `attr_*` are MOUNT_ATTR_* of this mount, `rec_*` the recursive ones that are
    applied last; `propagation` is packed (PROPAGATION_BYTE).
    """
    return Op(
        "mount", origin, f"mount {fstype} on {target}", flags,
        (attr_set, attr_clr, rec_set, rec_clr, propagation),
        (source, target, fstype, options),
    )  # fmt: skip


def bind(
    origin: str,
    *,
    source: str | None,
    target: str,
    flags: int = 0,
    attr_set: int = 0,
    attr_clr: int = 0,
    rec_set: int = 0,
    rec_clr: int = 0,
    propagation: int = 0,
    slot: int = 0,
) -> Op:
    """Bind `source` (a host path, or the descriptor in `slot`) inside the root.

    A missing target is made: a directory for a directory, else an empty file.
    """
    return Op(
        "bind", origin, f"bind {source} on {target}", flags,
        (attr_set, attr_clr, rec_set, rec_clr, propagation | slot << 32),
        (source, target),
    )  # fmt: skip


def mkdir(origin: str, path: str, mode: int = 0o755) -> Op:
    """Make a directory inside the root, parents too; an existing one is kept."""
    return Op("mkdir", origin, f"make the directory {path}", 0, (mode,), (path,))


def symlink(origin: str, target: str, path: str, *, replace: bool = False) -> Op:
    """Make the symbolic link `path` inside the root."""
    return Op(
        "symlink", origin, f"link {path} to {target}",
        SYMLINK_REPLACE if replace else 0, (), (target, path),
    )  # fmt: skip


def mknod(
    origin: str, path: str, mode: int, major: int, minor: int, uid: int, gid: int,
    *, flags: int = 0, source: str = "",
) -> Op:  # fmt: skip
    """Make a device node or fifo inside the root.

    `mode` has the type bits (S_IFCHR...). An existing node of the same kind is kept and
    gets mode and owner, any other is an error. `source` is the host's node to bind in a
    user namespace; it defaults to `path`.
    """
    return Op(
        "mknod", origin, f"make the device {path}", flags,
        (mode, major, minor, uid, gid), (path, source or path),
    )  # fmt: skip


def hook(
    origin: str, path: str, args: list[str], env: list[str], timeout_s: int,
    state_before_pid: str, state_after_pid: str, *, flags: int = 0,
) -> Op:  # fmt: skip
    """Run a hook in the container's namespaces, the state on its standard input.

    The executor puts its own pid between the two halves of the state. `timeout_s` 0 is none.
    """
    return Op(
        "hook", origin, f"run the hook {path}", flags, (timeout_s,),
        (path, args, env, [state_before_pid, state_after_pid]),
    )  # fmt: skip


def pivot() -> Op:
    """Make the root filesystem "/" by pivot_root(2), the old one unmounted."""
    return Op("pivot", "root.path", "pivot into the root filesystem")


def move_root() -> Op:
    """Make the root filesystem "/" by MS_MOVE and chroot(2): --no-pivot."""
    return Op("move_root", "--no-pivot", "move the root filesystem to /")


def chroot() -> Op:
    """Make the root filesystem "/" by chroot(2) alone: there is no mount namespace."""
    return Op("move_root", "root.path", "chroot into the root filesystem", 1)


def remount_ro(origin: str, path: str) -> Op:
    """Set the mount at `path` read-only, its other attributes kept."""
    return Op("remount_ro", origin, f"make {path} read-only", 0, (), (path,))


def readonly_path(origin: str, path: str) -> Op:
    """Bind `path` on itself read-only; an absent path is skipped."""
    return Op("readonly_path", origin, f"make {path} read-only", 0, (), (path,))


def mask_path(origin: str, path: str, context: str | None = None) -> Op:
    """Hide `path` behind /dev/null or an empty directory; an absent path is skipped.

    `context` is the SELinux label of the directory, as mount(8) takes it.
    """
    return Op("mask_path", origin, f"mask {path}", 0, (), (path, context))


def file_label(origin: str, path: str, label: str) -> Op:
    """Give what is at `path` inside the root an SELinux label."""
    return Op("file_label", origin, f"label {path}", 0, (), (path, label))


def umask(origin: str, mask: int) -> Op:
    """umask(2)."""
    return Op("umask", origin, f"set the umask {mask:04o}", 0, (mask,))


def stdio_owner(uid: int) -> Op:
    """Give standard input, output and error to `uid`, as far as permitted."""
    return Op("stdio_owner", "process.user.uid", "give the standard streams away", 0, (uid,))


def stdio_null() -> Op:
    """Re-open those standard streams that are /dev/null in the container's own /dev."""
    return Op("stdio_null", "default devices", "re-open /dev/null")


def console(height: int, width: int, *, bind: bool) -> Op:
    """Make a terminal, give its master to the runtime and its slave to the standard streams.

    Height and width count characters; unless both are there the size is nobody's.
    """
    return Op(
        "console", "process.terminal", "make the terminal",
        CONSOLE_BIND if bind else 0, (height, width),
    )  # fmt: skip


def no_new_privs() -> Op:
    """prctl(PR_SET_NO_NEW_PRIVS)."""
    return Op("no_new_privs", "process.noNewPrivileges", "set no_new_privs")


def seccomp(filter_bytes: bytes, flags: int) -> Op:
    """Install a compiled filter (array of struct sock_filter), seccomp(2) flags.

    With NEW_LISTENER the parent is told of the listener and takes it, see BARRIER_LISTENER.
    """
    return Op(
        "seccomp", "linux.seccomp", "install the seccomp filter", 0, (flags,), (filter_bytes,)
    )


def rlimit(origin: str, kind: str, resource: int, soft: int, hard: int) -> Op:
    """setrlimit(2), before the user is changed; 2^64 - 1 is no limit."""
    return Op("rlimit", origin, f"set {kind} to {soft} (hard {hard})", 0, (resource, soft, hard))


def scheduler(
    policy: str, number: int, flags: int, nice: int, priority: int,
    runtime: int, deadline: int, period: int,
) -> Op:  # fmt: skip
    """sched_setattr(2): `number` is that of the policy; the times are in nanoseconds."""
    return Op(
        "scheduler", "process.scheduler", f"set the scheduling policy {policy}", flags,
        (number, nice & 0xFFFFFFFF | priority << 32, runtime, deadline, period),
    )  # fmt: skip


def io_priority(kind: str, number: int, priority: int) -> Op:
    """ioprio_set(2) of this process: `number` is that of the class."""
    return Op(
        "io_priority", "process.ioPriority", f"set the I/O priority {kind} {priority}", 0,
        (number, priority),
    )  # fmt: skip


def cpu_affinity(origin: str, cpus: str, mask: bytes) -> Op:
    """sched_setaffinity(2): `mask` of bits as the kernel takes it, `cpus` to be read."""
    return Op("cpu_affinity", origin, f"run on the CPUs {cpus}", 0, (), (mask,))


def every_cpu() -> Op:
    """Run wherever the cgroup lets us, not where the runtime was told to; best effort."""
    return Op("cpu_affinity", "default CPU affinity", "run on every CPU", 0, (), (b"",))


def memory_policy(mode: str, nodes: str, number: int, mask: bytes) -> Op:
    """set_mempolicy(2): `number` is the mode with its flags."""
    what = f"set the memory policy {mode}" + (f" of the nodes {nodes}" if nodes else "")
    return Op("memory_policy", "linux.memoryPolicy", what, 0, (number,), (mask,))


def apparmor(profile: str) -> Op:
    """Have execve(2) change to this AppArmor profile."""
    return Op(
        "apparmor", "process.apparmorProfile", f"apply the AppArmor profile {profile}",
        0, (), (profile,),
    )  # fmt: skip


def process_label(label: str) -> Op:
    """Have execve(2) change to this SELinux label."""
    return Op(
        "process_label", "process.selinuxLabel", f"apply the SELinux label {label}",
        0, (), (label,),
    )  # fmt: skip


def bounding(keep: int) -> Op:
    """Drop every capability that is not in the bit mask `keep` from the bounding set."""
    return Op("bounding", "process.capabilities.bounding", "limit the bounding set", 0, (keep,))


def user(origin: str, uid: int, gid: int, groups: list[int], *, setgroups: bool) -> Op:
    """setgroups, setresgid, setresuid; the permitted capabilities are kept."""
    packed = b"".join(g.to_bytes(4, "little") for g in groups)
    return Op(
        "user", origin, f"become uid {uid}, gid {gid}",
        USER_SETGROUPS if setgroups else 0, (uid, gid), (packed,),
    )  # fmt: skip


def caps(effective: int, permitted: int, inheritable: int, ambient: int) -> Op:
    """capset(2), then the ambient set."""
    return Op(
        "caps", "process.capabilities", "set the capabilities", 0,
        (effective, permitted, inheritable, ambient),
    )  # fmt: skip


def personality(domain: int) -> Op:
    """personality(2)."""
    return Op("personality", "linux.personality.domain", "set the personality", 0, (domain,))


def chdir(cwd: str, flags: int = 0) -> Op:
    """Enter the working directory and check that it lies inside the root."""
    return Op("chdir", "process.cwd", f"enter the working directory {cwd}", flags, (), (cwd,))


def executable(name: str, search_path: str | None) -> Op:
    """Find the program as execve(2) will, check that it can be executed."""
    return Op(
        "executable", "process.args[0]", f"find the program {name}",
        EXECUTABLE_NO_PATH if search_path is None else 0, (), (name, search_path),
    )  # fmt: skip


def fifo(slot: int) -> Op:
    """Open the exec fifo (O_PATH descriptor in `slot`) for writing: waits for start."""
    return Op("fifo", "exec fifo", "wait for start", 0, (slot,))


def execute(args: list[str], env: list[str], preserved: int, uid: int, *, default_home: bool) -> Op:
    """Close every descriptor from 3 + `preserved` on and become the program."""
    return Op(
        "exec", "process.args", f"execute {args[0]}",
        EXEC_DEFAULT_HOME if default_home else 0, (preserved, uid), (args, env),
    )  # fmt: skip
