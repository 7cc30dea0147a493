"""The terminal we were called from: found, made raw, restored; how large it is."""

from __future__ import annotations

import fcntl
import posix as os
import termios

from runtime.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from types import TracebackType
else:
    import _signal

# Whatever was redirected, one of them is likely left. The order is runc's.
STREAMS = (2, 1, 0)
IFLAG, OFLAG, CFLAG, LFLAG, CC = 0, 1, 2, 3, 6  # of termios.tcgetattr()
SIZE_BYTES = 8  # struct winsize
NO_SIZE = bytes(4)  # rows and columns that nobody has set


def find_terminal() -> int:
    """A descriptor of the caller's terminal.

    Errors:  HostError, in runc's words.
    """
    for fd in STREAMS:
        if os.isatty(fd):
            return fd
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(
            "open /dev/tty", errno=error.errno or 0,
            hint="process.terminal needs a terminal in the foreground: "
            "be called from one, or use --detach and --console-socket",
        ) from error  # fmt: skip


class RawTerminal:
    """The caller's terminal, raw inside the block: every key goes to the program.

    Output processing stays on: the newlines of a program whose own terminal does not turn
    them into two characters, and those of our messages, are turned here.
    """

    __slots__ = ("_saved", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __enter__(self) -> RawTerminal:
        try:
            self._saved = termios.tcgetattr(self.fd)
            termios.tcsetattr(self.fd, termios.TCSANOW, raw(self._saved))
        except termios.error as error:
            raise HostError(
                "set up the terminal we were called from", syscall="tcsetattr", errno=error.args[0]
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Else a shell that took the terminal back would see us stopped, not ended.
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTTOU,))
        try:
            termios.tcsetattr(self.fd, termios.TCSANOW, self._saved)
        except termios.error:
            pass  # it hung up: there is nothing left to restore
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def copy_size(self, to_fd: int) -> None:
        """Make another terminal as large as this one, if anybody knows how large that is."""
        try:
            size = fcntl.ioctl(self.fd, termios.TIOCGWINSZ, bytes(SIZE_BYTES))
            if size[:4] != NO_SIZE:
                fcntl.ioctl(to_fd, termios.TIOCSWINSZ, size)
        except OSError:
            pass  # it hung up, which shows where it is read


def raw(attributes: list[int | list[bytes | int]]) -> list[int | list[bytes | int]]:
    """Terminal attributes without input processing; see RawTerminal for output.

    Source:  termios(3), cfmakeraw; what runc does.
    """
    changed = list(attributes)
    changed[IFLAG] &= ~(  # type: ignore[operator]
        termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR
        | termios.IGNCR | termios.ICRNL | termios.IXON
    )  # fmt: skip
    changed[CFLAG] = changed[CFLAG] & ~(termios.CSIZE | termios.PARENB) | termios.CS8  # type: ignore[operator]
    changed[LFLAG] &= ~(  # type: ignore[operator]
        termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN
    )
    characters = list(changed[CC])  # type: ignore[arg-type]
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    changed[CC] = characters
    return changed
