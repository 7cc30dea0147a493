"""JSON in and out on the hot path, without the json module, which costs 5 ms to import.

The scanner and the encoder are those that json itself is a wrapper of; a Python that lacks
them gets json. What Python's parser lets through and a runtime must not is refused here.
"""

from __future__ import annotations

from runtime.errors import ConfigError

try:
    from _json import encode_basestring, encode_basestring_ascii
except ImportError:
    from json.encoder import encode_basestring, encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_BYTES = 8 << 20
MAX_DEPTH = 64
SPACE = " \t\r\n"
# A string with one of these may hold a NUL or half a surrogate pair, and needs a closer look.
SUSPICIOUS_ESCAPES = ("\\u0000", "\\ud", "\\uD")
INFINITE = (float("inf"), float("-inf"))


def parse(data: bytes, name: str, *, allow_surrogates: bool = False) -> object:
    """The value of a JSON text; of a key that is there twice the last counts, as for the peers.

    Lone surrogates are how `dump_compact` writes file names that are no UTF-8: who reads our
    own files back allows them.

    Units:   at most 8 MiB, 64 levels of arrays and objects.
    Errors:  ConfigError with line and column, `name` before them: for what is no JSON (NaN,
             Infinity and bytes after the value included), is no UTF-8, holds a NUL or a
             number beyond measure.
    Source:  RFC 8259.
    """
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{name} is larger than {MAX_BYTES >> 20} MiB")
    try:
        text = data.decode()
        value, end = scan(text)
    # SystemError: the scanner wants to raise an exception of json.decoder, which is not loaded.
    except (ValueError, StopIteration, RecursionError, SystemError) as error:
        raise _fault(data, name, error, allow_surrogates) from error
    if text[end:].strip(SPACE):
        raise _fault(data, name, StopIteration(end), allow_surrogates)
    for escape in SUSPICIOUS_ESCAPES:
        if escape in text:
            _look_closer(data, name, text, allow_surrogates)
            break
    if _is_too_deep(value):
        raise _fault(data, name, RecursionError(), allow_surrogates)
    return value


def scan(text: str) -> tuple[object, int]:
    """The first value of a text and where it ends; errors are those of the json module."""
    return _scan(text, len(text) - len(text.lstrip(SPACE)))


def dump_compact(value: object, *, go_escapes: bool = False) -> str:
    """`value` on one line without spaces, keys in their order.

    With `go_escapes` every byte is as Go's encoding/json has it, which clients compare and
    grep; else all is ASCII, and file names that are no UTF-8 come back through `parse`.

    Errors:  TypeError for what JSON cannot say, ValueError for NaN and Infinity.
    """
    text = "".join((_encode_go if go_escapes else _encode_ascii)(value, 0))
    return _as_go(text) if go_escapes else text


def dump_indented(value: object, indent: str, *, go_escapes: bool = False) -> str:
    """The same with a member a line, no newline at the end: json.MarshalIndent of Go."""
    string = encode_basestring if go_escapes else encode_basestring_ascii
    text = _indented(value, indent, "\n", string)
    return _as_go(text) if go_escapes else text


class _Rules:
    """What the C scanner asks of its caller."""

    strict = True  # no control characters in strings
    object_hook = None
    object_pairs_hook = None
    parse_int = int

    @staticmethod
    def parse_float(digits: str) -> float:
        number = float(digits)
        if number in INFINITE:
            raise ValueError(digits)
        return number

    @staticmethod
    def parse_constant(word: str) -> object:
        raise ValueError(word)


def _make_scan() -> Callable[[str, int], tuple[object, int]]:
    try:
        from _json import make_scanner
    except ImportError:
        from json import JSONDecoder

        decoder = JSONDecoder(parse_float=_Rules.parse_float, parse_constant=_Rules.parse_constant)
        return decoder.scan_once  # type: ignore[attr-defined, no-any-return]
    scan: Callable[[str, int], tuple[object, int]] = make_scanner(_Rules)  # type: ignore[arg-type]
    return scan


def _make_encode(string: Callable[[str], str]) -> Callable[[object, int], Iterable[str]]:
    try:
        from _json import make_encoder
    except ImportError:
        from json import JSONEncoder

        is_ascii = string is encode_basestring_ascii
        encoder = JSONEncoder(ensure_ascii=is_ascii, allow_nan=False, separators=(",", ":"))
        return lambda value, _level: encoder.iterencode(value)
    return make_encoder(None, _refuse, string, None, ":", ",", False, False, False)


def _refuse(value: object) -> object:
    raise TypeError(f"no JSON for {type(value).__name__}")


_scan = _make_scan()
_encode_ascii = _make_encode(encode_basestring_ascii)
_encode_go = _make_encode(encode_basestring)


def _is_too_deep(value: object) -> bool:
    """Whether arrays and objects nest beyond MAX_DEPTH; a level at a time, so no recursion."""
    level = [value] if type(value) is dict or type(value) is list else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


def _look_closer(data: bytes, name: str, text: str, allow_surrogates: bool) -> None:
    from runtime.jsonfault import find_forbidden

    if find_forbidden(text, allow_surrogates=allow_surrogates):
        raise _fault(data, name, ValueError(), allow_surrogates)


def _fault(data: bytes, name: str, error: Exception, allow_surrogates: bool) -> ConfigError:
    from runtime.jsonfault import describe

    return describe(data, name, error, allow_surrogates=allow_surrogates)


def _indented(value: object, indent: str, margin: str, string: Callable[[str], str]) -> str:
    if isinstance(value, str):
        return string(value)
    if isinstance(value, dict):
        inner = margin + indent
        parts = [f"{string(k)}: {_indented(v, indent, inner, string)}" for k, v in value.items()]
        return "{" + inner + ("," + inner).join(parts) + margin + "}" if parts else "{}"
    if isinstance(value, (list, tuple)):
        inner = margin + indent
        parts = [_indented(item, indent, inner, string) for item in value]
        return "[" + inner + ("," + inner).join(parts) + margin + "]" if parts else "[]"
    return "".join(_encode_ascii(value, 0))


def _as_go(text: str) -> str:
    """The escapes of Go: what HTML or JavaScript could misread, and what is no UTF-8.

    All of these stand inside strings only, so the finished text can be worked on.
    """
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = "".join("\\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text
