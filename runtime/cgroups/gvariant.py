"""Values as text, for D-Bus: ``true``, ``'str'``, ``uint64 5``, ``['a', 'b']``, ``@as []``; pure.

Source:  GVariant Text Format, docs.gtk.org/glib/gvariant-text-format.html, as far as runc
reads it: containers of one type, no dictionaries, no maybe types.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The words for types, and their signatures.
WORDS = {
    "boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u",
    "int64": "x", "uint64": "t", "double": "d", "string": "s", "objectpath": "o",
    "signature": "g",
}  # fmt: skip
RANGES = {
    "y": (0, 255), "n": (-(2**15), 2**15 - 1), "q": (0, 2**16 - 1), "i": (-(2**31), 2**31 - 1),
    "u": (0, 2**32 - 1), "x": (-(2**63), 2**63 - 1), "t": (0, 2**64 - 1),
}  # fmt: skip
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
STOPS = frozenset(" \t\n,[]()<>'\"")
DEEPEST = 16


def parse(text: str) -> tuple[str, Any]:
    """The signature and the value.

    Errors:  ValueError, with the reason.
    """
    reader = _Reader(text)
    signature, value = reader.value("", 0)
    if reader.peek():
        raise ValueError(f"unexpected {reader.rest()}")
    return signature, value


class _Reader:
    """A place in the text. `wanted` is always the signature asked for, "" for any."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        """The next character that is no blank, "" at the end."""
        while self.at < len(self.text) and self.text[self.at] in " \t\n":
            self.at += 1
        return self.text[self.at : self.at + 1]

    def rest(self) -> str:
        """What has not been read, for messages."""
        return repr(self.text[self.at : self.at + 20])

    def word(self) -> str:
        """Everything up to a blank or a bracket."""
        self.peek()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in STOPS:
            self.at += 1
        return self.text[start : self.at]

    def value(self, wanted: str, depth: int) -> tuple[str, Any]:
        """One value of whatever kind."""
        if depth > DEEPEST:
            raise ValueError("too deep")
        first = self.peek()
        if first in ("'", '"'):
            return self.quoted(wanted, first)
        if first == "[":
            return self.array(wanted, depth)
        if first == "(":
            return self.structure(wanted, depth)
        if first == "<":
            return self.variant(wanted, depth)
        word = self.word()
        if word[:1] == "@":
            return self.value(_agree(wanted, word[1:]), depth + 1)
        if word in WORDS:
            return self.value(_agree(wanted, WORDS[word]), depth + 1)
        if word in ("true", "false"):
            return _agree(wanted, "b"), word == "true"
        return _number(word, wanted)

    def quoted(self, wanted: str, quote: str) -> tuple[str, str]:
        """A string, or what is written as one."""
        signature = wanted if wanted in ("o", "g") else _agree(wanted, "s")
        self.at += 1
        parts: list[str] = []
        while True:
            character = self.text[self.at : self.at + 1]
            if not character:
                raise ValueError(f"the closing {quote} is missing")
            self.at += 1
            if character == quote:
                return signature, "".join(parts)
            if character == "\\":
                character = self.escape()
            parts.append(character)

    def escape(self) -> str:
        """What follows a backslash."""
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter not in ("u", "U"):
            return ESCAPES.get(letter, letter)
        digits = self.text[self.at : self.at + (4 if letter == "u" else 8)]
        self.at += len(digits)
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            raise ValueError(f"\\{letter}{digits} is no character") from None

    def items(self, close: str, wanted: list[str], depth: int) -> list[tuple[str, Any]]:
        """Values between commas, up to the bracket `close`; the last `wanted` repeats."""
        self.at += 1
        found: list[tuple[str, Any]] = []
        while self.peek() != close:
            if found:
                if self.peek() != ",":
                    raise ValueError(f"expected , or {close} at {self.rest()}")
                self.at += 1
                if self.peek() == close and close == ")":
                    break  # a structure of one: (1,)
            index = min(len(found), len(wanted) - 1)
            found.append(self.value(wanted[index] if wanted else "", depth + 1))
        self.at += 1
        return found

    def array(self, wanted: str, depth: int) -> tuple[str, list[Any]]:
        """Values of one type: that of the first where none is asked for."""
        if wanted and wanted[0] != "a":
            raise ValueError(f"an array is no {wanted}")
        items = self.items("]", [wanted[1:]] if wanted else [], depth)
        if not items and not wanted:
            raise ValueError("an empty array needs its type in front, as in @as []")
        signature = wanted[1:] or items[0][0]
        for one, _ in items:
            if one != signature:
                raise ValueError(f"an array of {signature} and {one}")
        return "a" + signature, [value for _, value in items]

    def structure(self, wanted: str, depth: int) -> tuple[str, tuple[Any, ...]]:
        """Values of any types."""
        if wanted:
            raise ValueError("the type of a structure stands in front of its parts")
        items = self.items(")", [], depth)
        if not items:
            raise ValueError("an empty structure")
        return f"({''.join(one for one, _ in items)})", tuple(value for _, value in items)

    def variant(self, wanted: str, depth: int) -> tuple[str, tuple[str, Any]]:
        """A value that carries its type."""
        self.at += 1
        inner = self.value("", depth + 1)
        if self.peek() != ">":
            raise ValueError(f"expected > at {self.rest()}")
        self.at += 1
        return _agree(wanted, "v"), inner


def _agree(wanted: str, signature: str) -> str:
    if wanted and wanted != signature:
        raise ValueError(f"{signature} where {wanted} is expected")
    body = signature.lstrip("a")
    if body not in (*WORDS.values(), "v"):
        raise ValueError(f"{signature!r} is no type")
    return signature


def _number(word: str, wanted: str) -> tuple[str, Any]:
    if not word:
        raise ValueError("a value is missing")
    is_number = word.lstrip("+-")[:1].isdecimal() or word.lstrip("+-")[:1] == "."
    if not is_number or "_" in word:
        raise ValueError(f"{word!r} is no value; text stands between quotes")
    if wanted == "d" or (not wanted and ("." in word or ("e" in word and word[:2] != "0x"))):
        return "d", float(word)
    signature = wanted or "i"
    if signature not in RANGES:
        raise ValueError(f"a number where {wanted} is expected")
    octal = word.lstrip("+-")
    base = 8 if len(octal) > 1 and octal[0] == "0" and octal.isdecimal() else 0
    number = int(word, base)
    low, high = RANGES[signature]
    if not low <= number <= high:
        raise ValueError(f"{number} is out of range")
    return signature, number
