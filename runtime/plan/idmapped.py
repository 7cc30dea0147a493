"""Id-mapped mounts: a bind mount that shows other owners than its filesystem has.

Only the runtime may make one, and only before anybody could reach it. So the parent opens the
source, maps it and hands over a detached mount: a slot of the plan.
"""

from __future__ import annotations

from runtime.plan.namespaces import NEWNS, NEWUSER, id_maps
from runtime.plan.plan import MountIdMap
from runtime.plan.user_maps import check_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Mount
    from runtime.host.facts import HostFacts
    from runtime.plan.findings import Findings
    from runtime.plan.mounts import MountRequest
    from runtime.plan.namespaces import Namespaces
    from runtime.plan.plan import Plan

IDMAPPED_MOST = 200  # each is a descriptor that is handed over


def check_idmapped(
    found: Findings,
    config: Config,
    requests: list[MountRequest],
    namespaces: Namespaces,
    host: HostFacts,
) -> None:
    """Source:  runtime-spec config.md, Linux mount options; mount_setattr(2)."""
    idmapped = 0
    for request, entry in zip(requests, config.get("mounts", ()), strict=True):
        if not request.is_idmapped:
            continue
        idmapped += 1
        field = request.origin
        if not request.is_bind:
            found.error(field, "only a bind mount can be id-mapped")
        if host.euid != 0:
            found.error(field, "an id-mapped mount needs root")
        if namespaces.joined & NEWNS:
            # Its source is opened by the parent, in another mount namespace.
            found.error(field, "an id-mapped mount needs a new mount namespace")
        _check_mappings(found, field, entry, namespaces)
    if idmapped > IDMAPPED_MOST:
        found.error("mounts", f"{idmapped} are id-mapped, pyrunc can do {IDMAPPED_MOST}")


def _check_mappings(found: Findings, field: str, entry: Mount, namespaces: Namespaces) -> None:
    uid_maps, gid_maps = entry.get("uidMappings", ()), entry.get("gidMappings", ())
    if not uid_maps and not gid_maps:
        if not namespaces.listed & NEWUSER:
            found.error(field, "is to be id-mapped, but neither it nor the container has mappings")
        return
    for key, maps in (("uidMappings", uid_maps), ("gidMappings", gid_maps)):
        if maps:
            check_map(found, f"{field}.{key}", maps)
        else:
            found.error(f"{field}.{key}", "is missing, the one is of no use without the other")


def plan_idmapped(
    plan: Plan,
    config: Config,
    requests: list[MountRequest],
    namespaces: Namespaces,
    bundle_path: str,
) -> None:
    """Ask for the detached mounts; the requests remember their slots."""
    linux = config.get("linux", {})
    for request, entry in zip(requests, config.get("mounts", ()), strict=True):
        if not request.is_idmapped:
            continue
        own = bool(entry.get("uidMappings"))
        mappings = entry if own else linux
        request.slot = plan.add_slot("idmap", request.host_source(bundle_path), request.origin)
        plan.slots[-1].idmap = MountIdMap(
            id_maps(mappings.get("uidMappings", ())),
            id_maps(mappings.get("gidMappings", ())),
            "" if own else namespaces.paths.get(NEWUSER, ""),
            is_recursive=request.options.is_recursive,
            is_idmapped_below=request.options.is_idmapped_below,
        )
