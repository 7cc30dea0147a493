"""kill: a signal for init, or the end of everything in the container."""

from __future__ import annotations

import posix as os
import time

from runtime.errors import ContainerError, KernelError, StatusError
from runtime.paths import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from runtime.cgroups.cgroup import Cgroup
    from runtime.state import Container, StateStore
else:
    import _signal

SIGKILL = 9

# A killed process is gone within a millisecond, unless it waits in the kernel.
END_PAUSES_S = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032) + (0.1,) * 100


def kill(store: StateStore, container_id: str, signal_number: int, *, all_processes: bool) -> None:
    """Send a signal.

    `all_processes` is runc's --all of today: a stopped container is no error.
    Errors:  StatusError "container not running"; KernelError, EINVAL for no signal.
    Source:  runtime-spec runtime.md, Kill.
    """
    container = store.load(container_id)
    status = container.status()
    if status == "creating":
        raise StatusError("cannot kill a container that is still being created", code="creating")
    try:
        # Without a pid namespace of its own, init's end does not end the others.
        if signal_number == SIGKILL and not container.has_own_pid_namespace():
            if status == "stopped" and not _has_cgroup(container):
                raise StatusError("container not running", code="not-running")
            kill_everything(container)
            return
        if status == "stopped":
            raise StatusError("container not running", code="not-running")
        _signal_init(container, signal_number)
    except StatusError:
        if all_processes:
            return
        raise
    if signal_number == SIGKILL and status == "paused":
        _cgroup(container).thaw()  # a frozen v1 cgroup keeps even the killed


def open_init(container: Container) -> int:
    """A pidfd of init, verified to be the process we started.

    Errors:  StatusError when it is gone.
    """
    try:
        pid_fd = os.pidfd_open(container.pid)
    except OSError as error:
        raise StatusError(
            "container not running", errno=error.errno or 0, code="not-running"
        ) from error
    # The pidfd pins the process; only now is the check of its start time worth something.
    if not container.is_init_alive():
        os.close(pid_fd)
        raise StatusError("container not running", code="not-running")
    return pid_fd


def kill_everything(container: Container) -> None:
    """SIGKILL to init and to whatever else is in its cgroup, frozen or not.

    Errors:  KernelError when some of them do not die.
    """
    if container.is_init_alive():
        try:
            _signal_init(container, SIGKILL)
        except StatusError:
            pass  # it ended meanwhile
    if container.cgroup_paths:
        _cgroup(container).kill_all()


def end_everything(container: Container) -> None:
    """The same, and wait until init has ended.

    Errors:  ContainerError "container init still running" after ten seconds.
    """
    kill_everything(container)
    for pause in END_PAUSES_S:
        if not container.is_init_alive():
            return
        time.sleep(pause)
    raise ContainerError(
        "container init still running", hint="it waits in the kernel; try again later"
    )


def _signal_init(container: Container, number: int) -> None:
    pid_fd = open_init(container)
    try:
        _signal.pidfd_send_signal(pid_fd, number)
    except ProcessLookupError as error:
        raise StatusError(
            "container not running", errno=error.errno or 0, code="not-running"
        ) from error
    except OSError as error:
        # No word of the call: "unable to signal init: invalid argument" is what runc says.
        raise KernelError(
            "unable to signal init", errno=error.errno or 0, hint=f"the signal was {number}"
        ) from error
    finally:
        os.close(pid_fd)


def _has_cgroup(container: Container) -> bool:
    return any(is_there(path) for path in container.cgroup_paths.values())


def _cgroup(container: Container) -> Cgroup:
    from runtime.cgroups.cgroup import Cgroup

    return Cgroup.load(container.cgroup_paths)
