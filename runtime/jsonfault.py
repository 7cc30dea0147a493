"""Where and why a JSON text is refused: loaded only when one is."""

from __future__ import annotations

import json
import re

from oci_schema.positions import line_and_column
from runtime.errors import ConfigError
from runtime.jsonfile import INFINITE, MAX_DEPTH, SPACE, scan

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[-+.\w]+', re.DOTALL)
# What the parsers of the library say, in words that fit what was found; several Pythons.
EXPECTED = {
    "Expecting value": "expected a value",
    "Expecting property name enclosed in double quotes": 'expected a member name in "quotes"',
    "Expecting ':' delimiter": 'expected ":"',
    "Expecting ',' delimiter": 'expected "," or the closing bracket',
    "Illegal trailing comma before end of object": 'expected no "," before the closing bracket',
    "Illegal trailing comma before end of array": 'expected no "," before the closing bracket',
}
WRONG = {
    "Unterminated string starting at": "the string that starts here has no end",
    "Invalid control character at": "a control character in a string must be escaped",
    "Invalid \\escape": "there is no such escape",
    "Invalid \\uXXXX escape": "\\u must be followed by four hexadecimal digits",
}


class JsonError(ConfigError):
    """A text that is refused, at a line and column, both from 1."""

    def __init__(self, name: str, line: int, column: int, words: str) -> None:
        super().__init__(f"{name}: line {line}, column {column}: {words}", code="json")
        self.line = line
        self.column = column
        self.words = words


def describe(data: bytes, name: str, error: Exception, *, allow_surrogates: bool) -> JsonError:
    """The error for a text that `parse` stumbled over with `error`."""
    if isinstance(error, UnicodeDecodeError):
        # Up to the bad byte the text is good, so its length in characters can be told.
        before = data[: error.start].decode()
        return _at(before, len(before), name, f"byte 0x{data[error.start]:02x} is not UTF-8")
    text = data.decode()
    if isinstance(error, SystemError):
        error = _raised_again(text) or error
    offset, words = (
        _syntax(text, error)
        or find_forbidden(text, allow_surrogates=allow_surrogates)
        or (0, str(error))
    )
    return _at(text, offset, name, words)


def _raised_again(text: str) -> Exception | None:
    """What the scanner wanted to raise while json, whose error class it takes, was not loaded."""
    try:
        scan(text)
    except (ValueError, StopIteration, RecursionError) as error:
        return error
    return None


def find_forbidden(text: str, *, allow_surrogates: bool) -> tuple[int, str] | None:
    """The first thing that is JSON to Python and yet refused, as offset and words."""
    depth = 0
    for token in TOKEN.finditer(text):
        mark = token[0]
        words = ""
        if mark in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                words = f"more than {MAX_DEPTH} arrays and objects inside one another"
        elif mark in "}]":
            depth -= 1
        elif mark[0] == '"':
            words = _wrong_in_string(mark, allow_surrogates=allow_surrogates)
        else:
            words = _wrong_in_number(mark)
        if words:
            return token.start(), words
    return None


def _syntax(text: str, error: Exception) -> tuple[int, str] | None:
    """Offset and words for what breaks the grammar; None when `error` is of another kind."""
    if isinstance(error, StopIteration):
        offset, said = int(error.value), "Expecting value"
        begun = text[:offset].strip(SPACE)
        if begun and begun[-1] not in "[:,":
            # The value ended before, and something follows it.
            offset += len(text[offset:]) - len(text[offset:].lstrip(SPACE))
            return offset, f"expected nothing after the end, found {_found(text, offset)}"
    elif isinstance(error, json.JSONDecodeError):
        # The class is json's own, whoever raised: the C scanner imports it for this.
        offset, said = error.pos, error.msg
    else:
        return None
    for wrong, words in WRONG.items():
        if said.startswith(wrong):
            return offset, words
    return offset, f"{EXPECTED.get(said, said)}, found {_found(text, offset)}"


def _found(text: str, offset: int) -> str:
    if offset >= len(text):
        return "the end" if text.strip(SPACE) else "nothing"
    if text[offset] == "\ufeff":
        return "a byte order mark"
    return repr(text[offset])


def _wrong_in_string(mark: str, *, allow_surrogates: bool) -> str:
    try:
        value = json.loads(mark)
    except json.JSONDecodeError:
        return ""  # the grammar is not what is asked here
    if "\0" in value:
        return "a string with a NUL character"
    try:
        value.encode("utf-8", "surrogatepass" if allow_surrogates else "strict")
    except UnicodeEncodeError:
        return "half a surrogate pair, which stands for no character"
    return ""


def _wrong_in_number(mark: str) -> str:
    if mark in ("NaN", "Infinity", "-Infinity"):
        return f"{mark} is no JSON number"
    try:
        if json.loads(mark) in INFINITE:
            return "a number too large for any use"
    except json.JSONDecodeError:
        return ""  # a word of another kind: the grammar is not what is asked here
    except ValueError:
        return "a number with too many digits"  # Python's own limit, 4300
    return ""


def _at(text: str, offset: int, name: str, words: str) -> JsonError:
    return JsonError(name, *line_and_column(text, offset), words)
