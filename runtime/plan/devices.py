"""Device nodes and the links of /dev: what every container has, and linux.devices."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.mounts import clean_path
from runtime.plan.namespaces import NEWNS, is_in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Device
    from runtime.host.facts import HostFacts
    from runtime.plan.mounts import MountRequest
    from runtime.plan.namespaces import Namespaces
    from runtime.plan.ops import Op

S_IFIFO = 0o010000
S_IFCHR = 0o020000
S_IFBLK = 0o060000
TYPES = {"c": S_IFCHR, "u": S_IFCHR, "b": S_IFBLK, "p": S_IFIFO}
DEFAULT_MODE = 0o666
PERMISSIONS = 0o7777  # some engines put the type bits into fileMode

# Source: runtime-spec config-linux.md, Default Devices.
DEFAULT_DEVICES = {
    "/dev/null": (1, 3),
    "/dev/zero": (1, 5),
    "/dev/full": (1, 7),
    "/dev/random": (1, 8),
    "/dev/urandom": (1, 9),
    "/dev/tty": (5, 0),
}
PTMX = "/dev/ptmx"
# Source: runtime-spec runtime-linux.md, Dev symbolic links.
LINKS = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
)
KCORE_LINK = ("/proc/kcore", "/dev/core")


def has_own_dev(requests: list[MountRequest]) -> bool:
    """False where a bind mount brings a whole /dev along: nothing is made in it then."""
    return not any(request.is_bind and request.target == "/dev" for request in requests)


def can_make_nodes(namespaces: Namespaces, host: HostFacts) -> bool:
    """A user namespace makes no device nodes and, without a mount namespace, binds none."""
    return bool(namespaces.listed & NEWNS) or not is_in_user_namespace(namespaces, host)


def plan_devices(config: Config, namespaces: Namespaces, host: HostFacts) -> list[Op]:
    """The default devices, those of the configuration in place of equal paths, the links."""
    configured: dict[str, tuple[str, Device]] = {}
    for index, device in enumerate(config.get("linux", {}).get("devices", ())):
        configured.setdefault(clean_path(device["path"]), (f"linux.devices[{index}]", device))
    if not namespaces.listed & NEWNS:
        flags = 0  # a bind would be made in the host's mount namespace, and stay
    elif is_in_user_namespace(namespaces, host):
        flags = ops.MKNOD_BIND
    else:
        flags = ops.MKNOD_BIND_ON_EPERM
    planned: list[Op] = []
    if can_make_nodes(namespaces, host):
        for path, (major, minor) in DEFAULT_DEVICES.items():
            if path not in configured:
                mode = S_IFCHR | DEFAULT_MODE
                planned.append(
                    ops.mknod("default devices", path, mode, major, minor, 0, 0, flags=flags)
                )
    for path, (origin, device) in configured.items():
        if path == PTMX:
            continue  # always a link: the host's ptmx would open the host's terminals
        kind = TYPES[device["type"]]
        planned.append(
            ops.mknod(
                origin,
                path,
                kind | device.get("fileMode", DEFAULT_MODE) & PERMISSIONS,
                device.get("major", 0),
                device.get("minor", 0),
                device.get("uid", 0),
                device.get("gid", 0),
                # Anybody may make a FIFO.
                flags=0 if kind == S_IFIFO else flags,
            )
        )
    for target, path in (*LINKS, KCORE_LINK) if host.kcore else LINKS:
        planned.append(ops.symlink("default devices", target, path))
    planned.append(ops.symlink("default devices", "pts/ptmx", PTMX, replace=True))
    return planned
