"""A seccomp agent: takes listeners, answers the system calls that come through them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import socket
import struct
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

# linux/seccomp.h: struct seccomp_notif, struct seccomp_notif_resp and their calls.
NOTIF = struct.Struct("=QIIiIQ6Q")
ANSWER = struct.Struct("=QqiI")
RECEIVE = 0xC0502100
SEND = 0xC0182101
CONTINUE = 1  # the kernel makes the call after all

Decision = Callable[[int], tuple[int, int, int]]  # number of the call -> value, -errno, flags


def deny(error: int) -> Decision:
    """Every call fails."""
    return lambda number: (0, -error, 0)


def let_pass(number: int) -> tuple[int, int, int]:
    """Every call is made."""
    return 0, 0, CONTINUE


class SeccompAgent:
    """Listens at `path` as long as the block lasts.

    decide   answers each call
    states   what the runtime told, one a listener
    asked    (pid, number) of each call that was asked about
    """

    def __init__(self, decide: Decision) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pa")  # a socket's path is short
        self.path = str(Path(self._folder.name) / "s")
        self.decide = decide
        self.states: list[dict[str, Any]] = []
        self.asked: list[tuple[int, int]] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen(8)
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> SeccompAgent:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._stop)
        self._thread.join(20)
        os.close(self._wake)
        self._server.close()
        self._folder.cleanup()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        listeners: list[int] = []
        poll = select.poll()
        poll.register(self._wake, select.POLLHUP)
        poll.register(self._server, select.POLLIN)
        while True:
            for fd, event in poll.poll():
                if fd == self._wake:
                    for listener in listeners:
                        os.close(listener)
                    return
                if fd == self._server.fileno():
                    listener = self._accept()
                    listeners.append(listener)
                    poll.register(listener, select.POLLIN)
                elif event & select.POLLIN:
                    self._answer(fd)
                else:  # nobody is under this filter any more
                    poll.unregister(fd)

    def _accept(self) -> int:
        peer, _ = self._server.accept()
        with peer:
            text, fds, _, _ = socket.recv_fds(peer, 1 << 16, 4)
            while more := peer.recv(1 << 16):
                text += more
        (listener,) = fds
        self.states.append(json.loads(text))
        return listener

    def _answer(self, listener: int) -> None:
        question = bytearray(NOTIF.size)
        try:
            fcntl.ioctl(listener, RECEIVE, question)
        except OSError as error:
            if error.errno == errno.ENOENT:  # killed while it waited
                return
            raise
        cookie, pid, _, number, *_ = NOTIF.unpack(question)
        self.asked.append((pid, number))
        answer = bytearray(ANSWER.pack(cookie, *self.decide(number)))
        try:
            fcntl.ioctl(listener, SEND, answer)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
