"""The rules for the linux section."""

from __future__ import annotations

from runtime.plan.devices import PTMX, TYPES, can_make_nodes, has_own_dev
from runtime.plan.mounts import clean_path, mount_requests
from runtime.plan.namespaces import (
    FLAGS,
    NEWNS,
    NEWTIME,
    NEWUSER,
    is_in_user_namespace,
)
from runtime.plan.rootfs import PROPAGATION_FIELD, PROPAGATIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Device, Linux
    from runtime.host.facts import HostFacts
    from runtime.plan.findings import Findings
    from runtime.plan.namespaces import Namespaces
    from runtime.plan.options import CreateOptions

CLOCKS = ("monotonic", "boottime")


def check_linux(
    found: Findings,
    config: Config,
    options: CreateOptions,
    namespaces: Namespaces,
    host: HostFacts,
) -> None:
    """All of the linux section but its resources, which the cgroups answer for."""
    linux = config.get("linux", {})
    _check_namespaces(found, linux)
    _check_maps(found, linux, namespaces, host)
    if linux.get("timeOffsets"):
        _check_time(found, linux, namespaces)
    if linux.get("sysctl"):
        _check_sysctls(found, linux, namespaces)
    _check_root(found, config, options, namespaces)
    if linux.get("devices"):
        _check_devices(found, config, namespaces, host)
    if linux.get("seccomp"):
        # Loaded for a profile alone: most of the module is its tables.
        from runtime.plan.seccomp import check_seccomp, warn_seccomp

        found.errors += check_seccomp(linux["seccomp"])
        for field, text in warn_seccomp(linux["seccomp"]):
            found.warn(field, text, "no-effect")
    flags = linux.get("personality", {}).get("flags")
    if flags:
        found.warn(
            "linux.personality.flags", f"{', '.join(flags)} ignored: there are none", "no-effect"
        )
    if linux.get("personality") and "domain" not in linux["personality"]:
        found.error("linux.personality.domain", "is missing, expected LINUX or LINUX32")
    _check_rare(found, linux, namespaces, host)


def _check_rare(found: Findings, linux: Linux, namespaces: Namespaces, host: HostFacts) -> None:
    """Members whose rules are loaded only with them."""
    if linux.get("netDevices"):
        from runtime.plan.net_devices import check_net_devices

        check_net_devices(found, linux["netDevices"], namespaces, host)
    if linux.get("memoryPolicy"):
        from runtime.plan.memory_policy import check_memory_policy

        check_memory_policy(found, linux["memoryPolicy"])
    if linux.get("intelRdt"):
        from runtime.plan.resctrl import check_resctrl

        check_resctrl(found, linux["intelRdt"], host.resctrl)
    if linux.get("mountLabel"):
        from runtime.plan.labels import check_mount_label

        check_mount_label(found, linux["mountLabel"], host)


def _check_namespaces(found: Findings, linux: Linux) -> None:
    seen = set()
    for index, entry in enumerate(linux.get("namespaces", ())):
        field, kind = f"linux.namespaces[{index}]", entry["type"]
        if kind not in FLAGS:
            found.error(
                f"{field}.type", f'"{kind}" is no namespace, expected one of {", ".join(FLAGS)}'
            )
        elif kind in seen:
            found.error(f"{field}.type", f"{kind} is listed twice")
        seen.add(kind)
        if entry.get("path"):
            found.absolute(f"{field}.path", entry["path"])


def _check_maps(found: Findings, linux: Linux, namespaces: Namespaces, host: HostFacts) -> None:
    for field, maps in (
        ("linux.uidMappings", linux.get("uidMappings", ())),
        ("linux.gidMappings", linux.get("gidMappings", ())),
    ):
        if namespaces.new & NEWUSER:
            if not maps:
                found.error(field, "is empty, a new user namespace needs it")
            else:
                # Rare, as id-mapped mounts, which share it.
                from runtime.plan.user_maps import check_map

                check_map(found, field, maps)
        elif maps and namespaces.joined & NEWUSER:
            # containerd and CRIU repeat the mappings of the namespace that they name.
            found.warn(field, "ignored: the user namespace is joined and has its own", "no-effect")
        elif maps:
            found.error(field, "needs a user namespace")
    if host.euid != 0 and not namespaces.listed & NEWUSER:
        found.error("linux.namespaces", "without root a container needs a user namespace")


