"""A bundle on disk and the configuration in it, easy to bend."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

MASKED = [
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
]  # fmt: skip
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

BASE: dict[str, Any] = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/true"],
        "env": ["PATH=/bin:/usr/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {
            kind: ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
            for kind in ("bounding", "effective", "permitted")
        },
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "bundle",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
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
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        },
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        },
        {
            "destination": "/dev/mqueue",
            "type": "mqueue",
            "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"],
        },
        {
            "destination": "/sys",
            "type": "sysfs",
            "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"],
        },
    ],
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [
            {"type": "pid"},
            {"type": "network"},
            {"type": "ipc"},
            {"type": "uts"},
            {"type": "mount"},
        ],
        "maskedPaths": MASKED,
        "readonlyPaths": READONLY,
    },
}


class Bundle:
    """A folder with `rootfs/`, and `config`, which is written when a runtime is called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rootfs = path / "rootfs"
        self.config: dict[str, Any] = copy.deepcopy(BASE)

    @property
    def process(self) -> dict[str, Any]:
        """config.process"""
        process: dict[str, Any] = self.config["process"]
        return process

    @property
    def linux(self) -> dict[str, Any]:
        """config.linux"""
        linux: dict[str, Any] = self.config["linux"]
        return linux

    def args(self, *args: str) -> Bundle:
        """The program to run."""
        self.process["args"] = list(args)
        return self

    def sh(self, script: str) -> Bundle:
        """A shell script to run."""
        return self.args("/bin/sh", "-c", script)

    def sleep(self) -> Bundle:
        """A program that stays, and dies of SIGTERM although it is pid 1."""
        return self.sh("trap 'exit 143' TERM; while :; do sleep 100 & wait; done")

    def mount(self, destination: str, kind: str, source: str, *options: str) -> Bundle:
        """One more mount, after those that are there."""
        self.config["mounts"].append(
            {"destination": destination, "type": kind, "source": source, "options": list(options)}
        )
        return self

    def bind(self, source: Path | str, destination: str, *options: str) -> Bundle:
        """One more bind mount (`bind` itself is added unless `rbind` is among the options)."""
        words = options if "rbind" in options else ("bind", *options)
        return self.mount(destination, "none", str(source), *words)

    def namespace(self, kind: str, path: str | None = None) -> Bundle:
        """The namespace `kind` new, or joined by path, whatever was said before."""
        self.without_namespace(kind)
        entry = {"type": kind}
        if path is not None:
            entry["path"] = path
        self.linux["namespaces"].append(entry)
        return self

    def without_namespace(self, kind: str) -> Bundle:
        """The namespace `kind` inherited from the runtime."""
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]
        return self

    def capabilities(self, *names: str, kinds: str = "bounding effective permitted") -> Bundle:
        """The capabilities in the named sets, the other sets empty."""
        self.process["capabilities"] = {kind: list(names) for kind in kinds.split()}
        return self

    def hook(self, moment: str, script: str, **rest: Any) -> Bundle:
        """One more hook: a shell script, run by the busybox that its namespace has at /bin/sh."""
        hooks = self.config.setdefault("hooks", {}).setdefault(moment, [])
        hooks.append({"path": "/bin/sh", "args": ["sh", "-c", script], **rest})
        return self

    def file(self, name: str, text: str, mode: int = 0o644) -> Path:
        """A file inside the root filesystem."""
        path = self.rootfs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def save(self) -> None:
        """Write config.json."""
        (self.path / "config.json").write_text(json.dumps(self.config, indent=2))
