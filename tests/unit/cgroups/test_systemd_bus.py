"""The bus, against a stand-in that speaks D-Bus on a socket of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jeepney import (
    DBusAddress,
    HeaderFields,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.low_level import Message, Parser

from runtime.cgroups import systemd_bus
from runtime.cgroups.systemd_bus import Bus, BusError
from runtime.errors import HostError

MANAGER = DBusAddress(systemd_bus.PATH, systemd_bus.NAME, systemd_bus.MANAGER)
Answer = Callable[[Message], list[Message]]


def removed(job: str, result: str) -> Message:
    """The signal that a job is done."""
    return new_signal(MANAGER, "JobRemoved", "uoss", (1, job, "x.scope", result))


class Systemd(threading.Thread):
    """One connection; `answers` has the messages to send for a method, None hangs up."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.answers: dict[str, Answer | None] = {}
        self.calls: list[tuple[str, Any]] = []
        self.accepts = True
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()

    def run(self) -> None:
        """Authenticate, then answer until the other side leaves."""
        with self._server, self._server.accept()[0] as peer:
            assert peer.recv(64) == b"\0AUTH EXTERNAL\r\n"
            peer.sendall(b"DATA\r\n")
            assert peer.recv(64) == b"DATA\r\n"
            peer.sendall(b"OK 1234\r\n" if self.accepts else b"REJECTED EXTERNAL\r\n")
            if self.accepts:
                assert peer.recv(7) == b"BEGIN\r\n"
                self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        parser, serial = Parser(), 0
        while data := peer.recv(65536):
            for message in parser.feed(data):
                method = message.header.fields[HeaderFields.member]
                self.calls.append((method, message.body))
                answer = self.answers.get(method, lambda m: [new_method_return(m)])
                if answer is None:
                    return
                for one in answer(message):
                    serial += 1
                    peer.sendall(one.serialise(serial))


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    """A stand-in that the runtime takes for the system's."""
    monkeypatch.setattr(systemd_bus, "RUNNING", str(tmp_path))
    monkeypatch.setattr(systemd_bus, "PRIVATE_SOCKET", str(tmp_path / "none"))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus,guid=0")
    stand_in = Systemd(tmp_path / "bus")
    yield stand_in
    stand_in.join(5)
    assert not stand_in.is_alive()


@pytest.fixture
def bus(systemd: Systemd) -> Iterator[Bus]:
    """A connection to it."""
    systemd.start()
    connected = Bus.connect(user=False)
    yield connected
    connected.close()


def test_greets_and_listens_before_anything_else(systemd: Systemd, bus: Bus) -> None:
    bus.call("ResetFailedUnit", "s", ("x.scope",))
    assert [method for method, _ in systemd.calls] == ["Hello", "AddMatch", "ResetFailedUnit"]


def test_properties(systemd: Systemd, bus: Bus) -> None:
    systemd.answers["Get"] = lambda m: [new_method_return(m, "v", (("s", "257"),))]
    assert bus.get("Version") == "257"
    assert systemd.calls[-1] == ("Get", (systemd_bus.MANAGER, "Version"))


def test_errors_keep_name_and_words(systemd: Systemd, bus: Bus) -> None:
    systemd.answers["StopUnit"] = lambda m: [
        new_error(m, systemd_bus.NO_SUCH_UNIT, "s", ("Unit x.scope not loaded.",))
    ]
    with pytest.raises(BusError) as caught:
        bus.run_job("StopUnit", "ss", ("x.scope", "replace"))
    assert caught.value.name == systemd_bus.NO_SUCH_UNIT
    assert str(caught.value) == "systemd: Unit x.scope not loaded."


@pytest.mark.parametrize("early", [False, True], ids=["after the reply", "before the reply"])
@pytest.mark.parametrize("result", ["done", "failed"])
def test_jobs_are_waited_for(systemd: Systemd, bus: Bus, early: bool, result: str) -> None:
    def answer(message: Message) -> list[Message]:
        reply = new_method_return(message, "o", ("/job/2",))
        signals = [removed("/job/1", "canceled"), removed("/job/2", result)]
        return [*signals, reply] if early else [reply, *signals]

    systemd.answers["StartTransientUnit"] = answer
    body = ("x.scope", "replace", [("PIDs", ("au", [1])), ("DeviceAllow", ("a(ss)", []))], [])
    assert bus.run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", body) == result
    assert systemd.calls[-1] == ("StartTransientUnit", body)


def test_a_job_that_takes_too_long(
    systemd: Systemd, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd_bus, "JOB_TIMEOUT_S", 0.05)
    systemd.answers["StopUnit"] = lambda m: [new_method_return(m, "o", ("/job/1",))]
    with pytest.raises(HostError, match="does not answer in time"):
        bus.run_job("StopUnit", "ss", ("x.scope", "replace"))


def test_hanging_up(systemd: Systemd, bus: Bus) -> None:
    systemd.answers["Get"] = None
    with pytest.raises(HostError, match="the connection was closed"):
        bus.get("Version")


def test_foreign_messages_are_passed_over(systemd: Systemd, bus: Bus) -> None:
    def answer(message: Message) -> list[Message]:
        other = new_method_return(message, "s", ("not yours",))
        other.header.fields[HeaderFields.reply_serial] = 999
        return [other, new_method_return(message, "v", (("s", "yours"),))]

    systemd.answers["Get"] = answer
    assert bus.get("Version") == "yours"


def test_refused(systemd: Systemd) -> None:
    systemd.accepts = False
    systemd.start()
    with pytest.raises(HostError, match=r"system bus at .*permission denied"):
        Bus.connect(user=False)


def test_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd_bus, "RUNNING", str(tmp_path))
    monkeypatch.setattr(systemd_bus, "PRIVATE_SOCKET", str(tmp_path / "none"))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    with pytest.raises(HostError, match="no such file"):
        Bus.connect(user=False)


def test_no_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd_bus, "RUNNING", str(tmp_path / "none"))
    with pytest.raises(HostError) as caught:
        Bus.connect(user=False)
    words = "systemd not running on this host, cannot use systemd cgroups manager"
    assert words in str(caught.value)


def test_no_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd_bus, "RUNNING", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(HostError, match="names no user bus"):
        Bus.connect(user=True)


@pytest.mark.parametrize(
    ("addresses", "path"),
    [
        ("unix:path=/run/bus", "/run/bus"),
        ("unix:guid=0,path=/run/bus", "/run/bus"),
        ("tcp:host=a;unix:path=/run/bus", "/run/bus"),
        ("unix:path=/a%20b%2cc", "/a b,c"),
        ("unix:abstract=/tmp/x", "\0/tmp/x"),
        ("tcp:host=a", ""),
        ("", ""),
    ],
)
def test_addresses(addresses: str, path: str) -> None:
    assert systemd_bus._path_of(addresses) == path
