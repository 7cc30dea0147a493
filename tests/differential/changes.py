"""Changes of a bundle that several configurations begin with."""

from __future__ import annotations

import os
from typing import Any

from harness.bundle import Bundle
from harness.podman_bundle import CAPABILITIES
from harness.rootfs import give_rootfs

DOCKER_CAPABILITIES = [*CAPABILITIES, "CAP_MKNOD", "CAP_NET_RAW", "CAP_AUDIT_WRITE"]
DEVPTS = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
TIGHT = ["nosuid", "noexec", "nodev"]
MAPS = [{"containerID": 0, "hostID": 200000, "size": 65536}]


def mount(bundle: Bundle, destination: str) -> dict[str, Any]:
    """The entry of the configuration that mounts on `destination`."""
    mounts: list[dict[str, Any]] = bundle.config["mounts"]
    return {entry["destination"]: entry for entry in mounts}[destination]


def without_mount(bundle: Bundle, *destinations: str) -> None:
    """Take mounts out."""
    bundle.config["mounts"] = [
        m for m in bundle.config["mounts"] if m["destination"] not in destinations
    ]


def capabilities(bundle: Bundle, *names: str) -> None:
    """The sets as engines fill them for root: without ambient and inheritable ones."""
    bundle.capabilities(*names, kinds="bounding effective permitted")


def user_namespace(bundle: Bundle, maps: list[dict[str, int]] = MAPS) -> None:
    """A user namespace of its own, with a root filesystem that its root owns."""
    bundle.namespace("user")
    bundle.linux["uidMappings"] = maps
    bundle.linux["gidMappings"] = maps
    give_rootfs(bundle.rootfs, maps[0]["hostID"], maps[0]["hostID"])
    os.chown(bundle.rootfs / "bin/probe", maps[0]["hostID"], maps[0]["hostID"])
