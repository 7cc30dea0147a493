"""Scheduler, I/O priority, CPUs and labels of the program."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Runtime

IOPRIO_GET = {"x86_64": 252, "aarch64": 31}[os.uname().machine]
RESET_ON_FORK = 0x40000000


def started(runtime: Runtime, bundle: Bundle) -> Container:
    """A container whose program has been executed, with nothing between it and the runtime."""
    return runtime.run_detached(bundle.args("/bin/sleep", "100"))


def io_priority(pid: int) -> tuple[int, int]:
    """(class, level) of a process, ioprio_get(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    value = libc.syscall(IOPRIO_GET, 1, pid)
    assert value >= 0, os.strerror(ctypes.get_errno())
    return value >> 13, value & 0x1FFF


@pytest.mark.spec("process.scheduler")
class TestScheduler:
    @pytest.mark.parametrize(
        ("scheduler", "policy", "nice"),
        [
            pytest.param({"policy": "SCHED_OTHER", "nice": 7}, os.SCHED_OTHER, 7, id="other"),
            pytest.param({"policy": "SCHED_OTHER", "nice": -5}, os.SCHED_OTHER, -5, id="less nice"),
            pytest.param({"policy": "SCHED_BATCH", "nice": 3}, os.SCHED_BATCH, 3, id="batch"),
            pytest.param({"policy": "SCHED_IDLE"}, os.SCHED_IDLE, 0, id="idle"),
            pytest.param(
                {"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
                os.SCHED_BATCH | RESET_ON_FORK, 0, id="reset on fork",
            ),
        ],
    )  # fmt: skip
    def test_is_set(
        self, runtime: Runtime, bundle: Bundle, scheduler: Any, policy: int, nice: int
    ) -> None:
        bundle.process["scheduler"] = scheduler
        pid = started(runtime, bundle).pid
        assert os.sched_getscheduler(pid) == policy
        assert os.getpriority(os.PRIO_PROCESS, pid) == nice

    @pytest.mark.parametrize(
        ("name", "policy"), [("SCHED_FIFO", os.SCHED_FIFO), ("SCHED_RR", os.SCHED_RR)]
    )
    def test_real_time(self, runtime: Runtime, bundle: Bundle, name: str, policy: int) -> None:
        """The program keeps it though it keeps no capability."""
        bundle.process["scheduler"] = {"policy": name, "priority": 11}
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        if os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):  # CONFIG_RT_GROUP_SCHED
            bundle.linux["resources"]["cpu"] = {"realtimeRuntime": 1000}
        pid = started(runtime, bundle).pid
        assert os.sched_getscheduler(pid) == policy
        assert os.sched_getparam(pid).sched_priority == 11

    def test_deadline(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["scheduler"] = {
            "policy": "SCHED_DEADLINE",
            "runtime": 1_000_000,
            "deadline": 20_000_000,
            "period": 20_000_000,
        }
        assert os.sched_getscheduler(started(runtime, bundle).pid) == 6

    def test_refused_by_the_kernel(self, runtime: Runtime, bundle: Bundle) -> None:
        """SCHED_ISO is in the specification, not in Linux."""
        bundle.process["scheduler"] = {"policy": "SCHED_ISO"}
        result = runtime.run(bundle)
        assert result.status == 1
        assert "process.scheduler: set the scheduling policy SCHED_ISO" in result.err
        assert "invalid argument" in result.err
        assert runtime.ids() == []

    @pytest.mark.parametrize(
        ("scheduler", "field"),
        [
            ({"policy": "SCHED_OTHER", "priority": 1}, "process.scheduler.priority"),
            ({"policy": "SCHED_FIFO", "priority": 1, "period": 5}, "process.scheduler.period"),
            ({"policy": "SCHED_OTHER", "nice": 20}, "process.scheduler.nice"),
            ({}, "process.scheduler"),
        ],
    )
    def test_refused(
        self, runtime: Runtime, bundle: Bundle, scheduler: dict[str, Any], field: str
    ) -> None:
        bundle.process["scheduler"] = scheduler
        result = runtime.run(bundle)
        assert result.status == 1
        assert field in result.err
        assert runtime.ids() == []


@pytest.mark.spec("process.ioPriority")
class TestIoPriority:
    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({"class": "IOPRIO_CLASS_BE", "priority": 6}, (2, 6)),
            ({"class": "IOPRIO_CLASS_IDLE"}, (3, 0)),
            ({"class": "IOPRIO_CLASS_RT", "priority": 1}, (1, 1)),
        ],
    )
    def test_is_set(
        self, runtime: Runtime, bundle: Bundle, wanted: Any, found: tuple[int, int]
    ) -> None:
        bundle.process["ioPriority"] = wanted
        assert io_priority(started(runtime, bundle).pid) == found

    @pytest.mark.parametrize(
        "wanted", [{"class": "IOPRIO_CLASS_BE", "priority": 8}, {"class": "IOPRIO_CLASS_NONE"}]
    )
    def test_refused(self, runtime: Runtime, bundle: Bundle, wanted: Any) -> None:
        bundle.process["ioPriority"] = wanted
        result = runtime.run(bundle)
        assert (result.status, "ioPriority" in result.err) == (1, True)


