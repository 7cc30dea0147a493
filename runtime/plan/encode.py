"""Write a plan as the executor reads it: header, operations, blobs. See csrc/plan.h."""

from __future__ import annotations

from _struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.ops import Op

MAGIC = 0x50525950
VERSION = 1
DUMPABLE_FOR_MAPS = 1

HEADER = Struct("=8I")
RECORD = Struct("=2I4I5Q")
LENGTH = Struct("=I")
STRING_SLOTS = 4
NUMBER_SLOTS = 5
U64 = (1 << 64) - 1
PADDING = (b"\0\0\0\0", b"\0\0\0", b"\0\0", b"\0")  # at least the NUL behind the bytes


def encode(ops: list[Op], slot_count: int, flags: int = 0, trace: int = 0) -> bytes:
    """The plan on the wire; `slot_count` includes the control socket and the plan itself.

    `trace` is the slot of the memory that takes the times of operations, 0 is none.

    Equal strings are written once.
    Errors:  none for what the constructors of ops.py made.
    """
    at = HEADER.size + RECORD.size * len(ops)
    first_blob = at
    places: dict[bytes, int] = {}
    blobs: list[bytes] = []
    records: list[bytes] = []
    pack, length_of = RECORD.pack, LENGTH.pack
    for op in ops:
        slots = [0, 0, 0, 0]
        for i, value in enumerate(op.strings):
            if value is None:
                continue
            data = _bytes(value)
            place = places.get(data)
            if place is None:
                blob = length_of(len(data)) + data + PADDING[len(data) & 3]
                places[data] = place = at
                blobs.append(blob)
                at += len(blob)
            slots[i] = place
        numbers = [n & U64 for n in op.numbers]
        numbers += [0] * (NUMBER_SLOTS - len(numbers))
        records.append(pack(op.code, op.flags, *slots, *numbers))
    header = HEADER.pack(MAGIC, VERSION, at, len(ops), first_blob, slot_count, flags, trace)
    return b"".join((header, *records, *blobs))


def _bytes(value: str | bytes | list[str]) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return value
    return b"".join(item.encode("utf-8", "surrogateescape") + b"\0" for item in value)
