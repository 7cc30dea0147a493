"""pause and resume: stop every process of a container where it is, and let them go on."""

from __future__ import annotations

import errno
import posix as os

from runtime.cgroups.cgroup import Cgroup
from runtime.errors import ContainerError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.log import Log
    from runtime.state import StateStore


def pause(store: StateStore, container_id: str, log: Log) -> None:
    """Freeze the container; returns when all of it has stopped. A created one can be paused.

    Errors:  StatusError "container not running" also for one that is paused; KernelError,
             nothing is frozen then.
    """
    container, lock = store.locked(container_id)
    try:
        if container.status() not in ("created", "running"):
            raise StatusError("container not running", code="not-running")
        cgroup = Cgroup.load(container.cgroup_paths)
        try:
            cgroup.freeze()
        except ContainerError as error:
            warn_of_access("pause", error, log)
            for warning in cgroup.warnings:
                log.warning(warning, code="cgroup")
            raise
        if not container.is_init_alive():
            # It ended meanwhile: a frozen cgroup without processes would count as paused.
            cgroup.thaw()
            raise StatusError("container not running", code="not-running")
    finally:
        os.close(lock)


def resume(store: StateStore, container_id: str, log: Log) -> None:
    """Thaw a paused container; one that was never started is created again.

    Errors:  StatusError "container not paused"; KernelError.
    """
    container, lock = store.locked(container_id)
    try:
        if container.status() != "paused":
            raise StatusError("container not paused", code="not-paused")
        try:
            Cgroup.load(container.cgroup_paths).thaw()
        except ContainerError as error:
            warn_of_access("resume", error, log)
            raise
    finally:
        os.close(lock)


def warn_of_access(command: str, error: ContainerError, log: Log) -> None:
    """Say what a refusal by the cgroup file system means; the words are runc's."""
    if error.errno == errno.EACCES:
        log.warning(
            f"pyrunc {command} failure might be caused by lack of full access to cgroups",
            code="cgroup",
        )
