from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli.duration import MAX_NS, parse_duration

S = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("5s", 5 * S),
        ("500ms", S // 2),
        ("1m30s", 90 * S),
        ("2h45m0.5s", (2 * 60 + 45) * 60 * S + S // 2),
        ("1.5h", 5400 * S),
        (".5s", S // 2),
        ("5.s", 5 * S),
        ("10ns", 10),
        ("3us", 3000),
        ("3\u00b5s", 3000),
        ("3\u03bcs", 3000),
        ("0", 0),
        ("0s", 0),
        ("-1s", -S),
        ("+1s", S),
        pytest.param("0.1s", S // 10, id="exact, no float"),
        pytest.param("0.3333333333333s", 333_333_333, id="rounded down"),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "-", "s", ".s", "1", "1.2.3s", "5 s", "5S", "1d", "abc", "5sm", "1h2", "--5s",
     "9999999999h", "\u0663s", "5s "],
)  # fmt: skip
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_duration(text)


@given(st.text("0123456789.-+numsh\u00b5", max_size=12))
def test_anything_is_a_duration_or_refused(text: str) -> None:
    try:
        assert abs(parse_duration(text)) <= MAX_NS
    except ValueError:
        pass
