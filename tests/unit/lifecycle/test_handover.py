"""A descriptor given to a listening socket, as engines receive it."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import ConfigError, HostError
from runtime.lifecycle import handover
from runtime.lifecycle.handover import hand_over


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder: the paths of sockets end at 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ph") as folder:
        yield Path(folder)


def listen(path: Path, backlog: int = 1, kind: int = socket.SOCK_STREAM) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, kind)
    server.bind(str(path))
    if kind == socket.SOCK_STREAM:
        server.listen(backlog)
    return server


def test_one_message_with_one_descriptor(place: Path) -> None:
    read_fd, write_fd = os.pipe()
    with listen(place / "s") as server:
        hand_over(str(place / "s"), b"/dev/pts/ptmx", write_fd, "--console-socket")
        os.close(write_fd)
        peer, _ = server.accept()
        payload, passed, _, _ = socket.recv_fds(peer, 4096, 4)
        assert payload == b"/dev/pts/ptmx"
        assert len(passed) == 1
        assert peer.recv(1) == b""
        os.write(passed[0], b"through")
        assert os.read(read_fd, 10) == b"through"
        for fd in (read_fd, passed[0]):
            os.close(fd)
        peer.close()


def test_descriptors_are_not_left_open(place: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HostError):
        hand_over(str(place / "none"), b"x", 0, "--console-socket")
    assert len(os.listdir("/proc/self/fd")) == before


def test_nobody_is_there(place: Path) -> None:
    with pytest.raises(HostError) as caught:
        hand_over(str(place / "s"), b"x", 0, "--pidfd-socket")
    assert str(caught.value) == (
        f"--pidfd-socket: hand a descriptor over to {place}/s: connect: no such file or directory"
    )


def test_nobody_listens(place: Path) -> None:
    listen(place / "s").close()
    with pytest.raises(HostError, match="connection refused"):
        hand_over(str(place / "s"), b"x", 0, "--console-socket")


def test_a_socket_of_another_kind(place: Path) -> None:
    with (
        listen(place / "s", kind=socket.SOCK_DGRAM),
        pytest.raises(HostError, match="protocol wrong type"),
    ):
        hand_over(str(place / "s"), b"x", 0, "--console-socket")


def test_a_path_too_long(place: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--console-socket: .* 107 bytes"):
        hand_over(str(place / ("s" * 100)), b"x", 0, "--console-socket")


def test_one_who_never_accepts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "CONNECT_TIMEOUT_S", 1)
    clients = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    with listen(place / "s", backlog=1):
        for client in clients:
            client.connect(str(place / "s"))
        with pytest.raises(HostError, match="connect: resource temporarily unavailable"):
            hand_over(str(place / "s"), b"x", 0, "--console-socket")
    for client in clients:
        client.close()
