"""What later commands need of a container, for the executable to read without an interpreter.

Derived from state.json, which stays the truth: without a record, or with one that does not
fit, every command goes on in Python. csrc/record.h describes the file.
"""

from __future__ import annotations

import posix as os
from _struct import Struct
from zlib import crc32

from runtime.errors import HostError
from runtime.log import json_string
from runtime.state import STATE_FILE
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.state import Container

RECORD_FILE = "record"
MAGIC = 0x52525950
VERSION = 1
AT_MOST = 65536  # bytes
OWN_PID_NAMESPACE = 1
PLAIN_START = 2
PLAIN_DELETE = 4
FREEZER_V1 = 8

HEAD = Struct("=IIII")
REST = Struct("=QQQIIII")


def record_of(container: Container, inode: int, mtime_ns: int) -> bytes:
    """The record of a container that has been created, for the state.json of this identity."""
    freezer, flags = _freezer(container)
    if container.has_own_pid_namespace():
        flags |= OWN_PID_NAMESPACE
    hooks = container.config.get("hooks") or {}
    if not hooks.get("startContainer") and not hooks.get("poststart"):
        flags |= PLAIN_START
    # What is on the host beside the cgroup, and systemd's scope, the whole of delete ends.
    is_plain = container.unit is None and "resctrl" not in container.data
    if not hooks.get("poststop") and is_plain:
        flags |= PLAIN_DELETE
    head, tail = state_halves(container)
    # A hierarchy's directory stands once for each of its controllers.
    cgroups = dict.fromkeys(container.cgroup_paths.values())
    strings = [container.data["boot"], freezer, head, tail, *cgroups]
    text = "".join(f"{string}\0" for string in strings).encode("utf-8", "surrogateescape")
    numbers = (inode, mtime_ns, container.pid, flags, len(strings), 0)
    rest = REST.pack(container.pid_start, *numbers) + text
    return HEAD.pack(MAGIC, VERSION, HEAD.size + len(rest), crc32(rest)) + rest


def _freezer(container: Container) -> tuple[str, int]:
    """The file that tells whether the container is frozen, empty without one; its flag."""
    paths = container.cgroup_paths
    if "freezer" in paths:
        return f"{paths['freezer']}/freezer.state", FREEZER_V1
    return (f"{paths['']}/cgroup.freeze" if "" in paths else ""), 0


def state_halves(container: Container) -> tuple[str, str]:
    """What `state` prints before the pid, and after the status: runtime/cli/state.py."""
    head = (
        f'{{\n  "ociVersion": {json_string(SPEC_VERSION)},\n'
        f'  "id": {json_string(container.id)},\n  "pid": '
    )
    tail = (
        f'",\n  "bundle": {json_string(container.bundle)},\n'
        f'  "rootfs": {json_string(container.rootfs)},\n'
        f'  "created": {json_string(container.created)},\n'
    )
    if container.annotations:
        members = (
            f"    {json_string(key)}: {json_string(value)}"
            for key, value in sorted(container.annotations.items())
        )
        tail += '  "annotations": {\n' + ",\n".join(members) + "\n  },\n"
    return head, tail + '  "owner": ""\n}'


def save_record(container: Container) -> None:
    """Write the record of a container whose state was saved; too long a one is left out.

    Errors:  HostError.
    """
    try:
        state = os.stat(f"{container.folder}/{STATE_FILE}")
    except OSError as error:
        raise HostError(f"read {container.folder}", errno=error.errno or 0) from error
    data = record_of(container, state.st_ino, state.st_mtime_ns)
    if len(data) <= AT_MOST:
        save_file(container, RECORD_FILE, data)


def save_file(container: Container, name: str, data: bytes) -> None:
    """Write a file that makes commands faster: whole, or on a full disk not at all.

    Errors:  HostError.
    """
    temporary, path = f"{container.folder}/.{name}", f"{container.folder}/{name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(temporary, flags, 0o600)
        try:
            is_whole = os.write(fd, data) == len(data)
        finally:
            os.close(fd)
        os.rename(temporary, path) if is_whole else os.unlink(temporary)
    except OSError as error:
        raise HostError(f"write {path}", errno=error.errno or 0) from error
