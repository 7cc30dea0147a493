"""Durations as Go writes them: ``500ms``, ``5s``, ``1m30s``."""

from __future__ import annotations

# Nanoseconds a unit. Both letters that look like a mu are in use.
UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
DIGITS = "0123456789"
MAX_NS = (1 << 63) - 1


def parse_duration(text: str) -> int:
    """Nanoseconds, rounded down.

    Errors:  ValueError for what is no duration: a number without unit (but 0), nothing, more
             than 63 bits (292 years).
    Source:  Go's time.ParseDuration.
    """
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(text)
    total = 0
    while rest:
        amount, rest = _split(rest, DIGITS + ".")
        unit, rest = _split(rest, "".join(UNITS))
        whole, _, part = amount.partition(".")
        if unit not in UNITS or "." in part or not (whole or part):
            raise ValueError(text)
        total += int(whole or "0") * UNITS[unit]
        # Whole numbers all the way: 0.1 is no float.
        total += int(part or "0") * UNITS[unit] // 10 ** len(part)
    if total > MAX_NS:
        raise ValueError(text)
    return sign * total


def _split(text: str, characters: str) -> tuple[str, str]:
    """The beginning of `text` that is made of `characters`, and the rest."""
    rest = text.lstrip(characters)
    return text[: len(text) - len(rest)], rest
