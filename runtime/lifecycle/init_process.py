"""The container's first process from the parent's side: born, met at its barriers, ended."""

from __future__ import annotations

import errno
import posix as os
import sys

from runtime.errors import ConfigError, ContainerError, HostError, KernelError
from runtime.lifecycle import report
from runtime.native import calls
from runtime.plan import ops
from runtime.plan.encode import DUMPABLE_FOR_MAPS, encode
from runtime.plan.plan import FIRST_SLOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runtime.plan.plan import Plan, Slot

SIGKILL = 9
FIRST_PRESERVED = 3


def executable_path() -> str:
    """Where the installed executable lies: the front says so by ``-X pyrunc=PATH``.

    Errors:  HostError when Python was started by somebody else.
    """
    path = sys._xoptions.get("pyrunc")
    if not isinstance(path, str):
        raise HostError("the runtime must be started by its executable", hint="call pyrunc")
    return path


def check_preserved(listening: int, preserved: int) -> None:
    """See that the descriptors to hand down are open: those of socket activation, then more.

    Errors:  ConfigError, in runc's words.
    """
    for index in range(listening + preserved):
        fd = FIRST_PRESERVED + index
        try:
            os.fstat(fd)
        except OSError as error:
            is_listening = index < listening
            number = index if is_listening else index - listening
            what = (
                f"descriptor {number} of {listening}" if is_listening
                else f"unable to stat preserved-fd {number} (of {preserved})"
            )  # fmt: skip
            raise ConfigError(
                what, field="LISTEN_FDS" if is_listening else "--preserve-fds",
                errno=errno.ENOENT, hint=f"descriptor {fd} is not open",
            ) from error  # fmt: skip


def open_slot(slot: Slot, folder: str) -> int:
    """The descriptor that a slot asks for.

    Errors:  KernelError naming the place in the configuration.
    """
    if slot.kind == "tool":
        return _readable_copy(slot.path)
    path, flags = slot.path, os.O_RDONLY | os.O_NONBLOCK  # a fifo by mistake must not stall us
    if slot.kind == "fifo":
        path, flags = f"{folder}/{slot.path}", os.O_PATH | os.O_NOFOLLOW
    elif slot.kind == "cgroup":
        path, flags = f"{slot.path}/tasks", os.O_WRONLY
    elif slot.kind == "root":
        flags = os.O_PATH | os.O_DIRECTORY
    try:
        fd = os.open(path, flags | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(
            f"open {path}", field=slot.origin, syscall="open", errno=error.errno or 0
        ) from error
    if slot.foreign is not None:
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) == slot.foreign:
            os.close(fd)
            raise ConfigError(
                f"{path} is the runtime's own network namespace", field=slot.origin,
                hint="the sysctls asked for would change the host",
            )  # fmt: skip
    return fd


def _readable_copy(path: str) -> int:
    """A sealed copy that whoever executes it may read: else the kernel keeps its own /proc files
    from it, and busybox finds its other applets there.
    """
    fd = calls.sealed_copy(path)
    os.fchmod(fd, 0o555)
    return fd


def _is_written_to(plan: Plan) -> bool:
    """The child stops at a barrier for us to open its files in /proc, which only root may while
    it is not dumpable; there it becomes that."""
    barriers = (ops.BARRIER_MAPS, ops.BARRIER_LIMITS)
    return any(op.name == "sync" and op.numbers[0] in barriers for op in plan.ops)


