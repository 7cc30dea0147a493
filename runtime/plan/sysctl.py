"""Kernel parameters: which of them belong to a namespace of the container, and their files."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.namespaces import NEWIPC, NEWNET, NEWUSER, NEWUTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Linux
    from runtime.plan.ops import Op

IPC_KEYS = frozenset(
    f"kernel/{name}"
    for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni",
                 "shm_rmid_forced")
)  # fmt: skip


def sysctl_path(key: str) -> str:
    """The file below /proc/sys that `key` names, with slashes.

    Whichever separator comes first is the separator; the other one stands for itself, so
    that ``net/ipv4/conf/eth0.1/forwarding`` and ``net.ipv4.conf.eth0/1.forwarding`` are one.
    Source:  sysctl.d(5).
    """
    dot, slash = key.find("."), key.find("/")
    if dot < 0 or 0 <= slash < dot:
        return key
    return key.translate({ord("."): "/", ord("/"): "."})


def sysctl_problem(key: str, listed: int) -> str:
    """Why this parameter may not be set, "" if it may.

    Units:   `listed` is CLONE_NEW* of the namespaces that the container has of its own.
    Source:  runtime-spec config-linux.md, Sysctl; sysctl(8) for what is namespaced.
    """
    path = sysctl_path(key)
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "is no name of a kernel parameter, expected one like net.ipv4.ip_forward"
    if path in IPC_KEYS or path.startswith("fs/mqueue/"):
        return "" if listed & NEWIPC else "needs an ipc namespace"
    if path.startswith("net/"):
        return "" if listed & NEWNET else "needs a network namespace"
    if path.startswith("user/"):
        return "" if listed & NEWUSER else "needs a user namespace"
    if path == "kernel/domainname":
        return "" if listed & NEWUTS else "needs a uts namespace"
    if path == "kernel/hostname":
        return "is set by the property hostname"
    return "belongs to no namespace, it would change the whole host"


def plan_sysctls(linux: Linux) -> list[Op]:
    """One operation a parameter, in the order of the configuration."""
    return [
        ops.sysctl(f'linux.sysctl["{key}"]', sysctl_path(key), value)
        for key, value in linux.get("sysctl", {}).items()
    ]
