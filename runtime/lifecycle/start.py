"""start: let the program of a created container begin."""

from __future__ import annotations

import os

from runtime.errors import ContainerError, HostError, StatusError
from runtime.lifecycle import report
from runtime.native import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.log import Log
    from runtime.state import Container, StateStore

SIGKILL = 9


def start(store: StateStore, container_id: str, log: Log) -> None:
    """Start the container's program; returns when it has been executed.

    Errors:  StatusError unless it is created; what the program's start met; HookError of a
             poststart hook, the container is stopped then.
    Source:  runtime-spec runtime.md, Start.
    """
    container = store.load(container_id)
    lock = container.lock()
    try:
        status = container.status()
        if status == "stopped":
            raise StatusError("cannot start a container that has stopped")
        if status == "paused":
            raise StatusError("cannot start a container in the paused state")
        if status == "creating":
            raise StatusError("cannot start a container that is still being created")
        if status == "running":
            raise StatusError("cannot start an already running container")
        pid_fd = open_init(container)
        try:
            release(container, pid_fd)
        finally:
            os.close(pid_fd)
        run_poststart(container)
    finally:
        os.close(lock)


def open_init(container: Container) -> int:
    """A pidfd of init, verified to be the process we started.

    Errors:  StatusError when it is gone.
    """
    try:
        pid_fd = os.pidfd_open(container.pid)
    except OSError as error:
        raise StatusError("container not running", errno=error.errno or 0) from error
    # The pidfd pins the process; only now is the check of its start time worth something.
    if not container.is_init_alive():
        os.close(pid_fd)
        raise StatusError("container not running")
    return pid_fd


def release(container: Container, pid_fd: int) -> None:
    """Open the exec fifo, which lets init go on, and wait until it is the program.

    Errors:  what init reports: a startContainer hook, the seccomp filter, execve.
    """
    try:
        fifo = os.open(container.fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(f"open {container.fifo}", errno=error.errno or 0) from error
    try:
        # Before anything is read: who asks from now on sees it running.
        os.unlink(container.fifo)
        words = calls.wait_started(fifo, pid_fd, 1 + report.MESSAGE_SIZE)
    finally:
        os.close(fifo)
    if not words:
        raise ContainerError("exec fifo is empty: the container's init died before its start")
    if len(words) > 1:
        raise start_failure(container, words[1:])


def start_failure(container: Container, message: bytes) -> ContainerError:
    """The failure after start in words. The plan is gone: only its last operations can fail."""
    _, _, _, err, call, detail = report.unpack(message)
    from runtime.errors import HookError, KernelError

    if call == "hook":
        return HookError(f"error running a startContainer hook: {detail.strip()}", field="hooks.startContainer")
    if call == "execve":
        return KernelError(detail, errno=err, field="process.args[0]")
    return KernelError(detail or "start the program", syscall=call, errno=err)


def run_poststart(container: Container) -> None:
    """The poststart hooks; the first that fails ends the container.

    Source:  runtime-spec runtime.md, Lifecycle, step 10.
    """
    config: Any = container.config
    if not (config.get("hooks") or {}).get("poststart"):
        return
    from runtime.errors import HookError
    from runtime.lifecycle.hooks import run_hooks
    from runtime.plan.hooks import runtime_hooks

    try:
        run_hooks(runtime_hooks(config, "poststart"), container.oci_state("running"))
    except HookError:
        from runtime.lifecycle.kill import kill_everything

        kill_everything(container)
        raise