def _check_time(found: Findings, linux: Linux, namespaces: Namespaces) -> None:
    field = "linux.timeOffsets"
    if namespaces.joined & NEWTIME:
        found.error(field, "cannot be changed in a time namespace that is joined")
    elif not namespaces.new & NEWTIME:
        found.error(field, "needs a time namespace")
    for clock in linux["timeOffsets"]:
        if clock not in CLOCKS:
            found.error(f"{field}.{clock}", f"is no clock, expected {' or '.join(CLOCKS)}")
    offsets = linux["timeOffsets"]
    for clock, offset in zip(
        CLOCKS, (offsets.get("monotonic", {}), offsets.get("boottime", {})), strict=True
    ):
        nanoseconds = offset.get("nanosecs", 0)
        if nanoseconds >= 10**9:
            found.error(f"{field}.{clock}.nanosecs", f"{nanoseconds} is a second or more")


def _check_sysctls(found: Findings, linux: Linux, namespaces: Namespaces) -> None:
    from runtime.plan.sysctl import sysctl_path, sysctl_problem

    seen = set()
    for key in linux["sysctl"]:
        problem = sysctl_problem(key, namespaces.listed)
        if problem:
            found.error(f'linux.sysctl["{key}"]', problem)
        path = sysctl_path(key)
        if path in seen:
            found.error(f'linux.sysctl["{key}"]', "is there twice, in two spellings")
        seen.add(path)


def _check_root(
    found: Findings, config: Config, options: CreateOptions, namespaces: Namespaces
) -> None:
    """What is done to the root, and to paths in it."""
    linux = config.get("linux", {})
    has_mounts = namespaces.listed & NEWNS
    propagation = linux.get("rootfsPropagation", "")
    if propagation and propagation not in PROPAGATIONS:
        found.error(
            PROPAGATION_FIELD,
            f'"{propagation}" is none, expected one of {", ".join(PROPAGATIONS)}',
        )
    elif propagation and not has_mounts:
        found.error(PROPAGATION_FIELD, "needs a mount namespace")
    elif propagation in ("private", "rprivate") and options.no_pivot:
        found.error(PROPAGATION_FIELD, f"{propagation} and --no-pivot exclude each other")
    if config.get("root", {}).get("readonly") and not has_mounts:
        found.error("root.readonly", "needs a mount namespace")
    if options.no_pivot and not has_mounts:
        found.warn("--no-pivot", "ignored: there is no mount namespace", "no-effect")
    for key, paths in (
        ("maskedPaths", linux.get("maskedPaths", ())),
        ("readonlyPaths", linux.get("readonlyPaths", ())),
    ):
        if paths and not has_mounts:
            found.error(f"linux.{key}", "needs a mount namespace")
        for index, path in enumerate(paths):
            if found.absolute(f"linux.{key}[{index}]", path) and clean_path(path) == "/":
                found.error(f"linux.{key}[{index}]", "is the root itself")


def _check_devices(
    found: Findings, config: Config, namespaces: Namespaces, host: HostFacts
) -> None:
    devices = config["linux"]["devices"]
    if not has_own_dev(mount_requests(config)):
        found.warn("linux.devices", "ignored: /dev is a bind mount", "no-effect")
    elif not can_make_nodes(namespaces, host):
        found.error("linux.devices", "a user namespace needs a mount namespace to bind them in")
    in_user_namespace = is_in_user_namespace(namespaces, host)
    is_bound = False
    seen: dict[str, Device] = {}
    for index, device in enumerate(devices):
        field = f"linux.devices[{index}]"
        kind = TYPES.get(device["type"])
        if kind is None:
            found.error(f"{field}.type", f'"{device["type"]}" is none, expected c, b, u or p')
        elif device["type"] != "p":
            _check_numbers(found, field, device)
            is_bound = is_bound or (in_user_namespace and ("uid" in device or "gid" in device))
        if not found.absolute(f"{field}.path", device["path"]):
            continue
        path = clean_path(device["path"])
        if path == PTMX:
            found.warn(field, "ignored: /dev/ptmx is always a link to pts/ptmx", "no-effect")
        if path in seen and seen[path] != device:
            found.error(f"{field}.path", f"{path} is another device already")
        seen[path] = device
    if is_bound:
        # Once for all: a privileged container lists hundreds.
        found.warn(
            "linux.devices",
            "in a user namespace the host's nodes are bound, owner and mode are their own",
            "device-is-bound",
        )


def _check_numbers(found: Findings, field: str, device: Device) -> None:
    for key, number, most in (
        ("major", device.get("major"), 2**12 - 1),
        ("minor", device.get("minor"), 2**20 - 1),
    ):
        if number is None:
            found.error(f"{field}.{key}", "is missing")
        elif not 0 <= number <= most:
            found.error(f"{field}.{key}", f"{number} is not between 0 and {most}")
