"""linux.seccomp: what is wrong with it, and the rules that a filter is compiled from.

The tables are the whole vocabulary: what is not in them is refused, and `features` lists
what is. Names are the configuration's, numbers the kernel's (linux/seccomp.h,
linux/audit.h), except where libseccomp needs its own.
"""

from __future__ import annotations

from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Problem = tuple[str, str]  # a field of the configuration, what is wrong with it

# Action -> SECCOMP_RET_*, the errno not yet in it.
ACTIONS = {
    "SCMP_ACT_ALLOW": 0x7FFF0000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_NOTIFY": 0x7FC00000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_TRAP": 0x00030000,
}
# Action -> largest errnoRet: libseccomp stops short of the kernel's MAX_ERRNO of 4095; a
# tracer gets 16 bits.
ERRNO_MAX = {"SCMP_ACT_ERRNO": 4094, "SCMP_ACT_TRACE": 0xFFFF}
EPERM = 1

# Operator -> libseccomp's enum scmp_compare.
OPERATORS = {
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_MASKED_EQ": 7,
    "SCMP_CMP_NE": 1,
}

# Architecture -> AUDIT_ARCH_*; x32 has none, its number is libseccomp's.
ARCHITECTURES = {
    "SCMP_ARCH_AARCH64": 0xC00000B7,
    "SCMP_ARCH_ARM": 0x40000028,
    "SCMP_ARCH_LOONGARCH64": 0xC0000102,
    "SCMP_ARCH_M68K": 0x00000004,
    "SCMP_ARCH_MIPS": 0x00000008,
    "SCMP_ARCH_MIPS64": 0x80000008,
    "SCMP_ARCH_MIPS64N32": 0xA0000008,
    "SCMP_ARCH_MIPSEL": 0x40000008,
    "SCMP_ARCH_MIPSEL64": 0xC0000008,
    "SCMP_ARCH_MIPSEL64N32": 0xE0000008,
    "SCMP_ARCH_PARISC": 0x0000000F,
    "SCMP_ARCH_PARISC64": 0x8000000F,
    "SCMP_ARCH_PPC": 0x00000014,
    "SCMP_ARCH_PPC64": 0x80000015,
    "SCMP_ARCH_PPC64LE": 0xC0000015,
    "SCMP_ARCH_RISCV64": 0xC00000F3,
    "SCMP_ARCH_S390": 0x00000016,
    "SCMP_ARCH_S390X": 0x80000016,
    "SCMP_ARCH_SH": 0x4000002A,
    "SCMP_ARCH_SHEB": 0x0000002A,
    "SCMP_ARCH_X32": 0x4000003E,
    "SCMP_ARCH_X86": 0x40000003,
    "SCMP_ARCH_X86_64": 0xC000003E,
}

NOTIFY = "SCMP_ACT_NOTIFY"
WAIT_KILLABLE = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
TSYNC = 1
NEW_LISTENER = 8  # no word of the configuration: it comes with NOTIFY

