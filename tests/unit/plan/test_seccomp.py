"""linux.seccomp as data: what is refused, what is planned."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.plan.seccomp import (
    ACTIONS,
    ARCHITECTURES,
    FLAGS,
    OPERATORS,
    check_seccomp,
    filter_flags,
    plan_filter,
    warn_seccomp,
)

Seccomp = dict[str, Any]


def profile(**changes: Any) -> Seccomp:
    return {"defaultAction": "SCMP_ACT_ERRNO", **changes}


def rule(**changes: Any) -> Seccomp:
    return profile(syscalls=[{"names": ["read"], "action": "SCMP_ACT_ALLOW", **changes}])


def notify(names: list[str] | None = None, **changes: Any) -> Seccomp:
    entry = {"names": names or ["mkdir"], "action": "SCMP_ACT_NOTIFY"}
    return profile(listenerPath="/run/agent", syscalls=[entry]) | changes


def arg(**changes: Any) -> Seccomp:
    return rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ", **changes}])


@pytest.mark.parametrize(
    "seccomp",
    [
        pytest.param({}, id="an empty object disables"),
        pytest.param(profile(), id="default action alone"),
        pytest.param(profile(defaultErrnoRet=0), id="errno 0 is legal"),
        pytest.param(profile(defaultErrnoRet=4094), id="largest errno"),
        pytest.param(profile(defaultAction="SCMP_ACT_TRACE", defaultErrnoRet=65535), id="trace"),
        pytest.param(profile(architectures=list(ARCHITECTURES)), id="every architecture"),
        pytest.param(notify(flags=list(FLAGS)), id="every flag"),
        pytest.param(notify(listenerMetadata="m"), id="an agent"),
        pytest.param(profile(listenerPath="agent"), id="an agent without work"),
        pytest.param(profile(listenerPath="", listenerMetadata=""), id="empty means not asked"),
        pytest.param(rule(), id="a rule"),
        pytest.param(rule(names=["no_such_call"]), id="an unknown system call"),
        pytest.param(rule(args=[]), id="no arguments"),
        pytest.param(rule(args=None), id="arguments null"),
        pytest.param(arg(index=5, value=2**64 - 1, valueTwo=2**64 - 1), id="largest values"),
        pytest.param(rule(action="SCMP_ACT_ERRNO", errnoRet=0), id="rule with errno 0"),
        *(
            pytest.param(rule(action=action) | {"listenerPath": "/run/agent"}, id=action)
            for action in ACTIONS
        ),
        *(pytest.param(arg(op=op), id=op) for op in OPERATORS),
    ],
)
def test_accepted(seccomp: Seccomp) -> None:
    assert check_seccomp(seccomp) == []


@pytest.mark.parametrize(
    ("seccomp", "field", "text"),
    [
        ({"syscalls": []}, "defaultAction", "missing"),
        (profile(defaultAction="SCMP_ACT_DENY"), "defaultAction", "'SCMP_ACT_DENY' is unknown"),
        (profile(defaultAction="SCMP_ACT_NOTIFY"), "defaultAction", "cannot be the default"),
        (profile(defaultErrnoRet=4095), "defaultErrnoRet", "4095 is out of range"),
        (
            profile(defaultAction="SCMP_ACT_ALLOW", defaultErrnoRet=1),
            "defaultErrnoRet",
            "SCMP_ACT_ALLOW takes none",
        ),
        (profile(architectures=["SCMP_ARCH_X86", "SCMP_ARCH_Z80"]), "architectures[1]", "Z80"),
        (profile(flags=["TSYNC"]), "flags[0]", "'TSYNC' is unknown"),
        (
            profile(flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]),
            "flags[0]",
            "needs a rule with SCMP_ACT_NOTIFY",
        ),
        (rule(names=[]), "syscalls[0].names", "empty"),
        (rule(names=["read", ""]), "syscalls[0].names[1]", "no name"),
        (rule(names=["re\0ad"]), "syscalls[0].names[0]", "no name"),
        (rule(action=None), "syscalls[0].action", "missing"),
        (rule(action="SCMP_ACT_NOTIFY"), "listenerPath", "missing"),
        (notify(listenerPath="run/agent"), "listenerPath", "no absolute path"),
        (notify(listenerPath="/run/\0agent"), "listenerPath", "no absolute path"),
        (notify(["read", "write"]), "syscalls[0].action", "cannot be used for the write"),
        (rule(action="allow"), "syscalls[0].action", "'allow' is unknown"),
        (rule(errnoRet=0), "syscalls[0].errnoRet", "takes none"),
        (rule(action="SCMP_ACT_KILL", errnoRet=1), "syscalls[0].errnoRet", "takes none"),
        (rule(action="SCMP_ACT_ERRNO", errnoRet=-1), "syscalls[0].errnoRet", "out of range"),
        (rule(action="SCMP_ACT_TRACE", errnoRet=65536), "syscalls[0].errnoRet", "out of range"),
        (arg(index=6), "syscalls[0].args[0].index", "from 0 to 5"),
        (arg(index=-1), "syscalls[0].args[0].index", "from 0 to 5"),
        (arg(op="EQ"), "syscalls[0].args[0].op", "'EQ' is unknown"),
        (arg(value=2**64), "syscalls[0].args[0].value", "64 bits"),
        (arg(value=-1), "syscalls[0].args[0].value", "64 bits"),
        (arg(valueTwo=2**64), "syscalls[0].args[0].valueTwo", "64 bits"),
    ],
)
def test_refused(seccomp: Seccomp, field: str, text: str) -> None:
    ((found, problem),) = check_seccomp(seccomp)
    assert found == f"linux.seccomp.{field}"
    assert text in problem


def test_all_problems_come_at_once() -> None:
    seccomp = profile(flags=["A", "B"], architectures=["C"])
    assert len(check_seccomp(seccomp)) == 3
    with pytest.raises(ConfigError) as caught:
        plan_filter(seccomp)
    assert caught.value.field == "linux.seccomp.architectures[0]"
    assert "linux.seccomp.flags[1]: 'B'" in str(caught.value)


@pytest.mark.parametrize("seccomp", [None, {}])
def test_no_profile_no_filter(seccomp: Seccomp | None) -> None:
    assert plan_filter(seccomp) is None


@pytest.mark.parametrize(
    ("action", "errno", "ret"),
    [
        ("SCMP_ACT_ALLOW", None, 0x7FFF0000),
        ("SCMP_ACT_ERRNO", None, 0x00050001),
        ("SCMP_ACT_ERRNO", 0, 0x00050000),
        ("SCMP_ACT_ERRNO", 38, 0x00050026),
        ("SCMP_ACT_KILL", None, 0),
        ("SCMP_ACT_KILL_PROCESS", None, 0x80000000),
        ("SCMP_ACT_KILL_THREAD", None, 0),
        ("SCMP_ACT_LOG", None, 0x7FFC0000),
        ("SCMP_ACT_TRACE", None, 0x7FF00001),
        ("SCMP_ACT_TRACE", 7, 0x7FF00007),
        ("SCMP_ACT_TRAP", None, 0x00030000),
    ],
)
def test_actions_become_the_kernels_numbers(action: str, errno: int | None, ret: int) -> None:
    request = plan_filter({"defaultAction": action, "defaultErrnoRet": errno})
    assert request is not None
    assert request.default_ret == ret
    request = plan_filter(rule(action=action, errnoRet=errno))
    assert request is not None
    assert request.rules[0].ret == ret


@pytest.mark.parametrize(
    ("action", "wants_enosys"),
    [
        ("SCMP_ACT_ALLOW", False),
        ("SCMP_ACT_LOG", False),
        ("SCMP_ACT_TRACE", False),
        ("SCMP_ACT_ERRNO", True),
        ("SCMP_ACT_KILL", True),
        ("SCMP_ACT_KILL_PROCESS", True),
        ("SCMP_ACT_TRAP", True),
    ],
)
def test_newer_system_calls_answer_enosys(action: str, *, wants_enosys: bool) -> None:
    request = plan_filter({"defaultAction": action})
    assert request is not None
    assert request.wants_enosys is wants_enosys


@pytest.mark.parametrize(
    ("flags", "bits"),
    [
        (None, 4),
        ([], 0),
        (["SECCOMP_FILTER_FLAG_TSYNC"], 1),
        (["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 6),
        (["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_LOG"], 2),
    ],
)
def test_flags(flags: list[str] | None, bits: int) -> None:
    assert filter_flags(profile(flags=flags)) == bits
    if flags is None:
        assert filter_flags(profile()) == bits


def test_an_agent_brings_a_listener_and_no_tsync() -> None:
    assert filter_flags(notify()) == 4 | 8
    flags = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]
    assert filter_flags(notify(flags=flags)) == 8 | 0x20


def test_an_agent_without_work_is_a_warning() -> None:
    ((field, text),) = warn_seccomp(profile(listenerPath="/run/agent"))
    assert field == "linux.seccomp.listenerPath"
    assert text == "no effect: no rule says SCMP_ACT_NOTIFY"
    assert warn_seccomp(notify()) == []


def test_arguments_of_one_rule_are_anded() -> None:
    request = plan_filter(
        rule(
            args=[
                {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
                {"index": 2, "value": 0xFF, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"},
            ]
        )
    )
    assert request is not None
    (only,) = request.rules
    assert only.args == [(0, 4, 1, 0), (2, 7, 0xFF, 3)]
    assert only.origin == "linux.seccomp.syscalls[0]"


def test_a_repeated_index_makes_an_or_of_all() -> None:
    request = plan_filter(
        rule(
            args=[
                {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
                {"index": 1, "value": 5, "op": "SCMP_CMP_LT"},
                {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"},
            ]
        )
    )
    assert request is not None
    assert [each.args for each in request.rules] == [
        [(0, 4, 1, 0)],
        [(1, 2, 5, 0)],
        [(0, 4, 2, 0)],
    ]
    assert {each.origin for each in request.rules} == {"linux.seccomp.syscalls[0]"}


@pytest.mark.parametrize(("count", "is_large"), [(1, False), (32, False), (33, True)])
def test_only_large_profiles_get_a_tree(count: int, *, is_large: bool) -> None:
    request = plan_filter(rule(names=["read"] * count))
    assert request is not None
    assert request.is_large is is_large


@pytest.mark.parametrize(
    ("op", "two", "text"),
    [
        ("EQ", 2, "no effect: SCMP_CMP_EQ compares with value alone"),
        ("EQ", 0, None),
        ("MASKED_EQ", 1, None),
        ("MASKED_EQ", 3, "bits outside the mask 0x1 are ignored"),
    ],
)
def test_a_second_value_without_meaning_is_a_warning(op: str, two: int, text: str | None) -> None:
    seccomp = arg(op=f"SCMP_CMP_{op}", valueTwo=two)
    assert check_seccomp(seccomp) == []
    field = "linux.seccomp.syscalls[0].args[0].valueTwo"
    assert warn_seccomp(seccomp) == ([] if text is None else [(field, text)])
