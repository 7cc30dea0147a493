"""Signals that ask the runtime to stop: while it makes a container they undo, not kill."""

from __future__ import annotations

import _signal

from runtime.errors import ContainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

# The signal module would give names but costs 3.5 ms for its enums.
STOPPING = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)
NAMES = {
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


def ignore_signals() -> None:
    """No more of them: the way back is being walked, or the work is done."""
    for number in STOPPING:
        _signal.signal(number, _signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    ignore_signals()
    raise Interrupted(number)
