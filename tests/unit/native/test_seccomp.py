"""Compiled filters, run on paper: the program decides as the profile says."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path
from typing import Any

import pytest
from harness.seccomp import (
    AARCH64,
    ENOSYS,
    ERRNO,
    KILL_THREAD,
    TRACER_SKIP,
    X32,
    X32_BIT,
    X86,
    X86_64,
    Call,
    Profile,
    decide,
    engine_profile,
    number,
    ret,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import ConfigError, HostError
from runtime.native.seccomp import compile_filter, library, makers
from runtime.plan.seccomp import ACTIONS, OPERATORS, plan_filter

ENGINE_PROFILE = Path("/usr/share/containers/seccomp.json")
ALLOW = ACTIONS["SCMP_ACT_ALLOW"]
EPERM = ERRNO | errno.EPERM
EXAMPLES = int(os.environ.get("SECCOMP_EXAMPLES", "150"))  # more of them where there is time

pytestmark = pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the numbers in these tables are those of x86_64"
)


def compiled(profile: Profile, skipped: list[str] | None = None) -> bytes:
    request = plan_filter(profile)
    assert request is not None
    return compile_filter(request, skipped)


def rule(*names: str, action: str = "SCMP_ACT_ALLOW", **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **more}


def compare(op: str, value: int, two: int = 0, index: int = 0) -> dict[str, Any]:
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value, "valueTwo": two}


BIG = 0x1234_5678_0000_0001


@pytest.mark.parametrize(
    ("arg", "holds", "fails"),
    [
        (compare("EQ", 5), [5], [4, 6, 5 | 1 << 32]),
        (compare("NE", 5), [4, 6, 5 | 1 << 32], [5]),
        (compare("LT", 5), [0, 4], [5, 6, 1 << 32]),
        (compare("LE", 5), [0, 4, 5], [6, 1 << 32]),
        (compare("GT", 5), [6, 1 << 32, 2**64 - 1], [0, 5]),
        (compare("GE", 5), [5, 6, 1 << 32], [0, 4]),
        (compare("MASKED_EQ", 0xF0, 0x50), [0x50, 0x5F, 0x1_0050], [0x40, 0x60, 0xF0]),
        (compare("EQ", BIG), [BIG], [BIG & 0xFFFFFFFF, BIG + 1, BIG ^ 1 << 63]),
        (compare("NE", BIG), [1, BIG + 1], [BIG]),
        (compare("LT", BIG), [2, BIG - 1], [BIG, BIG + 1, 2**64 - 1]),
        (compare("LE", BIG), [BIG], [BIG + 1, BIG + (1 << 32)]),
        (compare("GT", BIG), [BIG + 1, BIG + (1 << 32)], [BIG, 2, 0xFFFFFFFF]),
        (compare("GE", BIG), [BIG, 2**64 - 1], [BIG - 1, 0xFFFFFFFF]),
        (compare("MASKED_EQ", 1 << 63, 1 << 63), [1 << 63, 2**64 - 1], [0, 1, (1 << 63) - 1]),
        (compare("MASKED_EQ", 0xFF, 0x103), [3, 0x103, 0x203], [0, 0x100, 0xFF]),
    ],
    ids=lambda value: f"{value['op'][9:]} {value['value']:#x}" if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("index", range(6))
def test_operators_compare_64_bits(
    arg: dict[str, Any], holds: list[int], fails: list[int], index: int
) -> None:
    program = compiled(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [rule("openat", args=[{**arg, "index": index}])],
        }
    )

    def result(value: int) -> int:
        args = [0xDEAD] * 6
        args[index] = value
        return run(program, Call(X86_64, number("openat", X86_64), tuple(args)))  # type: ignore[arg-type]

    assert [value for value in holds if result(value) != ALLOW] == []
    assert [value for value in fails if result(value) != EPERM] == []


def test_every_operator_is_in_the_table_above() -> None:
    assert set(OPERATORS) == {
        f"SCMP_CMP_{name}" for name in ("EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ")
    }


NARROW_PROFILE: Profile = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "syscalls": [rule("read", "write", "openat")],
}


@pytest.mark.parametrize(
    ("arches", "call", "result"),
    [
        # Only the native architecture: openat is the highest number that the profile knows.
        ([], Call(X86_64, 0), ALLOW),
        ([], Call(X86_64, 2), EPERM),
        ([], Call(X86_64, 257), ALLOW),
        ([], Call(X86_64, 258), ENOSYS),
        ([], Call(X86_64, X32_BIT), KILL_THREAD),
        ([], Call(X86_64, X32_BIT + 500), KILL_THREAD),
        ([], Call(X86_64, TRACER_SKIP), EPERM),
        ([], Call(X86, 3), KILL_THREAD),
        ([], Call(X86, 999), KILL_THREAD),
        ([], Call(AARCH64, 63), KILL_THREAD),
        # The native architecture is there whether listed or not.
        (["X86_64"], Call(X86_64, 0), ALLOW),
        (["X86"], Call(X86_64, 0), ALLOW),
        (["X86_64", "X86_64", "X86", "X86"], Call(X86_64, 258), ENOSYS),
        # Another architecture has its own numbers.
        (["X86"], Call(X86, 3), ALLOW),
        (["X86"], Call(X86, 5), EPERM),
        (["X86"], Call(X86, 295), ALLOW),
        (["X86"], Call(X86, 296), ENOSYS),
        (["X86"], Call(X86_64, 296), ENOSYS),
        (["X86"], Call(X86_64, X32_BIT), KILL_THREAD),
        # x32: the architecture of x86_64 and a bit.
        (["X32"], Call(X86_64, 0), ALLOW),
        (["X32"], Call(X86_64, 258), ENOSYS),
        (["X32"], Call(X86_64, X32_BIT), ALLOW),
        (["X32"], Call(X86_64, X32_BIT + 2), EPERM),
        (["X32"], Call(X86_64, X32_BIT + 257), ALLOW),
        (["X32"], Call(X86_64, X32_BIT + 258), ENOSYS),
        (["X32"], Call(X32, 0), KILL_THREAD),
        (["X86_64", "X86", "X32"], Call(X86, 296), ENOSYS),
        (["X86_64", "X86", "X32"], Call(X86, 295), ALLOW),
        (["X86_64", "X86", "X32"], Call(AARCH64, 63), KILL_THREAD),
        # An architecture that this machine cannot even run.
        (["AARCH64"], Call(AARCH64, 63), ALLOW),
        (["AARCH64"], Call(AARCH64, 65), ENOSYS),
        (["AARCH64"], Call(AARCH64, 62), EPERM),
    ],
)
@pytest.mark.spec("linux.seccomp.architectures")
def test_architectures_and_the_answer_to_newer_calls(
    arches: list[str], call: Call, result: int
) -> None:
    profile = {**NARROW_PROFILE, "architectures": [f"SCMP_ARCH_{name}" for name in arches]}
    assert hex(run(compiled(profile), call)) == hex(result)


@pytest.mark.parametrize("action", ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"])
def test_a_permissive_default_is_the_answer_to_newer_calls(action: str) -> None:
    profile = {
        "defaultAction": action,
        "syscalls": [rule("read", action="SCMP_ACT_ERRNO", errnoRet=5)],
    }
    program = compiled(profile)
    assert run(program, Call(X86_64, 0)) == ERRNO | 5
    assert run(program, Call(X86_64, 5000)) == ret(action, None)


def test_the_default_errno_is_not_the_answer_to_newer_calls() -> None:
    program = compiled({**NARROW_PROFILE, "defaultErrnoRet": 5})
    assert run(program, Call(X86_64, 2)) == ERRNO | 5
    assert run(program, Call(X86_64, 258)) == ENOSYS


def test_names_in_a_rule_without_effect_are_still_known() -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [rule("read"), rule("openat", action="SCMP_ACT_ERRNO")],
    }
    program = compiled(profile)
    assert run(program, Call(X86_64, 257)) == EPERM
    assert run(program, Call(X86_64, 258)) == ENOSYS


@pytest.mark.parametrize("names", [[], ["read"], ["no_such_call"]])
def test_a_profile_that_names_no_number_has_no_newer_calls(names: list[str]) -> None:
    """As with runc: number 0 alone is none."""
    profile: Profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [rule(*names)] if names else [],
    }
    assert run(compiled(profile), Call(X86_64, 1)) == EPERM


def test_unknown_names_are_skipped_and_told() -> None:
    skipped: list[str] = []
    program = compiled(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [rule("no_such_call", "openat"), rule("write", "näm\udcffe")],
        },
        skipped,
    )
    assert skipped == ["no_such_call", "näm\udcffe"]
    assert run(program, Call(X86_64, 257)) == ALLOW
    assert run(program, Call(X86_64, 1)) == ALLOW


def test_the_first_unconditional_rule_wins() -> None:
    program = compiled(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [
                rule("openat", action="SCMP_ACT_TRAP", args=[compare("EQ", 1)]),
                rule("openat", action="SCMP_ACT_LOG"),
                rule("openat", action="SCMP_ACT_ALLOW"),
            ],
        }
    )
    for value in (0, 1):
        call = Call(X86_64, 257, (value, 0, 0, 0, 0, 0))
        assert run(program, call) == ACTIONS["SCMP_ACT_LOG"]


@pytest.mark.parametrize(
    ("profile", "kind", "message"),
    [
        pytest.param(
            {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_S390X"]},
            ConfigError,
            "linux.seccomp.architectures[0]: SCMP_ARCH_S390X has another byte order",
            id="another byte order",
        ),
        pytest.param(
            {
                "defaultAction": "SCMP_ACT_ERRNO",
                "syscalls": [
                    rule("read"),
                    rule("write", args=[compare("EQ", 1)]),
                    rule("close", "write", action="SCMP_ACT_TRAP", args=[compare("EQ", 1)]),
                ],
            },
            ConfigError,
            "linux.seccomp.syscalls[2].names[1]: another action for write",
            id="two actions for the same condition",
        ),
        pytest.param(
            {
                "defaultAction": "SCMP_ACT_ERRNO",
                "syscalls": [rule("write", args=[compare("EQ", n)]) for n in range(5000)],
            },
            ConfigError,
            "linux.seccomp.syscalls: the filter has",
            id="larger than the kernel takes",
        ),
    ],
)
def test_what_libseccomp_refuses_is_told_with_its_place(
    profile: Profile, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        compiled(profile)
    assert str(caught.value).startswith(message)


def openat_under(*rules: dict[str, Any], default: str = "SCMP_ACT_ERRNO") -> list[int]:
    """What openat answers for first arguments of 0 to 4, and for 2**32."""
    program = compiled({"defaultAction": default, "syscalls": list(rules)})
    values = [0, 1, 2, 3, 4, 1 << 32]
    return [run(program, Call(X86_64, 257, (value, 7, 0, 0, 0, 0))) for value in values]


def test_the_first_rule_that_holds_decides() -> None:
    log, trap = ACTIONS["SCMP_ACT_LOG"], ACTIONS["SCMP_ACT_TRAP"]
    answers = openat_under(
        rule("openat", action="SCMP_ACT_LOG", args=[compare("GE", 3)]),
        rule("openat", action="SCMP_ACT_TRAP", args=[compare("GE", 2)]),
        rule("openat", action="SCMP_ACT_ERRNO", args=[compare("GE", 0)]),
    )
    assert answers == [EPERM, EPERM, trap, log, log, log]


def test_rules_that_libseccomp_loses_a_half_of() -> None:
    answers = openat_under(
        rule("openat", args=[compare("GE", 1 << 32)]), rule("openat", args=[compare("LE", 0)])
    )
    assert answers == [ALLOW, EPERM, EPERM, EPERM, EPERM, ALLOW]


def test_rules_that_libseccomp_walks_in_a_circle_with() -> None:
    answers = openat_under(
        rule("openat", args=[compare("GT", 1), compare("GE", 0, index=1)]),
        rule("openat", args=[compare("GT", 1), compare("NE", 0, index=1)]),
    )
    assert answers == [EPERM, EPERM, ALLOW, ALLOW, ALLOW, ALLOW]


def test_a_condition_that_always_holds_is_one_still() -> None:
    """Beside a rule without conditions it has nothing to say, wherever it stands."""
    always = rule("openat", action="SCMP_ACT_LOG", args=[compare("MASKED_EQ", 0, 0)])
    trap = rule("openat", action="SCMP_ACT_TRAP")
    assert set(openat_under(always, trap)) == {ACTIONS["SCMP_ACT_TRAP"]}
    assert set(openat_under(always)) == {ACTIONS["SCMP_ACT_LOG"]}


SOCKETCALL = 102  # of x86


@pytest.mark.parametrize(
    ("names", "called", "third", "result"),
    [
        (["socket"], 1, 9, EPERM),
        (["socket"], 1, 8, ALLOW),
        (["socket"], 2, 9, ALLOW),  # bind
        (["bind"], 2, 9, EPERM),
        (["socket", "sendmmsg"], 20, 9, EPERM),
    ],
)
def test_conditions_by_way_of_socketcall(
    names: list[str], called: int, third: int, result: int
) -> None:
    """What was the first argument of socket(2) lies in memory: the others are compared."""
    deny = rule(
        *names, action="SCMP_ACT_ERRNO", args=[compare("EQ", 16), compare("EQ", 9, index=2)]
    )
    profile: Profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86"],
        "syscalls": [deny],
    }
    args = (called, 0, third, 0, 0, 0)
    assert run(compiled(profile), Call(X86, SOCKETCALL, args)) == result
    allowing = {**profile, "syscalls": [deny, rule("socketcall", action="SCMP_ACT_LOG")]}
    assert run(compiled(allowing), Call(X86, SOCKETCALL, args)) == ACTIONS["SCMP_ACT_LOG"]


def test_an_architecture_that_this_libseccomp_lacks() -> None:
    if library()[1] >= (2, 6, 0):
        pytest.skip("this libseccomp knows all architectures of the specification")
    with pytest.raises(HostError, match=r"architectures\[1\]: libseccomp .* refuses .*M68K"):
        compiled(
            {
                "defaultAction": "SCMP_ACT_ERRNO",
                "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_M68K"],
            }
        )


def test_the_makers_are_files() -> None:
    paths = makers()
    assert len(paths) == 2
    assert all(os.path.isfile(path) for path in paths)
    assert "libseccomp" in paths[0]


# One name each that has a number everywhere and is no part of socketcall or ipc, which
# libseccomp rewrites on x86.
NAMES = [
    "read", "writev", "close", "openat", "mmap", "ioctl", "fcntl", "futex", "dup", "getpid",
    "exit_group", "prctl", "unshare", "setns", "statx", "clone3", "openat2", "faccessat2",
    "epoll_pwait2", "mount_setattr", "futex_waitv", "no_such_call", "kill", "getrandom",
]  # fmt: skip
WIDE_VALUES = [
    0, 1, 2, 5, 8, 0xFF, 0x100, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, (1 << 32) + 5,
    1 << 63, 2**64 - 1,
]  # fmt: skip
ARCH_CHOICES = [
    [], ["SCMP_ARCH_X86_64"], ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    ["SCMP_ARCH_X86"], ["SCMP_ARCH_X32"], ["SCMP_ARCH_AARCH64", "SCMP_ARCH_X86"],
]  # fmt: skip


actions = st.sampled_from(sorted(ACTIONS))


@st.composite
def conditions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What one rule compares; an argument twice makes it an OR."""
    operator = st.sampled_from(sorted(op[9:] for op in OPERATORS))
    value = st.sampled_from(WIDE_VALUES)
    index = st.sampled_from([0, 0, 1, 5])
    compared = st.builds(compare, operator, value, value, index)
    return draw(st.lists(compared, min_size=1, max_size=4))


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Any profile: many rules for few system calls, overlapping as they like."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6))
    some = st.lists(st.sampled_from(names), min_size=1, max_size=3)
    rules: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 10))):
        action = draw(actions)
        rules.append(rule(*draw(some), action=action))
        if draw(st.integers(0, 4)):
            rules[-1]["args"] = draw(conditions())
        if action in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE") and draw(st.booleans()):
            rules[-1]["errnoRet"] = draw(st.sampled_from([0, 1, 38, 4094]))
    return {
        "defaultAction": draw(actions.filter(lambda action: action != "SCMP_ACT_NOTIFY")),
        "architectures": draw(st.sampled_from(ARCH_CHOICES)),
        "listenerPath": "/run/agent",
        "syscalls": rules,
    }


