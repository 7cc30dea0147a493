"""Seccomp filters: actions as the program feels them, flags and refusals."""

from __future__ import annotations

from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime


def profile(*names: str, action: str = "SCMP_ACT_ERRNO", **rest: Any) -> dict[str, Any]:
    """Everything allowed but `names`."""
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [{"names": list(names), "action": action, **rest}],
    }


@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize(
    ("rest", "words"),
    [
        pytest.param({}, "Operation not permitted", id="EPERM by default"),
        pytest.param({"errnoRet": 13}, "Permission denied", id="EACCES"),
        pytest.param({"errnoRet": 28}, "No space left on device", id="ENOSPC"),
    ],
)
@pytest.mark.spec("linux.seccomp.defaultErrnoRet", "linux.seccomp.syscalls.errnoRet")
def test_errno(
    runtime: Runtime, bundle: Bundle, rest: dict[str, Any], words: str, no_new_privileges: bool
) -> None:
    bundle.process["noNewPrivileges"] = no_new_privileges
    bundle.linux["seccomp"] = profile("mkdir", "mkdirat", **rest)
    result = runtime.run(bundle.sh("mkdir /tmp/new; grep -E '^Seccomp:' /proc/self/status"))
    assert words in result.err
    assert result.words == ["Seccomp:", "2"]
    assert not (bundle.rootfs / "tmp/new").exists()


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("SCMP_ACT_KILL", 128 + 31),
        ("SCMP_ACT_KILL_THREAD", 128 + 31),
        ("SCMP_ACT_KILL_PROCESS", 128 + 31),
        ("SCMP_ACT_TRAP", 128 + 31),
        ("SCMP_ACT_LOG", 0),
        ("SCMP_ACT_ALLOW", 0),
    ],
)
@pytest.mark.spec("linux.seccomp.defaultAction", "linux.seccomp.syscalls.action")
def test_actions(runtime: Runtime, bundle: Bundle, action: str, status: int) -> None:
    bundle.linux["seccomp"] = profile("mkdir", "mkdirat", action=action)
    if action == "SCMP_ACT_ALLOW":  # a rule that repeats the default is no rule
        bundle.linux["seccomp"]["defaultAction"] = "SCMP_ACT_LOG"
    result = runtime.run(bundle.sh("mkdir /tmp/new; exit $?"))
    assert result.status == status


@pytest.mark.spec("linux.seccomp.syscalls.args")
def test_arguments_are_compared(runtime: Runtime, bundle: Bundle) -> None:
    """kill(2) with signal 9 is refused, others are not."""
    bundle.linux["seccomp"] = profile("kill", args=[{"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}])
    bundle.sh("sleep 100 & kill -9 $! || echo refused; kill -15 $! && echo sent")
    assert runtime.run(bundle).words == ["refused", "sent"]


@pytest.mark.spec("linux.seccomp.syscalls.args.valueTwo")
def test_masked_comparison(runtime: Runtime, bundle: Bundle) -> None:
    """unshare(2) with CLONE_NEWUSER is refused, whatever else is asked for."""
    bundle.linux["seccomp"] = profile(
        "unshare",
        errnoRet=28,
        args=[
            {"index": 0, "value": 0x10000000, "valueTwo": 0x10000000, "op": "SCMP_CMP_MASKED_EQ"}
        ],
    )
    result = runtime.run(bundle.sh("unshare -U -n true"))
    assert "No space left" in result.err


@pytest.mark.spec("linux.seccomp.defaultAction", "linux.seccomp.syscalls.names")
def test_default_deny_with_a_list(runtime: Runtime, bundle: Bundle) -> None:
    """As engines have it: what is not listed fails, unknown names are skipped."""
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [
            {
                "names": [
                    "access", "arch_prctl", "brk", "close", "close_range", "dup2", "dup3",
                    "execve", "exit", "exit_group", "fcntl", "fstat", "futex", "getcwd", "getpid",
                    "getppid", "getrandom", "getuid", "geteuid", "getgid", "getegid", "mmap",
                    "mprotect", "munmap", "newfstatat", "openat", "open", "poll", "prctl",
                    "prlimit64", "read", "readlink", "readlinkat", "rseq", "rt_sigaction",
                    "rt_sigprocmask", "rt_sigreturn", "set_robust_list", "set_tid_address",
                    "stat", "statx", "write", "writev", "no_such_call_ever", "capset", "capget",
                    "chdir", "setgid", "setuid", "setgroups", "fchown", "ioctl", "lseek",
                    "epoll_ctl", "epoll_pwait", "nanosleep", "tgkill", "sched_yield", "gettid",
                    "clone", "wait4", "fork", "vfork", "uname", "fstatfs", "getdents64",
                    "epoll_create1", "eventfd2", "pipe2", "sigaltstack", "madvise", "mlock",
                    "sched_getaffinity", "unlinkat", "openat2", "pread64", "faccessat",
                    "faccessat2", "rt_sigreturn", "kill", "setresuid", "setresgid", "timer_create",
                    "timer_settime", "timer_delete", "tkill", "socket", "clock_gettime",
                ],
                "action": "SCMP_ACT_ALLOW",
            }
        ],
    }  # fmt: skip
    result = runtime.run(bundle.sh("echo runs; mkdir /tmp/new"))
    assert result.out == "runs\n"
    assert "Operation not permitted" in result.err


@pytest.mark.parametrize("flags", [[], ["SECCOMP_FILTER_FLAG_LOG"]])
@pytest.mark.spec("linux.seccomp.flags")
def test_flags(runtime: Runtime, bundle: Bundle, flags: list[str]) -> None:
    bundle.linux["seccomp"] = profile("mkdir", "mkdirat") | {"flags": flags}
    assert "Operation not permitted" in runtime.run(bundle.sh("mkdir /tmp/new")).err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"defaultAction": "SCMP_ACT_MOON"}, "SCMP_ACT_MOON", id="action"),
        pytest.param({"architectures": ["SCMP_ARCH_MOON"]}, "SCMP_ARCH_MOON", id="architecture"),
        pytest.param({"flags": ["SECCOMP_FILTER_FLAG_MOON"]}, "MOON", id="flag"),
        pytest.param(
            {"syscalls": [{"names": [], "action": "SCMP_ACT_ALLOW"}]}, "names", id="no names"
        ),
        pytest.param(
            {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_LOG", "errnoRet": 1}]},
            "errnoRet",
            id="errnoRet of an action without",
        ),
        pytest.param(
            {
                "syscalls": [
                    {
                        "names": ["mkdir"],
                        "action": "SCMP_ACT_ERRNO",
                        "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}],
                    }
                ]
            },
            "arg",
            id="argument 6",
        ),
    ],
)
def test_refused(runtime: Runtime, bundle: Bundle, change: dict[str, Any], words: str) -> None:
    bundle.linux["seccomp"] = profile("mkdir") | change
    result = runtime.run(bundle)
    assert result.status == 1
    assert words in result.err
    assert runtime.ids() == []
