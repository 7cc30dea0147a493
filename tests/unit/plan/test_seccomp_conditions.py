"""The instructions as such; what they decide is tested in tests/unit/native/test_seccomp.py."""

from __future__ import annotations

import struct

from harness.seccomp import AARCH64, ERRNO, X86, X86_64, Call, run

from runtime.plan.seccomp_conditions import EQ, Block, assemble

REST = struct.pack("=HBBI", 0x06, 0, 0, ERRNO | 99)  # the program behind: answers 99
ONE = (ERRNO | 1, [(0, EQ, 1, 0)])


def test_no_blocks_no_instructions() -> None:
    assert assemble([]) == b""


def test_blocks_answer_for_their_call_only() -> None:
    blocks = [
        Block(X86_64, 5, [ONE], ERRNO, narrow=False),
        Block(X86, 6, [ONE], ERRNO | 2, narrow=True),
        # Nobody is to take a number for an architecture.
        Block(X86_64, X86, [ONE], ERRNO | 3, narrow=False),
    ]
    program = assemble(blocks) + REST
    answers = {
        (X86_64, 5, 1): 1, (X86_64, 5, 0): 0, (X86_64, 6, 1): 99, (X86_64, X86, 0): 3,
        (X86, 6, 1): 1, (X86, 6, 1 << 32 | 1): 1, (X86, 6, 2): 2, (X86, 5, 1): 99,
        (X86_64, AARCH64, 1): 99, (AARCH64, 5, 1): 99, (AARCH64, X86_64, 1): 99,
    }  # fmt: skip
    for (arch, nr, value), answer in answers.items():
        assert run(program, Call(arch, nr, (value, 0, 0, 0, 0, 0))) == ERRNO | answer


def test_a_block_without_a_default_leaves_the_rest_to_what_comes_behind() -> None:
    blocks = [
        Block(X86, 102, [ONE], None, narrow=True),
        Block(X86, 7, [ONE], ERRNO | 2, narrow=True),
    ]
    program = assemble(blocks) + REST
    assert run(program, Call(X86, 102, (1, 0, 0, 0, 0, 0))) == ERRNO | 1
    assert run(program, Call(X86, 102, (7, 0, 0, 0, 0, 0))) == ERRNO | 99
    assert run(program, Call(X86, 7)) == ERRNO | 2
