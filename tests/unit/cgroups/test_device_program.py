"""The device program, run by a small interpreter, against a model of the v1 controller."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.cgroups.device_program import device_program, install
from runtime.cgroups.devices import ALL, ANY, MKNOD, READ, WRITE, DevicePolicy, plan_policy
from runtime.errors import ConfigError, KernelError

MASK = (1 << 64) - 1


def run(program: bytes, kind: str, access: int, major: int, minor: int) -> int:
    """The verdict of a program; every access of memory and every jump is checked."""
    context = struct.pack("=III", access << 16 | (1 if kind == "b" else 2), major, minor)
    count = len(program) // 8
    registers: dict[int, int | bytes] = {1: context}

    def number(register: int) -> int:
        value = registers[register]
        assert isinstance(value, int), "a pointer is no number"
        return value

    at = 0
    while True:
        assert 0 <= at < count, "fell off the program"
        code, packed, off, imm = struct.unpack_from("=BBhi", program, 8 * at)
        dst, src = packed & 15, packed >> 4
        at += 1
        if code == 0x61:
            memory = registers[src]
            assert isinstance(memory, bytes)
            (registers[dst],) = struct.unpack_from("=I", memory, off)
        elif code == 0xBC:
            registers[dst] = number(src) & 0xFFFFFFFF
        elif code == 0xB7:
            registers[dst] = imm & MASK
        elif code == 0x54:
            registers[dst] = number(dst) & imm & 0xFFFFFFFF
        elif code == 0x74:
            registers[dst] = (number(dst) & 0xFFFFFFFF) >> imm
        elif code == 0x16:
            at += off if number(dst) & 0xFFFFFFFF == imm & 0xFFFFFFFF else 0
        elif code == 0x56:
            at += off if number(dst) & 0xFFFFFFFF != imm & 0xFFFFFFFF else 0
        elif code == 0x5E:
            at += off if number(dst) & 0xFFFFFFFF != number(src) & 0xFFFFFFFF else 0
        elif code == 0x05:
            at += off
        elif code == 0x95:
            return number(0)
        else:
            pytest.fail(f"unknown instruction {code:#x}")


def model(rules: list[dict[str, Any]], kind: str, access: int, major: int, minor: int) -> bool:
    """What the kernel's v1 controller answers after writing the rules one by one."""
    allows = False
    exceptions: list[tuple[str, int, int, int]] = []
    bits = {"r": READ, "w": WRITE, "m": MKNOD}
    for rule in rules:
        if rule["type"] == "a":
            allows, exceptions = rule["allow"], []
            continue
        mask = sum(bits[letter] for letter in rule["access"])
        key = (rule["type"], rule["major"], rule["minor"])
        old = next((e for e in exceptions if e[:3] == key), None)
        if old is not None:
            exceptions.remove(old)
        before = old[3] if old else 0
        after = before | mask if rule["allow"] != allows else before & ~mask
        if after:
            exceptions.append((*key, after))
    for e_kind, e_major, e_minor, e_access in exceptions:
        if e_kind != kind or e_major not in (ANY, major) or e_minor not in (ANY, minor):
            continue
        if allows and access & e_access:
            return False
        if not allows and access & ~e_access == 0:
            return True
    return allows


DEFAULT_RULES = [
    {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}
    for kind, major, minor, access in [
        ("c", ANY, ANY, "m"), ("b", ANY, ANY, "m"), ("c", 1, 3, "rwm"), ("c", 1, 8, "rwm"),
        ("c", 1, 7, "rwm"), ("c", 5, 0, "rwm"), ("c", 1, 5, "rwm"), ("c", 1, 9, "rwm"),
        ("c", 136, ANY, "rwm"), ("c", 5, 2, "rwm"), ("c", 10, 200, "rwm"),
    ]
]  # fmt: skip

NUMBERS = st.sampled_from([ANY, 0, 1, 3, 5, 136, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE])
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "allow": st.booleans(),
            "type": st.sampled_from("abcbc"),
            "major": NUMBERS,
            "minor": NUMBERS,
            "access": st.sampled_from(["r", "w", "m", "rw", "rm", "wm", "rwm"]),
        }
    ),
    max_size=8,
)


@given(RULES)
@settings(max_examples=2000, deadline=None)
def test_the_program_decides_as_the_model(rules: list[dict[str, Any]]) -> None:
    try:
        policy = plan_policy(rules, [])
    except ConfigError:
        return  # a hole in a wildcard: refused, so there is no program
    program = device_program(policy)
    # The devices the rules speak of, a default, and one nobody knows; 9 for a wildcard.
    probes = {("c", 1, 3), ("b", 9, 9)}
    for rule in rules:
        major, minor = (9 if n == ANY else n for n in (rule["major"], rule["minor"]))
        probes |= {("b", major, minor), ("c", major, 3)}
    for kind, major, minor in probes:
        for access in range(1, 8):
            said = run(program, kind, access, major, minor)
            expected = model(rules + DEFAULT_RULES, kind, access, major, minor)
            assert said == int(expected), (kind, major, minor, access)


