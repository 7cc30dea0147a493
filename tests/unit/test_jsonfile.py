"""JSON in and out: what is read, what is refused and where, what is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime.errors import ConfigError
from runtime.jsonfile import MAX_BYTES, dump_compact, dump_indented, parse

ROOT = Path(__file__).parents[2]

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b" \r\n\t{} \n", {}),
        (b"5", 5),
        (b"null", None),
        (b'{"a": [1, -2.5, true, null, "x"]}', {"a": [1, -2.5, True, None, "x"]}),
        pytest.param(b'{"a": 1, "a": 2}', {"a": 2}, id="the last of two keys"),
        pytest.param(b'"\\ud83d\\ude00"', "\U0001f600", id="a whole surrogate pair"),
        pytest.param(b'"\\\\ud800 \\\\u0000"', "\\ud800 \\u0000", id="escaped backslashes"),
        pytest.param('"é€"'.encode(), "é€", id="UTF-8"),
        pytest.param(b"18446744073709551616", 2**64, id="numbers beyond 64 bits"),
        pytest.param(b"[" * 64 + b"]" * 64, eval("[" * 64 + "]" * 64), id="64 levels"),
    ],
)
def test_parse(data: bytes, value: object) -> None:
    assert parse(data, "x") == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1, column 1: expected a value, found nothing"),
        (b" \n ", "line 2, column 2: expected a value, found nothing"),
        (b"{]", "line 1, column 2: expected a member name in \"quotes\", found ']'"),
        (b"{a: 1}", "line 1, column 2: expected a member name in \"quotes\", found 'a'"),
        (b'{"a" 1}', "line 1, column 6: expected \":\", found '1'"),
        (b'{"a":\n1 b}', "line 2, column 3: expected \",\" or the closing bracket, found 'b'"),
        (b"[1, 2", 'line 1, column 6: expected "," or the closing bracket, found the end'),
        (b'{"a":', "line 1, column 6: expected a value, found the end"),
        (b"[tru]", "line 1, column 2: expected a value, found 't'"),
        (b"[+1]", "line 1, column 2: expected a value, found '+'"),
        (b"{'a': 1}", 'line 1, column 2: expected a member name in "quotes", found "\'"'),
        (b'{"a": 1} x', "line 1, column 10: expected nothing after the end, found 'x'"),
        (b'"a"\n\n"b"', "line 3, column 1: expected nothing after the end, found '\"'"),
        (b"{} \0", "line 1, column 4: expected nothing after the end, found '\\x00'"),
        (b'["a\nb"]', "line 1, column 4: a control character in a string must be escaped"),
        (b'["abc', "line 1, column 2: the string that starts here has no end"),
        (b'["\\x"]', "line 1, column 3: there is no such escape"),
        (b"\xef\xbb\xbf{}", "line 1, column 1: expected a value, found a byte order mark"),
        (b'["\xc3\xa9", "\xff"]', "line 1, column 8: byte 0xff is not UTF-8"),
        (b'{\n"a": "\xed\xa0\x80"}', "line 2, column 7: byte 0xed is not UTF-8"),
        (b'{"a":\n  NaN}', "line 2, column 3: NaN is no JSON number"),
        (b'["NaN", -Infinity]', "line 1, column 9: -Infinity is no JSON number"),
        (b"[1, 1e999]", "line 1, column 5: a number too large for any use"),
        (b"[1, -" + b"9" * 5000 + b"]", "line 1, column 5: a number with too many digits"),
        (b'["a", "b\\u0000"]', "line 1, column 7: a string with a NUL character"),
        (b'{"\\u0000": 1}', "line 1, column 2: a string with a NUL character"),
        (b'["\\ud800x"]', "line 1, column 2: half a surrogate pair, which stands for no character"),
        (b'["\\uDC00"]', "line 1, column 2: half a surrogate pair, which stands for no character"),
        pytest.param(
            b"[" * 65 + b"]" * 65,
            "line 1, column 65: more than 64 arrays and objects inside one another",
            id="65 levels",
        ),
        pytest.param(
            b'{"a":' * 50_000,
            "line 1, column 321: more than 64 arrays and objects inside one another",
            id="more levels than Python has stack",
        ),
    ],
)
def test_refused(data: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(data, "config.json")
    assert error.value.what == f"config.json: {message}"


def test_too_large() -> None:
    padding = b" " * (MAX_BYTES - 2)
    assert parse(b"{}" + padding, "x") == {}
    with pytest.raises(ConfigError, match="x is larger than 8 MiB"):
        parse(b"{} " + padding, "x")


def test_file_names_that_are_no_utf8_come_back() -> None:
    name = os.fsdecode(b"/a\xff\xfe")
    data = dump_compact({"bundle": name}).encode()
    assert parse(data, "state.json", allow_surrogates=True) == {"bundle": name}
    with pytest.raises(ConfigError, match="half a surrogate pair"):
        parse(data, "config.json")
    with pytest.raises(ConfigError, match="NUL"):
        parse(b'["\\u0000"]', "state.json", allow_surrogates=True)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)  # fmt: skip


@given(VALUES, st.sampled_from(["  ", "\t", ""]))
def test_written_as_json_does(value: Any, indent: str) -> None:
    assert dump_compact(value) == json.dumps(value, separators=(",", ":"))
    assert dump_indented(value, indent) == json.dumps(value, indent=indent)


@given(VALUES, st.booleans())
def test_what_is_written_is_read(value: Any, go_escapes: bool) -> None:
    for text in (
        dump_compact(value, go_escapes=go_escapes),
        dump_indented(value, "\t", go_escapes=go_escapes),
    ):
        assert json.loads(text) == value
        if "\\u0000" not in text:
            assert parse(text.encode(), "x") == value


# Bytes that JSON is made of, and some that break it.
SNIPPETS = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b"1", b"-", b".5", b"e9", b"true", b"null",
     b"NaN", b"\\", b"\\u00e9", b"\\ud83d", b"\\ude00", b"\n", b" ", b"\x00", b"\x1f", b"\xc3",
     b"\xa9", b"\xff", b'"b":']
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(SNIPPETS, max_size=12).map(b"".join) | VALUES.map(json.dumps).map(str.encode))
@example(b'NaN1"\n"')
def test_same_verdict_as_json_but_for_what_is_stricter(data: bytes) -> None:
    try:
        expected = json.loads(data.decode())
    except ValueError:
        with pytest.raises(ConfigError, match=r"^x: line \d+, column \d+: "):
            parse(data, "x")
        return
    try:
        assert parse(data, "x") == expected
    except ConfigError as error:
        stricter = ("NaN is no JSON number", "half a surrogate pair", "NUL", "too large")
        assert any(words in str(error) for words in stricter)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<a&b>", '"\\u003ca\\u0026b\\u003e"'),
        ("é\u2028\u2029\U0001f600", '"é\\u2028\\u2029\U0001f600"'),
        ('"\\\n\x01\x7f', '"\\"\\\\\\n\\u0001\x7f"'),
        (os.fsdecode(b"/a\xff"), '"/a\\ufffd"'),
        ({"<": []}, '{"\\u003c":[]}'),
    ],
)
def test_as_go_writes(value: object, text: str) -> None:
    assert dump_compact(value, go_escapes=True) == text


def test_indented_as_go_writes() -> None:
    value = {"a": {}, "b": [], "c": [1, {"d": None}], "e": "<"}
    assert dump_indented(value, "  ", go_escapes=True) == (
        '{\n  "a": {},\n  "b": [],\n  "c": [\n    1,\n    {\n      "d": null\n    }\n  ],\n'
        '  "e": "\\u003c"\n}'
    )


@pytest.mark.parametrize("value", [{1, 2}, b"x", [object()], {"a": {"b": {"c": b""}}}])
@pytest.mark.parametrize("dump", [dump_compact, lambda value: dump_indented(value, " ")])
def test_not_json(dump: Any, value: object) -> None:
    with pytest.raises(TypeError, match="no JSON for"):
        dump(value)


@pytest.mark.parametrize("dump", [dump_compact, lambda value: dump_indented(value, " ")])
def test_no_number(dump: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump([float("nan")])


SEVERAL = """
import sys
sys.path.insert(0, sys.argv[1])
{before}
from runtime.jsonfile import dump_compact, dump_indented, parse
print(parse(b'{{"a": [1, 2.5]}}', "x"), dump_compact({{"a": ["\\u00e9", 1]}}))
print(dump_indented([1, None], ""), dump_compact("<\\u00e9", go_escapes=True).encode())
print("json is loaded:", "json" in sys.modules)
for data in (b"[NaN]", b"[1e999]", b"[1,", b"{{}} x", b"[" * 99999):
    try:
        parse(data, "x")
    except Exception as error:
        print(type(error).__name__, error)
"""


def outcome(before: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", SEVERAL.format(before=before), os.fspath(TOP)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


def test_a_python_without_the_c_scanner() -> None:
    with_scanner, without = outcome(""), outcome("sys.modules['_json'] = None")
    assert "json is loaded: False" in with_scanner
    assert "json is loaded: True" in without
    assert [line for line in with_scanner if "loaded" not in line] == [
        line for line in without if "loaded" not in line
    ]
    assert len(with_scanner) > 8


def test_scanner_errors_without_the_json_module() -> None:
    """The C scanner raises a class of json.decoder, and nothing at all while that is not loaded."""
    for text, words in ((b'{"a" 1}', 'expected ":"'), (b'{"a": "\n"}', "control character")):
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from runtime.jsonfile import parse\n"
            "from runtime.errors import ConfigError\n"
            f"try: parse({text!r}, 'x')\n"
            "except ConfigError as error: print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
        )
        assert words in done.stdout
