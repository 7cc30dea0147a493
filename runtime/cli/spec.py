"""spec: write a config.json to begin with."""

from __future__ import annotations

import os

from runtime.cli.call import json_text
from runtime.cli.options import FLAG, TEXT, Command, Option
from runtime.errors import ConfigError, HostError
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call, Json

COMMAND = Command(
    "spec",
    "",
    "write a config.json to begin with",
    least=0,
    most=0,
    options=(
        Option(
            "bundle", TEXT, "the directory to write it to (default: the working directory)",
            aliases=("b",), metavar="DIR",
        ),
        Option("rootless", FLAG, "map root to the calling user, who needs no rights then"),
    ),
    description="""
The file is config.json; what it asks for is what most containers have. Edit process.args and
what else differs.
""",
)  # fmt: skip
FILE_NAME = "config.json"
UNIFIED_MARK = "/sys/fs/cgroup/cgroup.controllers"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
# destination, type, source, options
MOUNTS = (
    ("/proc", "proc", "proc", ""),
    ("/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k"),
    ("/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"),
    ("/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k"),
    ("/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev"),
    ("/sys", "sysfs", "sysfs", "nosuid noexec nodev ro"),
    ("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro"),
)
# Without the host's network namespace sysfs may not be mounted, so the host's is bound.
ROOTLESS_SYS = ("/sys", "none", "/sys", "rbind nosuid noexec nodev ro")
MASKED_PATHS = (
    "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list"
    " /proc/timer_stats /proc/sched_debug /sys/firmware /proc/scsi"
)
READONLY_PATHS = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"


def main(call: Call) -> int:
    """Write config.json, never over one that is there; 0."""
    is_unified = os.path.exists(UNIFIED_MARK)
    if call.flag("rootless"):
        config = rootless_config(os.geteuid(), os.getegid(), is_unified=is_unified)
    else:
        config = default_config(is_unified=is_unified)
    path = os.path.join(call.text("bundle"), FILE_NAME)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError as error:
        raise ConfigError(f"File {FILE_NAME} exists. Remove it first", field="--bundle") from error
    except OSError as error:
        raise HostError(f"create {path}", field="--bundle", errno=error.errno or 0) from error
    try:
        with open(fd, "wb", buffering=0) as file:
            file.write(json_text(config, "\t").encode())
    except OSError as error:
        raise HostError(f"write {path}", errno=error.errno or 0) from error
    return 0


def default_config(*, is_unified: bool) -> dict[str, Json]:
    """The configuration that runc writes: a shell on a terminal in a read-only rootfs."""
    namespaces = ["pid", "network", "ipc", "uts", "mount"]
    if is_unified:
        namespaces.append("cgroup")
    linux: dict[str, Json] = {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        **_linux(namespaces),
    }
    return _config([_mount(*row) for row in MOUNTS], linux)


def rootless_config(euid: int, egid: int, *, is_unified: bool) -> dict[str, Json]:
    """The same for a user without rights: mapped to the user, the host's network, no limits."""
    namespaces = ["pid", "ipc", "uts", "mount"]
    if is_unified:
        namespaces.append("cgroup")
    namespaces.append("user")
    mounts: list[Json] = []
    for row in MOUNTS:
        destination, kind, source, options = ROOTLESS_SYS if row[0] == "/sys" else row
        # The ids of these options have no mapping.
        kept = (o for o in options.split() if not o.startswith(("uid=", "gid=")))
        mounts.append(_mount(destination, kind, source, " ".join(kept)))
    linux: dict[str, Json] = {
        "uidMappings": [{"containerID": 0, "hostID": euid, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": egid, "size": 1}],
        **_linux(namespaces),
    }
    return _config(mounts, linux)


def _config(mounts: list[Json], linux: dict[str, Json]) -> dict[str, Json]:
    return {
        "ociVersion": SPEC_VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [f"PATH={PATH}", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                name: [*CAPABILITIES] for name in ("bounding", "effective", "permitted")
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "pyrunc",
        "mounts": mounts,
        "linux": linux,
    }


def _linux(namespaces: list[str]) -> dict[str, Json]:
    return {
        "namespaces": [{"type": name} for name in namespaces],
        "maskedPaths": [*MASKED_PATHS.split()],
        "readonlyPaths": [*READONLY_PATHS.split()],
    }


def _mount(destination: str, kind: str, source: str, options: str) -> dict[str, Json]:
    mount: dict[str, Json] = {"destination": destination, "type": kind, "source": source}
    if options:
        mount["options"] = [*options.split()]
    return mount