# Flag -> bit of seccomp(2).
FLAGS = {
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
    "SECCOMP_FILTER_FLAG_TSYNC": TSYNC,
    WAIT_KILLABLE: 0x20,
}
FLAGS_DEFAULT = FLAGS["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]

# With these as the default, system calls newer than the profile are meant to pass.
PERMISSIVE = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")

# Up to here libseccomp's list of comparisons is as fast as its binary tree.
NAMES_IN_LIST = 32


class FilterRule:
    """What one entry of `syscalls` asks for, conditions that are ORed split apart.

    origin  the entry's place in config.json
    ret     SECCOMP_RET_*, errno included
    args    (index, operator, value, valueTwo), all of which must hold
    """

    __slots__ = ("args", "names", "origin", "ret")

    def __init__(
        self, origin: str, ret: int, names: list[str], args: list[tuple[int, int, int, int]]
    ) -> None:
        self.origin = origin
        self.ret = ret
        self.names = names
        self.args = args


class FilterRequest:
    """All that the compiler of a filter must know.

    default_ret    SECCOMP_RET_* of a system call without a rule
    wants_enosys   system calls newer than the profile answer ENOSYS
    is_large       worth a binary tree over the numbers
    architectures  names, as the configuration lists them
    """

    __slots__ = ("architectures", "default_ret", "is_large", "rules", "wants_enosys")

    def __init__(
        self,
        *,
        default_ret: int,
        wants_enosys: bool,
        is_large: bool,
        architectures: list[str],
        rules: list[FilterRule],
    ) -> None:
        self.default_ret = default_ret
        self.wants_enosys = wants_enosys
        self.is_large = is_large
        self.architectures = architectures
        self.rules = rules


def plan_filter(seccomp: Mapping[str, Any] | None) -> FilterRequest | None:
    """What to compile; None where there is no profile or an empty one.

    Errors:  ConfigError for whatever `check_seccomp` finds.
    Source:  runtime-spec config-linux.md, Seccomp; runc for the ENOSYS answer.
    """
    if not seccomp:
        return None
    problems = check_seccomp(seccomp)
    if problems:
        (field, text), *others = problems
        raise ConfigError("; ".join([text, *map(": ".join, others)]), field=field)
    default = seccomp["defaultAction"]
    entries: list[Mapping[str, Any]] = seccomp.get("syscalls") or []
    return FilterRequest(
        default_ret=_ret(default, seccomp.get("defaultErrnoRet")),
        wants_enosys=default not in PERMISSIVE,
        is_large=sum(len(entry["names"]) for entry in entries) > NAMES_IN_LIST,
        architectures=list(seccomp.get("architectures") or []),
        rules=[rule for i, entry in enumerate(entries) for rule in _split_rules(i, entry)],
    )


def filter_flags(seccomp: Mapping[str, Any]) -> int:
    """The flags for seccomp(2).

    No `flags` at all means SPEC_ALLOW, as with runc: without it the kernel slows every
    branch of the program down. An empty list means none. With a listener there is no TSYNC,
    which the kernel refuses beside it and which has no effect on a single thread.
    """
    names = seccomp.get("flags")
    flags = FLAGS_DEFAULT if names is None else 0
    for name in names or ():
        flags |= FLAGS[name]
    return (flags & ~TSYNC) | NEW_LISTENER if wants_listener(seccomp) else flags


def wants_listener(seccomp: Mapping[str, Any]) -> bool:
    """Whether system calls are decided by an agent, who gets the listener of the filter."""
    return any(entry.get("action") == NOTIFY for entry in seccomp.get("syscalls") or ())


def check_seccomp(seccomp: Mapping[str, Any]) -> list[Problem]:
    """Every problem of linux.seccomp that its JSON types do not show, as (field, text)."""
    if not seccomp:
        return []
    where = "linux.seccomp"
    problems: list[Problem] = []
    default = seccomp.get("defaultAction")
    if default is None:
        problems.append((f"{where}.defaultAction", "missing: it is required"))
    else:
        problems += _check_action(where, "defaultAction", default)
        problems += _check_errno(where, "defaultErrnoRet", seccomp.get("defaultErrnoRet"), default)
    for i, name in enumerate(seccomp.get("architectures") or ()):
        if name not in ARCHITECTURES:
            problems.append((f"{where}.architectures[{i}]", _unknown(name, ARCHITECTURES)))
    for i, name in enumerate(seccomp.get("flags") or ()):
        if name not in FLAGS:
            problems.append((f"{where}.flags[{i}]", _unknown(name, FLAGS)))
    for i, entry in enumerate(seccomp.get("syscalls") or ()):
        problems += _check_entry(f"{where}.syscalls[{i}]", entry)
    if (
        default == NOTIFY
        or wants_listener(seccomp)
        or WAIT_KILLABLE in (seccomp.get("flags") or ())
    ):
        # Here: most profiles decide by themselves.
        from runtime.plan.seccomp_listener import check_listener

        problems += check_listener(seccomp)
    return problems


def warn_seccomp(seccomp: Mapping[str, Any]) -> list[Problem]:
    """What is legal and does not do what it seems to, as (field, text)."""
    warnings: list[Problem] = []
    if seccomp.get("listenerPath") and not wants_listener(seccomp):
        warnings.append(("linux.seccomp.listenerPath", f"no effect: no rule says {NOTIFY}"))
    for i, entry in enumerate(seccomp.get("syscalls") or ()):
        for j, arg in enumerate(entry.get("args") or ()):
            two = arg.get("valueTwo", 0)
            field = f"linux.seccomp.syscalls[{i}].args[{j}].valueTwo"
            if arg["op"] != "SCMP_CMP_MASKED_EQ":
                if two:
                    warnings.append((field, f"no effect: {arg['op']} compares with value alone"))
            elif two & ~arg["value"]:
                # By the letter never true; libseccomp, and so every runtime, masks both sides.
                warnings.append((field, f"bits outside the mask {arg['value']:#x} are ignored"))
    return warnings


def _check_entry(where: str, entry: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    names: list[str] = entry.get("names") or []
    if not names:
        problems.append((f"{where}.names", "empty: name at least one system call"))
    if not all(names) or "\0" in "".join(names):
        j = next(j for j, name in enumerate(names) if not name or "\0" in name)
        problems.append((f"{where}.names[{j}]", f"{names[j]!r} is no name of a system call"))
    action = entry.get("action")
    if action is None:
        problems.append((f"{where}.action", "missing: it is required"))
    else:
        problems += _check_action(where, "action", action)
        problems += _check_errno(where, "errnoRet", entry.get("errnoRet"), action)
    for j, arg in enumerate(entry.get("args") or ()):
        problems += _check_arg(f"{where}.args[{j}]", arg)
    return problems


def _check_action(where: str, key: str, action: str) -> list[Problem]:
    if action in ACTIONS:
        return []
    return [(f"{where}.{key}", _unknown(action, ACTIONS))]


def _check_errno(where: str, key: str, number: int | None, action: str) -> list[Problem]:
    if number is None or action not in ACTIONS:
        return []
    largest = ERRNO_MAX.get(action)
    if largest is None:
        takers = " and ".join(ERRNO_MAX)
        return [(f"{where}.{key}", f"{action} takes none, only {takers} do; take it out")]
    if not 0 <= number <= largest:
        return [(f"{where}.{key}", f"{number} is out of range, {action} takes 0 to {largest}")]
    return []


def _check_arg(where: str, arg: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    index = arg.get("index")
    if index is None or not 0 <= index <= 5:
        problems.append((f"{where}.index", f"{index} is no argument, they count from 0 to 5"))
    operator = arg.get("op")
    if operator not in OPERATORS:
        problems.append((f"{where}.op", _unknown(str(operator), OPERATORS)))
    for key, value in (("value", arg.get("value", -1)), ("valueTwo", arg.get("valueTwo", 0))):
        if not 0 <= value < 1 << 64:
            problems.append((f"{where}.{key}", f"{value} is no unsigned number of 64 bits"))
    return problems


def _unknown(name: str, table: Mapping[str, int]) -> str:
    return f"{name!r} is unknown, expected one of {', '.join(table)}"


def _ret(action: str, errno: int | None) -> int:
    if action not in ERRNO_MAX:
        return ACTIONS[action]
    return ACTIONS[action] | (EPERM if errno is None else errno)


def _split_rules(i: int, entry: Mapping[str, Any]) -> list[FilterRule]:
    """One rule; or one for each argument where an index is used twice.

    libseccomp compares an argument once in a rule. All runtimes make an OR of it.
    """
    args = [
        (arg["index"], OPERATORS[arg["op"]], arg["value"], arg.get("valueTwo", 0))
        for arg in entry.get("args") or ()
    ]
    alternatives = [args]
    if len({arg[0] for arg in args}) < len(args):
        alternatives = [[arg] for arg in args]
    origin = f"linux.seccomp.syscalls[{i}]"
    ret = _ret(entry["action"], entry.get("errnoRet"))
    return [FilterRule(origin, ret, entry["names"], each) for each in alternatives]
