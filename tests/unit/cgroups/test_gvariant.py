"""GVariant text into D-Bus values."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.gvariant import parse


@pytest.mark.parametrize(
    ("text", "signature", "value"),
    [
        ("true", "b", True),
        (" false ", "b", False),
        ("'text'", "s", "text"),
        ('"it\'s"', "s", "it's"),
        (r"'a\tb\'c\u00e4'", "s", "a\tb'cä"),
        ("5", "i", 5),
        ("-5", "i", -5),
        ("0x10", "i", 16),
        ("010", "i", 8),
        ("1.5", "d", 1.5),
        ("1e3", "d", 1000.0),
        ("uint64 5", "t", 5),
        ("@t 5", "t", 5),
        ("int16 -1", "n", -1),
        ("byte 0xff", "y", 255),
        ("@d 3", "d", 3.0),
        ("boolean true", "b", True),
        ("objectpath '/a'", "o", "/a"),
        ("@g 'as'", "g", "as"),
        ("['a', 'b']", "as", ["a", "b"]),
        ("[1, 2]", "ai", [1, 2]),
        ("[[1],[2]]", "aai", [[1], [2]]),
        ("@as []", "as", []),
        ("@at [1, 2]", "at", [1, 2]),
        ("('a', 1)", "(si)", ("a", 1)),
        ("(1,)", "(i)", (1,)),
        ("[('a','r'),('b','w')]", "a(ss)", [("a", "r"), ("b", "w")]),
        ("<5>", "v", ("i", 5)),
        ("<@s 'x'>", "v", ("s", "x")),
    ],
)
def test_values(text: str, signature: str, value: Any) -> None:
    assert parse(text) == (signature, value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a value is missing"),
        ("word", "'word' is no value"),
        ("'open", "the closing ' is missing"),
        ("1 2", "unexpected '2'"),
        ("'a' 'b'", "unexpected"),
        ("[1, 'a']", "an array of i and s"),
        ("[]", "empty array"),
        ("[1 2]", "expected , or ]"),
        ("[1", "expected"),
        ("()", "empty structure"),
        ("<5", "expected >"),
        ("byte 256", "out of range"),
        ("5000000000", "out of range"),
        ("@q -1", "out of range"),
        ("@zz 1", "is no type"),
        ("uint32 'a'", "s where u is expected"),
        ("@s 5", "a number where s is expected"),
        ("@i [1]", "an array is no i"),
        ("1_000", "is no value"),
        ("0xzz", ""),
        ("1.2.3", ""),
        ("'\\uzzzz'", "is no character"),
        ("[" * 50, "too deep"),
        ("<" * 50, "too deep"),
        ("@i " * 50 + "1", "too deep"),
    ],
)
def test_what_is_no_value(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert reason in str(caught.value)
