"""podman and ctr with terminals: a person's own, copied by the engine to that of a container."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.engines import Containerd, Podman
from harness.pty import Terminal


@pytest.fixture
def name(podman: Podman, request: pytest.FixtureRequest) -> Iterator[str]:
    """A container's name; what the test leaves is removed."""
    chosen = f"t{abs(hash(request.node.name)) % 10**8}"
    yield chosen
    podman.attempt("rm", "-f", "-t", "0", chosen)


def show(podman: Podman, *args: str) -> Terminal:
    """A call of podman at a terminal of 33 rows and 77 columns."""
    command = ["/usr/bin/env", *podman.prefix, *podman.placed(args)]
    return Terminal(command, rows=33, columns=77, env=podman.env, cwd=podman.folder)


def test_podman_run(podman: Podman) -> None:
    script = "tty; sleep 1; stty size; read x; echo got $x; exit 6"
    with show(podman, "run", "-it", "--rm", podman.image, "sh", "-c", script) as terminal:
        terminal.wait_for("33 77")
        terminal.type(b"hello\r")
        assert terminal.wait(60) == 6
        assert "/dev/pts/0\n" in terminal.text
        assert "got hello" in terminal.text


def test_podman_exec(podman: Podman, name: str) -> None:
    podman.call("run", "-d", "--name", name, podman.image, "sleep", "1000")
    script = "tty; sleep 1; stty size; read x; echo got $x; exit 6"
    with show(podman, "exec", "-it", name, "sh", "-c", script) as terminal:
        terminal.wait_for("33 77")
        terminal.type(b"hello\r")
        assert terminal.wait(60) == 6
        assert "got hello" in terminal.text


def test_podman_exec_large_output(podman: Podman, name: str) -> None:
    podman.call("run", "-d", "--name", name, podman.image, "sleep", "1000")
    script = "stty raw; head -c 300000 /dev/zero | tr '\\0' x"
    with show(podman, "exec", "-it", name, "sh", "-c", script) as terminal:
        assert terminal.wait(60) == 0
        assert terminal.seen.count(b"x") == 300000


def test_podman_attach(podman: Podman, name: str) -> None:
    podman.call("run", "-d", "-it", "--name", name, podman.image, "sh")
    with show(podman, "attach", name) as terminal:
        terminal.type(b"echo at $((40 + 2)); sleep 1; stty size\r")
        terminal.wait_for("at 42")
        terminal.wait_for("33 77")
        terminal.type(b"exit 5\r")
        terminal.wait(60)  # whose status that is differs between versions of podman
    assert podman.call("wait", name).out.strip() == "5"


def test_ctr_run(containerd: Containerd) -> None:
    script = "tty; sleep 1; stty size; read x; echo got $x; exit 6"
    args = ("run", "--rm", "-t", "--runc-binary", containerd.runtime, containerd.image, "term")
    command = ["/usr/bin/env", *containerd.prefix, *args, "sh", "-c", script]
    with Terminal(command, rows=33, columns=77, cwd=containerd.folder) as terminal:
        terminal.wait_for("33 77")
        terminal.type(b"hello\r")
        assert terminal.wait(60) == 6
        assert "got hello" in terminal.text
