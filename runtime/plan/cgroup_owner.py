"""Whose a container's cgroup will be: its user's, where he sees it writable.

Source:  runtime-spec config-linux.md, Cgroup ownership.
"""

from __future__ import annotations

from runtime.plan.namespaces import NEWCGROUP, NEWUSER, Namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config


def plan_owner(config: Config) -> int | None:
    """The host uid of the container's user, if the v2 cgroup is to be his; None leaves it.

    That is so with a cgroup namespace of its own and a cgroup mount that is not read-only. In
    a user namespace that is joined nobody knows the uid beforehand. Pure.
    """
    linux = config.get("linux", {})
    namespaces = Namespaces(linux)
    if not namespaces.new & NEWCGROUP or namespaces.joined & NEWUSER:
        return None
    mounts = [m for m in config.get("mounts", ()) if m["destination"] == "/sys/fs/cgroup"]
    if not mounts or mounts[-1].get("type") not in ("cgroup", "cgroup2"):
        return None
    if "ro" in mounts[-1].get("options", ()):
        return None
    uid = config.get("process", {}).get("user", {}).get("uid", 0)
    if not namespaces.new & NEWUSER:
        return uid
    for entry in linux.get("uidMappings", ()):
        if 0 <= uid - entry["containerID"] < entry["size"]:
            return entry["hostID"] + uid - entry["containerID"]
    return None
