"""The engine's side of --console-socket and --pidfd-socket: takes one descriptor."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from types import TracebackType

PATIENCE_S = 20.0


class Receiver:
    """A listening socket at `path`, for one message with one descriptor."""

    def __init__(self) -> None:
        # Not below a test's folder: socket paths end at 107 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix="pr")
        self.path = str(Path(self._folder.name) / "s")
        self.payload = b""
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen(1)
        self._server.settimeout(PATIENCE_S)
        self._taken: list[int] = []

    def take(self) -> int:
        """The descriptor that came; `payload` is what came with it, and nothing came behind."""
        peer, _ = self._server.accept()
        with peer:
            self.payload, fds, _, _ = socket.recv_fds(peer, 4096, 4)
            self._taken += fds
            assert len(fds) == 1
            assert peer.recv(1) == b""
        return fds[0]

    def is_untouched(self) -> bool:
        """Whether nobody connected, or left without a word: runc connects before it looks."""
        self._server.setblocking(False)
        try:
            peer, _ = self._server.accept()
        except BlockingIOError:
            return True
        with peer:
            return socket.recv_fds(peer, 1, 1)[:2] == (b"", [])

    def __enter__(self) -> Receiver:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for fd in self._taken:
            try:
                os.close(fd)
            except OSError:
                continue  # the test has closed it
        self._folder.cleanup()
