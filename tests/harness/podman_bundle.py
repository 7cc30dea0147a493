"""A bundle as podman makes them: mounts, masks, limits, the default seccomp profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.bundle import MASKED, READONLY, Bundle

PROFILE = Path("/usr/share/containers/seccomp.json")
CAPABILITIES = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
    "CAP_SYS_CHROOT",
]  # fmt: skip
ARCHITECTURES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]


def default_seccomp(capabilities: list[str]) -> dict[str, Any]:
    """The distribution's default profile, resolved for these capabilities.

    Errors:  FileNotFoundError without Debian's package golang-github-containers-common.
    """
    profile = json.loads(PROFILE.read_text())
    syscalls = []
    for rule in profile["syscalls"]:
        wanted = rule.get("includes", {})
        unwanted = rule.get("excludes", {})
        if "arches" in wanted and "amd64" not in wanted["arches"]:
            continue
        if "caps" in wanted and not set(wanted["caps"]) & set(capabilities):
            continue
        if "caps" in unwanted and set(unwanted["caps"]) & set(capabilities):
            continue
        kept = {"names": rule["names"], "action": rule["action"]}
        if rule.get("args"):
            kept["args"] = rule["args"]
        if rule["action"] == "SCMP_ACT_ERRNO" and rule.get("errnoRet") is not None:
            kept["errnoRet"] = rule["errnoRet"]
        syscalls.append(kept)
    resolved = {
        "defaultAction": profile["defaultAction"],
        "architectures": ARCHITECTURES,
        "syscalls": syscalls,
    }
    if "defaultErrnoRet" in profile:
        resolved["defaultErrnoRet"] = profile["defaultErrnoRet"]
    return resolved


def like_podman(bundle: Bundle, cgroup_parent: str) -> Bundle:
    """Ten mounts, masked paths, seccomp, five namespaces, limits, in a cgroup of its own."""
    for name in ("resolv.conf", "hosts", "hostname", "containerenv"):
        source = bundle.path / name
        source.write_text(f"{name}\n")
        target = "/run/.containerenv" if name == "containerenv" else f"/etc/{name}"
        bundle.bind(source, target, "rprivate")
    bundle.process["capabilities"] = {
        kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")
    }
    bundle.process["noNewPrivileges"] = False
    bundle.process["oomScoreAdj"] = 0
    bundle.process["rlimits"] = [
        {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024},
        {"type": "RLIMIT_NPROC", "soft": 1024, "hard": 1024},
    ]
    bundle.config["annotations"] = {"io.container.manager": "libpod"}
    bundle.linux["cgroupsPath"] = f"{cgroup_parent}/container"
    bundle.linux["resources"] = {
        "devices": [{"allow": False, "access": "rwm"}],
        "memory": {"limit": 256 << 20},
        "pids": {"limit": 2048},
    }
    bundle.linux["maskedPaths"] = [*MASKED, "/sys/dev/block"]
    bundle.linux["readonlyPaths"] = list(READONLY)
    bundle.linux["seccomp"] = default_seccomp(CAPABILITIES)
    return bundle
