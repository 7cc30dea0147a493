from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from runtime.errors import HookError
from runtime.lifecycle import interrupt
from runtime.lifecycle.interrupt import Interrupted
from runtime.native import calls


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    handlers = {
        number: signal.getsignal(number)
        for number in (*interrupt.STOPPING, signal.SIGCHLD, signal.SIGPIPE)
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    # A signal left pending must not meet the handlers of pytest.
    for number in interrupt.STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupt.STOPPING)
def test_raised(number: int) -> None:
    interrupt.raise_on_signals()
    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), number)
    assert caught.value.exit_status == 128 + number
    assert str(caught.value) == f"interrupted by {signal.Signals(number).name}"


def test_ignored_ones_stay_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupt.raise_on_signals()
    os.kill(os.getpid(), signal.SIGHUP)


def test_held_until_the_runtime_waits() -> None:
    interrupt.raise_on_signals()
    interrupt.hold_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    ours, theirs = calls.channel()
    try:
        with pytest.raises(Interrupted):
            calls.receive(ours, 16)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_hook_is_ended_by_one_that_was_held() -> None:
    interrupt.raise_on_signals()
    interrupt.hold_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises((Interrupted, HookError)) as caught:
        calls.run_hook("/bin/sleep", ["sleep", "60"], [], b"", 0)
    assert caught.type is Interrupted


def test_children_are_reported_again() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    interrupt.expect_children()
    end, value, _ = calls.run_hook("/bin/sh", ["sh", "-c", "exit 4"], [], b"", 5)
    assert (end, value) == (calls.HOOK_EXITED, 4)


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_a_command_that_only_looks_dies_quietly(handler: signal.Handlers) -> None:
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python sets it
    interrupt.die_of_signals()
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL
    expected = signal.SIG_IGN if handler == signal.SIG_IGN else signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == expected
