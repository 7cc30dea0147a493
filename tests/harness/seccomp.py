"""Seccomp programs on paper: an interpreter, a model of what a profile means, a profile."""

from __future__ import annotations

import ctypes
import errno
import json
import struct
from pathlib import Path
from typing import Any, NamedTuple

from runtime.plan.seccomp import ACTIONS, ARCHITECTURES, ERRNO_MAX

Profile = dict[str, Any]

X86 = ARCHITECTURES["SCMP_ARCH_X86"]
X86_64 = ARCHITECTURES["SCMP_ARCH_X86_64"]
X32 = ARCHITECTURES["SCMP_ARCH_X32"]
AARCH64 = ARCHITECTURES["SCMP_ARCH_AARCH64"]
X32_BIT = 0x40000000
TRACER_SKIP = 0xFFFFFFFF

KILL_THREAD = ACTIONS["SCMP_ACT_KILL_THREAD"]
ERRNO = ACTIONS["SCMP_ACT_ERRNO"]
ENOSYS = ERRNO | errno.ENOSYS
PERMISSIVE = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"}

# Of these only the lower half of an argument is compared by libseccomp.
NARROW = {X86, X32}

_libseccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)


class Call(NamedTuple):
    """One system call, as struct seccomp_data shows it to the filter."""

    arch: int
    nr: int
    args: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)


def number(name: str, token: int) -> int:
    """The number of a system call on an architecture; negative where it has none."""
    return int(_libseccomp.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(token), name.encode()))


def run(program: bytes, call: Call) -> int:
    """What the kernel's interpreter returns for this call: a SECCOMP_RET_* value.

    Errors:  ValueError for an instruction that the kernel would not take; IndexError for a
             jump out of the program.
    Source:  kernel, Documentation/networking/filter.rst.
    """
    data = struct.pack("=iIQ6Q", _signed(call.nr), call.arch, 0, *call.args)
    code = list(struct.iter_unpack("=HBBI", program))
    accumulator = 0
    at = 0
    while True:
        op, jt, jf, k = code[at]
        at += 1
        if op == 0x20:  # ld [k]
            if k % 4 or k > len(data) - 4:
                raise ValueError(f"load from {k}")
            accumulator = struct.unpack_from("=I", data, k)[0]
        elif op == 0x54:  # and #k
            accumulator &= k
        elif op == 0x05:  # jmp
            at += k
        elif op == 0x15:  # jeq
            at += jt if accumulator == k else jf
        elif op == 0x25:  # jgt
            at += jt if accumulator > k else jf
        elif op == 0x35:  # jge
            at += jt if accumulator >= k else jf
        elif op == 0x45:  # jset
            at += jt if accumulator & k else jf
        elif op == 0x06:  # ret #k
            return int(k)
        else:
            raise ValueError(f"instruction {op:#x}")


def decide(profile: Profile, native: int, call: Call) -> int:
    """What the profile means for this call, read from the configuration itself."""
    listed = {native, *(ARCHITECTURES[name] for name in profile.get("architectures", []))}
    token = X32 if call.arch == X86_64 and call.nr >= X32_BIT else call.arch
    rules = profile.get("syscalls", [])
    default = ret(profile["defaultAction"], profile.get("defaultErrnoRet"))
    if token not in listed:
        # -1 is what a tracer writes to skip a call: to libseccomp no x32 number.
        return default if token == X32 and call.nr == TRACER_SKIP else KILL_THREAD
    known = [number(name, token) for rule in rules for name in rule["names"]]
    top = max(known, default=0)
    names_any = top > (X32_BIT if token == X32 else 0)
    if profile["defaultAction"] not in PERMISSIVE and names_any and call.nr > top:
        return ENOSYS
    mine = [
        rule
        for rule in rules
        if call.nr in [number(name, token) for name in rule["names"]]
        and ret(rule["action"], rule.get("errnoRet")) != default
    ]
    for rule in mine:
        if not rule.get("args"):
            return ret(rule["action"], rule.get("errnoRet"))
    for rule in mine:
        results = [_holds(arg, call.args, narrow=token in NARROW) for arg in rule["args"]]
        indexes = [arg["index"] for arg in rule["args"]]
        matches = any(results) if len(set(indexes)) < len(indexes) else all(results)
        if matches:
            return ret(rule["action"], rule.get("errnoRet"))
    return default


def ret(action: str, number: int | None) -> int:
    """SECCOMP_RET_* of an action with its errno."""
    return ACTIONS[action] | ((errno.EPERM if number is None else number) * (action in ERRNO_MAX))


def engine_profile(path: Path, caps: set[str], arch: str, names: list[str]) -> Profile:
    """What an engine makes of its profile file for a container with these capabilities.

    `arch` is the file's word for the machine (amd64), `names` the SCMP_ARCH_* that come
    with it.
    """
    source = json.loads(path.read_text())
    profile: Profile = {
        "defaultAction": source["defaultAction"],
        "architectures": names,
        "syscalls": [],
    }
    if source.get("defaultErrnoRet") is not None:
        profile["defaultErrnoRet"] = source["defaultErrnoRet"]
    for rule in source["syscalls"]:
        wants, shuns = rule.get("includes") or {}, rule.get("excludes") or {}
        if wants.get("arches") and arch not in wants["arches"]:
            continue
        if not set(wants.get("caps") or []) <= caps:
            continue
        if arch in (shuns.get("arches") or []) or caps & set(shuns.get("caps") or []):
            continue
        entry = {"names": rule["names"], "action": rule["action"]}
        if rule.get("args"):
            entry["args"] = rule["args"]
        if rule.get("errnoRet") is not None:
            entry["errnoRet"] = rule["errnoRet"]
        profile["syscalls"].append(entry)
    return profile


def _signed(nr: int) -> int:
    return nr - (1 << 32) if nr >= 1 << 31 else nr


def _holds(arg: dict[str, Any], args: tuple[int, ...], *, narrow: bool) -> bool:
    mask = 0xFFFFFFFF if narrow else (1 << 64) - 1
    value = arg["value"] & mask
    two = arg.get("valueTwo", 0) & mask
    seen = args[arg["index"]] & mask
    return {
        "SCMP_CMP_EQ": seen == value,
        "SCMP_CMP_NE": seen != value,
        "SCMP_CMP_LT": seen < value,
        "SCMP_CMP_LE": seen <= value,
        "SCMP_CMP_GT": seen > value,
        "SCMP_CMP_GE": seen >= value,
        "SCMP_CMP_MASKED_EQ": seen & value == two & value,  # libseccomp masks both
    }[arg["op"]]
