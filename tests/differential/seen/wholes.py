"""Wholes, as engines make them."""

from __future__ import annotations

from differential.changes import (
    DEVPTS,
    DOCKER_CAPABILITIES,
    TIGHT,
    capabilities,
    mount,
    user_namespace,
)
from differential.configuration import Stage, configuration
from harness.bundle import Bundle
from harness.podman_bundle import CAPABILITIES, default_seccomp, like_podman


@configuration()
def plain(bundle: Bundle, stage: Stage) -> None:
    """The harness's plain bundle."""


@configuration()
def podman(bundle: Bundle, stage: Stage) -> None:
    like_podman(bundle, stage.cgroup)


@configuration()
def containerd(bundle: Bundle, stage: Stage) -> None:
    """As `ctr run` writes it."""
    bundle.config["mounts"].append(
        {
            "destination": "/run",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
        }
    )
    capabilities(bundle, *DOCKER_CAPABILITIES)
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}]
    bundle.linux["cgroupsPath"] = f"{stage.cgroup}/default"


@configuration()
def docker(bundle: Bundle, stage: Stage) -> None:
    bundle.config["mounts"] = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": TIGHT},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": [*DEVPTS, "gid=5"],
        },
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*TIGHT, "ro"]},
        {
            "destination": "/sys/fs/cgroup",
            "type": "cgroup",
            "source": "cgroup",
            "options": ["ro", *TIGHT],
        },
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": TIGHT},
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": [*TIGHT, "mode=1777", "size=67108864"],
        },
    ]
    for name in ("resolv.conf", "hostname", "hosts"):
        (bundle.path / name).write_text(name)
        bundle.bind(bundle.path / name, f"/etc/{name}", "rbind", "rprivate")
    capabilities(bundle, *DOCKER_CAPABILITIES)
    bundle.process["noNewPrivileges"] = False
    bundle.process["oomScoreAdj"] = 0
    bundle.config["hostname"] = "4f2c"
    bundle.linux["cgroupsPath"] = f"{stage.cgroup}/docker"
    bundle.linux["sysctl"] = {
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv4.ping_group_range": "0 2147483647",
    }
    bundle.linux["seccomp"] = default_seccomp(DOCKER_CAPABILITIES)
    bundle.linux["maskedPaths"] += ["/sys/devices/virtual/powercap", "/proc/interrupts"]


@configuration()
def kubernetes_pause(bundle: Bundle, stage: Stage) -> None:
    bundle.config["root"]["readonly"] = True
    bundle.process["user"] = {"uid": 65535, "gid": 65535}
    bundle.process["oomScoreAdj"] = 998
    capabilities(bundle, *DOCKER_CAPABILITIES)
    bundle.linux["rootfsPropagation"] = "rslave"
    bundle.linux["cgroupsPath"] = f"{stage.cgroup}/pod/pause"
    bundle.linux["seccomp"] = default_seccomp(DOCKER_CAPABILITIES)


@configuration()
def kubernetes_member(bundle: Bundle, stage: Stage) -> None:
    """Joins the namespaces of a pause container."""
    del bundle.config["hostname"]
    for kind, name in (("network", "net"), ("ipc", "ipc"), ("uts", "uts")):
        bundle.namespace(kind, f"/proc/{stage.neighbour}/ns/{name}")
    bundle.bind(stage.volume, "/volume", "rbind", "rprivate", "ro")
    bundle.process["user"] = {"uid": 1000, "gid": 0, "additionalGids": [1000, 2000]}
    bundle.process["oomScoreAdj"] = 998
    bundle.linux["cgroupsPath"] = f"{stage.cgroup}/pod/member"


@configuration()
def rootless(bundle: Bundle, stage: Stage) -> None:
    """As podman of an ordinary user asks for it, with two ranges and no gid=5."""
    mount(bundle, "/dev/pts")["options"] = DEVPTS
    user_namespace(
        bundle,
        [
            {"containerID": 0, "hostID": 200000, "size": 1},
            {"containerID": 1, "hostID": 300000, "size": 65536},
        ],
    )
    bundle.process["capabilities"] = {
        kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")
    }


@configuration()
def privileged(bundle: Bundle, stage: Stage) -> None:
    names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
        "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
        "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE",
        "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_TIME",
        "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
        "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ]  # fmt: skip
    capabilities(bundle, *(f"CAP_{name}" for name in names))
    bundle.process["noNewPrivileges"] = False
    mount(bundle, "/sys")["options"] = TIGHT
    bundle.linux["maskedPaths"] = []
    bundle.linux["readonlyPaths"] = []
    bundle.linux["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}


@configuration()
def least(bundle: Bundle, stage: Stage) -> None:
    """No mounts, no lists, only a mount namespace."""
    bundle.config["mounts"] = []
    bundle.linux["namespaces"] = [{"type": "mount"}]
    for name in ("maskedPaths", "readonlyPaths"):
        del bundle.linux[name]
    del bundle.config["hostname"]
