"""events: what is told of a container while it works, runs out of memory and ends."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.leaks import CGROUP_ROOT
from harness.runtime import PATIENCE_S, Container, Runtime, wait_until

MEMORY_LIMIT = 16 << 20
# Memory of its own, so that the kernel picks it and not the shell. What is told comes first.
HOG = "tail /dev/zero"


class Stream:
    """`events` in the background, read line by line."""

    def __init__(self, runtime: Runtime, *args: str) -> None:
        self.process = subprocess.Popen(
            runtime.command("events", *args),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.out = self.process.stdout
        self.text = b""

    def next(self, timeout_s: float = PATIENCE_S) -> dict[str, Any] | None:
        """The next event, None at the end of the stream."""
        poll = select.poll()
        poll.register(self.out, select.POLLIN)
        end = time.monotonic() + timeout_s
        while b"\n" not in self.text:
            left = end - time.monotonic()
            assert left > 0, f"no event in {timeout_s} s"
            if poll.poll(left * 1000):
                part = os.read(self.out.fileno(), 65536)
                if not part:
                    return None
                self.text += part
        line, _, self.text = self.text.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event

    def rest(self) -> list[dict[str, Any]]:
        """All events until the stream ends by itself."""
        found = []
        end = time.monotonic() + PATIENCE_S
        while (event := self.next()) is not None:
            assert time.monotonic() < end, "the stream does not end"
            found.append(event)
        return found

    def end(self, timeout_s: float = PATIENCE_S) -> tuple[int, str]:
        """(exit status, what it said on standard error)."""
        _, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, err.decode()


OpenStream = Callable[..., Stream]


@pytest.fixture(autouse=True)
def has_events(runtime: Runtime) -> None:
    """Skips where the runtime lacks the command."""
    if runtime.kind == "crun":
        pytest.skip("crun has no events")


@pytest.fixture
def stream(runtime: Runtime) -> Iterator[OpenStream]:
    """Opens streams; what is left of them ends with the test."""
    opened: list[Stream] = []

    def open_stream(*args: str) -> Stream:
        opened.append(Stream(runtime, *args))
        return opened[-1]

    yield open_stream
    for one in opened:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def stats(runtime: Runtime, container: Container) -> dict[str, Any]:
    """The data of one sample, taken now."""
    result = runtime.call("events", "--stats", container.id).check()
    assert result.out.count("\n") == 1
    event = json.loads(result.out)
    assert (event["type"], event["id"]) == ("stats", container.id)
    data: dict[str, Any] = event["data"]
    return data


def running(runtime: Runtime, bundle: Bundle, script: str) -> Container:
    """A container whose script has come to where it says so."""
    container = runtime.run_detached(bundle.sh(script))
    container.wait_for_output("up")
    return container


def limit_memory(bundle: Bundle) -> None:
    bundle.linux["resources"]["memory"] = {"limit": MEMORY_LIMIT, "swap": MEMORY_LIMIT}


def limit_disk(bundle: Bundle) -> tuple[int, int]:
    """(major, minor) of the disk that the bundle is on, under a limit that no test reaches.

    On v1 kernels count only once something is limited.
    """
    number = os.stat(bundle.path).st_dev
    major, minor = os.major(number), os.minor(number)
    disk = Path(f"/sys/dev/block/{major}:{minor}")
    if not disk.exists():
        pytest.skip("needs the bundle on a block device")
    if (disk / "partition").exists():
        major, minor = map(int, (disk.resolve().parent / "dev").read_text().split(":"))
    rate = {"major": major, "minor": minor, "rate": 1 << 40}
    bundle.linux["resources"]["blockIO"] = {"throttleWriteBpsDevice": [rate]}
    return major, minor


class TestStats:
    def test_limits(self, runtime: Runtime, bundle: Bundle) -> None:
        limit_memory(bundle)
        bundle.linux["resources"]["pids"] = {"limit": 7}
        bundle.linux["resources"]["cpu"] = {"cpus": "0"}
        data = stats(runtime, running(runtime, bundle, "echo up; exec sleep 100"))
        assert data["memory"]["usage"]["limit"] == MEMORY_LIMIT
        assert data["pids"] == {"current": 1, "limit": 7}
        if (CGROUP_ROOT / "cpuset").is_dir():
            assert data["cpuset"]["cpus"] == [0]
        assert data["network_interfaces"] is None

    def test_without_limits(self, runtime: Runtime, bundle: Bundle) -> None:
        data = stats(runtime, running(runtime, bundle, "echo up; exec sleep 100"))
        assert data["pids"] == {"current": 1}
        assert data["memory"]["usage"]["limit"] > 1 << 60

    def test_processor_time_grows(self, runtime: Runtime, bundle: Bundle) -> None:
        container = running(runtime, bundle, "echo up; while :; do :; done")
        before = stats(runtime, container)["cpu"]["usage"]["total"]
        wait_until(
            lambda: bool(stats(runtime, container)["cpu"]["usage"]["total"] > before + 50_000_000),
            PATIENCE_S,
        )

    def test_throttling(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["cpu"] = {"quota": 5000, "period": 50000}
        container = running(runtime, bundle, "echo up; while :; do :; done")

        def is_throttled() -> bool:
            throttling = stats(runtime, container)["cpu"].get("throttling", {})
            return bool(throttling.get("throttledPeriods") and throttling.get("throttledTime"))

        wait_until(is_throttled, PATIENCE_S)

    def test_memory(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.mount("/mnt", "tmpfs", "tmpfs", "size=16m")
        script = "dd if=/dev/zero of=/mnt/x bs=1M count=8 2>/dev/null; echo up; exec sleep 100"
        memory = stats(runtime, running(runtime, bundle, script))["memory"]
        assert memory["cache"] >= 8 << 20
        assert memory["usage"]["usage"] >= 8 << 20
        assert memory["raw"]["shmem"] >= 8 << 20
        assert list(memory["raw"]) == sorted(memory["raw"])

    def test_processes(self, runtime: Runtime, bundle: Bundle) -> None:
        script = "sleep 100 & sleep 100 & sleep 100 & echo up; wait"
        assert stats(runtime, running(runtime, bundle, script))["pids"]["current"] == 4

    def test_block_devices(self, runtime: Runtime, bundle: Bundle) -> None:
        device = limit_disk(bundle)
        script = "dd if=/dev/zero of=/x bs=64k count=16 conv=fsync 2>/dev/null; echo up; sleep 100"
        blkio = stats(runtime, running(runtime, bundle, script))["blkio"]
        for member, least in (("ioServiceBytesRecursive", 1 << 20), ("ioServicedRecursive", 1)):
            writes = [entry for entry in blkio[member] if entry["op"] == "Write"]
            numbers = {(entry.get("major", 0), entry.get("minor", 0)) for entry in writes}
            assert device in numbers
            assert sum(entry.get("value", 0) for entry in writes) >= least

    def test_huge_pages(self, runtime: Runtime, bundle: Bundle) -> None:
        if not any(CGROUP_ROOT.rglob("cgroup.controllers")):
            pytest.skip("needs cgroup v2")
        size = 2 << 20
        bundle.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": size}]
        data = stats(runtime, running(runtime, bundle, "echo up; exec sleep 100"))
        assert data["hugetlb"]["2MB"] == {"failcnt": 0}

    def test_created(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle.sleep())
        assert stats(runtime, container)["pids"]["current"] >= 1

    def test_paused(self, runtime: Runtime, bundle: Bundle) -> None:
        container = running(runtime, bundle, "echo up; exec sleep 100")
        runtime.call("pause", container.id).check()
        assert stats(runtime, container)["pids"]["current"] == 1
        runtime.call("resume", container.id).check()

    def test_interval_does_not_matter(self, runtime: Runtime, bundle: Bundle) -> None:
        container = running(runtime, bundle, "echo up; exec sleep 100")
        result = runtime.call("events", "--stats", "--interval", "1h", container.id).check()
        assert result.out.count("\n") == 1


class TestRefused:
    @pytest.mark.parametrize("words", [(), ("--stats",)])
    def test_absent(self, runtime: Runtime, words: tuple[str, ...]) -> None:
        result = runtime.call("events", *words, "--interval", "0s", "none")
        assert (result.status, result.out) == (1, "")
        assert "container does not exist" in result.err

    @pytest.mark.parametrize("words", [(), ("--stats",)])
    def test_stopped(self, runtime: Runtime, bundle: Bundle, words: tuple[str, ...]) -> None:
        container = runtime.run_detached(bundle)
        container.wait()
        result = runtime.call("events", *words, container.id)
        assert (result.status, result.out) == (1, "")
        assert f"container with id {container.id} is not running" in result.err

    @pytest.mark.parametrize("interval", ["0", "0s", "-1s"])
    def test_no_interval(self, runtime: Runtime, bundle: Bundle, interval: str) -> None:
        container = runtime.create(bundle.sleep())
        result = runtime.call("events", "--interval", interval, container.id)
        assert (result.status, result.out) == (1, "")
        assert "duration interval must be greater than 0" in result.err

    @pytest.mark.parametrize("interval", ["5", "soon"])
    def test_no_duration(self, runtime: Runtime, interval: str) -> None:
        result = runtime.call("events", "--interval", interval, "none")
        assert result.status == 1
        assert "for flag -interval" in result.err


class TestStream:
    def test_a_sample_each_interval(
        self, runtime: Runtime, bundle: Bundle, stream: OpenStream
    ) -> None:
        container = running(runtime, bundle, "echo up; exec sleep 100")
        start = time.monotonic()
        events = stream("--interval", "200ms", container.id)
        for _ in range(3):
            event = events.next()
            assert event is not None
            assert (event["type"], event["id"]) == ("stats", container.id)
        assert time.monotonic() - start >= 0.6

    def test_ends_with_the_container(
        self, runtime: Runtime, bundle: Bundle, stream: OpenStream
    ) -> None:
        container = running(runtime, bundle, "echo up; exec sleep 100")
        events = stream("--interval", "50ms", container.id)
        assert events.next() is not None
        container.kill("KILL")
        events.rest()
        assert events.end() == (0, "")

    def test_ends_before_its_first_sample(
        self, runtime: Runtime, bundle: Bundle, stream: OpenStream
    ) -> None:
        container = running(runtime, bundle, "echo up; exec sleep 100")
        events = stream("--interval", "1h", container.id)
        wait_until(lambda: is_armed(events.process.pid), PATIENCE_S)
        container.delete("--force")
        assert events.rest() == []
        assert events.end() == (0, "")

    def test_goes_on_while_others_outlive_init(
        self, runtime: Runtime, bundle: Bundle, stream: OpenStream
    ) -> None:
        bundle.without_namespace("pid")
        script = "setsid sleep 100 & echo up; exec sleep 100"
        container = running(runtime, bundle, script)
        events = stream("--interval", "50ms", container.id)
        assert events.next() is not None
        container.kill()
        assert container.wait() == 143
        for _ in range(5):
            event = events.next()
            assert event is not None
        assert event["data"]["pids"]["current"] == 1
        container.delete("--force")
        events.rest()
        assert events.end() == (0, "")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_signals_end_it_quietly(
        self, runtime: Runtime, bundle: Bundle, stream: OpenStream, number: signal.Signals
    ) -> None:
        container = running(runtime, bundle, "echo up; exec sleep 100")
        events = stream("--interval", "50ms", container.id)
        assert events.next() is not None
        events.process.send_signal(number)
        events.rest()
        assert events.end() == (-number, "")

    def test_a_reader_may_leave(self, runtime: Runtime, bundle: Bundle, stream: OpenStream) -> None:
        container = running(runtime, bundle, "echo up; exec sleep 100")
        events = stream("--interval", "50ms", container.id)
        assert events.next() is not None
        events.out.close()
        assert events.process.wait(PATIENCE_S) == -signal.SIGPIPE
        assert events.process.stderr is not None
        assert events.process.stderr.read() == b""


class TestOom:
    def hungry(self, runtime: Runtime, bundle: Bundle, script: str) -> Container:
        """A container with little memory whose script waits for a file /go."""
        limit_memory(bundle)
        waiting = "echo up; until [ -e /go ]; do sleep 0.05; done"
        return running(runtime, bundle, f"{waiting}; {script}")

    def test_a_notice(self, runtime: Runtime, bundle: Bundle, stream: OpenStream) -> None:
        container = self.hungry(runtime, bundle, f"{HOG}; echo $?; exec sleep 100")
        events = stream("--interval", "1h", container.id)
        wait_until(lambda: is_armed(events.process.pid), PATIENCE_S)
        bundle.file("go", "")
        assert events.next() == {"type": "oom", "id": container.id}
        container.wait_for_output("137")
        container.delete("--force")
        assert {event["type"] for event in events.rest()} <= {"oom"}
        assert events.end() == (0, "")

    def test_of_init_comes_before_the_end(
        self, runtime: Runtime, bundle: Bundle, stream: OpenStream
    ) -> None:
        container = self.hungry(runtime, bundle, f"exec {HOG}")
        events = stream("--interval", "1h", container.id)
        wait_until(lambda: is_armed(events.process.pid), PATIENCE_S)
        bundle.file("go", "")
        assert container.wait() == 137
        assert events.next() == {"type": "oom", "id": container.id}
        container.delete()
        assert events.rest() == []
        assert events.end() == (0, "")

    def test_none_without_need(self, runtime: Runtime, bundle: Bundle, stream: OpenStream) -> None:
        """Neither by what was before, nor by the removal of the cgroup."""
        container = self.hungry(runtime, bundle, f"{HOG}; echo $?; exec sleep 100")
        bundle.file("go", "")
        container.wait_for_output("137")
        events = stream("--interval", "1h", container.id)
        wait_until(lambda: is_armed(events.process.pid), PATIENCE_S)
        container.delete("--force")
        assert events.rest() == []
        assert events.end() == (0, "")


def is_armed(pid: int) -> bool:
    """Whether a process watches for OOM: it has what the kernel tells it by."""
    names = {"eventfd", "inotify", "memory.events"}
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            continue
    return any(name in link for name in names for link in found)


# runc 1.1 knows no pressure, and on a hybrid host nothing of the controllers on v2.
NEWER_THAN_RUNC = {"psi"} if (CGROUP_ROOT / "hugetlb").is_mount() else {"psi", "hugetlb"}


def skeleton(value: Any) -> Any:
    """Members and their order, kinds of values; what is empty left out, lists by their fullest:
    a number that happens to be 0 is left out."""
    if isinstance(value, dict):
        parts = ((key, skeleton(member)) for key, member in value.items())
        return [
            (k, part) for k, part in parts if part not in ([], None) and k not in NEWER_THAN_RUNC
        ]
    if isinstance(value, list):
        return [max(map(skeleton, value), key=len)] if value else []
    return None if value is None else type(value).__name__


def test_members_and_their_order_are_those_of_runc(
    runtime: Runtime, make_bundle: Callable[[], Bundle], base: Path
) -> None:
    """One container each, after the same work."""
    runc_path = shutil.which("runc")
    if runc_path is None:
        pytest.skip("needs runc")
    root = base / "root-runc"
    root.mkdir(mode=0o700, exist_ok=True)
    runc = Runtime(runc_path, root, f"{runtime.tag}-peer")
    found = []
    try:
        for driver in (runtime, runc):
            bundle = make_bundle()
            limit_memory(bundle)
            limit_disk(bundle)
            bundle.linux["resources"]["pids"] = {"limit": 20}
            work = "dd if=/dev/zero of=/x bs=64k count=16 conv=fsync 2>/dev/null"
            container = running(driver, bundle, f"{work}; echo up; exec sleep 100")
            text = driver.call("events", "--stats", container.id).check().out
            found.append(skeleton(json.loads(text)))
    finally:
        runc.clean()
        root.rmdir()
    assert found[0] == found[1], f"{found[0]}\n{found[1]}"
