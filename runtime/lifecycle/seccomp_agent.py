"""The listener of a seccomp filter for the agent that decides in the container's place."""

from __future__ import annotations

from runtime.jsonfile import dump_compact
from runtime.lifecycle.handover import hand_over
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FD_NAME = "seccompFd"


def hand_listener(config: Any, state: dict[str, Any], pid: int, listener_fd: int) -> None:
    """Send the listener of process `pid` to the agent; `state` is the container's.

    Errors:  ConfigError, HostError.
    Source:  runtime-spec config-linux.md, The Container Process State.
    """
    seccomp = config["linux"]["seccomp"]
    told: dict[str, Any] = {"ociVersion": SPEC_VERSION, "fds": [FD_NAME], "pid": pid}
    if seccomp.get("listenerMetadata"):
        told["metadata"] = seccomp["listenerMetadata"]
    told["state"] = state
    payload = dump_compact(told).encode("utf-8", "surrogateescape")
    hand_over(seccomp["listenerPath"], payload, listener_fd, "linux.seccomp.listenerPath")
