"""delete: undo what create made: processes, cgroup, state; then the poststop hooks."""

from __future__ import annotations

import os
import time

from runtime.cgroups.cgroup import Cgroup
from runtime.errors import ConfigError, ContainerError, HostError, StatusError
from runtime.lifecycle.kill import kill_everything
from runtime.state import StateStore, absent, check_id, remove_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.log import Log
    from runtime.state import Container

# A killed process is gone within a millisecond, unless it waits in the kernel.
END_PAUSES_S = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032) + (0.1,) * 100


def delete(store: StateStore, container_id: str, *, force: bool, log: Log) -> None:
    """Remove a container.

    Errors:  StatusError unless it is stopped or created (any, with `force`); with `force` an
             absent container is no error.
    Source:  runtime-spec runtime.md, Delete.
    """
    check_id(container_id)
    try:
        container = store.load(container_id)
    except StatusError:
        # A folder without a state: its maker was killed before it could write one.
        remove_folder(f"{store.root}/{container_id}")
        if force:
            return
        raise
    except (HostError, ConfigError) as error:
        if not force:
            raise
        log.warning(f"{error}: removed")
        remove_folder(f"{store.root}/{container_id}")
        return
    try:
        lock = container.lock()
    except StatusError:
        if force:
            return
        raise
    try:
        if not os.path.lexists(f"{container.folder}/state.json"):
            if force:
                return  # another delete was quicker
            raise absent(container_id)
        status = container.status()
        if not force and status not in ("stopped", "created"):
            raise StatusError(f"cannot delete container {container_id} that is not stopped: {status}")
        destroy(container, status, log)
    finally:
        os.close(lock)


def destroy(container: Container, status: str, log: Log) -> None:
    """Kill what lives, remove the cgroup and the state, run the poststop hooks.

    Errors:  ContainerError when something cannot be removed; the state is kept then.
    """
    cgroup = Cgroup.load(container.cgroup_paths)
    if status != "stopped" or not container.has_own_pid_namespace():
        if status == "creating":
            _end_maker(container)
        kill_everything(container)
        _wait_for_end(container)
    elif container.pid == 0:
        cgroup.kill_all()  # the maker is dead; a child of its may still be on its way out
    cgroup.remove()
    container.remove()
    run_poststop(container, log)


def _end_maker(container: Container) -> None:
    """The runtime that is making it must not go on after we removed the half of it."""
    maker, start = container.data["maker"]
    from runtime.state import is_alive

    if maker != os.getpid() and is_alive(maker, start):
        os.kill(maker, 9)


def _wait_for_end(container: Container) -> None:
    for pause in END_PAUSES_S:
        if not container.is_init_alive():
            return
        time.sleep(pause)
    raise ContainerError(
        "container init still running", hint="it waits in the kernel; try again later"
    )


def run_poststop(container: Container, log: Log) -> None:
    """The poststop hooks; their failures are warnings."""
    config: Any = container.config
    if not (config.get("hooks") or {}).get("poststop"):
        return
    from runtime.lifecycle.hooks import run_all_hooks
    from runtime.plan.hooks import runtime_hooks

    run_all_hooks(runtime_hooks(config, "poststop"), container.oci_state("stopped", pid=0), log)
