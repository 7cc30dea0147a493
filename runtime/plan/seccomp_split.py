"""Which rules of a profile libseccomp compiles, and which system calls have conditions.

libseccomp knows the numbers of system calls on every architecture, and gets the rules without
conditions. Those with conditions are ours: seccomp_conditions.py.
"""

from __future__ import annotations

from runtime.errors import ConfigError
from runtime.plan.seccomp import ARCHITECTURES, FilterRule
from runtime.plan.seccomp_conditions import EQ, Block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.plan.seccomp import FilterRequest
    from runtime.plan.seccomp_conditions import Clause

X32 = ARCHITECTURES["SCMP_ARCH_X32"]
X86_64 = ARCHITECTURES["SCMP_ARCH_X86_64"]
IS_64_BIT = 0x80000000  # of AUDIT_ARCH_*
IS_N32 = 0x20000000  # registers of 64 bits, pointers of 32

# Old system calls that stand for many, the first argument says for which: linux/net.h, linux/ipc.h.
MULTIPLEXED = {
    "socketcall": [
        "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername",
        "socketpair", "send", "recv", "sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt",
        "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg",
    ],
    "ipc": [
        "semop", "semget", "semctl", "semtimedop", "", "", "", "", "", "",
        "msgsnd", "msgrcv", "msgget", "msgctl", "", "", "", "", "", "",
        "shmat", "shmdt", "shmget", "shmctl",
    ],
}  # fmt: skip


class SplitRules:
    """The rules of a request, apart.

    plain      for libseccomp, without conditions; a rule whose names it is only to know of,
               because we decide about them, has the default's action
    clauses    name -> what decides about it, in order
    decided    names that a plain rule decides about
    """

    __slots__ = ("clauses", "decided", "plain")

    def __init__(self) -> None:
        self.plain: list[FilterRule] = []
        self.clauses: dict[str, list[Clause]] = {}
        self.decided: set[str] = set()


def split_rules(request: FilterRequest) -> SplitRules:
    """Rules without conditions win over those with; rules with the default's action say nothing.

    Errors:  ConfigError where the same conditions have two actions.
    Source:  libseccomp 2.5, which all runtimes use.
    """
    split = SplitRules()
    for rule in request.rules:
        if not rule.args:
            split.plain.append(rule)
            if rule.ret != request.default_ret:
                split.decided.update(rule.names)
            continue
        split.plain.append(FilterRule(rule.origin, request.default_ret, rule.names, []))
        if rule.ret != request.default_ret:
            _add_clause(split.clauses, rule)
    for name in split.decided & split.clauses.keys():
        del split.clauses[name]
    return split


def _add_clause(clauses: dict[str, list[Clause]], rule: FilterRule) -> None:
    wanted = sorted(rule.args)
    for index, name in enumerate(rule.names):
        known = clauses.setdefault(name, [])
        for ret, args in known:
            if sorted(args) == wanted and ret != rule.ret:
                raise ConfigError(
                    f"another action for {name} under the same conditions stands before",
                    field=f"{rule.origin}.names[{index}]",
                    hint="keep one of the two",
                )
        known.append((rule.ret, rule.args))


def plan_blocks(
    split: SplitRules, request: FilterRequest, native: int, number: Callable[[int, str], int]
) -> list[Block]:
    """What the system calls with conditions become on each architecture.

    `number` tells the number of a system call on an architecture, negative where it has none.
    """
    blocks = []
    tokens = dict.fromkeys([native, *(ARCHITECTURES[name] for name in request.architectures)])
    for token in tokens:
        narrow = not token & IS_64_BIT or bool(token & IS_N32)
        arch = X86_64 if token == X32 else token
        for name, clauses in split.clauses.items():
            nr = number(token, name)
            if nr >= 0:
                blocks.append(Block(arch, nr, clauses, request.default_ret, narrow=narrow))
        for nr, clauses in _multiplexed(split, token, number):
            blocks.append(Block(arch, nr, clauses, None, narrow=narrow))
    return blocks


def _multiplexed(
    split: SplitRules, token: int, number: Callable[[int, str], int]
) -> list[tuple[int, list[Clause]]]:
    """The same by way of the old calls. Their other arguments lie in memory, where no filter
    sees them; a condition on the first, which says what is called, cannot be kept.
    """
    found = []
    for old, names in MULTIPLEXED.items():
        nr = number(token, old)
        if nr < 0 or old in split.decided or old in split.clauses:
            continue
        clauses = [
            (ret, [(0, EQ, called, 0), *(arg for arg in args if arg[0] != 0)])
            for called, name in enumerate(names, 1)
            for ret, args in split.clauses.get(name, ())
        ]
        if clauses:
            found.append((nr, clauses))
    return found
