"""delete: undo what create made: processes, cgroup, state; then the poststop hooks."""

from __future__ import annotations

import posix as os
import time

from runtime.cgroups.cgroup import Cgroup
from runtime.errors import HostError, StatusError
from runtime.lifecycle.kill import END_PAUSES_S, SIGKILL, end_everything
from runtime.state import check_id, remove_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from runtime.log import Log
    from runtime.state import Container, StateStore
else:
    import _signal


def delete(store: StateStore, container_id: str, *, force: bool, log: Log) -> None:
    """Remove a container.

    Errors:  StatusError unless it is stopped or created (any, with `force`); with `force` an
             absent container is no error.
    Source:  runtime-spec runtime.md, Delete.
    """
    check_id(container_id)
    try:
        if force:
            _end_whatever_runs(store, container_id)
        container, lock = store.locked(container_id)
    except StatusError:
        # A folder without a state: its maker was killed before it could write one.
        remove_folder(f"{store.root}/{container_id}")
        if force:
            return
        raise
    except HostError as error:
        if not force:
            raise
        log.warning(
            f"{error.what}: removed, without knowing what belonged to it", code="damaged-state"
        )
        remove_folder(f"{store.root}/{container_id}")
        return
    try:
        status = container.status()
        if not force and status not in ("stopped", "created"):
            raise StatusError(
                f"cannot delete container {container_id} that is not stopped: {status}",
                code="not-stopped",
            )
        destroy(container, status, log)
    finally:
        os.close(lock)


def _end_whatever_runs(store: StateStore, container_id: str) -> None:
    """Before the lock is asked for: `start` holds it while a hook in the container hangs."""
    container = store.load(container_id)
    status = container.status()
    if status == "creating":
        _end_maker(container)
        container = store.load(container_id)  # it may have come to the end, or back
        status = container.status()
    if status != "stopped":
        end_everything(container)


def _end_maker(container: Container) -> None:
    """The runtime that is making it must not go on after we removed the half of it."""
    try:
        pid_fd = os.pidfd_open(container.data["maker"][0])
    except ProcessLookupError:
        return
    try:
        if container.is_maker_alive():
            _signal.pidfd_send_signal(pid_fd, SIGKILL)
        for pause in END_PAUSES_S:
            if not container.is_maker_alive():
                return
            time.sleep(pause)
    except ProcessLookupError:
        return
    finally:
        os.close(pid_fd)


def destroy(container: Container, status: str, log: Log) -> None:
    """Kill what lives, remove the cgroup and the state, run the poststop hooks.

    Errors:  ContainerError when something cannot be removed; the state is kept then.
    """
    cgroup = Cgroup.load(container.cgroup_paths, unit=container.unit)
    if status != "stopped" or not container.has_own_pid_namespace():
        end_everything(container)
    elif container.pid == 0:
        cgroup.kill_all()  # the maker is dead; a child of its may still be on its way out
    cgroup.remove()
    if "resctrl" in container.data:
        from runtime.lifecycle.resctrl import remove

        remove(container.data["resctrl"])
    container.remove()
    run_poststop(container, log)


def destroy_ended(store: StateStore, container_id: str, log: Log) -> None:
    """The same for a container whose init has ended, unless another was quicker.

    Errors:  as destroy().
    """
    try:
        container, lock = store.locked(container_id)
    except StatusError:
        return
    try:
        destroy(container, "stopped", log)
    finally:
        os.close(lock)


def run_poststop(container: Container, log: Log) -> None:
    """The poststop hooks; their failures are warnings."""
    config: Any = container.config
    if not (config.get("hooks") or {}).get("poststop"):
        return
    from runtime.lifecycle.hooks import run_all_hooks
    from runtime.plan.hooks import runtime_hooks

    run_all_hooks(runtime_hooks(config, "poststop"), container.oci_state("stopped", pid=0), log)
