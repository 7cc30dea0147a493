"""start: let the program of a created container begin."""

from __future__ import annotations

import posix as os
import sys

from runtime.environment import variable
from runtime.errors import ContainerError, HostError, StatusError
from runtime.lifecycle import report
from runtime.lifecycle.kill import end_everything, open_init
from runtime.native import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from runtime.lifecycle.notify import NotifySocket
    from runtime.log import Log
    from runtime.state import Container, StateStore
else:
    import _signal

HOOKS_DONE = b"1"
INIT_NAME = b"pyrunc init\n"
DYING_MS = 1000  # from closing its descriptors to its end

# Engines know the first two by these words.
WRONG_MOMENT = {
    "running": "cannot start an already running container",
    "stopped": "cannot start a container that has stopped",
    "paused": "cannot start a container in the paused state",
    "creating": "cannot start a container that is still being created",
}


def start(store: StateStore, container_id: str, log: Log) -> None:
    """Start the container's program; returns when it has been executed.

    Errors:  StatusError unless it is created; what the program's start met; HookError of a
             poststart hook, the container is stopped then.
    Source:  runtime-spec runtime.md, Start.
    """
    notify = notify_socket(log)
    words_fd = sys._xoptions.get("pyrunc_words")
    if isinstance(words_fd, str):
        container = _go_on(store, container_id, int(words_fd))
    else:
        container = release(store, container_id, notify)
    log.debug(f"container {container_id} runs, its init is process {container.pid}")
    run_poststart(container)
    if notify:
        _wait_until_ready(container, notify)


def notify_socket(log: Log) -> NotifySocket | None:
    """The way to a service manager that waits for the program to be ready, if one does.

    Errors:  ConfigError when NOTIFY_SOCKET is no socket.
    """
    address = variable("NOTIFY_SOCKET")
    if not address:
        return None
    from runtime.lifecycle.notify import NotifySocket

    return NotifySocket(address, log)


def _wait_until_ready(container: Container, notify: NotifySocket) -> None:
    try:
        pid_fd = open_init(container)
    except StatusError:  # it has ended: what it said before is still there
        notify.pass_on(container.pid)
        return
    try:
        notify.wait_until_ready(container.pid, pid_fd)
    finally:
        os.close(pid_fd)


def _go_on(store: StateStore, container_id: str, words_fd: int) -> Container:
    """What the executable began, and what did not succeed: csrc/fast.c.

    Errors:  as release().
    """
    container = store.load(container_id)
    words = os.pread(words_fd, 2 + report.MESSAGE_SIZE, 0)
    os.close(words_fd)
    try:
        pid_fd = os.pidfd_open(container.pid)
    except ProcessLookupError:
        pid_fd = -1  # a poll of it waits, but for what has no name nobody waits
    try:
        _check_words(words, container, pid_fd)
    finally:
        if pid_fd >= 0:
            os.close(pid_fd)
    return container


def release(store: StateStore, container_id: str, notify: NotifySocket | None = None) -> Container:
    """Open the exec fifo, which lets init go on, and wait until it is the program.

    The program will find the socket of `notify`. The lock is held meanwhile: of two that start
    a container, the second finds it running.
    Errors:  StatusError unless it is created; what init reports: a startContainer hook, the
             seccomp filter, execve.
    """
    container, lock = store.locked(container_id)
    try:
        status = container.status()
        if status in WRONG_MOMENT:
            raise StatusError(WRONG_MOMENT[status], code="not-created")
        if notify:
            notify.listen(container.folder)
        pid_fd = open_init(container)
        try:
            words = _open_fifo(container, pid_fd)
            _check_words(words, container, pid_fd)
        finally:
            os.close(pid_fd)
    finally:
        os.close(lock)
    return container


def _open_fifo(container: Container, pid_fd: int) -> bytes:
    try:
        fifo = os.open(container.fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Before anything is read: who asks from now on sees it running.
            os.unlink(container.fifo)
            return calls.wait_started(fifo, pid_fd, 2 + report.MESSAGE_SIZE)
        except ContainerError:
            # run was asked to stop, and init must not complain of a fifo without a reader.
            _signal.pidfd_send_signal(pid_fd, _signal.SIGKILL)
            raise
        finally:
            os.close(fifo)
    except OSError as error:
        raise HostError(f"open {container.fifo}", errno=error.errno or 0) from error


def _check_words(words: bytes, container: Container, pid_fd: int) -> None:
    """What init said: "0", "1" after its startContainer hooks, a message if it failed.

    Errors:  ContainerError when it did not get to execute its program.
    Source:  csrc/child.h.
    """
    if not words:
        raise ContainerError(
            "exec fifo is empty: the container's init died before its start", code="init-died"
        )
    hooks_are_done = words[1:2] == HOOKS_DONE
    message = words[2:] if hooks_are_done else words[1:]
    if message:
        raise report.error_after_start(message, container.last_ops, container.config)
    has_hooks = any(name == "hook" for name, *_ in container.last_ops[1:])
    if (has_hooks and not hooks_are_done) or _ended_as_init(container.pid, pid_fd):
        raise ContainerError(
            "the container's init died before it executed its program", code="init-died"
        )


def _ended_as_init(pid: int, pid_fd: int) -> bool:
    """The process has ended, and still bore init's name, which execve(2) changes.

    It does so a moment after it closes the fifo; and a dying process closes it a moment
    before it is dead.
    """
    if _name(pid) != INIT_NAME:
        return False
    import select  # rare

    poll = select.poll()
    poll.register(pid_fd, select.POLLIN)
    for _ in range(DYING_MS):
        if poll.poll(1):
            return _name(pid) == INIT_NAME
        if _name(pid) != INIT_NAME:
            return False
    return False  # a program that calls itself so


def _name(pid: int) -> bytes:
    """comm of a process; empty when it is reaped, and nobody can tell any more."""
    try:
        fd = os.open(f"/proc/{pid}/comm", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.read(fd, 32)
    except ProcessLookupError:
        return b""
    finally:
        os.close(fd)


def run_poststart(container: Container) -> None:
    """The poststart hooks; the first that fails ends the container.

    Errors:  ContainerError, the container is stopped then.
    Source:  runtime-spec runtime.md, Lifecycle, step 10.
    """
    config: Any = container.config
    if not (config.get("hooks") or {}).get("poststart"):
        return
    from runtime.lifecycle.hooks import run_hooks
    from runtime.plan.hooks import runtime_hooks

    try:
        run_hooks(runtime_hooks(config, "poststart"), container.oci_state("running"))
    except ContainerError as error:
        try:
            end_everything(container)
        except ContainerError as failure:
            error.add_note(f"ending the container: {failure}")
        raise
