"""Waiting for a program in the foreground: run and exec, unless they detach.

Signals that come to us are meant for the program and passed on; what was orphaned to us is
reaped on the way.
"""

from __future__ import annotations

import posix as os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from runtime.lifecycle.init_process import InitProcess
    from runtime.lifecycle.terminal import Relay
else:
    import _signal

# Not passed on: of our own children, of our own terminal, of our own sockets.
NOT_FORWARDED = frozenset((_signal.SIGCHLD, _signal.SIGWINCH, _signal.SIGURG))
# With a terminal these stop us, when we want it from the background.
JOB_CONTROL = frozenset((_signal.SIGTTIN, _signal.SIGTTOU))


def hold_signals(*, with_terminal: bool) -> set[int]:
    """Hold all that come back until wait_for_end() passes them on: the numbers.

    Before the program runs: it may call for a signal with its first word, and we would die of
    it. With a terminal, job control must be able to stop us.
    """
    held: set[int] = set(_signal.valid_signals())
    if with_terminal:
        held -= JOB_CONTROL
    _signal.pthread_sigmask(_signal.SIG_BLOCK, held)
    return held


def wait_for_end(process: InitProcess, relay: Relay | None = None) -> int:
    """Sleep until the process ends: its exit status, 128 + N where signal N killed it.

    `relay` copies meanwhile, between our terminal and that of the process.
    """
    awaited = hold_signals(with_terminal=relay is not None)
    while True:
        status = _reap(process.pid)
        if status is not None:
            process.pid = 0
            if relay is not None:
                relay.drain()
            return 128 - status if status < 0 else status
        if relay is None:
            number = _signal.sigwaitinfo(awaited).si_signo
        else:
            number = relay.next_signal()
            if number == _signal.SIGWINCH:
                relay.resize()
        if number in NOT_FORWARDED:
            continue
        try:
            _signal.pidfd_send_signal(process.pid_fd, number)
        except ProcessLookupError:
            continue  # the next turn reaps it


def _reap(process: int) -> int | None:
    """Reap all that has ended; the process's exit code (negative signal) if it was among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == process:
            found = os.waitstatus_to_exitcode(status)
