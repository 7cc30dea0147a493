"""What podman and containerd do with a container that runs: pause, resume, ps, update."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.engines import Containerd, Podman


@pytest.fixture
def in_podman(podman: Podman) -> Iterator[str]:
    """The name of a running container of podman's."""
    podman.call("run", "-d", "--name", "live", podman.image, "sleep", "1000")
    yield "live"
    podman.attempt("rm", "-f", "-t", "0", "-i", "live")


def podman_status(podman: Podman, name: str) -> str:
    return podman.call("inspect", "-f", "{{.State.Status}}", name).out.strip()


def task(containerd: Containerd, name: str) -> list[str]:
    """name, pid and status."""
    rows = [line.split() for line in containerd.call("task", "list").out.splitlines()]
    return next(row for row in rows if row[0] == name)


def memory_limit(pid: str) -> int:
    """The limit of a process's cgroup, in MiB."""
    rows = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    for _, controllers, path in rows:
        if controllers == "memory":
            file = f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"
            return int(Path(file).read_text()) >> 20
    path = next(path for _, controllers, path in rows if controllers == "")
    return int(Path(f"/sys/fs/cgroup{path}/memory.max").read_text()) >> 20


class TestPodman:
    def test_pause(self, podman: Podman, in_podman: str) -> None:
        podman.call("pause", in_podman)
        assert podman_status(podman, in_podman) == "paused"
        podman.call("unpause", in_podman)
        assert podman_status(podman, in_podman) == "running"

    def test_removal_of_a_paused_one(self, podman: Podman, in_podman: str) -> None:
        podman.call("pause", in_podman)
        podman.call("rm", "-f", "-t", "0", in_podman)
        assert podman.attempt("inspect", in_podman).status != 0

    def test_kill_of_a_paused_one(self, podman: Podman, in_podman: str) -> None:
        podman.call("pause", in_podman)
        podman.call("kill", in_podman)
        assert podman.call("wait", in_podman).out == "137\n"

    def test_top(self, podman: Podman, in_podman: str) -> None:
        lines = podman.call("top", in_podman, "pid", "args").out.splitlines()
        assert lines[1].split() == ["1", "sleep", "1000"]

    def test_update(self, podman: Podman, in_podman: str) -> None:
        """It sends all resources of the container, devices too."""
        pid = podman.call("inspect", "-f", "{{.State.Pid}}", in_podman).out.strip()
        for limit in (96, 64, 128):
            podman.call("update", "--memory", f"{limit}m", in_podman)
            assert memory_limit(pid) == limit
        assert podman_status(podman, in_podman) == "running"


class TestContainerd:
    def test_pause(self, containerd: Containerd, in_containerd: str) -> None:
        containerd.call("task", "pause", in_containerd)
        assert task(containerd, in_containerd)[2] == "PAUSED"
        containerd.call("task", "resume", in_containerd)
        assert task(containerd, in_containerd)[2] == "RUNNING"

    def test_removal_of_a_paused_one(self, containerd: Containerd, in_containerd: str) -> None:
        containerd.call("task", "pause", in_containerd)
        containerd.attempt("task", "rm", "-f", in_containerd)
        assert in_containerd not in containerd.call("task", "list", "-q").words

    def test_ps(self, containerd: Containerd, in_containerd: str) -> None:
        pid = task(containerd, in_containerd)[1]
        lines = containerd.call("task", "ps", in_containerd).out.splitlines()
        assert [line.split()[0] for line in lines] == ["PID", pid]
