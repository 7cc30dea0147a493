"""run: create and start; in the foreground wait for the end, pass signals on, delete."""

from __future__ import annotations

import posix as os

from runtime.errors import ContainerError
from runtime.lifecycle.create import make_container
from runtime.lifecycle.delete import destroy_ended
from runtime.lifecycle.start import release, run_poststart
from runtime.native import calls
from runtime.state import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from runtime.lifecycle.init_process import InitProcess
    from runtime.log import Log
    from runtime.plan.options import CreateOptions, GlobalOptions
else:
    import _signal

# Not passed on: of our own children, of our own terminal, of our own sockets.
NOT_FORWARDED = frozenset((_signal.SIGCHLD, _signal.SIGWINCH, _signal.SIGURG))


def run(options: CreateOptions, globals_: GlobalOptions, log: Log) -> int:
    """Run a container: 0 when detached, else the status of its program, 128 + N for a signal.

    Errors:  ContainerError; the container is gone then.
    """
    if not options.detach and not options.no_subreaper:
        calls.become_subreaper()
    store = StateStore(globals_.root)
    init = make_container(options, globals_, log).init
    # Signals are held since the container is being made: one that comes now is seen by
    # release() or a hook, which it ends, or by _wait(), which passes it on.
    try:
        run_poststart(release(store, options.container_id))
    except BaseException as error:
        _end(store, options.container_id, init, log, error)
        raise
    log.release()
    if options.detach:
        return 0
    status = _wait(init)
    if not options.keep:
        destroy_ended(store, options.container_id, log)
    return status


def _end(
    store: StateStore, container_id: str, init: InitProcess, log: Log, error: BaseException
) -> None:
    try:
        init.kill()
        destroy_ended(store, container_id, log)
    except ContainerError as failure:
        error.add_note(f"cleaning up: {failure}")


def _wait(init: InitProcess) -> int:
    """Sleep until init ends, passing signals on and reaping what was orphaned to us."""
    everything = _signal.valid_signals()
    _signal.pthread_sigmask(_signal.SIG_BLOCK, everything)
    while True:
        status = _reap(init.pid)
        if status is not None:
            return 128 - status if status < 0 else status
        number = _signal.sigwaitinfo(everything).si_signo
        if number in NOT_FORWARDED:
            continue
        try:
            _signal.pidfd_send_signal(init.pid_fd, number)
        except ProcessLookupError:
            continue  # the next turn reaps it


def _reap(init: int) -> int | None:
    """Reap all that has ended; init's exit code (negative signal) if it was among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == init:
            found = os.waitstatus_to_exitcode(status)
