"""The cffi door: what the C core does for the parent, with our errors instead of numbers."""

from __future__ import annotations

import errno as errno_names

from runtime._native import ffi, lib
from runtime.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HOOK_EXITED = 0
HOOK_SIGNALED = 1
HOOK_TIMED_OUT = 2
HOOK_NOT_STARTED = 3

OUTPUT_BYTES = 1024
HOOK_TIMEOUT_S_MAX = 2147483  # 24 days; the C side counts in milliseconds


def _check(result: int, what: str, syscall: str) -> int:
    if result < 0:
        raise KernelError(what, syscall=syscall, errno=-result)
    return result


def sealed_copy(path: str) -> int:
    """Descriptor of a sealed, executable copy in memory of the file `path`."""
    return _check(
        lib.k_sealed_copy(path.encode("utf-8", "surrogateescape")),
        f"copy {path} into memory", "memfd_create",
    )  # fmt: skip


def sealed_bytes(data: bytes) -> int:
    """Descriptor of a sealed memory file with this content."""
    return _check(lib.k_sealed_bytes(data, len(data)), "hand over the plan", "memfd_create")


def channel() -> tuple[int, int]:
    """Two connected SOCK_SEQPACKET sockets, close-on-exec."""
    pair = ffi.new("int[2]")
    _check(lib.k_channel(pair), "make a channel", "socketpair")
    return pair[0], pair[1]


def receive(fd: int, size: int) -> tuple[bytes, int]:
    """One message, empty when the peer is gone, and the descriptor with it or -1.

    A signal whose Python handler does not raise is waited out.
    """
    buffer = ffi.new("char[]", size)
    passed = ffi.new("int *")
    while True:
        got = lib.k_receive(fd, buffer, size, passed)
        if got != -errno_names.EINTR:
            break
    _check(got, "hear from the container's process", "recvmsg")
    return ffi.buffer(buffer, got)[:], passed[0]


def open_tree(path: str, *, recursive: bool) -> int:
    """A detached slave copy of the mount at `path`, open_tree(2).

    Errors:  OSError.
    """
    result: int = lib.k_open_tree(path.encode("utf-8", "surrogateescape"), recursive)
    if result < 0:
        raise OSError(-result, "open_tree")
    return result


def user_namespace(uid_map: bytes, gid_map: bytes) -> int:
    """Descriptor of a new user namespace with these maps, lines as in /proc/PID/uid_map.

    Errors:  OSError.
    """
    result: int = lib.k_user_namespace(uid_map, gid_map)
    if result < 0:
        raise OSError(-result, "user_namespace")
    return result


def enter_network(netns_fd: int) -> None:
    """Go on in another network namespace, setns(2); sockets stay where they were made.

    Errors:  OSError.
    """
    result = lib.k_enter_network(netns_fd)
    if result < 0:
        raise OSError(-result, "setns")


def map_ids(tree_fd: int, userns_fd: int, *, recursive: bool) -> None:
    """Let a detached mount show ids as a user namespace maps them, mount_setattr(2).

    Errors:  OSError.
    """
    result = lib.k_map_ids(tree_fd, userns_fd, recursive)
    if result < 0:
        raise OSError(-result, "mount_setattr")


def go_on(fd: int, passed_fd: int = -1) -> None:
    """Say the word that the child waits for, with a descriptor if it asked for one.

    That the child died shows at the next receive().
    """
    result = lib.k_send_word(fd, passed_fd)
    if result not in (-errno_names.EPIPE, -errno_names.ECONNRESET):
        _check(result, "answer the container's process", "send")


def spawn(
    exe_fd: int, base: int, fds: Sequence[int], flags: int, cgroup_fd: int
) -> tuple[int, int]:
    """Clone with CLONE_NEW* `flags` and execute `exe_fd` in its init role: (pid, pidfd).

    fds[i] becomes descriptor base + i; `cgroup_fd` is a v2 cgroup to be born in, or -1.
    """
    pid_fd = ffi.new("int *")
    pid = lib.k_spawn(exe_fd, base, list(fds), len(fds), flags, cgroup_fd, pid_fd)
    _check(pid, "start the container's first process", "clone")
    return pid, pid_fd[0]


