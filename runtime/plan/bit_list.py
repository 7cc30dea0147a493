"""Lists like ``0-3,7``, of CPUs or memory nodes, as the masks that system calls take."""

from __future__ import annotations

import sys


def bit_mask(text: str, noun: str, most: int) -> bytes:
    """The numbers below `most` as bits, in words of the machine's order; `noun` is for messages.

    Errors:  ValueError that says what is wrong with it; an empty list, too.
    """
    bits = 0
    for part in text.split(","):
        word = part.strip()
        if not word:
            continue
        low, dash, high = word.partition("-")
        if not (_is_number(low) and (not dash or _is_number(high))):
            raise ValueError(f'"{word}" is neither a {noun} nor a range of them')
        first, last = int(low), int(high or low)
        if first > last:
            raise ValueError(f'the range "{word}" runs backwards')
        if last >= most:
            raise ValueError(f"{last} is no {noun}, Linux has at most {most}")
        bits |= ((1 << (last - first + 1)) - 1) << first
    if not bits:
        raise ValueError(f"names no {noun}")
    words = (bits.bit_length() + 63) // 64
    return b"".join(
        (bits >> 64 * word & 0xFFFFFFFFFFFFFFFF).to_bytes(8, sys.byteorder) for word in range(words)
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8
