"""A service manager's end of NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from types import TracebackType


class Manager:
    """Listens on a datagram socket and writes down what is said.

    address   for NOTIFY_SOCKET
    answers   whether a BARRIER is answered, by closing its descriptor
    """

    def __init__(self, address: str, *, answers: bool = True) -> None:
        self.address = address
        self.heard: list[bytes] = []
        self.barriers: list[int] = []
        self._answers = answers
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address if address[0] == "/" else "\0" + address[1:])
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            text, fds, _, _ = socket.recv_fds(self._socket, 4096, 4)
            if text == b"":
                return
            self.heard.append(text)
            if self._answers:
                for fd in fds:
                    os.close(fd)
            else:
                self.barriers += fds

    def __enter__(self) -> Manager:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()
        for fd in self.barriers:
            os.close(fd)
        if self.address[0] == "/":
            Path(self.address).unlink()
