"""An operation as the system calls that it will be: for people who read a plan."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.capabilities import BITS
from runtime.plan.mount_options import ATIME_MASK
from runtime.plan.namespaces import FLAGS
from runtime.plan.process import RLIMITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.plan.ops import Op

CLONE_NAMES = {
    flag: "CLONE_NEW" + {"mount": "NS", "network": "NET"}.get(name, name.upper())
    for name, flag in FLAGS.items()
}
ATTRIBUTES = {1: "RDONLY", 2: "NOSUID", 4: "NODEV", 8: "NOEXEC", 0x80: "NODIRATIME",
              0x200000: "NOSYMFOLLOW"}  # fmt: skip
ATIMES = {0x10: "NOATIME", 0x20: "STRICTATIME"}
PROPAGATION = {1 << 17: "MS_UNBINDABLE", 1 << 18: "MS_PRIVATE", 1 << 19: "MS_SLAVE",
               1 << 20: "MS_SHARED", 0x4000: "MS_REC"}  # fmt: skip
SECCOMP = {1: "TSYNC", 2: "LOG", 4: "SPEC_ALLOW", 8: "NEW_LISTENER"}
RESOURCES = {number: name for name, number in RLIMITS.items()}
INFINITY = (1 << 64) - 1
FILE_TYPES = {0o020000: "S_IFCHR", 0o060000: "S_IFBLK", 0o010000: "S_IFIFO"}
SHOWN_ARGUMENTS = 4


def kernel_call(op: Op) -> str:
    """``sethostname("web")``; several calls have commas between them, in order."""
    return CALLS[op.name](op)


def clone_words(flags: int) -> str:
    """CLONE_NEW* of a mask."""
    return _or(flags, CLONE_NAMES)


def _or(mask: int, names: dict[int, str], prefix: str = "") -> str:
    words = [prefix + name for flag, name in names.items() if mask & flag]
    return "|".join(words) or "0"


def _text(op: Op, number: int) -> str:
    value = op.strings[number] if number < len(op.strings) else None
    return f'"{value}"' if isinstance(value, str) else "NULL"


def _list(op: Op, number: int) -> list[str]:
    value = op.strings[number]
    return value if isinstance(value, list) else []


def _attributes(mask: int) -> str:
    words = _or(mask & ~ATIME_MASK, ATTRIBUTES, "MOUNT_ATTR_")
    atime = _or(mask, ATIMES, "MOUNT_ATTR_")
    return "|".join(word for word in (words, atime) if word != "0") or "0"


def _mount(op: Op) -> str:
    attr_set, _, rec_set, rec_clr, propagation = op.numbers
    target, kind = _text(op, 1), _text(op, 2)
    if op.flags & ops.MOUNT_REMOUNT:
        return f"mount(NULL, {target}, MS_REMOUNT|..., {', '.join(_list(op, 3)) or 'NULL'})"
    calls = [f"fsopen({kind})"]
    if options := _list(op, 3):
        calls.append(f"fsconfig({', '.join(options)})")
    calls += [f"fsmount({_attributes(attr_set)})", f"move_mount({target})"]
    if rec_set | rec_clr | propagation:
        calls.append(f"mount_setattr({target})")
    return ", ".join(calls)


def _bind(op: Op) -> str:
    attr_set, attr_clr, rec_set, rec_clr, packed = op.numbers
    recursive = "|AT_RECURSIVE" if op.flags & ops.BIND_RECURSIVE else ""
    calls = [f"open_tree({_text(op, 0)}, OPEN_TREE_CLONE{recursive})"]
    if op.flags & ops.BIND_SOURCE_IS_SLOT:
        calls = ["the runtime's detached, id-mapped mount of " + _text(op, 0)]
    if attr_set | attr_clr | rec_set | rec_clr or packed & 0xFFFFFFFF:
        calls.append(f"mount_setattr({_attributes(attr_set | rec_set)})")
    return ", ".join([*calls, f"move_mount({_text(op, 1)})"])


def _mknod(op: Op) -> str:
    mode, major, minor, uid, gid = op.numbers
    kind = FILE_TYPES.get(mode & 0o170000, oct(mode))
    if op.flags & ops.MKNOD_BIND:
        source = _text(op, 1)
        return f"open_tree({source}, OPEN_TREE_CLONE), move_mount({_text(op, 0)})"
    made = f"mknodat({_text(op, 0)}, {kind}|{mode & 0o7777:#o}, makedev({major}, {minor}))"
    return made if not uid and not gid else f"{made}, fchownat({uid}, {gid})"


def _rlimit(op: Op) -> str:
    resource, soft, hard = op.numbers
    shown = ["RLIM_INFINITY" if limit == INFINITY else str(limit) for limit in (soft, hard)]
    return f"prlimit({RESOURCES.get(resource, resource)}, {shown[0]}, {shown[1]})"


def _bounding(op: Op) -> str:
    dropped = [name for name, bit in BITS.items() if not op.numbers[0] & bit]
    return f"prctl(PR_CAPBSET_DROP) for {len(dropped)} of {len(BITS)} capabilities"


def _caps(op: Op) -> str:
    effective, permitted, inheritable, ambient = op.numbers
    sets = {"effective": effective, "permitted": permitted, "inheritable": inheritable}
    words = ", ".join(f"{name}={_names(mask)}" for name, mask in sets.items())
    return f"capset({words}), prctl(PR_CAP_AMBIENT, {_names(ambient)})"


def _names(mask: int) -> str:
    return _or(mask, {bit: name for name, bit in BITS.items()})


def _user(op: Op) -> str:
    uid, gid = op.numbers
    packed = op.strings[0] if isinstance(op.strings[0], bytes) else b""
    groups = [int.from_bytes(packed[at : at + 4], "little") for at in range(0, len(packed), 4)]
    first = f"setgroups({groups}), " if op.flags & ops.USER_SETGROUPS else ""
    return f"{first}setresgid({gid}), setresuid({uid})"


def _exec(op: Op) -> str:
    args = _list(op, 0)
    shown = [f'"{word}"' for word in args[:SHOWN_ARGUMENTS]]
    shown += ["..."] * (len(args) > SHOWN_ARGUMENTS)
    words = ", ".join(shown)
    return f"close_range({3 + op.numbers[0]}, ~0), execve([{words}], {len(_list(op, 1))} variables)"


def _seccomp(op: Op) -> str:
    program = op.strings[0]
    size = len(program) // 8 if isinstance(program, bytes) else 0
    flags = _or(op.numbers[0], SECCOMP, "SECCOMP_FILTER_FLAG_")
    return f"seccomp(SECCOMP_SET_MODE_FILTER, {flags}, {size} instructions)"


def _sync(op: Op) -> str:
    if op.flags & ops.SYNC_ONLY_SAY:
        return "sendmsg(runtime)"
    return "sendmsg(runtime), recv(runtime)"


def _affinity(op: Op) -> str:
    return (
        "sched_setaffinity(0, every CPU)" if op.strings == (b"",) else "sched_setaffinity(0, ...)"
    )


CALLS: dict[str, Callable[[Op], str]] = {
    "setns": lambda op: f"setns(slot {op.numbers[0]}, {clone_words(op.numbers[1])})",
    "join": lambda op: f"setns(pidfd, {clone_words(op.numbers[1])})",
    "enter_root": lambda op: 'fchdir(root), chroot(".")',
    "unshare": lambda op: f"unshare({clone_words(op.numbers[0])})",
    "fork": lambda op: f"clone3({clone_words(op.numbers[0])}, CLONE_PARENT)",
    "sync": _sync,
    "cgroup_join": lambda op: f'write(slot {op.numbers[0]}, "0")',
    "become_root": lambda op: "setresgid(0), setresuid(0)",
    "setsid": lambda op: "setsid()",
    "keyring": lambda op: f"keyctl(KEYCTL_JOIN_SESSION_KEYRING, {_text(op, 0)})",
    "link_up": lambda op: f"ioctl(SIOCSIFFLAGS, {_text(op, 0)}, IFF_UP)",
    "hostname": lambda op: f"sethostname({_text(op, 0)})",
    "domainname": lambda op: f"setdomainname({_text(op, 0)})",
    "sysctl": lambda op: f"write(/proc/sys/{op.strings[0]!s}, {_text(op, 1)})",
    "root_propagation": lambda op: f'mount(NULL, "/", {_or(op.numbers[0], PROPAGATION)})',
    "root": lambda op: f"openat2({_text(op, 0)}), open_tree, move_mount on itself",
    "mount": _mount,
    "bind": _bind,
    "mkdir": lambda op: f"mkdirat({_text(op, 0)}, {op.numbers[0]:#o})",
    "symlink": lambda op: f"symlinkat({_text(op, 0)}, {_text(op, 1)})",
    "mknod": _mknod,
    "hook": lambda op: f"fork, execve({_text(op, 0)}), wait",
    "pivot": lambda op: 'pivot_root(".", "."), umount2(".", MNT_DETACH)',
    "move_root": lambda op: 'chroot(".")' if op.flags else 'mount(".", "/", MS_MOVE), chroot(".")',
    "remount_ro": lambda op: f"mount_setattr({_text(op, 0)}, MOUNT_ATTR_RDONLY)",
    "readonly_path": lambda op: (
        f"open_tree({_text(op, 0)}), mount_setattr(MOUNT_ATTR_RDONLY), move_mount"
    ),
    "mask_path": lambda op: (
        f"open_tree(/dev/null or an empty directory), move_mount({_text(op, 0)})"
    ),
    "umask": lambda op: f"umask({op.numbers[0]:#o})",
    "stdio_owner": lambda op: f"fchown(0 to 2, {op.numbers[0]})",
    "stdio_null": lambda op: 'openat2("/dev/null"), dup3',
    "console": lambda op: 'openat2("/dev/pts/ptmx"), ioctl(TIOCGPTPEER), dup3, sendmsg(master)',
    "no_new_privs": lambda op: "prctl(PR_SET_NO_NEW_PRIVS, 1)",
    "seccomp": _seccomp,
    "bounding": _bounding,
    "user": _user,
    "caps": _caps,
    "personality": lambda op: f"personality({op.numbers[0]:#x})",
    "chdir": lambda op: f"chdir({_text(op, 0)}), getcwd",
    "executable": lambda op: f"faccessat({_text(op, 0)}, X_OK) along PATH",
    "fifo": lambda op: 'openat("exec.fifo", O_WRONLY), which blocks',
    "exec": _exec,
    "rlimit": _rlimit,
    "scheduler": lambda op: "sched_setattr(0)",
    "io_priority": lambda op: "ioprio_set(IOPRIO_WHO_PROCESS)",
    "cpu_affinity": _affinity,
    "apparmor": lambda op: f'write("/proc/self/attr/exec", {_text(op, 0)})',
    "memory_policy": lambda op: f"set_mempolicy({op.numbers[0]:#x})",
    "file_label": lambda op: f'setxattr({_text(op, 0)}, "security.selinux", {_text(op, 1)})',
    "process_label": lambda op: f'write("/proc/self/attr/exec", {_text(op, 0)})',
}
