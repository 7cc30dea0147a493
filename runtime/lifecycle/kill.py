"""kill: a signal for init, or the end of everything in the container."""

from __future__ import annotations

import _signal
import os

from runtime.errors import KernelError, StatusError
from runtime.lifecycle.start import open_init

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.cgroup import Cgroup
    from runtime.state import Container, StateStore

SIGKILL = 9


def kill(
    store: StateStore, container_id: str, signal_number: int, *, all_processes: bool
) -> None:
    """Send a signal.

    `all_processes` is runc's --all of today: a stopped container is no error.
    Errors:  StatusError "container not running"; KernelError, EINVAL for no signal.
    Source:  runtime-spec runtime.md, Kill.
    """
    container = store.load(container_id)
    # Without a pid namespace of its own, init's end does not end the others.
    if signal_number == SIGKILL and not container.has_own_pid_namespace():
        is_over = container.status() == "stopped"
        kill_everything(container)
        if is_over and not all_processes and not _has_cgroup(container):
            raise StatusError("container not running")
        return
    status = container.status()
    if status == "stopped":
        if all_processes:
            return
        raise StatusError("container not running")
    if status == "creating":
        raise StatusError("cannot kill a container that is still being created")
    pid_fd = open_init(container)
    try:
        _signal.pidfd_send_signal(pid_fd, signal_number)
    except ProcessLookupError as error:
        raise StatusError("container not running", errno=error.errno or 0) from error
    except OSError as error:
        raise KernelError(
            f"unable to signal init with {signal_number}",
            syscall="pidfd_send_signal",
            errno=error.errno or 0,
        ) from error
    finally:
        os.close(pid_fd)
    if signal_number == SIGKILL and status == "paused":
        _cgroup(container).thaw()  # a frozen v1 cgroup keeps even the killed


def kill_everything(container: Container) -> None:
    """SIGKILL to init and to whatever else is in its cgroup, frozen or not."""
    if container.is_init_alive():
        try:
            pid_fd = open_init(container)
        except StatusError:
            pass  # it ended meanwhile
        else:
            try:
                _signal.pidfd_send_signal(pid_fd, SIGKILL)
            except ProcessLookupError:
                pass
            finally:
                os.close(pid_fd)
    if container.cgroup_paths:
        _cgroup(container).kill_all()


def _has_cgroup(container: Container) -> bool:
    return any(os.path.isdir(path) for path in container.cgroup_paths.values())


def _cgroup(container: Container) -> Cgroup:
    from runtime.cgroups.cgroup import Cgroup

    return Cgroup.load(container.cgroup_paths)
