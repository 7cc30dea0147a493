"""events: what a container uses, and when it runs out of memory, until it has ended."""

from __future__ import annotations

import posix as os
import select
import time

from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.oom import watch_oom
from runtime.cgroups.stats import read_stats
from runtime.errors import ConfigError, StatusError
from runtime.lifecycle.kill import open_init

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from runtime.cgroups.oom import OomWatch
    from runtime.state import Container, StateStore

    Event = dict[str, Any]

NANOSECONDS = 1_000_000_000
# Without a pid namespace others may outlive init; how often to look whether they do.
LINGERING_S = 0.1
WAIT_S_MAX = 3600.0  # poll(2) counts milliseconds in 31 bits


def events(
    store: StateStore, container_id: str, interval_ns: int, *, once: bool
) -> Iterator[Event]:
    """Statistics, one now if `once`; else one an interval and a notice for each OOM, until
    nothing of the container runs any more.

    runc on v1 goes on until the cgroup is removed, with zeros; nobody waits for those.
    Errors:  ConfigError for the interval, StatusError when the container does not run, those
             of load(), KernelError.
    """
    container = store.load(container_id)
    if interval_ns <= 0:
        raise ConfigError("duration interval must be greater than 0", field="--interval")
    if container.status() in ("creating", "stopped"):
        raise _not_running(container)
    cgroup = Cgroup.load(container.cgroup_paths)
    if once:
        yield _stats(container, cgroup)
        return
    try:
        init_fd = open_init(container)
    except StatusError as error:
        raise _not_running(container) from error
    try:
        watch = watch_oom(cgroup)
        try:
            yield from _stream(container, cgroup, init_fd, watch, interval_ns / NANOSECONDS)
        finally:
            watch.close()
    finally:
        os.close(init_fd)


def _stream(
    container: Container, cgroup: Cgroup, init_fd: int, watch: OomWatch, interval_s: float
) -> Iterator[Event]:
    due = time.monotonic() + interval_s
    has_init = True
    while True:
        left = due - time.monotonic()
        pause = max(0.0, min(left, WAIT_S_MAX if has_init else LINGERING_S))
        has_init = _wait(init_fd if has_init else -1, watch, pause) and has_init
        # In this order: an OOM kill of the last one is told before the end.
        is_over = not has_init and not cgroup.pids()
        if watch.happened():
            yield {"type": "oom", "id": container.id}
        if is_over:
            return
        now = time.monotonic()
        if now >= due:
            yield _stats(container, cgroup)
            # A sample that came late, or whose reader was slow, is not made up for.
            due = max(due + interval_s, now)


def _wait(init_fd: int, watch: OomWatch, pause_s: float) -> bool:
    """Sleep until something happens, no longer than `pause_s`; False when init has ended."""
    poll = select.poll()
    if init_fd >= 0:
        poll.register(init_fd, select.POLLIN)
    if watch.fd >= 0:
        poll.register(watch.fd, watch.events)
    return all(fd != init_fd for fd, _ in poll.poll(pause_s * 1000))


def _stats(container: Container, cgroup: Cgroup) -> Event:
    data = read_stats(cgroup)
    group = container.data.get("resctrl")
    if group is not None:
        from runtime.host.resctrl_stats import read_resctrl_stats

        data["intel_rdt"] = read_resctrl_stats(group["root"], group["join"][0], group["join"][-1])
    return {"type": "stats", "id": container.id, "data": data}


def _not_running(container: Container) -> StatusError:
    return StatusError(f"container with id {container.id} is not running", code="not-running")
