"""How many bytes: ``512``, ``1.5g``, ``64MiB``, as runc reads them."""

from __future__ import annotations

from runtime.errors import ConfigError

UNITS = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
MOST = (1 << 63) - 1
NUMBER = frozenset("0123456789.eE+-")


def parse_size(text: str, name: str) -> int:
    """Bytes; -1 is no limit. Letters are powers of 1024, in any case, with or without B or iB.

    Errors:  ConfigError in runc's words, with the option's `name`.
    Source:  RAMInBytes of Docker's go-units.
    """
    if text == "-1":
        return -1
    end = max(text.rfind(c) for c in "0123456789. ") + 1
    number, suffix = text[:end].removesuffix(" "), text[end:].lower()
    try:
        if not number or not NUMBER.issuperset(number):
            raise ValueError
        size = float(number)
    except ValueError:
        size = -1.0
    if size < 0:
        raise _invalid(name, f"invalid size: '{text}'")
    power = UNITS.get(suffix[:1] or "b")
    rest = ("",) if suffix[:1] in ("", "b") else ("", "b", "ib")
    if power is None or suffix[1:] not in rest:
        raise _invalid(name, f"invalid suffix: '{text[end:]}'")
    size *= 1024**power
    if size > MOST:
        raise _invalid(name, f"invalid size: '{text}'")
    return int(size)


def _invalid(name: str, what: str) -> ConfigError:
    return ConfigError(
        f"invalid value for {name}: {what}", hint="write a number and k, m or g, or -1 for no limit"
    )
