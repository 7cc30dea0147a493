"""Rules with conditions as instructions of the kernel's filter machine.

libseccomp 2.5 is not left with them: of several rules for one system call that compare the same
argument it loses some, for others it finds no end, and where they overlap the larger constant
goes first. Here the first rule that holds decides, as it is written.

    load arch
    arch == A ? : next             one section an architecture
    load nr
    nr == N ? : next               one block a system call
      argument holds ? : next rule
      return the rule's action
      return the default's action
    end:                           libseccomp's program, which knows the other calls
"""

from __future__ import annotations

import sys
from _struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    Arg = tuple[int, int, int, int]  # index, enum scmp_compare, value, valueTwo
    Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant
    Clause = tuple[int, list[Arg]]  # SECCOMP_RET_*, what must hold for it

# linux/bpf_common.h
LOAD, AND, RETURN = 0x20, 0x54, 0x06
JUMP, IF_EQUAL, IF_GREATER, IF_NOT_LESS = 0x05, 0x15, 0x25, 0x35

# struct seccomp_data
DATA_NR, DATA_ARCH, DATA_ARGS = 0, 4, 16
LOW_HALF = 4 if sys.byteorder == "big" else 0

# Where a test goes on; patched when the length of what lies between is known.
YES, NO = -1, -2
HALF = 0xFFFFFFFF

NE, LT, LE, EQ, GE, GT, MASKED_EQ = range(1, 8)


class Block:
    """What happens to one system call.

    arch, nr  as the kernel shows them to a filter
    narrow    of its arguments only the lower half is compared
    default   SECCOMP_RET_* where no clause holds; None to leave it to what comes behind
    """

    __slots__ = ("arch", "clauses", "default", "narrow", "nr")

    def __init__(
        self, arch: int, nr: int, clauses: list[Clause], default: int | None, *, narrow: bool
    ) -> None:
        self.arch = arch
        self.nr = nr
        self.clauses = clauses
        self.default = default
        self.narrow = narrow


def assemble(blocks: list[Block]) -> bytes:
    """The instructions, to stand before a program; none for no blocks."""
    code: list[Instruction] = []
    for arch in dict.fromkeys(block.arch for block in reversed(blocks)):
        section: list[Instruction] = [(LOAD, 0, 0, DATA_NR)]
        for block in blocks:
            if block.arch == arch:
                body = _body(block)
                section += [(IF_EQUAL, 1, 0, block.nr), (JUMP, 0, 0, len(body)), *body]
        section.append((JUMP, 0, 0, len(code)))  # over the other architectures
        code = [(IF_EQUAL, 1, 0, arch), (JUMP, 0, 0, len(section)), *section, *code]
    if code:
        code.insert(0, (LOAD, 0, 0, DATA_ARCH))
    return b"".join([pack("=HBBI", *each) for each in code])


def _body(block: Block) -> list[Instruction]:
    body: list[Instruction] = []
    for ret, args in block.clauses:
        clause: list[Instruction] = []
        for arg in reversed(args):
            # From behind: what a test jumps over is there already.
            clause = _test(arg, len(clause) + 1, narrow=block.narrow) + clause
        body += [*clause, (RETURN, 0, 0, ret)]
    if block.default is not None:
        return [*body, (RETURN, 0, 0, block.default)]
    # The next blocks would find the accumulator changed.
    return [*body, (LOAD, 0, 0, DATA_NR)]


def _test(arg: Arg, rest: int, *, narrow: bool) -> list[Instruction]:
    """One comparison: goes on behind itself where it holds, else `rest` further."""
    index, operator, value, two = arg
    low, high = DATA_ARGS + 8 * index + LOW_HALF, DATA_ARGS + 8 * index + (4 - LOW_HALF)
    steps: list[Instruction]
    if operator == MASKED_EQ:
        # Both sides are masked, as all runtimes have it.
        steps = _masked(low, value & HALF, two & value & HALF)
        if not narrow:
            steps = _masked(high, value >> 32, (two & value) >> 32) + steps
    else:
        steps = [(LOAD, 0, 0, low), _last(operator, value & HALF)]
        if not narrow:
            steps = _upper(operator, high, value >> 32) + steps
    return [
        (code, _jump(yes, at, steps, rest), _jump(no, at, steps, rest), constant)
        for at, (code, yes, no, constant) in enumerate(steps)
    ]


def _jump(target: int, at: int, steps: list[Instruction], rest: int) -> int:
    if target == YES:
        return len(steps) - at - 1
    return len(steps) - at - 1 + rest if target == NO else target


def _masked(place: int, mask: int, wanted: int) -> list[Instruction]:
    return [(LOAD, 0, 0, place), (AND, 0, 0, mask), (IF_EQUAL, 0, NO, wanted)]


def _upper(operator: int, place: int, half: int) -> list[Instruction]:
    """The upper halves decide unless they are equal."""
    load = (LOAD, 0, 0, place)
    if operator == EQ:
        return [load, (IF_EQUAL, 0, NO, half)]
    if operator == NE:
        return [load, (IF_EQUAL, 0, YES, half)]
    if operator in (GT, GE):
        return [load, (IF_GREATER, YES, 0, half), (IF_EQUAL, 0, NO, half)]
    return [load, (IF_GREATER, NO, 0, half), (IF_EQUAL, 0, YES, half)]


def _last(operator: int, half: int) -> Instruction:
    """The lower halves, which are last to decide."""
    return {
        EQ: (IF_EQUAL, 0, NO, half),
        NE: (IF_EQUAL, NO, 0, half),
        GT: (IF_GREATER, 0, NO, half),
        GE: (IF_NOT_LESS, 0, NO, half),
        LE: (IF_GREATER, NO, 0, half),
        LT: (IF_NOT_LESS, NO, 0, half),
    }[operator]
