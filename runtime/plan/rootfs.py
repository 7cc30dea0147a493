"""The root filesystem around its mounts: propagation, the change of root, closed paths."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.mounts import clean_path
from runtime.plan.namespaces import NEWNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Linux
    from runtime.plan.namespaces import Namespaces
    from runtime.plan.ops import Op
    from runtime.plan.options import CreateOptions

MS_REC = 0x4000
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
PROPAGATIONS = {
    "private": MS_PRIVATE, "rprivate": MS_PRIVATE | MS_REC,
    "slave": MS_SLAVE, "rslave": MS_SLAVE | MS_REC,
    "shared": MS_SHARED, "rshared": MS_SHARED | MS_REC,
    "unbindable": MS_UNBINDABLE, "runbindable": MS_UNBINDABLE | MS_REC,
}  # fmt: skip
PROPAGATION_FIELD = "linux.rootfsPropagation"


def plan_root(linux: Linux, rootfs: str, namespaces: Namespaces) -> list[Op]:
    """The root opened and, with a mount namespace, cut off from the host and pivotable."""
    if not namespaces.listed & NEWNS:
        return [ops.root(rootfs, ops.ROOT_NO_BIND)]
    wanted = linux.get("rootfsPropagation", "")
    flags = PROPAGATIONS.get(wanted, MS_SLAVE | MS_REC)
    if flags & MS_UNBINDABLE:
        # Unbindable mounts cannot be bound: not the root, not the volumes. It comes last.
        flags = flags & MS_REC | MS_PRIVATE
    return [
        ops.root_propagation(PROPAGATION_FIELD if wanted else "default propagation", flags),
        ops.root(rootfs, ops.ROOT_SLAVE if flags & MS_SLAVE and wanted else 0),
    ]


def plan_change_root(linux: Linux, options: CreateOptions, namespaces: Namespaces) -> list[Op]:
    """The root becomes "/"; what its propagation was to be, beyond private and slave."""
    if not namespaces.listed & NEWNS:
        return [ops.chroot()]
    planned = [ops.move_root() if options.no_pivot else ops.pivot()]
    # Only now is "/" the container's own mount, so only now does it hurt nobody else.
    flags = PROPAGATIONS.get(linux.get("rootfsPropagation", ""), 0)
    if flags & (MS_SHARED | MS_UNBINDABLE):
        planned.append(ops.root_propagation(PROPAGATION_FIELD, flags))
    return planned


def plan_readonly_root(config: Config) -> list[Op]:
    """Comes when nothing is to be made in the root any more."""
    if config.get("root", {}).get("readonly", False):
        return [ops.remount_ro("root.readonly", "/")]
    return []


def plan_closed_paths(linux: Linux) -> list[Op]:
    """readonlyPaths, then maskedPaths: a path in both is masked, not merely read-only."""
    planned = [
        ops.readonly_path(origin, path)
        for origin, path in _distinct("linux.readonlyPaths", linux.get("readonlyPaths", ()))
    ]
    masked = _distinct("linux.maskedPaths", linux.get("maskedPaths", ()))
    context = None
    if masked and linux.get("mountLabel"):
        from runtime.plan.labels import mount_context

        context = mount_context(linux["mountLabel"])
    return planned + [ops.mask_path(origin, path, context) for origin, path in masked]


def _distinct(field: str, paths: list[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    """(place in the configuration, path), each path once."""
    places: dict[str, str] = {}
    for index, path in enumerate(paths):
        places.setdefault(clean_path(path), f"{field}[{index}]")
    return [(place, path) for path, place in places.items()]
