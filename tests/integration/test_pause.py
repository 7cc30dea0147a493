"""pause and resume, and what the other commands do with a paused container."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Result, Runtime, wait_until

NOT_RUNNING = "container not running"
NOT_PAUSED = "container not paused"
COUNT = "trap 'exit 9' TERM; i=0; while :; do i=$((i+1)); echo $i >/tmp/count; usleep 1000; done"


@pytest.fixture
def counting(runtime: Runtime, bundle: Bundle) -> Iterator[Container]:
    """A container that counts on and on in /tmp/count."""
    container = runtime.run_detached(bundle.sh(COUNT))
    wait_until(lambda: count(bundle) != "", 5)
    yield container
    # Before its bundle is removed: it makes files there.
    container.delete("--force")


def count(bundle: Bundle) -> str:
    path = bundle.rootfs / "tmp/count"
    return path.read_text() if path.exists() else ""


def pause(container: Container) -> None:
    result = container.runtime.call("pause", container.id).check()
    assert result.text == ""


def refused(result: Result, words: str, status: int = 1) -> bool:
    return result.status == status and words in result.err


def test_there_and_back(runtime: Runtime, bundle: Bundle, counting: Container) -> None:
    pause(counting)
    assert counting.status == "paused"
    before = count(bundle)
    time.sleep(0.1)
    assert count(bundle) == before
    assert runtime.call("resume", counting.id).check().text == ""
    assert counting.status == "running"
    before = count(bundle)
    wait_until(lambda: count(bundle) not in (before, ""), 5)


def test_created(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.create(bundle.args("/bin/echo", "ran"))
    pause(container)
    assert container.status == "paused"
    words = "cannot start a container in the paused state"
    assert refused(runtime.call("start", container.id), words)
    runtime.call("resume", container.id).check()
    assert container.status == "created"
    container.start()
    assert container.wait() == 0
    assert container.output == "ran\n"


class TestWrongMoment:
    @pytest.mark.parametrize("verb", ["pause", "resume"])
    def test_absent(self, runtime: Runtime, verb: str) -> None:
        assert refused(runtime.call(verb, "none"), "container does not exist")

    def test_twice(self, runtime: Runtime, counting: Container) -> None:
        pause(counting)
        assert refused(runtime.call("pause", counting.id), NOT_RUNNING)
        assert counting.status == "paused"

    def test_resume_of_what_runs(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle.sleep())
        assert refused(runtime.call("resume", container.id), NOT_PAUSED)
        container.start()
        assert refused(runtime.call("resume", container.id), NOT_PAUSED)

    def test_stopped(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.run_detached(bundle)
        container.wait()
        assert refused(runtime.call("pause", container.id), NOT_RUNNING)
        assert refused(runtime.call("resume", container.id), NOT_PAUSED)


class TestPaused:
    def test_delete(self, runtime: Runtime, counting: Container) -> None:
        pause(counting)
        words = f"cannot delete container {counting.id} that is not stopped: paused"
        assert refused(runtime.call("delete", counting.id), words)
        assert counting.status == "paused"
        counting.delete("--force")
        assert runtime.ids() == []

    def test_kill_comes_at_once(self, counting: Container) -> None:
        """On v1 a frozen process does not even die."""
        pause(counting)
        counting.kill("KILL")
        assert counting.wait() == 128 + signal.SIGKILL
        assert counting.status == "stopped"
        counting.delete()

    def test_another_signal_comes_with_resume(self, runtime: Runtime, counting: Container) -> None:
        pause(counting)
        counting.kill("TERM")
        assert counting.status == "paused"
        time.sleep(0.05)
        assert Path(f"/proc/{counting.pid}").exists()
        runtime.call("resume", counting.id).check()
        assert counting.wait() == 9

    @pytest.mark.parametrize("words", [["kill", "KILL"], ["delete", "--force"]])
    def test_shared_pid_namespace(self, runtime: Runtime, bundle: Bundle, words: list[str]) -> None:
        """All of its processes end, although none of them dies with init."""
        script = "sleep 1000 & echo $! >/tmp/second; wait"
        container = runtime.run_detached(bundle.without_namespace("pid").sh(script))
        path = bundle.rootfs / "tmp/second"
        wait_until(lambda: path.exists() and path.read_text() != "", 5)
        second = int(path.read_text())
        pause(container)
        verb, option = words
        runtime.call(
            verb, *([option, container.id] if verb == "delete" else [container.id, option])
        ).check()
        assert container.wait() == 128 + signal.SIGKILL
        wait_until(lambda: is_dead(second), 5)


def is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_all_processes_stop(runtime: Runtime, bundle: Bundle) -> None:
    """Thirty that fork all the time: none is forgotten."""
    script = "for i in $(seq 30); do (while :; do /bin/true; done) & done; wait"
    container = runtime.run_detached(bundle.sh(script))
    time.sleep(0.3)
    for _ in range(5):
        pause(container)
        before = processor_time(runtime, container)
        time.sleep(0.05)
        assert processor_time(runtime, container) == before
        runtime.call("resume", container.id).check()
    assert container.status == "running"


def processor_time(runtime: Runtime, container: Container) -> list[tuple[int, str, str]]:
    """pid and used time of every process."""
    found = []
    for pid in json.loads(runtime.call("ps", "--format", "json", container.id).check().out):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found.append((pid, fields[11], fields[12]))
    return sorted(found)


def test_many_at_once(runtime: Runtime, counting: Container) -> None:
    """Of many that pause exactly one does it; then of many that resume."""
    for verb, words in (("pause", NOT_RUNNING), ("resume", NOT_PAUSED)):
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(lambda v: runtime.call(v, counting.id), [verb] * 6))
        losers = [r for r in results if r.status]
        assert len(losers) == len(results) - 1
        assert all(words in r.err for r in losers)
