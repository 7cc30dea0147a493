"""Device access on cgroup v2: a BPF program, made and attached by us.

The kernel asks the program at every open and mknod of a device node; 1 allows. A program
is replaced atomically: at no moment is a container without one, or under two of ours.
"""

from __future__ import annotations

import errno
import posix as os
from _struct import Struct

from runtime.cgroups.devices import ALL, ANY, DevicePolicy
from runtime.errors import ConfigError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # cmd, union bpf_attr (changed in place) -> descriptor or 0; raises OSError
    Bpf = Callable[[int, bytearray], int]

# bpf(2) commands and constants, linux/bpf.h.
PROG_LOAD = 5
PROG_ATTACH = 8
PROG_DETACH = 9
PROG_GET_FD_BY_ID = 13
PROG_QUERY = 16
TYPE_CGROUP_DEVICE = 15
ATTACH_CGROUP_DEVICE = 6
ALLOW_MULTI = 2
REPLACE = 4

# Some kernels since 6.17 write a field at offset 56 whatever size they are told.
ATTR_SIZE = 64
LOAD_ATTR = Struct("=IIQQIIQ")
ATTACH_ATTR = Struct("=IIIII")
QUERY_ATTR = Struct("=IIIIQI")
PROGRAM_ID = Struct("=I")
MOST_PROGRAMS = 64
LOAD_TRIES = 30
ATTACH_TRIES = 20
LOG_SIZE = 1 << 18

# Instructions: code, registers (destination in the low nibble), jump offset, immediate.
INSTRUCTION = Struct("=BBhi")
LDX_W = 0x61
MOV32_REG = 0xBC
MOV64_IMM = 0xB7
AND32_IMM = 0x54
RSH32_IMM = 0x74
JEQ32_IMM = 0x16
JNE32_IMM = 0x56
JNE32_REG = 0x5E
JA = 0x05
EXIT = 0x95
FARTHEST_JUMP = 0x7FFF
BLOCK = 1
CHAR = 2

FIELD = "linux.resources.devices"


def device_program(policy: DevicePolicy) -> bytes:
    """The policy as BPF instructions.

    r2 is the type, r3 the access, r4 major, r5 minor. An exception of a policy that denies
    must cover the whole access; one of a policy that allows forbids if it covers any of
    it, as the kernel does on v1: else a device denied for writing opens read-write.

    Exceptions are grouped by type and major, and what is known after a comparison is never
    asked again: with a flat list the verifier walks the rest of the program anew for every
    rule, and gives up at some hundreds of them.
    Errors:  ConfigError for thousands of rules.
    Source:  linux/bpf.h, struct bpf_cgroup_dev_ctx; security/device_cgroup.c for the meaning.
    """
    code = Assembler(policy)
    code.put(LDX_W, 2, 1, 0)
    code.put(MOV32_REG, 3, 2)
    code.put(AND32_IMM, 2, imm=0xFFFF)
    code.put(RSH32_IMM, 3, imm=16)
    code.put(LDX_W, 4, 1, 4)
    code.put(LDX_W, 5, 1, 8)
    for kind, number in (("b", BLOCK), ("c", CHAR)):
        # major -> minor -> access
        groups: dict[int, dict[int, int]] = {}
        for (of_kind, major, minor), access in policy.exceptions.items():
            if of_kind == kind:
                groups.setdefault(major, {})[minor] = access
        if not groups:
            continue
        after = code.put(JNE32_IMM, 2, imm=number)
        any_major = groups.pop(ANY, {})
        to_any_major: list[int] = []
        for major, minors in groups.items():
            other = code.put(JNE32_IMM, 4, imm=major)
            if code.minors(minors):
                to_any_major.append(code.put(JA))
            code.land(other)
        for jump in to_any_major:
            code.land(jump)
        if code.minors(any_major):
            code.verdict(policy.allows)
        code.land(after)
    code.verdict(policy.allows)
    return code.assemble()