def calls(profile: Profile, seed: int, count: int) -> list[Call]:
    """Calls around what the profile names, on every architecture."""
    chance = random.Random(seed)
    named = sorted({name for entry in profile["syscalls"] for name in entry["names"]}) or NAMES
    constants = sorted(
        {
            (value + step) % 2**64
            for entry in profile["syscalls"]
            for arg in entry.get("args") or []
            for value in (arg["value"], arg["valueTwo"], arg["value"] & 0xFFFFFFFF)
            for step in (-1, 0, 1)
        }
        | {0}
    )
    found = []
    for _ in range(count):
        arch, token = chance.choice(
            [(X86_64, X86_64), (X86_64, X32), (X86, X86), (AARCH64, AARCH64)]
        )
        nr = number(chance.choice(named), token)
        kind = chance.random()
        if kind < 0.2 or nr < 0:
            nr = chance.choice([0, 100, 300, 460, 600, X32_BIT + 5, X32_BIT + 600, 2**31])
        elif kind < 0.3:
            nr += chance.choice([-1, 1])
        limit = 2**64 if token in (X86_64, AARCH64) else 2**32
        args = [chance.choice(constants) % limit for _ in range(6)]
        found.append(Call(arch, nr & 0xFFFFFFFF, tuple(args)))  # type: ignore[arg-type]
    return found


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=profiles(), seed=st.integers(0, 2**32), tree=st.booleans())
def test_the_program_decides_as_the_profile_says(
    profile: Profile, seed: int, *, tree: bool
) -> None:
    request = plan_filter(profile)
    assert request is not None
    request.is_large = tree
    try:
        program = compile_filter(request)
    except ConfigError as error:
        assert "another action" in str(error)
        return
    for call in calls(profile, seed, 100):
        assert hex(run(program, call)) == hex(decide(profile, X86_64, call)), call


# socketcall and ipc: one old system call of x86 for many, which libseccomp's rules for the
# many cover as well as their own newer numbers.
MULTIPLEXED = {
    102, 117, 337, 345, *range(359, 374), *range(393, 403),
}  # fmt: skip


@pytest.mark.skipif(not ENGINE_PROFILE.exists(), reason=f"needs {ENGINE_PROFILE}")
def test_an_engines_profile() -> None:
    names = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    profile = engine_profile(ENGINE_PROFILE, {"CAP_SYS_CHROOT"}, "amd64", names)
    program = compiled(profile)
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4096
    for arch, base in ((X86_64, 0), (X86_64, X32_BIT), (X86, 0), (AARCH64, 0)):
        for nr in (*range(480), 600, 1000):
            if arch == X86 and nr in MULTIPLEXED:
                continue
            call = Call(arch, base + nr, (nr % 11, 8, 9, 0, 0, 0))
            assert hex(run(program, call)) == hex(decide(profile, X86_64, call)), call