def test_denied_for_writing_is_denied_for_both() -> None:
    policy = DevicePolicy(allows=True, exceptions={("c", 7, 7): WRITE})
    program = device_program(policy)
    assert run(program, "c", READ, 7, 7) == 1
    assert run(program, "c", READ | WRITE, 7, 7) == 0


@pytest.mark.parametrize(
    ("exceptions", "instructions"),
    [({}, 8), ({("c", 1, 3): ALL}, 16), ({("b", ANY, ANY): ALL}, 11)],
)
def test_a_plain_policy_is_short(exceptions: dict[Any, int], instructions: int) -> None:
    policy = DevicePolicy(allows=False, exceptions=exceptions)
    assert len(device_program(policy)) == 8 * instructions


def test_thousands_of_rules_are_refused() -> None:
    many: dict[Any, int] = {("c", 1, n): READ for n in range(10000)}
    with pytest.raises(ConfigError, match="too many rules"):
        device_program(DevicePolicy(allows=False, exceptions=many))


class FakeBpf:
    """bpf(2) with a list of attached programs; descriptors are real, ids are not."""

    def __init__(self, attached: list[int], *, replaces: bool = True) -> None:
        self.attached = attached
        self.replaces = replaces
        self.by_fd: dict[int, int] = {}
        self.calls: list[str] = []
        self.next_id = 100

    def __call__(self, command: int, attr: bytearray) -> int:
        assert len(attr) == 64
        return {5: self.load, 8: self.attach, 9: self.detach, 13: self.by_id, 16: self.query}[
            command
        ](attr)

    def load(self, attr: bytearray) -> int:
        fd = os.open("/dev/null", os.O_RDONLY)
        self.by_fd[fd] = self.next_id
        self.next_id += 1
        return fd

    def attach(self, attr: bytearray) -> int:
        _, fd, _, flags, old = struct.unpack_from("=IIIII", attr)
        if flags & 4:
            if not self.replaces:
                raise OSError(22, "EINVAL")
            self.attached[self.attached.index(self.by_fd[old])] = self.by_fd[fd]
            self.calls.append("replace")
        else:
            self.attached.append(self.by_fd[fd])
            self.calls.append("attach")
        return 0

    def detach(self, attr: bytearray) -> int:
        _, fd = struct.unpack_from("=II", attr)
        self.attached.remove(self.by_fd[fd])
        self.calls.append("detach")
        return 0

    def by_id(self, attr: bytearray) -> int:
        (wanted,) = struct.unpack_from("=I", attr)
        if wanted >= 900:
            raise PermissionError(1, "EPERM")
        fd = os.open("/dev/null", os.O_RDONLY)
        self.by_fd[fd] = wanted
        return fd

    def query(self, attr: bytearray) -> int:
        _, _, _, _, address, room = struct.unpack_from("=IIIIQI", attr)
        if len(self.attached) > room:
            raise OSError(28, "ENOSPC")
        packed = struct.pack(f"={len(self.attached)}I", *self.attached)
        ctypes.memmove(address, packed, len(packed))
        struct.pack_into("=I", attr, 24, len(self.attached))
        return 0


@pytest.mark.parametrize(
    ("attached", "replaces", "calls", "left"),
    [
        pytest.param([], True, ["attach"], [100], id="the first"),
        pytest.param([5], True, ["replace"], [100], id="atomically"),
        pytest.param([5], False, ["attach", "detach"], [100], id="before Linux 5.6"),
        pytest.param([5, 6], True, ["attach", "detach", "detach"], [100], id="two of ours"),
        pytest.param([900], True, ["attach"], [900, 100], id="somebody else's stays"),
        pytest.param([900, 5], True, ["replace"], [900, 100], id="ours beside it is replaced"),
        pytest.param([*range(901, 981)], True, ["attach"], [*range(901, 981), 100], id="many"),
    ],
)
def test_install(attached: list[int], replaces: bool, calls: list[str], left: list[int]) -> None:
    bpf = FakeBpf(list(attached), replaces=replaces)
    install(device_program(DevicePolicy(allows=False)), "/cg/x", 3, bpf)
    assert (bpf.calls, bpf.attached) == (calls, left)


def test_install_says_what_failed() -> None:
    bpf = FakeBpf([])

    def refusing(command: int, attr: bytearray) -> int:
        if command == 8:
            raise OSError(9, "EBADF")
        return bpf(command, attr)

    with pytest.raises(KernelError, match="attach the device program to /cg/x: bpf: bad file"):
        install(device_program(DevicePolicy(allows=False)), "/cg/x", 3, refusing)