class Assembler:
    """Instructions, and jumps whose target comes later."""

    __slots__ = ("_instructions", "_policy")

    def __init__(self, policy: DevicePolicy) -> None:
        self._instructions: list[list[int]] = []
        self._policy = policy

    def put(self, code: int, dst: int = 0, src: int = 0, off: int = 0, *, imm: int = 0) -> int:
        """One instruction; its index, for land()."""
        self._instructions.append([code, dst | src << 4, off, imm])
        return len(self._instructions) - 1

    def land(self, jump: int) -> None:
        """The jump goes to the next instruction to come."""
        self._instructions[jump][2] = len(self._instructions) - jump - 1

    def verdict(self, allow: bool) -> None:
        """The end, with an answer."""
        self.put(MOV64_IMM, 0, imm=int(allow))
        self.put(EXIT)

    def minors(self, minors: dict[int, int]) -> bool:
        """The exceptions of one major; False if the code behind them cannot be reached."""
        misses: list[int] = []
        for minor, access in minors.items():
            if minor == ANY:
                continue
            other = self.put(JNE32_IMM, 5, imm=minor)
            if (miss := self._access(access)) is not None:
                # The right device, another access: only wildcards are left to ask.
                self.land(miss)
                misses.append(self.put(JA))
            self.land(other)
        for jump in misses:
            self.land(jump)
        if ANY not in minors:
            return True
        miss = self._access(minors[ANY])
        if miss is None:
            return False
        self.land(miss)
        return True

    def _access(self, access: int) -> int | None:
        """The opposite of the default for this access; the jump of those it is not for."""
        miss = None
        if access != ALL:
            self.put(MOV32_REG, 1, 3)
            self.put(AND32_IMM, 1, imm=access)
            if self._policy.allows:
                miss = self.put(JEQ32_IMM, 1, imm=0)
            else:
                miss = self.put(JNE32_REG, 1, 3)
        self.verdict(not self._policy.allows)
        return miss

    def assemble(self) -> bytes:
        """The program.

        Errors:  ConfigError when a jump is farther than an instruction can say.
        """
        out = []
        for code, registers, off, imm in self._instructions:
            if off > FARTHEST_JUMP:
                raise ConfigError("too many rules for one device program", field=FIELD)
            # Device numbers are unsigned, immediate values are not.
            out.append(INSTRUCTION.pack(code, registers, off, imm - (imm >> 31 << 32)))
        return b"".join(out)


def install(
    program: bytes, directory: str, cgroup_fd: int, bpf: Bpf, *, is_new: bool = False
) -> None:
    """Load the program and make it the only one of ours on the cgroup.

    A new cgroup has none yet. Elsewhere programs we may not open (of systemd, in an outer
    user namespace) stay: the kernel asks all of them, and each may deny.
    Errors:  KernelError.
    """
    program_fd = load(program, bpf)
    try:
        for last in range(ATTACH_TRIES - 1, -1, -1):
            try:
                if is_new:
                    _attach(program_fd, cgroup_fd, bpf)
                else:
                    _replace(program_fd, cgroup_fd, bpf)
                return
            except OSError as error:
                # A program that went away between the query and the replacement.
                if error.errno == errno.ENOENT and last:
                    continue
                raise KernelError(
                    f"attach the device program to {directory}",
                    field=FIELD, syscall="bpf", errno=error.errno or 0,
                ) from error  # fmt: skip
    finally:
        os.close(program_fd)


def load(program: bytes, bpf: Bpf) -> int:
    """A descriptor of the loaded program.

    Errors:  KernelError; with the verifier's last line when it is the one who refused.
    """
    try:
        return _load(program, bpf)
    except OSError as error:
        first = error
    hint = ""
    if first.errno == errno.EPERM:
        # Before Linux 5.11 a program is counted as locked memory.
        try:
            return _load_with_memlock(program, bpf)
        except (OSError, ValueError):
            hint = "CAP_BPF or CAP_SYS_ADMIN in the initial user namespace is needed"
            words = ""
    else:
        words = f": {_verifier_log(program, bpf)}"
    raise KernelError(
        f"load the device program{words}",
        field=FIELD, syscall="bpf", errno=first.errno or 0, hint=hint,
    ) from first  # fmt: skip


def _load(program: bytes, bpf: Bpf, log: bytearray | None = None) -> int:
    license_name = b"GPL\0"
    attr = bytearray(ATTR_SIZE)
    LOAD_ATTR.pack_into(
        attr, 0, TYPE_CGROUP_DEVICE, len(program) // INSTRUCTION.size,
        _address(program), _address(license_name),
        1 if log else 0, len(log) if log else 0, _address(log) if log else 0,
    )  # fmt: skip
    for _ in range(LOAD_TRIES):
        try:
            return bpf(PROG_LOAD, attr)
        except BlockingIOError:
            # EAGAIN: a signal interrupted the verifier.
            continue
    return bpf(PROG_LOAD, attr)


