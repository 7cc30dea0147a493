"""An exec planned in advance, for the executable to carry out without an interpreter.

Health checks run every few seconds on every container, and differ from one another in a program
and its environment. create, while the container's process is at work, plans an exec of the
container's own process; csrc/fast_plan.c puts another in its place, if it is of that shape.
Without this file, or with one that does not fit, exec goes on in Python. csrc/exec_record.h
describes it.
"""

from __future__ import annotations

import posix as os
from _struct import Struct
from zlib import crc32

from runtime.bundle import CONFIG_NAME
from runtime.plan.capabilities import NAMES
from runtime.plan.encode import encode
from runtime.plan.exec import Target, make_exec_plan
from runtime.plan.namespaces import NEWNS, NEWUSER, Namespaces, may_set_groups
from runtime.plan.plan import FIRST_SLOT
from runtime.plan.seccomp import NEW_LISTENER
from runtime.record import save_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.types import Process
    from runtime.host.facts import HostFacts
    from runtime.state import Container

EXEC_FILE = "exec"
MAGIC = 0x58525950
VERSION = 1
AT_MOST = 262144  # bytes
SETS_GROUPS = 1
IDS_FIXED = 2
HAS_SCORE = 4

HEAD = Struct("=IIII")
REST = Struct("=QQQQIIiIII")
# What makes another plan of it, or needs a look at the host each time.
UNUSUAL = ("apparmorProfile", "selinuxLabel", "scheduler", "ioPriority", "execCPUAffinity")


def exec_record_of(
    container: Container,
    host: HostFacts,
    seccomp: tuple[bytes, int] | None,
    config_file: os.stat_result,
) -> bytes | None:
    """The record of a container that has been created; None where exec has to be planned anew.

    `config_file` tells whether the bundle's config.json is still the one that was read.
    """
    config: Any = container.config
    own: Process = config["process"]
    process: Process = {**own, "terminal": False}
    linux = config.get("linux", {})
    namespaces = Namespaces(linux)
    if any(process.get(name) for name in UNUSUAL) or not namespaces.listed & NEWNS:
        return None
    if linux.get("intelRdt"):
        return None  # a group has to be joined
    if container.unit is not None and container.unit["user"]:
        return None  # whether systemd must move the process depends on who calls
    if seccomp is not None and seccomp[1] & NEW_LISTENER:
        return None  # each process has a listener, for an agent to be given
    target = Target(
        container.id, config, container.pid, container.cgroup_paths,
        keyring=not container.data.get("noNewKeyring", False),
    )  # fmt: skip
    plan = make_exec_plan(target, process, host, seccomp, preserve_fds=0)
    flags = SETS_GROUPS if may_set_groups(linux, namespaces, host) else 0
    flags |= IDS_FIXED if namespaces.listed & NEWUSER else 0
    flags |= HAS_SCORE if plan.oom_score_adj is not None else 0
    strings = [
        f"{container.bundle}/{CONFIG_NAME}",
        container.cgroup_paths.get("", ""),
        *(f"{slot.kind} {slot.path}".rstrip() for slot in plan.slots),
    ]
    text = "".join(f"{string}\0" for string in strings).encode("utf-8", "surrogateescape")
    start = HEAD.size + REST.size
    offset = (start + len(text) + 7) // 8 * 8
    rest = REST.pack(
        container.pid_start, config_file.st_ino, config_file.st_mtime_ns,
        (1 << min(host.last_cap + 1, len(NAMES))) - 1, container.pid, flags,
        plan.oom_score_adj or 0, len(strings), offset, 0,
    ) + text.ljust(offset - start, b"\0")  # fmt: skip
    rest += encode(plan.ops, FIRST_SLOT + len(plan.slots))
    return HEAD.pack(MAGIC, VERSION, HEAD.size + len(rest), crc32(rest)) + rest


def save_exec_record(
    container: Container,
    host: HostFacts,
    seccomp: tuple[bytes, int] | None,
    config_file: os.stat_result | None,
) -> None:
    """Write the record, where there is one.

    Errors:  HostError.
    """
    data = exec_record_of(container, host, seccomp, config_file) if config_file else None
    if data is not None and len(data) <= AT_MOST:
        save_file(container, EXEC_FILE, data)
