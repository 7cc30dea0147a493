"""READY on its way from a program to a service manager."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.manager import Manager
from harness.runtime import wait_until

from runtime.errors import ConfigError, HostError
from runtime.lifecycle import notify as module
from runtime.lifecycle.notify import NotifySocket, make_folder, manager_address, ready_line
from runtime.log import Log

PID = 4321
TOLD = [b"READY=1\n", b"MAINPID=4321\n", b"BARRIER=1"]


class Place:
    """A container's folder, a manager, a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = str(folder / "notify/notify.sock")
        self.log_file = folder / "log"
        self.log = Log(str(self.log_file))
        make_folder(str(folder / "notify"))

    def listening(self, address: str) -> NotifySocket:
        made = NotifySocket(address, self.log)
        made.listen(str(self.folder))
        return made

    def say(self, *texts: bytes) -> None:
        """As the program."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            for text in texts:
                own.sendto(text, self.program)


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="pn") as folder:  # short: sockets end at 107 bytes
        yield Place(Path(folder))


@pytest.fixture
def manager(place: Place) -> Iterator[Manager]:
    with Manager(str(place.folder / "manager")) as made:
        yield made


@pytest.fixture
def silent(place: Place) -> Iterator[Manager]:
    """A manager that never answers a barrier."""
    with Manager(str(place.folder / "silent"), answers=False) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/run/systemd/notify", b"/run/systemd/notify"),
        ("@/org/x", b"\0/org/x"),
        ("/" + "x" * 106, b"/" + b"x" * 106),
        ("/\udcff", b"/\xff"),
    ],
)
def test_address(text: str, address: bytes) -> None:
    assert manager_address(text) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [("x", "no socket"), ("vsock:2:3", "no socket"), ("/" + "x" * 107, "longer"),
     ("@" + "ä" * 54, "longer")],
)  # fmt: skip
def test_no_address(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        manager_address(text)
    assert caught.value.field == "NOTIFY_SOCKET"


@pytest.mark.parametrize(
    ("datagram", "line"),
    [
        (b"READY=1", b"READY=1"),
        (b"READY=1\nSTATUS=up\n", b"READY=1"),
        (b"STATUS=up\nREADY=1\n", b"READY=1"),
        (b"NOTREADY=1", b""),
        (b"STATUS=READY=1", b""),
        (b"", b""),
    ],
)
def test_ready_line(datagram: bytes, line: bytes) -> None:
    assert ready_line(datagram) == line


class TestPassOn:
    def test_ready(self, place: Place, manager: Manager) -> None:
        notify = place.listening(manager.address)
        place.say(b"STATUS=x", b"READY=1\nMAINPID=1")
        assert notify.pass_on(PID)
        assert manager.heard == TOLD

    def test_nothing_yet(self, place: Place, manager: Manager) -> None:
        notify = place.listening(manager.address)
        assert not notify.pass_on(PID)
        place.say(b"WATCHDOG=1", b"")
        assert not notify.pass_on(PID)
        assert manager.heard == []

    def test_a_manager_that_does_not_answer(
        self, place: Place, silent: Manager, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "BARRIER_MS", 50)
        notify = place.listening(silent.address)
        place.say(b"READY=1")
        assert notify.pass_on(PID)
        assert "[no-barrier]" in place.log_file.read_text()

    def test_no_manager(self, place: Place) -> None:
        notify = place.listening(str(place.folder / "none"))
        place.say(b"READY=1")
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(HostError, match="no such file or directory"):
            notify.pass_on(PID)
        assert len(os.listdir("/proc/self/fd")) == before


class TestListen:
    def test_open_to_every_user_of_the_container(self, place: Place, manager: Manager) -> None:
        old = os.umask(0o077)
        try:
            place.listening(manager.address)
        finally:
            os.umask(old)
        assert os.stat(place.program).st_mode & 0o777 == 0o777
        assert os.stat(place.folder / "notify").st_mode & 0o777 == 0o755

    def test_in_place_of_one_that_was_left(self, place: Place, manager: Manager) -> None:
        place.listening(manager.address)
        notify = place.listening(manager.address)
        place.say(b"READY=1")
        assert notify.pass_on(PID)

    def test_create_was_not_asked(self, place: Place) -> None:
        os.rmdir(place.folder / "notify")
        with pytest.raises(HostError, match="for create as well"):
            place.listening("/m")


class TestWait:
    def test_until_ready(self, place: Place, manager: Manager) -> None:
        notify = place.listening(manager.address)
        with subprocess.Popen(["sleep", "60"]) as program:
            pid_fd = os.pidfd_open(program.pid)
            place.say(b"READY=1")
            notify.wait_until_ready(PID, pid_fd)
            program.kill()
            os.close(pid_fd)
        assert manager.heard == TOLD

    @pytest.mark.parametrize("last", [b"", b"READY=1"])
    def test_until_the_end(self, place: Place, manager: Manager, last: bytes) -> None:
        notify = place.listening(manager.address)
        with subprocess.Popen(["sleep", "60"]) as program:
            pid_fd = os.pidfd_open(program.pid)
            place.say(last)
            program.kill()
            notify.wait_until_ready(PID, pid_fd)
            os.close(pid_fd)
        assert manager.heard == (TOLD if last else [])


class TestMessenger:
    def test_while_another_waits(self, place: Place, manager: Manager) -> None:
        with place.listening(manager.address).messenger(PID):
            place.say(b"STATUS=x", b"READY=1", b"READY=1")
            end = time.monotonic() + 10
            while len(manager.heard) < 3 and time.monotonic() < end:
                time.sleep(0.01)
        assert manager.heard == TOLD

    def test_what_was_said_last(self, place: Place, manager: Manager) -> None:
        notify = place.listening(manager.address)
        place.say(b"READY=1")
        with notify.messenger(PID):
            pass
        # The end of the messenger is not held up by the manager, who may read later.
        wait_until(lambda: manager.heard == TOLD, 10, lambda: str(manager.heard))

    def test_the_end_is_not_held_up_by_the_manager(self, place: Place, silent: Manager) -> None:
        start = time.monotonic()
        with place.listening(silent.address).messenger(PID):
            place.say(b"READY=1")
        assert time.monotonic() - start < 10

    def test_signals_find_the_one_that_waits_for_them(self, place: Place, manager: Manager) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        threads = set(os.listdir("/proc/self/task"))
        with place.listening(manager.address).messenger(PID):
            (new,) = set(os.listdir("/proc/self/task")) - threads
            status = Path(f"/proc/self/task/{new}/status").read_text()
        mask = int(re.search(r"^SigBlk:\s*(\w+)", status, re.M)[1], 16)  # type: ignore[index]
        assert all(mask >> number - 1 & 1 for number in (1, 2, 10, 15, 17))
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before

    def test_no_manager_is_a_warning(self, place: Place) -> None:
        notify = place.listening(str(place.folder / "none"))
        place.say(b"READY=1")
        with notify.messenger(PID):
            pass
        assert "[not-notified]" in place.log_file.read_text()
