"""The child's messages: what it reached, and how its last words become an error."""

from __future__ import annotations

import errno as errno_numbers
from _struct import Struct

from runtime.errors import ContainerError, HookError, KernelError, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.plan.ops import Op

# struct message of csrc/init.c
MESSAGE = Struct("=3Ii24s")
MESSAGE_SIZE = MESSAGE.size + 1024
REACHED = 1
CHILD = 2
FAILED = 3
WANT = 4
MASTER = 5
LISTENER = 6

# What an errno means for an operation, where the kernel's word misleads: (op, errno) -> hint.
HINTS = {
    ("mount", errno_numbers.ENODEV): "this kernel has no such file system type",
    ("mount", errno_numbers.ENOSPC): "a limit on mounts is reached: sysctl fs.mount-max",
    ("bind", errno_numbers.ENOENT): "the source must exist on the host",
    ("bind", errno_numbers.ENOTDIR): "a file and a directory cannot be bound on one another",
    ("mount", errno_numbers.EPERM): "the user namespace may not mount this",
    ("caps", errno_numbers.EPERM): "the runtime itself lacks one of them, "
    "or effective holds one that permitted has not",
    ("rlimit", errno_numbers.EPERM): "raising a hard limit needs CAP_SYS_RESOURCE",
    ("bounding", errno_numbers.EPERM): "the runtime itself lacks CAP_SETPCAP",
    ("pivot", errno_numbers.EINVAL): "the current root is no mount point that can be pivoted "
    "(an initial ramdisk, a chroot): try --no-pivot",
    ("user", errno_numbers.EINVAL): "the id has no mapping in the user namespace",
    ("unshare", errno_numbers.ENOSPC): "the limit in /proc/sys/user is reached",
    ("fork", errno_numbers.ENOSPC): "the limit in /proc/sys/user is reached",
    ("keyring", errno_numbers.EDQUOT): "too many keys: sysctl kernel.keys.maxkeys, "
    "or use --no-new-keyring",
    ("hostname", errno_numbers.EPERM): "a host name needs a UTS namespace of one's own",
    ("scheduler", errno_numbers.EPERM): "the runtime itself lacks CAP_SYS_NICE, or the cgroup "
    "has no real-time share: linux.resources.cpu.realtimeRuntime",
    ("scheduler", errno_numbers.EINVAL): "this kernel does not take that policy with these numbers",
    ("io_priority", errno_numbers.EPERM): "the real-time class needs CAP_SYS_ADMIN or CAP_SYS_NICE",
    ("cpu_affinity", errno_numbers.EINVAL): "none of these CPUs is in the cgroup's cpuset",
    ("memory_policy", errno_numbers.EINVAL): "no such memory node, none that the cgroup's "
    "cpuset.mems lets it use, or this kernel does not know the mode or the flag",
    ("memory_policy", errno_numbers.ENOSYS): "this kernel knows nothing of memory nodes: no NUMA",
    ("apparmor", errno_numbers.ENOENT): "the profile is not loaded: apparmor_parser(8)",
    ("process_label", errno_numbers.EINVAL): "the loaded policy does not know this label",
    ("seccomp", errno_numbers.EBUSY): "the runtime itself is under a filter with a listener, and "
    "the kernel takes no second one",
    ("mask_path", errno_numbers.ENOENT): "masking a file needs /dev/null in the container",
}


def unpack(message: bytes) -> tuple[int, int, int, int, str, str]:
    """(kind, value, op index, errno, call, detail)."""
    kind, value, index, err, call = MESSAGE.unpack_from(message)
    detail = message[MESSAGE.size :].decode("utf-8", "surrogateescape")
    return kind, value, index, err, call.rstrip(b"\0").decode(), detail


def error_of(message: bytes, ops: list[Op], config: dict[str, Any] | None) -> ContainerError:
    """The failure message as an error: the operation's place, the call, errno and a hint.

    `config` lets a refused mount option be named by its own place.
    """
    _, _, index, err, call, detail = unpack(message)
    return _error(_place(ops[index]), err, call, detail, config)


def last_ops(ops: list[Op]) -> list[list[str]]:
    """What error_after_start() must know of the operations from the exec fifo on.

    The first entry has the fifo's number, for the others to be counted from.
    """
    first = next(index for index, op in enumerate(ops) if op.name == "fifo")
    return [[str(first)], *(_place(op) for op in ops[first:])]


def error_after_start(
    message: bytes, known: list[list[str]], config: dict[str, Any]
) -> ContainerError:
    """The same for a failure after start, when the plan is gone; `known` is by last_ops()."""
    _, _, index, err, call, detail = unpack(message)
    return _error(known[1 + index - int(known[0][0])], err, call, detail, config)


def _place(op: Op) -> list[str]:
    """[name, origin, what it does, path of the hook]."""
    return [op.name, op.origin, op.what, str(op.strings[0]) if op.name == "hook" else ""]


def _error(
    place: list[str], err: int, call: str, detail: str, config: dict[str, Any] | None
) -> ContainerError:
    name, field, what, hook_path = place
    if name == "hook":
        hook = hook_name(field)
        words = printable(detail.strip())
        return HookError(f"error running {hook}: {hook_path}: {words}", field=field)
    if name in ("executable", "exec") and detail:
        # Engines match these words, so nothing stands before them and errno behind.
        said = "executable file not found in $PATH" in detail
        return KernelError(detail, errno=0 if said else err, code="no-executable")
    hint = HINTS.get((name, err), "")
    if name in ("mount", "bind") and "\0" in detail:
        option, words = detail.split("\0", 1)
        field = option_place(field, option, config)
        quoted = f'option "{option}"' if option else ""
        kernel = f"the kernel says: {words}" if words else ""
        hint = ", ".join(part for part in (quoted, kernel) if part) or hint
        detail = ""
    return KernelError(
        f"{what}: {detail}" if detail else what, field=field, syscall=call, errno=err, hint=hint,
        code=op_code(name),
    )  # fmt: skip


def op_code(name: str) -> str:
    """The code of a failed operation: ``mount-failed``."""
    return f"{name.replace('_', '-')}-failed"


def hook_name(origin: str) -> str:
    """``createRuntime hook #0`` for ``hooks.createRuntime[0]``."""
    return origin.removeprefix("hooks.").replace("[", " hook #").rstrip("]")


def option_place(origin: str, option: str, config: dict[str, Any] | None) -> str:
    """``mounts[3].options[1]`` for the option of the mount at `origin`, if it is there."""
    if config is None or not option or not origin.startswith("mounts["):
        return origin
    number = int(origin[len("mounts[") : origin.index("]")])
    options = config["mounts"][number].get("options") or []
    return f"mounts[{number}].options[{options.index(option)}]" if option in options else origin
