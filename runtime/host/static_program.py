"""Is a file a program that needs nothing else to run? And where is such a one with tools?"""

from __future__ import annotations

import os
from struct import Struct, error

from runtime.errors import ConfigError, HostError

# Where distributions put a static busybox; the plain name comes last, it may be dynamic.
PLACES = (
    "/bin/busybox.static", "/usr/bin/busybox-static", "/usr/sbin/busybox.static", "/bin/busybox",
    "/usr/bin/busybox",
)  # fmt: skip
MAGIC = b"\x7fELF"
PT_INTERP = 3
# e_phoff, then from e_phentsize on; by the class of the file. Source: elf(5).
LAYOUTS = {1: (Struct("=I"), 28, 42), 2: (Struct("=Q"), 32, 54)}
HALVES = Struct("=2H")
WORD = Struct("=I")
HEAD = 4096


def is_static(path: str) -> bool:
    """Whether it is an ELF program without an interpreter: no loader, no libraries.

    Errors:  ConfigError when it cannot be read, or is no program.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError as failure:
        raise ConfigError(f"read {path}", field="--tool", errno=failure.errno or 0) from failure
    if head[:4] != MAGIC:
        raise ConfigError(f"{path} is no ELF program", field="--tool", hint="a script needs more")
    try:
        offset, at_offset, at_size = LAYOUTS[head[4]]
        (start,) = offset.unpack_from(head, at_offset)
        size, count = HALVES.unpack_from(head, at_size)
        kinds = [WORD.unpack_from(head, start + number * size)[0] for number in range(count)]
    except (KeyError, IndexError, error) as failure:
        raise ConfigError(f"{path} is no ELF program", field="--tool") from failure
    return PT_INTERP not in kinds


def find_tools() -> str:
    """A static busybox of this host.

    Errors:  HostError without any.
    """
    for path in PLACES:
        if os.access(path, os.X_OK) and is_static(path):
            return path
    raise HostError(
        "this host has no static busybox", field="--tool",
        hint="install busybox-static, or name a static program with --tool",
    )  # fmt: skip
