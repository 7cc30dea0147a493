"""Rules apart: what libseccomp gets, what is ours."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.plan.seccomp import ARCHITECTURES, FilterRequest, plan_filter
from runtime.plan.seccomp_split import MULTIPLEXED, plan_blocks, split_rules

ALLOW, EPERM = 0x7FFF0000, 0x00050001
X86_64, X86, X32, N32 = (
    ARCHITECTURES[f"SCMP_ARCH_{name}"] for name in ("X86_64", "X86", "X32", "MIPS64N32")
)


def rule(*names: str, value: int | None = None, action: str = "SCMP_ACT_ALLOW") -> dict[str, Any]:
    args = [] if value is None else [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]
    return {"names": list(names), "action": action, "args": args}


def request(*rules: dict[str, Any], arches: list[str] | None = None) -> FilterRequest:
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": list(rules)}
    made = plan_filter({**profile, "architectures": arches or []})
    assert made is not None
    return made


def test_conditions_are_ours_and_their_names_are_known_to_libseccomp() -> None:
    split = split_rules(request(rule("read"), rule("dup", "kill", value=1)))
    assert [(each.ret, each.names, each.args) for each in split.plain] == [
        (ALLOW, ["read"], []),
        (EPERM, ["dup", "kill"], []),
    ]
    clause = (ALLOW, [(0, 4, 1, 0)])
    assert split.clauses == {"dup": [clause], "kill": [clause]}


@pytest.mark.parametrize("first", [0, 1])
def test_a_rule_without_conditions_wins(first: int) -> None:
    rules = [rule("dup", value=1, action="SCMP_ACT_LOG"), rule("dup")]
    assert split_rules(request(rules[first], rules[1 - first])).clauses == {}


def test_a_rule_with_the_default_action_says_nothing() -> None:
    plain = rule("dup", action="SCMP_ACT_ERRNO")
    split = split_rules(request(plain, rule("dup", value=1), rule("dup", value=2)))
    assert [args for _, args in split.clauses["dup"]] == [[(0, 4, 1, 0)], [(0, 4, 2, 0)]]
    same = rule("dup", value=1, action="SCMP_ACT_ERRNO")
    assert split_rules(request(same)).clauses == {}


def test_two_actions_for_the_same_conditions() -> None:
    with pytest.raises(ConfigError, match=r"syscalls\[1\]\.names\[1\]: another action for dup"):
        split_rules(
            request(rule("dup", value=1), rule("kill", "dup", value=1, action="SCMP_ACT_LOG"))
        )


def test_blocks_of_every_architecture() -> None:
    """x32 is shown as x86_64; where registers have 32 bits, half an argument is compared."""
    wanted = request(
        rule("dup", "nowhere", value=1),
        arches=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_MIPS64N32"],
    )
    numbers = {(X86_64, "dup"): 32, (X86, "dup"): 41, (X32, "dup"): 1 << 30 | 32, (N32, "dup"): 31}
    blocks = plan_blocks(
        split_rules(wanted), wanted, X86_64, lambda arch, name: numbers.get((arch, name), -1)
    )
    assert [(block.arch, block.nr, block.narrow, block.default) for block in blocks] == [
        (X86_64, 32, False, EPERM),
        (X86, 41, True, EPERM),
        (X86_64, 1 << 30 | 32, True, EPERM),
        (N32, 31, True, EPERM),
    ]


def test_old_calls_that_stand_for_many() -> None:
    """Source: linux/net.h, linux/ipc.h."""
    sockets, others = MULTIPLEXED["socketcall"], MULTIPLEXED["ipc"]
    assert (sockets.index("accept4") + 1, sockets.index("sendmmsg") + 1) == (18, 20)
    assert [others.index(name) + 1 for name in ("semtimedop", "msgsnd", "shmat", "shmctl")] == [
        4, 11, 21, 24,
    ]  # fmt: skip