def _load_with_memlock(program: bytes, bpf: Bpf) -> int:
    """Load with all the locked memory there is to have, and give it back: it is inherited."""
    from resource import RLIM_INFINITY, RLIMIT_MEMLOCK, getrlimit, setrlimit

    limits = getrlimit(RLIMIT_MEMLOCK)
    try:
        setrlimit(RLIMIT_MEMLOCK, (RLIM_INFINITY, RLIM_INFINITY))
    except (ValueError, PermissionError):
        setrlimit(RLIMIT_MEMLOCK, (limits[1], limits[1]))
    try:
        return _load(program, bpf)
    finally:
        setrlimit(RLIMIT_MEMLOCK, limits)


def _verifier_log(program: bytes, bpf: Bpf) -> str:
    """What the verifier says to the program: its last words before the statistics."""
    log = bytearray(LOG_SIZE)
    try:
        os.close(_load(program, bpf, log))
    except OSError:
        lines = log.split(b"\0", 1)[0].decode("utf-8", "replace").splitlines()
        said = [line for line in lines if line and not line.startswith("processed ")]
        return said[-1] if said else "the verifier says nothing"
    return "accepted the second time"


def _replace(program_fd: int, cgroup_fd: int, bpf: Bpf) -> None:
    ids = attached(cgroup_fd, bpf)
    old: list[int] = []
    try:
        for program_id in ids:
            attr = bytearray(ATTR_SIZE)
            PROGRAM_ID.pack_into(attr, 0, program_id)
            try:
                old.append(bpf(PROG_GET_FD_BY_ID, attr))
            except PermissionError:
                continue
        if len(old) == 1 and _attach(program_fd, cgroup_fd, bpf, replaced=old[0]):
            return
        _attach(program_fd, cgroup_fd, bpf)
        for fd in old:
            attr = bytearray(ATTR_SIZE)
            ATTACH_ATTR.pack_into(attr, 0, cgroup_fd, fd, ATTACH_CGROUP_DEVICE, 0, 0)
            bpf(PROG_DETACH, attr)
    finally:
        for fd in old:
            os.close(fd)


def _attach(program_fd: int, cgroup_fd: int, bpf: Bpf, replaced: int | None = None) -> bool:
    """Attach, or replace the program open in `replaced`; False where that is not known.

    Source:  BPF_F_REPLACE, Linux 5.6; EINVAL also for a program attached without
             ALLOW_MULTI, which cannot be replaced either.
    """
    flags = ALLOW_MULTI if replaced is None else ALLOW_MULTI | REPLACE
    attr = bytearray(ATTR_SIZE)
    ATTACH_ATTR.pack_into(
        attr, 0, cgroup_fd, program_fd, ATTACH_CGROUP_DEVICE, flags, replaced or 0
    )
    try:
        bpf(PROG_ATTACH, attr)
    except OSError as error:
        if replaced is not None and error.errno == errno.EINVAL:
            return False
        raise
    return True


def attached(cgroup_fd: int, bpf: Bpf) -> list[int]:
    """Ids of the device programs on this cgroup, its ancestors' not counted.

    Errors:  OSError.
    """
    room = MOST_PROGRAMS
    while True:
        ids = bytearray(4 * room)
        attr = bytearray(ATTR_SIZE)
        QUERY_ATTR.pack_into(attr, 0, cgroup_fd, ATTACH_CGROUP_DEVICE, 0, 0, _address(ids), room)
        try:
            bpf(PROG_QUERY, attr)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                room *= 4
                continue
            raise
        count = QUERY_ATTR.unpack_from(attr)[5]
        return [PROGRAM_ID.unpack_from(ids, 4 * i)[0] for i in range(count)]


def _address(buffer: bytes | bytearray) -> int:
    """Where the buffer lies; the caller keeps it alive and at its size.

    cffi's backend is loaded with our own C module anyway; ctypes would cost 5 ms.
    """
    from _cffi_backend import FFI

    ffi = FFI()
    return int(ffi.cast("uintptr_t", ffi.from_buffer(buffer)))