class TestCpus:
    SEEN = ("/bin/grep", "Cpus_allowed_list", "/proc/self/status")

    def every_cpu(self, runtime: Runtime, bundle: Bundle) -> str:
        """The CPUs of a container, of a caller that may use them all."""
        return runtime.run(bundle.args(*self.SEEN)).check().out

    @pytest.mark.parametrize("affinity", [None, {"initial": "1", "final": "1"}])
    def test_those_of_the_caller_do_not_matter(
        self, runtime: Runtime, bundle: Bundle, affinity: dict[str, str] | None
    ) -> None:
        """Nor those of processes that join later."""
        expected = self.every_cpu(runtime, bundle)
        if affinity:
            bundle.process["execCPUAffinity"] = affinity
        own = os.sched_getaffinity(0)
        if len(own) < 2:
            pytest.skip("needs two CPUs")
        os.sched_setaffinity(0, {min(own)})
        try:
            assert runtime.run(bundle.args(*self.SEEN)).check().out == expected
        finally:
            os.sched_setaffinity(0, own)

    def test_a_cpuset_does(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["cpu"] = {"cpus": "0"}
        assert runtime.run(bundle.args(*self.SEEN)).check().words == ["Cpus_allowed_list:", "0"]

    def test_refused(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["execCPUAffinity"] = {"final": "3-1"}
        result = runtime.run(bundle)
        assert result.status == 1
        assert (
            'process.execCPUAffinity.final: the range "3-1" runs backwards'
            in result.err.replace('\\"', '"')
        )


class TestPersonality:
    def test_default(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.args("/bin/cat", "/proc/self/personality"))
        assert result.check().words == ["00000000"]

    @pytest.mark.parametrize(
        ("domain", "machine"), [("LINUX", os.uname().machine), ("LINUX32", "i686")]
    )
    def test_machine(self, runtime: Runtime, bundle: Bundle, domain: str, machine: str) -> None:
        if os.uname().machine != "x86_64":
            pytest.skip("other machines have other names")
        bundle.linux["personality"] = {"domain": domain}
        assert runtime.run(bundle.args("/bin/uname", "-m")).check().words == [machine]


class TestLabels:
    """This needs a host without the two modules; with them, see the guest's tests."""

    @pytest.mark.parametrize(
        ("key", "file", "words"),
        [
            pytest.param(
                "apparmorProfile", "/sys/module/apparmor/parameters/enabled",
                "AppArmor is disabled", id="AppArmor",
            ),
            pytest.param(
                "selinuxLabel", "/sys/fs/selinux/enforce",
                "selinux label is specified in config, but selinux is disabled or not supported",
                id="SELinux",
            ),
        ],
    )  # fmt: skip
    def test_not_on_this_host(
        self, runtime: Runtime, bundle: Bundle, key: str, file: str, words: str
    ) -> None:
        if os.path.exists(file):
            pytest.skip(f"this host has {file}")
        bundle.process[key] = "label"
        result = runtime.run(bundle)
        assert result.status == 1
        assert words in result.err
        assert runtime.ids() == []
