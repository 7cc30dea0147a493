"""run: create and start; in the foreground wait for the end, pass signals on, delete."""

from __future__ import annotations

import posix as os

from runtime.errors import ContainerError
from runtime.lifecycle.create import make_container
from runtime.lifecycle.delete import destroy_ended
from runtime.lifecycle.foreground import hold_signals, wait_for_end
from runtime.lifecycle.start import notify_socket, release, run_poststart
from runtime.native import calls
from runtime.state import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.lifecycle.create import Created
    from runtime.lifecycle.init_process import InitProcess
    from runtime.lifecycle.terminal import Relay
    from runtime.log import Log
    from runtime.plan.options import CreateOptions, GlobalOptions


def run(options: CreateOptions, globals_: GlobalOptions, log: Log) -> int:
    """Run a container: 0 when detached, else the status of its program, 128 + N for a signal.

    Errors:  ContainerError; the container is gone then.
    """
    if not options.detach and not options.no_subreaper:
        calls.become_subreaper()
    store = StateStore(globals_.root)
    made = make_container(options, globals_, log)
    # Signals are held since the container is being made: one that comes now is seen by
    # release() or a hook, which it ends, or by wait_for_end(), which passes it on.
    try:
        status = _accompany(store, made, options, log)
    except BaseException as error:
        _end(store, options.container_id, made.init, log, error)
        raise
    if not options.detach and not options.keep:
        destroy_ended(store, options.container_id, log)
    return status


def _accompany(store: StateStore, made: Created, options: CreateOptions, log: Log) -> int:
    """Start the program; unless detached stay until its end: its status."""
    if made.terminal_fd < 0:
        return _start_and_wait(store, made.init, options, log, None)
    from runtime.lifecycle.terminal import Relay

    with Relay(made.terminal_fd, made.init.take_master(), log) as relay:
        return _start_and_wait(store, made.init, options, log, relay)


def _start_and_wait(
    store: StateStore, init: InitProcess, options: CreateOptions, log: Log, relay: Relay | None
) -> int:
    notify = notify_socket(log)
    if not options.detach:
        hold_signals(with_terminal=relay is not None)
    run_poststart(release(store, options.container_id, notify))
    if options.detach:
        if notify:
            notify.wait_until_ready(init.pid, init.pid_fd)
        log.release()
        return 0
    log.release()
    if not notify:
        return wait_for_end(init, relay)
    with notify.messenger(os.getpid()):
        return wait_for_end(init, relay)


def _end(
    store: StateStore, container_id: str, init: InitProcess, log: Log, error: BaseException
) -> None:
    try:
        init.kill()
        destroy_ended(store, container_id, log)
    except ContainerError as failure:
        error.add_note(f"cleaning up: {failure}")
