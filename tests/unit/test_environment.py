"""The environment without os."""

from __future__ import annotations

import os
import posix

import pytest

from runtime.environment import variable


@pytest.mark.parametrize(
    ("value", "text"), [(b"x=y", "x=y"), (b"", ""), (b"\xff\xc3\xbc", "\udcff\u00fc")]
)
def test_a_variable(value: bytes, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(posix.environ, b"PYRUNC_TEST", value)
    assert variable("PYRUNC_TEST") == text
    assert os.fsencode(text) == value


def test_one_that_is_not_set() -> None:
    assert variable("PYRUNC_NOT_SET") == ""
