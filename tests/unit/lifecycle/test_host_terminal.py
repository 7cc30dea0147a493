"""The caller's terminal: found, raw, its size."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios

import pytest

from runtime.lifecycle.host_terminal import CC, CFLAG, IFLAG, LFLAG, OFLAG, RawTerminal, raw


@pytest.fixture
def pair() -> tuple[int, int]:
    """Master and slave; they end with the process."""
    return os.openpty()


def set_size(fd: int, rows: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))


def test_raw_is_raw_but_for_output(pair: tuple[int, int]) -> None:
    before = termios.tcgetattr(pair[1])
    after = raw(before)
    assert after[OFLAG] == before[OFLAG]
    assert after[LFLAG] & (termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN) == 0
    assert after[IFLAG] & (termios.ICRNL | termios.IXON | termios.BRKINT | termios.ISTRIP) == 0
    assert after[CFLAG] & termios.CSIZE == termios.CS8
    assert (after[CC][termios.VMIN], after[CC][termios.VTIME]) == (1, 0)
    assert before == termios.tcgetattr(pair[1])


def test_raw_inside_as_before_outside(pair: tuple[int, int]) -> None:
    before = termios.tcgetattr(pair[1])
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with RawTerminal(pair[1]):
        assert termios.tcgetattr(pair[1]) == raw(before)
    assert termios.tcgetattr(pair[1]) == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == blocked


def test_a_terminal_that_is_gone_at_the_end(pair: tuple[int, int]) -> None:
    with RawTerminal(pair[1]):
        os.close(pair[0])


def test_size(pair: tuple[int, int]) -> None:
    master, slave = os.openpty()
    set_size(pair[0], 30, 90)
    terminal = RawTerminal(pair[1])
    terminal.copy_size(master)
    assert os.get_terminal_size(slave) == (90, 30)
    set_size(pair[0], 0, 0)
    terminal.copy_size(master)
    assert os.get_terminal_size(slave) == (90, 30)


def test_nowhere() -> None:
    code = (
        "from runtime.lifecycle.host_terminal import find_terminal\n"
        "try:\n    find_terminal()\nexcept Exception as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        start_new_session=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.startswith("open /dev/tty: no such device or address; ")
