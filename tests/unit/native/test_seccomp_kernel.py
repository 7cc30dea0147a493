"""Compiled filters in the kernel: a child installs one and makes a system call.

Needs no root: no_new_privs is enough for seccomp(2).
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from harness.seccomp import Profile

from runtime.native.seccomp import compile_filter
from runtime.plan.seccomp import filter_flags, plan_filter

pytestmark = pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="makes the system calls of x86_64 by number"
)

PR_SET_NO_NEW_PRIVS = 38
NR_SECCOMP = 317
SECCOMP_SET_MODE_FILTER = 1
NR_GETPRIORITY = 140
NR_GETPGID = 121
NR_LSEEK = 8
NR_UNUSED = 2000
DONE = 77

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def install(program: bytes, flags: int) -> None:
    wanted = Program(len(program) // 8, program)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    status = libc.syscall(NR_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(wanted))
    if status != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def call(nr: int, *args: int) -> tuple[int, int]:
    """The result and the errno of one system call."""
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(nr), *(ctypes.c_ulong(arg) for arg in args))
    return result, ctypes.get_errno()


def under(profile: Profile, act: Callable[[], Any]) -> tuple[int, str]:
    """The wait status of a child that acts under the profile, and what it got as text.

    The child leaves by the status DONE where it comes to its end.
    """
    request = plan_filter(profile)
    assert request is not None
    program = compile_filter(request)
    flags = filter_flags(profile)
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        text = "the filter was not installed"
        try:
            install(program, flags)
            text = repr(act())
        except BaseException as error:
            text = repr(error)
        finally:
            os.write(write_fd, text.encode())
            os._exit(DONE)
    os.close(write_fd)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(read_fd, "rb") as reader:
        return status, reader.read().decode()


def deny(action: str, *names: str, **more: Any) -> Profile:
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": list(names), "action": action, **more}],
    }


@pytest.mark.parametrize(
    ("action", "errno_ret", "result"),
    [
        ("SCMP_ACT_ERRNO", None, (-1, errno.EPERM)),
        ("SCMP_ACT_ERRNO", 1, (-1, errno.EPERM)),
        ("SCMP_ACT_ERRNO", 5, (-1, errno.EIO)),
        ("SCMP_ACT_ERRNO", 0, (0, 0)),
        ("SCMP_ACT_TRACE", None, (-1, errno.ENOSYS)),
        ("SCMP_ACT_TRACE", 7, (-1, errno.ENOSYS)),
        ("SCMP_ACT_LOG", None, (20, 0)),
        ("SCMP_ACT_ALLOW", None, (20, 0)),
    ],
)
def test_what_the_caller_sees(action: str, errno_ret: int | None, result: tuple[int, int]) -> None:
    more = {} if errno_ret is None else {"errnoRet": errno_ret}
    # getpriority(PRIO_PROCESS) answers 20 for a nice value of 0, never 0 itself.
    profile = deny(action, "getpriority", **more)
    if action == "SCMP_ACT_ALLOW":
        profile["defaultAction"] = "SCMP_ACT_LOG"

    def act() -> tuple[int, int]:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        return call(NR_GETPRIORITY, 0, 0)

    if os.getpriority(os.PRIO_PROCESS, 0) != 0:
        pytest.skip("runs with a nice value, so the plain result is another")
    assert under(profile, act) == (DONE << 8, repr(result))


@pytest.mark.parametrize(
    "action", ["SCMP_ACT_TRAP", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"]
)
def test_deadly_actions(action: str) -> None:
    status, text = under(deny(action, "getpgid"), lambda: call(NR_GETPGID, 0))
    assert (os.WIFSIGNALED(status), os.WTERMSIG(status)) == (True, signal.SIGSYS)
    assert text == ""


def test_trap_can_be_caught() -> None:
    caught = []

    def act() -> list[int]:
        signal.signal(signal.SIGSYS, lambda number, frame: caught.append(number))
        call(NR_GETPGID, 0)
        return [int(number) for number in caught]

    assert under(deny("SCMP_ACT_TRAP", "getpgid"), act) == (DONE << 8, repr([signal.SIGSYS.value]))


@pytest.mark.parametrize(
    ("action", "survives"), [("SCMP_ACT_KILL_THREAD", True), ("SCMP_ACT_KILL_PROCESS", False)]
)
def test_kill_thread_spares_the_process(action: str, *, survives: bool) -> None:
    def act() -> str:
        # By the raw interface: an interpreter's thread would die with its lock held.
        thread_type = ctypes.c_ulong
        thread = thread_type()
        getpgid = ctypes.cast(libc.getpgid, ctypes.c_void_p)
        libc.pthread_create(ctypes.byref(thread), None, getpgid, None)
        signal.sigtimedwait([signal.SIGUSR1], 0.3)
        return "alive"

    status, text = under(deny(action, "getpgid"), act)
    if survives:
        assert (status, text) == (DONE << 8, "'alive'")
    else:
        assert (os.WIFSIGNALED(status), text) == (True, "")


def test_arguments_are_compared_in_64_bits() -> None:
    big = 0x1_0000_0001
    profile = deny(
        "SCMP_ACT_ERRNO",
        "lseek",
        errnoRet=5,
        args=[{"index": 1, "value": big, "op": "SCMP_CMP_EQ"}],
    )
    values = (1, big, big + 1)
    status, text = under(profile, lambda: [call(NR_LSEEK, 999, value, 0)[1] for value in values])
    assert (status, text) == (DONE << 8, repr([errno.EBADF, errno.EIO, errno.EBADF]))


def test_enosys_above_what_the_profile_names_eperm_below() -> None:
    """All the interpreter needs on its way out, and no getpgid."""
    profile: Profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {
                "names": [
                    "write", "exit_group", "mmap", "munmap", "brk", "futex", "rt_sigprocmask",
                    "rt_sigreturn", "madvise",
                ],
                "action": "SCMP_ACT_ALLOW",
            }
        ],
    }  # fmt: skip
    status, text = under(profile, lambda: [call(nr)[1] for nr in (NR_GETPGID, NR_UNUSED)])
    assert (status, text) == (DONE << 8, repr([errno.EPERM, errno.ENOSYS]))


# mov eax, 20 (getpid of i386); push rbx; int 0x80; pop rbx; ret
GETPID_32 = bytes.fromhex("b814000000 53 cd80 5b c3")


def getpid_32() -> int:
    """getpid through the door of 32-bit programs."""
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(GETPID_32)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(address)())


def is_32_bit_door_open() -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if getpid_32() == os.getpid() else 1)
    return os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize(
    ("arches", "is_killed"),
    [
        ([], True),
        (["SCMP_ARCH_X86_64"], True),
        (["SCMP_ARCH_X86"], False),
        (["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], False),
    ],
)
def test_32_bit_calls(arches: list[str], *, is_killed: bool) -> None:
    if not is_32_bit_door_open():
        pytest.skip("this kernel runs no 32-bit programs")
    profile = deny("SCMP_ACT_ERRNO", "getpid", errnoRet=5)
    if arches:
        profile["architectures"] = arches
    status, text = under(profile, getpid_32)
    if is_killed:
        assert (os.WIFSIGNALED(status), os.WTERMSIG(status)) == (True, signal.SIGSYS)
    else:
        assert (status, text) == (DONE << 8, str(-errno.EIO))


@pytest.mark.parametrize("flags", [None, [], ["SECCOMP_FILTER_FLAG_LOG"], [
    "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]])  # fmt: skip
def test_the_kernel_takes_the_flags(flags: list[str] | None) -> None:
    profile = deny("SCMP_ACT_ERRNO", "getpgid")
    if flags is not None:
        profile["flags"] = flags
    assert under(profile, lambda: call(NR_GETPGID, 0)[1]) == (DONE << 8, str(errno.EPERM))