def wait_started(fifo_fd: int, pid_fd: int, size: int) -> bytes:
    """What came through the exec fifo until it was closed, see csrc/child.h; nothing when init
    died before it opened it."""
    buffer = ffi.new("char[]", size)
    while True:
        got = lib.k_wait_started(fifo_fd, pid_fd, buffer, size)
        if got != -errno_names.EINTR:
            break
    _check(got, "read the exec fifo", "read")
    words: bytes = ffi.buffer(buffer, got)[:]
    return words


def wait_readable(
    fds: Sequence[int], timeout_ms: int = -1, *, interruptible: bool = True
) -> set[int]:
    """Those descriptors that can be read or are at their end; none after `timeout_ms`.

    With `interruptible` the signals that stop the runtime come in here (csrc/interrupt.h):
    for the main thread, which runs the handlers.
    """
    while True:
        ready = lib.k_wait_readable(list(fds), len(fds), timeout_ms, interruptible)
        if ready != -errno_names.EINTR:
            break
    _check(ready, "wait for a descriptor", "poll")
    return {fd for index, fd in enumerate(fds) if ready >> index & 1}


def run_hook(
    path: str, args: list[str], env: list[str], state: bytes, timeout_s: int
) -> tuple[int, int, str]:
    """Run a hook with `state` on standard input: (end, status or signal or errno, output).

    Errors:  KernelError when it could not be tried; InterruptedError when a signal came.
    """
    packed_args = b"".join(a.encode("utf-8", "surrogateescape") + b"\0" for a in args)
    packed_env = b"".join(e.encode("utf-8", "surrogateescape") + b"\0" for e in env)
    output = ffi.new("char[]", OUTPUT_BYTES)
    end, value = ffi.new("int *"), ffi.new("int *")
    result = lib.k_run_hook(
        path.encode("utf-8", "surrogateescape"), packed_args, len(packed_args), packed_env,
        len(packed_env), state, len(state), min(timeout_s, HOOK_TIMEOUT_S_MAX) * 1000, output,
        OUTPUT_BYTES, end, value,
    )  # fmt: skip
    if result == -errno_names.EINTR:
        raise InterruptedError(path)
    _check(result, f"run the hook {path}", "vfork")
    return end[0], value[0], ffi.string(output).decode("utf-8", "replace").strip()


def take_fd(pid_fd: int, number: int) -> int:
    """A copy of another process's descriptor, pidfd_getfd(2)."""
    result: int = lib.k_take_fd(pid_fd, number)
    if result == -errno_names.EPERM:
        raise KernelError(
            "take the seccomp listener out of the container's process",
            field="linux.seccomp.listenerPath", syscall="pidfd_getfd", errno=-result,
            hint="that needs CAP_SYS_PTRACE: run rootless containers with an engine, or below "
            "unshare -Ur",
        )  # fmt: skip
    return _check(result, "take the seccomp listener out of the container's process", "pidfd_getfd")


def raise_hard_limit(pid: int, resource: int, hard: int) -> None:
    """Lift a hard limit of another process to `hard`, if it is lower.

    Errors:  OSError.
    """
    result = lib.k_raise_hard_limit(pid, resource, hard)
    if result < 0:
        raise OSError(-result, "prlimit")


def bpf(command: int, attr: bytearray) -> int:
    """bpf(2); `attr` is read and written in place.

    Errors:  OSError.
    """
    result: int = lib.k_bpf(command, ffi.from_buffer(attr), len(attr))
    if result < 0:
        raise OSError(-result, "bpf")
    return result


def become_subreaper() -> None:
    """Orphaned descendants become this process's children, prctl(2)."""
    _check(lib.k_become_subreaper(), "become a subreaper", "prctl")


def signal_fd() -> int:
    """A non-blocking descriptor of every signal that is blocked, signalfd(2)."""
    return _check(lib.k_signal_fd(), "wait for signals", "signalfd")


def read_signal(fd: int) -> int:
    """The number of the next signal at a signal_fd(); 0 if there is none."""
    result: int = lib.k_read_signal(fd)
    return 0 if result == -errno_names.EAGAIN else _check(result, "wait for signals", "read")


def lock(fd: int) -> None:
    """flock(2), exclusive; waits, and is gone when the descriptor is closed."""
    while (result := lib.k_lock(fd)) == -errno_names.EINTR:
        pass
    _check(result, "lock the container's state", "flock")
