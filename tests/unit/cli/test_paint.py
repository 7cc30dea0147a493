"""Colours for terminals, columns for everybody."""

from __future__ import annotations

import posix

import pytest

from runtime.cli import paint
from runtime.cli.paint import Paint, counted, table


def test_colours() -> None:
    assert Paint(is_on=True)("red", "x") == "\x1b[31mx\x1b[0m"
    assert Paint(is_on=True)("red", "") == ""
    assert Paint(is_on=False)("red", "x") == "x"


@pytest.mark.parametrize(
    ("is_terminal", "variables", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {b"NO_COLOR": b"1"}, False),
        (True, {b"NO_COLOR": b""}, True),
        (True, {b"TERM": b"dumb"}, False),
    ],
)
def test_who_wants_colours(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, variables: dict[bytes, bytes], wanted: bool
) -> None:
    monkeypatch.setattr(paint.os, "isatty", lambda fd: is_terminal)
    monkeypatch.setattr(posix, "environ", variables)
    assert Paint().is_on is wanted


def test_columns() -> None:
    assert table([("a", "bb", "c"), ("aaaa", "b", "")]) == ["a     bb  c", "aaaa  b"]


def test_numbers() -> None:
    assert [counted(n, "error") for n in (0, 1, 2)] == ["no errors", "1 error", "2 errors"]
