"""Talks to systemd over D-Bus: calls, and jobs that are waited for.

Loaded for containers in systemd's cgroups only: jeepney and socket cost 12 ms.
"""

from __future__ import annotations

import errno
import posix as os
import socket
import time

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.low_level import Message, Parser

from runtime.environment import variable
from runtime.errors import HostError, KernelError
from runtime.paths import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SYSTEM_BUS = "/run/dbus/system_bus_socket"
PRIVATE_SOCKET = "/run/systemd/private"  # systemd itself, for root; there is no bus on it
RUNNING = "/run/systemd/system"

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
JOB_REMOVED = "type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'"

NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists"

CALL_TIMEOUT_S = 30.0
JOB_TIMEOUT_S = 30.0
# A bus whose queue is full says EAGAIN; it does not stay so.
CONNECT_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


class BusError(KernelError):
    """systemd said no. `name` is the name of D-Bus's error."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(what)
        self.name = name


class Bus:
    """A connection to a manager: the system's, or the user's own."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._parser = Parser()
        self._serial = 0
        self._waiting: list[Message] = []

    @classmethod
    def connect(cls, *, user: bool) -> Bus:
        """Connect and authenticate.

        Errors:  HostError when systemd does not run or its bus cannot be reached.
        """
        if not is_there(RUNNING):
            raise HostError(
                "systemd not running on this host, cannot use systemd cgroups manager",
                code="no-systemd",
                field="--systemd-cgroup",
                hint="leave the option out: the cgroups are made without systemd then",
            )
        address = _user_address() if user else _system_address()
        try:
            return cls._open(address, has_bus=True)
        except OSError as error:
            refusal = error
        if not user and os.geteuid() == 0:
            try:
                return cls._open(PRIVATE_SOCKET, has_bus=False)
            except OSError:
                pass  # the bus is what one should be able to reach: its error is told
        raise HostError(
            f"connect to systemd's {'user' if user else 'system'} bus at {address}",
            field="--systemd-cgroup", errno=refusal.errno or 0,
            hint="is there a session of this user, with XDG_RUNTIME_DIR set?" if user else "",
        ) from refusal  # fmt: skip

    @classmethod
    def _open(cls, address: str, *, has_bus: bool) -> Bus:
        connection = _connect(address)
        try:
            _authenticate(connection)
        except BaseException:
            connection.close()
            raise
        bus = cls(connection)
        if has_bus:
            bus._call_bus("Hello")
            # Before any job is asked for: it may be done before its number is known.
            bus._call_bus("AddMatch", "s", (JOB_REMOVED,))
        return bus

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def get(self, name: str) -> Any:
        """A property of the manager.

        Errors:  BusError, HostError.
        """
        ((_, value),) = self._call(
            DBusAddress(PATH, NAME, PROPERTIES), "Get", "ss", (MANAGER, name)
        )
        return value

    def call(self, method: str, signature: str, body: tuple[Any, ...]) -> tuple[Any, ...]:
        """A method of the manager.

        Errors:  BusError, HostError.
        """
        return self._call(DBusAddress(PATH, NAME, MANAGER), method, signature, body)

    def run_job(self, method: str, signature: str, body: tuple[Any, ...]) -> str:
        """A method that starts a job, and the job's result: "done" if all went well.

        Errors:  BusError, HostError; that too when the job takes longer than half a minute.
        """
        (job,) = self.call(method, signature, body)
        end = time.monotonic() + JOB_TIMEOUT_S
        while True:
            while self._waiting:
                signal = self._waiting.pop(0)
                if signal.header.fields.get(HeaderFields.member) == "JobRemoved":
                    _, path, _, result = signal.body
                    if path == job:
                        return str(result)
            self._waiting.append(self._receive(end, f"wait for systemd's {method}"))

    def _call_bus(
        self, method: str, signature: str | None = None, body: tuple[Any, ...] = ()
    ) -> None:
        bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        self._call(bus, method, signature, body)

    def _call(
        self, address: DBusAddress, method: str, signature: str | None, body: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        self._serial += 1
        what = f"ask systemd for {method}"
        end = time.monotonic() + CALL_TIMEOUT_S
        try:
            message = new_method_call(address, method, signature, body)
            self._socket.sendall(message.serialise(self._serial))
        except OSError as error:
            raise HostError(what, errno=error.errno or 0) from error
        while True:
            answer = self._receive(end, what)
            fields = answer.header.fields
            if fields.get(HeaderFields.reply_serial) != self._serial:
                if answer.header.message_type is MessageType.signal:
                    self._waiting.append(answer)
                continue
            if answer.header.message_type is MessageType.error:
                words = answer.body[0] if answer.body else "no reason given"
                raise BusError(f"systemd: {words}", fields[HeaderFields.error_name])
            answered: tuple[Any, ...] = answer.body
            return answered

    def _receive(self, end: float, what: str) -> Message:
        while (message := self._parser.get_next_message()) is None:
            try:
                self._socket.settimeout(max(end - time.monotonic(), 0.001))
                data = self._socket.recv(65536)
            except TimeoutError as error:
                raise HostError(what, hint="systemd does not answer in time") from error
            except OSError as error:
                raise HostError(what, errno=error.errno or 0) from error
            if not data:
                raise HostError(what, hint="the connection was closed")
            self._parser.add_data(data)
        return message


def _system_address() -> str:
    return _path_of(variable("DBUS_SYSTEM_BUS_ADDRESS") or "") or SYSTEM_BUS


def _user_address() -> str:
    """Errors:  HostError when the environment names no bus."""
    if address := _path_of(variable("DBUS_SESSION_BUS_ADDRESS") or ""):
        return address
    if folder := variable("XDG_RUNTIME_DIR"):
        return f"{folder}/bus"
    raise HostError(
        "the environment names no user bus", field="--systemd-cgroup",
        hint="set DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR, as a login session does",
    )  # fmt: skip


def _path_of(addresses: str) -> str:
    """The socket in D-Bus addresses, ``unix:path=/run/bus,guid=0;...``; "" if there is none.

    An abstract one starts with NUL, as for connect(2).
    Source:  D-Bus specification, Server Addresses.
    """
    for address in addresses.split(";"):
        kind, _, rest = address.partition(":")
        for pair in rest.split(","):
            key, _, value = pair.partition("=")
            if kind == "unix" and key in ("path", "abstract"):
                return ("\0" if key == "abstract" else "") + _unescape(value)
    return ""


def _unescape(value: str) -> str:
    parts = value.split("%")
    return parts[0] + "".join(chr(int(part[:2], 16)) + part[2:] for part in parts[1:])


def _connect(address: str) -> socket.socket:
    """Errors:  OSError."""
    pauses = iter(CONNECT_PAUSES_S)
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.connect(address)
            return connection
        except BlockingIOError:
            connection.close()
            pause = next(pauses, None)
            if pause is None:
                raise
            time.sleep(pause)
        except BaseException:
            connection.close()
            raise


def _authenticate(connection: socket.socket) -> None:
    """By the kernel's word for who we are, whatever our user namespace calls us.

    Errors:  OSError, EACCES when the bus does not take us.
    Source:  D-Bus specification, EXTERNAL; the uid left out, the credentials count.
    """
    connection.settimeout(CALL_TIMEOUT_S)
    connection.sendall(b"\0AUTH EXTERNAL\r\n")
    if _line(connection).startswith(b"DATA"):
        connection.sendall(b"DATA\r\n")
        if _line(connection).startswith(b"OK"):
            connection.sendall(b"BEGIN\r\n")
            return
    raise PermissionError(errno.EACCES, "the bus refuses us")


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < 1024:
        data = connection.recv(1)  # what comes after belongs to the protocol proper
        if not data:
            break
        line += data
    return line
