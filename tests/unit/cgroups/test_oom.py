from __future__ import annotations

import errno
import os
import select
from typing import Any

import pytest

from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.make import make
from runtime.cgroups.oom import CounterWatch, SignalWatch, watch_oom
from runtime.cgroups.plan import plan_cgroup
from runtime.errors import KernelError
from runtime.host.cgroup_layout import CgroupLayout


def cgroup_on(layout: CgroupLayout) -> Cgroup:
    return make(plan_cgroup("/x", "x", None, None, layout, rootless=True))


class TestV1:
    @pytest.fixture
    def watch(self, fake: Any) -> Any:
        """A watch; the test adds to its eventfd in the kernel's place."""
        cgroup = cgroup_on(fake.layout("memory"))
        (fake.top / "memory/x/cgroup.event_control").write_text("")
        made = watch_oom(cgroup)
        yield made
        made.close()

    def test_the_kernel_is_told(self, fake: Any, watch: SignalWatch) -> None:
        """The eventfd, and a descriptor of memory.oom_control that was open meanwhile."""
        (written,) = [v for k, v in fake.writes if k == "memory/x/cgroup.event_control"]
        event_fd, control_fd = map(int, written.split())
        assert (watch.fd, watch.events) == (event_fd, select.POLLIN)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(control_fd)

    def test_once_for_all_signals_since_the_last_look(self, watch: SignalWatch) -> None:
        assert not watch.happened()
        os.eventfd_write(watch.fd, 1)
        os.eventfd_write(watch.fd, 1)
        assert watch.happened()
        assert not watch.happened()

    @pytest.mark.parametrize(("signals", "happened"), [(1, False), (2, True)])
    def test_one_signal_is_for_the_removal(
        self, fake: Any, watch: SignalWatch, signals: int, happened: bool
    ) -> None:
        (fake.top / "memory/x/memory.oom_control").unlink()
        os.eventfd_write(watch.fd, signals)
        assert watch.happened() is happened

    def test_a_kernel_that_cannot_tell_is_asked(self, fake: Any) -> None:
        cgroup = cgroup_on(fake.layout("memory"))
        (fake.top / "memory/x/cgroup.event_control").write_text("")
        fake.refuse["memory/x/cgroup.event_control"] = errno.EOPNOTSUPP
        before = sorted(os.listdir("/proc/self/fd"))
        watch = watch_oom(cgroup)
        assert sorted(os.listdir("/proc/self/fd")) == before
        assert watch.fd == -1
        assert not watch.happened()
        (fake.top / "memory/x/memory.oom_control").write_text("under_oom 0\noom_kill 4\n")
        assert watch.happened()
        assert not watch.happened()

    def test_a_kernel_that_refuses(self, fake: Any) -> None:
        cgroup = cgroup_on(fake.layout("memory"))
        fake.refuse["memory/x/cgroup.event_control"] = errno.EACCES
        before = sorted(os.listdir("/proc/self/fd"))
        with pytest.raises(KernelError, match=r"watch .*/memory/x for OOM: .*permission denied"):
            watch_oom(cgroup)
        assert sorted(os.listdir("/proc/self/fd")) == before


class TestV2:
    @pytest.fixture
    def watch(self, fake: Any) -> Any:
        """A watch of a cgroup whose memory.events begins with two kills."""
        made = watch_oom(cgroup_on(fake.layout(v2=("memory", "pids"))))
        yield made
        made.close()

    def test_kills_from_now_on(self, fake: Any, watch: CounterWatch) -> None:
        events = fake.top / "unified/x/memory.events"
        assert watch.events == select.POLLPRI
        assert not watch.happened()
        events.write_text("low 0\nhigh 9\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n")
        assert not watch.happened()
        events.write_text("low 0\nhigh 9\nmax 3\noom 2\noom_kill 4\noom_group_kill 0\n")
        assert watch.happened()
        assert not watch.happened()

    def test_gone(self, watch: CounterWatch, monkeypatch: pytest.MonkeyPatch) -> None:
        def pread(*_: int) -> bytes:
            raise OSError(errno.ENODEV, "gone")

        monkeypatch.setattr("posix.pread", pread)
        assert not watch.happened()
        assert watch.fd == -1  # a poll would come back at once

    def test_unreadable(self, watch: CounterWatch, monkeypatch: pytest.MonkeyPatch) -> None:
        def pread(*_: int) -> bytes:
            raise OSError(errno.EIO, "no")

        monkeypatch.setattr("posix.pread", pread)
        with pytest.raises(KernelError, match=r"watch memory.events for OOM: read: input"):
            watch.happened()

    def test_kernel_without_the_controller(self, fake: Any) -> None:
        cgroup = cgroup_on(fake.layout(v2=("memory", "pids")))
        (fake.top / "unified/x/memory.events").unlink()
        watch = watch_oom(cgroup)
        assert watch.fd == -1
        assert not watch.happened()


def test_without_a_cgroup_nothing_happens() -> None:
    watch = watch_oom(Cgroup([]))
    assert watch.fd == -1
    assert not watch.happened()
    watch.close()
