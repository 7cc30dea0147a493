"""A mount of type cgroup: one cgroup2 filesystem, or the picture of all v1 hierarchies.

Source:  what runc makes, so that programs which look for /sys/fs/cgroup/memory find it.
"""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.mount_options import NODEV, NOEXEC, NOSUID, RDONLY, filesystem_options
from runtime.plan.namespaces import NEWCGROUP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.host.cgroup_layout import Hierarchy
    from runtime.host.facts import HostFacts
    from runtime.plan.mounts import MountRequest
    from runtime.plan.namespaces import Namespaces
    from runtime.plan.ops import Op

SAFE = NOSUID | NODEV | NOEXEC


def plan_cgroup_mount(
    request: MountRequest,
    namespaces: Namespaces,
    host: HostFacts,
    cgroup_dirs: list[tuple[Hierarchy, str]],
) -> list[Op]:
    """The operations for one entry; on a hybrid host version 2 is not shown, as in runc."""
    has_namespace = bool(namespaces.listed & NEWCGROUP)
    if host.cgroups.mode == "unified":
        return [_mount_v2(request, cgroup_dirs, has_namespace=has_namespace)]
    own_dirs = {hierarchy.mountpoint: path for hierarchy, path in cgroup_dirs}
    # It stays writable, as in runc: the hierarchies are what has to be protected.
    planned = [
        ops.mount(
            request.origin, fstype="tmpfs", source="tmpfs", target=request.target,
            options=["mode=755"], attr_set=SAFE,
            propagation=request.options.propagation,
        )
    ]  # fmt: skip
    for hierarchy in host.cgroups.hierarchies:
        if hierarchy.version == 1:
            own = own_dirs.get(hierarchy.mountpoint)
            if own is None:
                own = hierarchy.mountpoint + hierarchy.own_below_mountpoint().rstrip("/")
            planned += _hierarchy(request, hierarchy, own, has_namespace=has_namespace)
    return planned


def _mount_v2(
    request: MountRequest, cgroup_dirs: list[tuple[Hierarchy, str]], *, has_namespace: bool
) -> Op:
    options = request.options
    source = "/sys/fs/cgroup"
    if has_namespace:
        # What a new mount would show: the container's cgroup is the top of its namespace.
        source = next((path for hierarchy, path in cgroup_dirs if hierarchy.version == 2), source)
    return ops.mount(
        request.origin,
        fstype="cgroup2",
        source=source,
        target=request.target,
        options=filesystem_options(options, is_ro=bool(options.attr_set & RDONLY)),
        flags=ops.MOUNT_CGROUP_FALLBACK,
        attr_set=options.attr_set,
        attr_clr=options.attr_clr,
        rec_set=options.rec_set,
        rec_clr=options.rec_clr,
        propagation=options.propagation,
    )


def _hierarchy(
    request: MountRequest, hierarchy: Hierarchy, own: str, *, has_namespace: bool
) -> list[Op]:
    """One v1 hierarchy below the tmpfs, and links for its other names."""
    options = request.options
    name = hierarchy.mountpoint.rsplit("/", 1)[1]
    target = f"{request.target}/{name}"
    planned = []
    if has_namespace:
        is_ro = options.attr_set & RDONLY
        named = any(one.startswith("name=") for one in hierarchy.controllers)
        planned.append(ops.mkdir(request.origin, target))
        planned.append(
            ops.mount(
                request.origin, fstype="cgroup", source=name if named else "cgroup", target=target,
                options=["ro"] * bool(is_ro) + list(hierarchy.controllers),
                attr_set=SAFE | is_ro,
                rec_set=options.rec_set, rec_clr=options.rec_clr,
                propagation=options.propagation,
            )
        )  # fmt: skip
    else:
        flags = ops.BIND_RECURSIVE
        planned.append(
            ops.bind(
                request.origin, source=own, target=target,
                flags=flags | ops.BIND_REPLACE_ATTRS if options.names_attrs else flags,
                attr_set=options.attr_set, attr_clr=options.attr_clr,
                rec_set=options.rec_set, rec_clr=options.rec_clr,
                propagation=options.propagation,
            )
        )  # fmt: skip
    for controller in hierarchy.controllers:
        # "cpu" is where programs look, "cpu,cpuacct" is where both are mounted.
        if controller != name and not controller.startswith("name="):
            planned.append(ops.symlink(request.origin, name, f"{request.target}/{controller}"))
    return planned
