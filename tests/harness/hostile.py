"""What attacks are made of: a place on the host to be hit, a caller without openat2."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path
from typing import NamedTuple

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
NR_OPENAT2 = 437
RENAME_EXCHANGE = 2
AT_FDCWD = -100

libc = ctypes.CDLL(None, use_errno=True)


class Entry(NamedTuple):
    """One file as it was."""

    inode: int
    mode: int
    content: bytes


class Victim:
    """A folder of the host that nothing of a container may touch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        (path / "ptmx").write_text("marker\n")
        (path / "file").write_text("marker\n")
        (path / "sub").mkdir()
        (path / "sub/deep").write_text("marker\n")
        self.before = self.look()

    def look(self) -> dict[str, Entry]:
        """Names, inodes, modes and contents."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            status = path.lstat()
            is_file = path.is_file() and not path.is_symlink()
            content = path.read_bytes() if is_file else b""
            found[str(path.relative_to(self.path))] = Entry(status.st_ino, status.st_mode, content)
        return found

    def check(self) -> None:
        """Nothing was changed, made, removed or covered."""
        assert self.look() == self.before
        assert str(self.path) not in Path("/proc/self/mountinfo").read_text()


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def without_openat2() -> None:
    """As an old kernel or an outer seccomp profile has it; for `preexec_fn`."""
    code = b"".join(
        struct.pack("=HBBI", *each)
        for each in (
            (0x20, 0, 0, 0),  # load the number of the call
            (0x15, 0, 1, NR_OPENAT2),
            (0x06, 0, 0, 0x00050000 | errno.ENOSYS),
            (0x06, 0, 0, 0x7FFF0000),
        )
    )
    program = _Program(len(code) // 8, code)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def exchange(first: Path, second: Path) -> None:
    """Swap two names at once, renameat2(2)."""
    result = libc.renameat2(
        AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE
    )
    if result != 0:
        raise OSError(ctypes.get_errno(), "renameat2")
