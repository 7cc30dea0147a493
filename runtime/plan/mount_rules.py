"""The rules for mounts[]."""

from __future__ import annotations

from runtime.plan.mounts import PROC_FILES, MountRequest, mount_requests
from runtime.plan.namespaces import NEWNS, NEWUSER, is_mapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Linux, Mount
    from runtime.host.facts import HostFacts
    from runtime.plan.findings import Findings
    from runtime.plan.namespaces import Namespaces


def check_mounts(found: Findings, config: Config, namespaces: Namespaces, host: HostFacts) -> None:
    """Every entry by itself; nothing is wrong with two on one target."""
    entries = config.get("mounts", ())
    if entries and not namespaces.listed & NEWNS:
        found.error("mounts", "needs a mount namespace, the mounts would be made in the host's")
    requests = mount_requests(config)
    if any(request.is_idmapped for request in requests):
        from runtime.plan.idmapped import check_idmapped

        check_idmapped(found, config, requests, namespaces, host)
    for request, entry in zip(requests, entries, strict=True):
        _check_target(found, request, entry)
        _check_options(found, request, entry)
        if request.is_bind:
            _check_bind(found, request)
        else:
            _check_filesystem(found, request, host)
            if namespaces.new & NEWUSER:
                _check_ids(found, request, config.get("linux", {}))


def _check_target(found: Findings, request: MountRequest, entry: Mount) -> None:
    field, target = f"{request.origin}.destination", request.target
    if not found.absolute(field, entry["destination"]):
        return
    if target == "/":
        found.error(field, "is the root itself, which is mounted already")
    elif target == "/proc":
        # A bind is looked at by the executor: it has to be one of procfs.
        if not request.is_bind and request.fstype != "proc" and not request.options.is_remount:
            found.error(field, f"{request.fstype} on /proc, expected type proc or a bind of it")
    elif target.startswith("/proc/") and target not in PROC_FILES:
        found.error(field, f"{target} is inside /proc, where nothing else may be mounted")


def _check_options(found: Findings, request: MountRequest, entry: Mount) -> None:
    options, field = request.options, f"{request.origin}.options"
    words = entry.get("options", ())
    for index in options.unsupported:
        found.error(
            f"{field}[{index}]", f'"{words[index]}" is not supported by this version of pyrunc'
        )
    if options.too_many_propagations:
        found.error(field, "more than four changes of propagation")
    if options.tmpcopyup and (request.is_bind or request.fstype != "tmpfs"):
        found.warn(field, "tmpcopyup only means something to tmpfs, ignored", "no-effect")


def _check_bind(found: Findings, request: MountRequest) -> None:
    options, field = request.options, f"{request.origin}.options"
    if not request.source:
        found.error(f"{request.origin}.source", "is empty, expected what to bind")
    if options.is_remount:
        found.error(field, "remount and bind exclude each other")
    if options.data:
        found.error(field, f'a bind mount takes no filesystem options: "{",".join(options.data)}"')
    if options.superblock:
        found.warn(
            field,
            f"{', '.join(options.superblock)} ignored: a bind mount has the filesystem it binds",
            "no-effect",
        )


def _check_filesystem(found: Findings, request: MountRequest, host: HostFacts) -> None:
    if request.options.is_remount:
        return
    if request.fstype in ("", "none"):
        shown = f'"{request.fstype}" is no filesystem' if request.fstype else "is missing"
        found.error(f"{request.origin}.type", f"{shown}, and no option says bind or rbind")
    is_v1 = request.fstype == "cgroup" and host.cgroups.mode != "unified"
    if is_v1 and (request.options.data or request.options.superblock):
        words = ", ".join(request.options.superblock + request.options.data)
        found.warn(
            f"{request.origin}.options",
            f"{words} ignored: the hierarchies of cgroup v1 exist already",
            "no-effect",
        )


def _check_ids(found: Findings, request: MountRequest, linux: Linux) -> None:
    """uid= and gid= are read in the container's user namespace: the kernel wants them mapped."""
    for word in request.options.data:
        key, _, number = word.partition("=")
        maps = linux.get("uidMappings", ()) if key == "uid" else linux.get("gidMappings", ())
        is_id = key in ("uid", "gid") and number.isascii() and number.isdigit()
        if is_id and maps and not is_mapped(maps, int(number)):
            found.error(
                f"{request.origin}.options",
                f'"{word}" is in none of the user namespace\'s mappings',
            )