class InitProcess:
    """One child in its init role: it becomes the container's first process, or one that joins.

    pid, pid_fd   of the container's process; before a fork of the intermediate, of that
    master_fd     the other end of its terminal, -1 as long as there is none
    listener_fd   of its seccomp filter, at BARRIER_LISTENER only
    """

    __slots__ = (
        "_channel",
        "_forks",
        "config",
        "listener_fd",
        "master_fd",
        "pid",
        "pid_fd",
        "plan",
    )

    def __init__(
        self, plan: Plan, config: dict[str, Any], channel: int, pid: int, pid_fd: int
    ) -> None:
        self.plan = plan
        self.config = config
        self._channel = channel
        self.pid = pid
        self.pid_fd = pid_fd
        self.master_fd = -1
        self.listener_fd = -1
        self._forks = any(op.name == "fork" for op in plan.ops)

    @classmethod
    def spawn(
        cls, plan: Plan, config: dict[str, Any], slots: list[int], cgroup_fd: int
    ) -> InitProcess:
        """Start it: a sealed copy of our executable with the plan and the descriptors.

        Errors:  KernelError.
        """
        ours, theirs = calls.channel()
        opened = [theirs]
        try:
            flags = DUMPABLE_FOR_MAPS if os.geteuid() != 0 and _is_written_to(plan) else 0
            data = encode(plan.ops, FIRST_SLOT + len(slots), flags, plan.trace_slot)
            opened.append(calls.sealed_bytes(data))
            opened.append(calls.sealed_copy(executable_path()))
            pid, pid_fd = calls.spawn(
                opened[2], FIRST_PRESERVED + plan.preserved, [theirs, opened[1], *slots],
                plan.clone_flags, cgroup_fd,
            )  # fmt: skip
        except BaseException:
            os.close(ours)
            raise
        finally:
            for fd in opened:
                os.close(fd)
        return cls(plan, config, ours, pid, pid_fd)

    def run_to_end_of_plan(self, at_barrier: Callable[[int], None], last: int) -> None:
        """Go from barrier to barrier, doing our part at each, up to the barrier `last`.

        The child still waits at `last` when this returns.
        Errors:  what the child reports, what `at_barrier` raises; ContainerError when the
                 child dies without a word.
        """
        while True:
            message, passed = calls.receive(self._channel, report.MESSAGE_SIZE)
            if not message:
                raise self._death()
            kind, value, *_ = report.unpack(message)
            if kind == report.FAILED:
                raise report.error_of(message, self.plan.ops, self.config)
            if kind == report.WANT:
                self._lend_tree(message[report.MESSAGE.size :], recursive=bool(value))
                continue
            if kind == report.CHILD:
                self._meet_child(value, passed)
                continue
            if kind == report.MASTER:
                self.master_fd = passed
                continue
            if kind == report.LISTENER:
                self._meet_listener(value, at_barrier)
                continue
            if value == last:
                return
            at_barrier(value)
            calls.go_on(self._channel)

    def see_program_run(self, *, waits: bool) -> None:
        """Watch it become its program; `waits` if it waits for our word at its last barrier.

        Errors:  what the child reports.
        """
        if waits:
            calls.go_on(self._channel)
        message, _ = calls.receive(self._channel, report.MESSAGE_SIZE)
        if message:
            raise report.error_of(message, self.plan.ops, self.config)
        os.close(self._channel)
        self._channel = -1

    def go_on(self) -> None:
        """Let it pass the barrier it waits at; the channel is of no use afterwards."""
        calls.go_on(self._channel)
        os.close(self._channel)
        self._channel = -1

    def lift_limits(self) -> None:
        """What the child has not the right to in its user namespace: hard limits, oom score.

        Errors:  KernelError for the score; a limit the child sets itself, and tells why not.
        """
        for limit in self.plan.rlimits:
            try:
                calls.raise_hard_limit(self.pid, limit.resource, limit.hard)
            except OSError:
                pass
        if self.plan.oom_score_adj is not None:
            from runtime.lifecycle.idmaps import write_oom_score

            write_oom_score(self.pid, self.plan.oom_score_adj)

    def take_master(self) -> int:
        """The other end of the terminal, which is the caller's to close from now on."""
        master, self.master_fd = self.master_fd, -1
        return master

    def _lend_tree(self, wanted: bytes, *, recursive: bool) -> None:
        """Open a bind source for a child whose user namespace may not walk there.

        Only what the plan binds. Where it cannot be opened here either, the child says so.
        """
        path = wanted.decode("utf-8", "surrogateescape")
        tree = -1
        if any(op.name == "bind" and op.strings[0] == path for op in self.plan.ops):
            try:
                tree = calls.open_tree(path, recursive=recursive)
            except OSError:
                pass  # it goes on without: its own error names the mount
        try:
            calls.go_on(self._channel, tree)
        finally:
            if tree >= 0:
                os.close(tree)

    def _meet_child(self, pid: int, pid_fd: int) -> None:
        # Once, and only from the intermediate: later ones could come from who got hold of the
        # child inside, and this pid will be killed if something fails.
        if not self._forks:
            raise KernelError("the container's process announces another one", syscall="recvmsg")
        self._forks = False
        intermediate, self.pid = self.pid, pid
        os.close(self.pid_fd)
        self.pid_fd = pid_fd
        calls.go_on(self._channel)
        os.waitpid(intermediate, 0)

    def _meet_listener(self, number: int, at_barrier: Callable[[int], None]) -> None:
        """Take the listener out of the child, which says its number by a plain write: to send
        it takes more system calls, which the filter may not permit.

        Errors:  KernelError; what `at_barrier` raises.
        """
        self.listener_fd = calls.take_fd(self.pid_fd, number)
        try:
            at_barrier(ops.BARRIER_LISTENER)
        finally:
            os.close(self.listener_fd)
            self.listener_fd = -1
        calls.go_on(self._channel)

    def _death(self) -> ContainerError:
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.pid = 0
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        return ContainerError(f"the container's process died unexpectedly, {how}", code="init-died")

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self._channel >= 0:
            os.close(self._channel)
            self._channel = -1
        if self.master_fd >= 0:
            os.close(self.take_master())
        if self.pid:
            try:
                os.kill(self.pid, SIGKILL)  # our child, not reaped: the pid is its own
            except ProcessLookupError:
                pass
            try:
                os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass
            self.pid = 0
