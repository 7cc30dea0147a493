"""A program's terminal in the foreground: copied to and from ours until the program ends.

    standard input  --read-->  to_program  --write-->  master | slave  program
    standard output <--write-- to_host     <--read---  master | slave  program

Nothing is read that there is no room for, so who writes too fast is held up by the kernel as
at any terminal. Signals come through a descriptor, so that one wait is for all.
"""

from __future__ import annotations

import errno
import fcntl
import posix as os
import select
import stat
import termios

from runtime.errors import HostError, errno_words
from runtime.lifecycle.host_terminal import OFLAG, RawTerminal
from runtime.lifecycle.interrupt import STOPPING
from runtime.native import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from types import TracebackType

    from runtime.log import Log
else:
    import _signal

STDIN, STDOUT = 0, 1
CHUNK = 1 << 16  # at most so much waits in each direction
PIPE_BUF = 4096  # what can be written without waiting where poll(2) says that something can
# More than the kernel keeps between a slave and its master: what was written before the
# program's end is among it, and what comes behind is of somebody else.
PTY_HOLDS = 1 << 20
TIOCGPTPEER = 0x5441  # Linux 4.13
HUNG_UP = frozenset((errno.EIO, errno.EPIPE))


class Relay:
    """Copies between our terminal and the program's, while one waits for its end.

    In the block our terminal is raw; at its end it is as it was, whatever happened.
    """

    __slots__ = (
        "_input", "_input_is_terminal", "_log", "_master", "_output", "_piece", "_raw",
        "_signals", "_slave", "_to_host", "_to_program",
    )  # fmt: skip

    def __init__(self, terminal_fd: int, master_fd: int, log: Log) -> None:
        """`terminal_fd` is ours; `master_fd` belongs to the relay from now on."""
        self._raw = RawTerminal(terminal_fd)
        self._master = master_fd
        self._slave = self._signals = -1
        self._input, self._output = STDIN, STDOUT
        self._input_is_terminal = os.isatty(STDIN)
        self._piece = PIPE_BUF
        self._to_program, self._to_host = bytearray(), bytearray()
        self._log = log

    def __enter__(self) -> Relay:
        try:
            os.set_blocking(self._master, False)
            attributes = termios.tcgetattr(self._master)
            # Our own terminal turns newlines into two characters; once is enough.
            attributes[OFLAG] &= ~termios.ONLCR
            termios.tcsetattr(self._master, termios.TCSANOW, attributes)
            self._hold_slave()
        except (OSError, termios.error) as error:
            self._close()
            raise HostError(
                "set up the container's terminal", field="process.terminal", errno=error.args[0]
            ) from error
        # From here on a change of size waits until somebody looks.
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGWINCH,))
        self._signals = calls.signal_fd()
        self._output = own_descriptor(STDOUT)
        if self._output != STDOUT:
            self._piece = CHUNK
        try:
            self._raw.__enter__()
        except HostError:
            self._close()
            raise
        self.resize()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.__exit__(kind, error, trace)
        self._close()

    def _close(self) -> None:
        self._hang_up()
        if self._signals >= 0:
            os.close(self._signals)
        if self._output > STDOUT:
            os.close(self._output)

    def resize(self) -> None:
        """Make the program's terminal as large as ours."""
        if self._master >= 0:
            self._raw.copy_size(self._master)

    def next_signal(self) -> int:
        """Copy until a signal comes that is blocked: its number."""
        while True:
            ready = self._wait()
            if self._input in ready:
                self._read_input()
            if ready.get(self._master, 0) & ~select.POLLOUT:
                self._read_master()
            if ready.get(self._master, 0) & select.POLLOUT:
                self._write_master()
            if self._output in ready:
                self._write_host()
            if self._signals in ready and (number := calls.read_signal(self._signals)):
                return number

    def drain(self) -> None:
        """After the program's end: the rest of its output, also where a process that it left
        behind holds the terminal. HUP, INT, QUIT or TERM cut it short.
        """
        self._input = -1
        self._to_program.clear()
        left = PTY_HOLDS
        while True:
            while left > 0 and len(self._to_host) < CHUNK and (got := self._read_master()):
                left -= got
            if not self._to_host:
                return
            ready = self._wait(with_master=False)
            if self._output in ready:
                self._write_host()
            if self._signals in ready and calls.read_signal(self._signals) in STOPPING:
                return

    def _wait(self, *, with_master: bool = True) -> dict[int, int]:
        """What can go on, by descriptor; what there is no room or no data for is left out,
        since it would be reported again and again.
        """
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        if self._input >= 0 and len(self._to_program) < CHUNK:
            poll.register(self._input, select.POLLIN)
        if self._to_host:
            poll.register(self._output, select.POLLOUT)
        wanted = select.POLLIN if len(self._to_host) < CHUNK else 0
        wanted |= select.POLLOUT if self._to_program else 0
        if self._master >= 0 and with_master and wanted:
            poll.register(self._master, wanted)
        return dict(poll.poll())

    def _read_input(self) -> None:
        try:
            data = os.read(self._input, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: it hung up, or we are in the background and nobody can stop us
            data = b""
        if data:
            self._to_program += data
            return
        if self._input_is_terminal and not os.isatty(self._input):
            self._hang_up()
        self._input = -1

    def _read_master(self) -> int:
        """How many bytes there were."""
        if self._master < 0:
            return 0
        try:
            data = os.read(self._master, CHUNK)
        except BlockingIOError:
            return 0
        except OSError:
            # EIO: the slave was hung up inside, ours with it. Who opens it next is served.
            try:
                self._hold_slave()
            except OSError:
                self._hang_up()
            return 0
        self._to_host += data
        return len(data)

    def _write_master(self) -> None:
        try:
            done = os.write(self._master, self._to_program)
        except BlockingIOError:
            return
        del self._to_program[:done]

    def _write_host(self) -> None:
        try:
            done = os.write(self._output, self._to_host[: self._piece])
        except BlockingIOError:
            return
        except OSError as error:
            # Nobody sees it any more: the program is told as by a terminal that is gone.
            if error.errno not in HUNG_UP:
                self._log.warning(
                    f"standard output: write: {errno_words(error.errno or 0)}", code="output-lost"
                )
            self._to_host.clear()
            self._hang_up()
            return
        del self._to_host[:done]

    def _hold_slave(self) -> None:
        """Hold a slave of our own: when nobody else does, every wait for the master would end
        at once, with nothing to read.
        """
        flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
        before = self._slave
        self._slave = fcntl.ioctl(self._master, TIOCGPTPEER, flags)
        if before >= 0:
            os.close(before)

    def _hang_up(self) -> None:
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1
        self._to_program.clear()


def own_descriptor(fd: int) -> int:
    """`fd` opened anew and non-blocking where it is a terminal or pipe, else itself.

    A terminal that is stopped or read slowly must not keep us from passing signals on; the
    description that the caller shares with us must stay as it is.
    """
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISFIFO(mode) or os.isatty(fd)):
        return fd
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(f"/proc/self/fd/{fd}", flags)
    except OSError:
        return fd  # of another user, perhaps: then writing may wait
