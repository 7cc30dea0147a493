"""containerd 1.6 through ctr and the runc shim, on the runtime under test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.engines import Containerd
from harness.runtime import wait_until


@pytest.fixture
def name(containerd: Containerd, request: pytest.FixtureRequest) -> Iterator[str]:
    """A container's name; what the test leaves is removed."""
    chosen = f"c{abs(hash(request.node.name)) % 10**8}"
    yield chosen
    containerd.attempt("task", "rm", "-f", chosen)
    containerd.attempt("container", "rm", chosen)


def status(containerd: Containerd, name: str) -> str:
    """The task's status, RUNNING or STOPPED; empty if there is none."""
    rows = [line.split() for line in containerd.call("task", "list").out.splitlines()]
    return next((row[2] for row in rows if row[0] == name), "")


class TestForeground:
    def test_output_and_status(self, containerd: Containerd, name: str) -> None:
        result = containerd.run(name, "--rm", args=("sh", "-c", "echo out; echo err >&2; exit 3"))
        assert (result.status, result.out, result.err) == (3, "out\n", "err\n")
        assert name not in containerd.call("container", "list", "-q").words

    def test_environment_and_working_directory(self, containerd: Containerd, name: str) -> None:
        options = ("--rm", "--env", "A=1", "--cwd", "/etc")
        result = containerd.run(name, *options, args=("sh", "-c", "echo $A; pwd"))
        assert result.check().words == ["1", "/etc"]

    def test_read_only(self, containerd: Containerd, name: str) -> None:
        result = containerd.run(name, "--rm", "--read-only", args=("touch", "/x"))
        assert result.status == 1
        assert "Read-only file system" in result.err

    def test_mount(self, containerd: Containerd, name: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("shared\n")
        mount = f"type=bind,src={tmp_path},dst=/m,options=rbind:ro"
        result = containerd.run(name, "--rm", "--mount", mount, args=("cat", "/m/file"))
        assert result.check().out == "shared\n"

    def test_seccomp(self, containerd: Containerd, name: str) -> None:
        args = ("grep", "Seccomp:", "/proc/self/status")
        result = containerd.run(name, "--rm", "--seccomp", args=args)
        assert result.check().words == ["Seccomp:", "2"]

    def test_memory_limit(self, containerd: Containerd, name: str) -> None:
        options = ("--rm", "--memory-limit", str(64 << 20))
        assert containerd.run(name, *options, args=("echo", "fine")).check().out == "fine\n"

    def test_host_network(self, containerd: Containerd, name: str) -> None:
        args = ("readlink", "/proc/self/ns/net")
        result = containerd.run(name, "--rm", "--net-host", args=args).check()
        assert result.out.strip() == str(Path("/proc/self/ns/net").readlink())

    def test_missing_program(self, containerd: Containerd, name: str) -> None:
        """The runtime's own words reach the user, through the log."""
        result = containerd.run(name, "--rm", args=("nonexist",))
        assert result.status != 0
        assert "not found in $PATH" in result.err


class TestDetached:
    def test_a_life(self, containerd: Containerd, name: str) -> None:
        """run, task kill, task rm, container rm."""
        assert containerd.run_detached(name, "sleep", "1000").status == 0
        assert status(containerd, name) == "RUNNING"
        containerd.call("task", "kill", "-s", "SIGKILL", name)
        wait_until(lambda: status(containerd, name) == "STOPPED", 10)
        assert "non-zero exit code 137" in containerd.call("task", "rm", name).err
        assert status(containerd, name) == ""
        containerd.call("container", "rm", name)
        assert name not in containerd.call("container", "list", "-q").words

    def test_term_is_delivered(self, containerd: Containerd, name: str) -> None:
        script = "trap 'exit 7' TERM; while :; do sleep 0.1; done"
        assert containerd.run_detached(name, "sh", "-c", script).status == 0
        wait_until(lambda: status(containerd, name) == "RUNNING", 10)
        # Give the shell the moment that it needs to set its trap.
        wait_until(lambda: "sleep" in task_commands(containerd, name), 10)
        containerd.call("task", "kill", "-s", "SIGTERM", name)
        wait_until(lambda: status(containerd, name) == "STOPPED", 10)
        assert "non-zero exit code 7" in containerd.call("task", "rm", name).err

    def test_forced(self, containerd: Containerd, name: str) -> None:
        assert containerd.run_detached(name, "sleep", "1000").status == 0
        containerd.attempt("task", "rm", "-f", name)
        assert status(containerd, name) == ""

    def test_running_task_is_not_removed(self, containerd: Containerd, name: str) -> None:
        assert containerd.run_detached(name, "sleep", "1000").status == 0
        assert containerd.attempt("task", "rm", name).status != 0
        assert status(containerd, name) == "RUNNING"

    def test_kill_of_an_ended_task(self, containerd: Containerd, name: str) -> None:
        assert containerd.run_detached(name, "true").status == 0
        wait_until(lambda: status(containerd, name) == "STOPPED", 10)
        result = containerd.attempt("task", "kill", name)
        assert result.status == 0 or "process already finished" in result.err


def task_commands(containerd: Containerd, name: str) -> set[str]:
    """The names of the processes that the task's init has as children."""
    rows = [line.split() for line in containerd.call("task", "list").out.splitlines()]
    (pid,) = (row[1] for row in rows if row[0] == name)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = set()
    for child in children:
        try:
            found.add(Path(f"/proc/{child}/comm").read_text().strip())
        except FileNotFoundError:
            continue
    return found


def test_metrics(containerd: Containerd, name: str) -> None:
    """containerd reads the cgroup that the runtime made."""
    assert containerd.run_detached(name, "sleep", "1000").status == 0
    lines = containerd.call("task", "metrics", name).out.splitlines()
    values = {words[0]: words[1] for words in map(str.split, lines) if len(words) == 2}
    assert values["pids.current"] == "1"
    usage = values.get("memory.usage_in_bytes", values.get("memory.usage"))
    assert usage is not None
    assert int(usage) > 0
