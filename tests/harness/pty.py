"""A person at a terminal: a pseudo terminal with a command in it, typed at and read from."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from harness.runtime import PATIENCE_S, wait_until

# Becomes the command, in the foreground of the terminal whose descriptor it is given.
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fd = int(sys.argv[1])
fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
os.close(fd)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Terminal:
    """Runs `command` with a pseudo terminal as controlling terminal and on its streams.

    seen     all that appeared on the screen
    reading  False stops the screen, as a slow or stopped terminal does
    """

    def __init__(
        self, command: Sequence[str], *, rows: int = 24, columns: int = 80, **streams: Any
    ) -> None:
        self._master, self._slave = os.openpty()
        self.resize(rows, columns)
        self.before = self.attributes()
        self._lock = threading.Lock()
        self._screen = bytearray()
        self._may_read = threading.Event()
        self._may_read.set()
        self._end, self._ender = os.pipe()
        slave = self._slave
        given = {"stdin": slave, "stdout": slave, "stderr": slave} | streams
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, str(slave), *command],
            pass_fds=(slave,), start_new_session=True, **given,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # Never inside a read when it is time to end: that would hold the terminal open.
        while True:
            self._may_read.wait()
            ready, _, _ = select.select([self._master, self._end], [], [])
            if self._end in ready:
                return
            data = os.read(self._master, 1 << 16)
            with self._lock:
                self._screen += data

    @property
    def seen(self) -> bytes:
        with self._lock:
            return bytes(self._screen)

    @property
    def text(self) -> str:
        """What was seen, with newlines as programs write them; runc turns the first ones twice."""
        return re.sub("\r+\n", "\n", self.seen.decode(errors="replace"))

    def pause(self, *, paused: bool) -> None:
        """Stop or go on reading; one read that has begun still comes to its end."""
        if paused:
            self._may_read.clear()
        else:
            self._may_read.set()

    def type(self, data: bytes) -> None:
        """Press keys; all of them get through."""
        while data:
            data = data[os.write(self._master, data) :]

    def wait_for(self, text: str, timeout_s: float = PATIENCE_S) -> str:
        """The screen as soon as `text` is on it."""
        wait_until(lambda: text in self.text, timeout_s, lambda: f"{text!r} in {self.text!r}")
        return self.text

    def resize(self, rows: int, columns: int) -> None:
        """Change the size; the kernel tells the foreground process group."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def attributes(self) -> list[Any]:
        """termios, as they are now."""
        return termios.tcgetattr(self._slave)

    @property
    def is_raw(self) -> bool:
        return not self.attributes()[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def kill(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """The window is closed."""
        os.write(self._ender, b"!")
        self.pause(paused=False)
        self._reader.join(PATIENCE_S)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """The command's exit status (negative for a signal); the screen is complete then."""
        status = self.process.wait(timeout_s)
        if self._slave >= 0:
            self._drain()
        return status

    def _drain(self) -> None:
        """Wait for the reader to have everything: a mark of our own comes last."""
        self.pause(paused=False)
        mark = b"\x00end of screen\x00"
        os.write(self._slave, mark)
        wait_until(lambda: self.seen.endswith(mark), PATIENCE_S)
        with self._lock:
            del self._screen[-len(mark) :]

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._master >= 0:
            self.hang_up()
        os.close(self._end)
        os.close(self._ender)
