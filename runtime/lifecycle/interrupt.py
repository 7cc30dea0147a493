"""Signals that ask the runtime to stop: while it makes a container they undo, not kill.

While something is made or undone they are blocked. They come in where the runtime waits, for
the container's process or for a hook (csrc/interrupt.h): there every step back is known.
"""

from __future__ import annotations

from runtime.errors import ContainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from types import FrameType
else:
    # The signal module is the same and costs 3.5 ms for its enums.
    import _signal

STOPPING = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)
NAMES: dict[int, str] = {
    _signal.SIGHUP: "SIGHUP",
    _signal.SIGINT: "SIGINT",
    _signal.SIGQUIT: "SIGQUIT",
    _signal.SIGTERM: "SIGTERM",
}


class Interrupted(ContainerError):
    """The runtime was asked to stop; exit status 128 + signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {NAMES.get(number, str(number))}")
        self.exit_status = 128 + number


def raise_on_signals() -> None:
    """From now on HUP, INT, QUIT and TERM raise Interrupted; ignored ones stay ignored."""
    for number in STOPPING:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _interrupt)


def die_of_signals() -> None:
    """From now on INT, and PIPE of a reader that left, end this process quietly, as TERM does:
    a command that only looks has nothing to undo. An ignored INT stays ignored."""
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def hold_signals() -> None:
    """From now on they wait until the runtime waits."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, STOPPING)


def expect_children() -> None:
    """Have children's ends reported to us, though the caller may have ignored its own."""
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
