"""exec as podman, its health checks and containerd call it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import pytest
from harness.engines import Containerd, Podman
from harness.pty import Terminal
from harness.runtime import wait_until


@pytest.fixture
def in_podman(podman: Podman) -> Iterator[str]:
    """The name of a running container of podman's, with a health check."""
    podman.call(
        "run", "-d", "--name", "ex", "--health-cmd", "test -e /healthy",
        "--health-interval", "disable", "--health-retries", "1", podman.image, "sleep", "1000",
    )  # fmt: skip
    yield "ex"
    podman.attempt("rm", "-f", "-t", "0", "-i", "ex")


def found(command: list[str]) -> list[str]:
    """The command with the path of its program."""
    return [str(shutil.which(command[0])), *command[1:]]


class TestPodman:
    def test_output_and_status(self, podman: Podman, in_podman: str) -> None:
        done = podman.attempt("exec", in_podman, "sh", "-c", "echo out; echo err >&2; exit 3")
        assert (done.status, done.out, done.err.splitlines()[0]) == (3, "out\n", "err")

    def test_standard_input(self, podman: Podman, in_podman: str) -> None:
        assert podman.call("exec", "-i", in_podman, "cat", stdin=b"in\n").out == "in\n"

    @pytest.mark.parametrize(
        ("program", "status"), [("none", 127), ("/none", 127), ("/etc", 126), ("/etc/passwd", 126)]
    )
    def test_programs_that_cannot_run(
        self, podman: Podman, in_podman: str, program: str, status: int
    ) -> None:
        done = podman.attempt("exec", in_podman, program)
        # 4.3 says 255 where it does not know the words.
        assert done.status in (status, 255), done

    def test_options(self, podman: Podman, in_podman: str) -> None:
        script = "id -u; id -g; pwd; echo $A"
        done = podman.call(
            "exec", "-u", "5:6", "-w", "/tmp", "-e", "A=b", in_podman, "sh", "-c", script
        )
        assert done.out.split() == ["5", "6", "/tmp", "b"]

    def test_privileged(self, podman: Podman, in_podman: str) -> None:
        script = "sed -n 's/^CapEff:.//p' /proc/self/status"
        usual = podman.call("exec", in_podman, "sh", "-c", script).out
        more = podman.call("exec", "--privileged", in_podman, "sh", "-c", script).out
        assert int(usual, 16) < int(more, 16)

    def test_detached(self, podman: Podman, in_podman: str) -> None:
        podman.call("exec", "-d", in_podman, "sh", "-c", "touch /done")
        wait_until(lambda: podman.attempt("exec", in_podman, "test", "-e", "/done").status == 0, 20)

    def test_terminal(self, podman: Podman, in_podman: str) -> None:
        script = "tty; stty size; read x; echo g$x"
        call = [*podman.prefix, "exec", "-it", in_podman, "sh", "-c", script]
        with Terminal(found(call), rows=31, columns=71, env=podman.env) as terminal:
            terminal.wait_for("31 71", 30)
            terminal.type(b"ot\r")
            terminal.wait_for("got")
            assert terminal.wait(30) == 0
            assert "/dev/pts/" in terminal.text

    def test_health_check(self, podman: Podman, in_podman: str) -> None:
        assert podman.attempt("healthcheck", "run", in_podman).status == 1
        podman.call("exec", in_podman, "touch", "/healthy")
        assert podman.attempt("healthcheck", "run", in_podman).status == 0

    def test_is_in_the_containers_cgroup(self, podman: Podman, in_podman: str) -> None:
        init = podman.call("exec", in_podman, "cat", "/proc/1/cgroup").out
        own = podman.call("exec", in_podman, "cat", "/proc/self/cgroup").out
        assert own == init

    def test_stopped(self, podman: Podman, in_podman: str) -> None:
        podman.call("stop", "-t", "0", in_podman)
        assert podman.attempt("exec", in_podman, "true").status != 0


class TestContainerd:
    def exec(self, containerd: Containerd, exec_id: str, *words: str) -> tuple[int, str]:
        """``ctr task exec``: status and output."""
        done = containerd.attempt("task", "exec", "--exec-id", exec_id, "live", *words)
        return done.status, done.out

    def test_output_and_status(self, containerd: Containerd, in_containerd: str) -> None:
        assert self.exec(containerd, "a", "sh", "-c", "echo out; exit 4") == (4, "out\n")

    def test_detached(self, containerd: Containerd, in_containerd: str) -> None:
        script = "touch /done; sleep 100"
        containerd.call("task", "exec", "-d", "--exec-id", "b", in_containerd, "sh", "-c", script)
        end = time.monotonic() + 20
        number = 0
        while self.exec(containerd, f"c{number}", "test", "-e", "/done")[0] != 0:
            number += 1
            assert time.monotonic() < end
        containerd.call("task", "kill", "--exec-id", "b", "-s", "SIGKILL", in_containerd)

    def test_terminal(self, containerd: Containerd, in_containerd: str) -> None:
        call = [*containerd.prefix, "task", "exec", "-t", "--exec-id", "d", in_containerd,
                "sh", "-c", "tty; stty size; exit 5"]  # fmt: skip
        with Terminal(found(call), rows=30, columns=70) as terminal:
            assert terminal.wait(30) == 5
            assert "/dev/pts/" in terminal.text

    def test_missing_program(self, containerd: Containerd, in_containerd: str) -> None:
        done = containerd.attempt("task", "exec", "--exec-id", "e", in_containerd, "none")
        assert done.status != 0
        assert "executable file not found in $PATH" in done.text
