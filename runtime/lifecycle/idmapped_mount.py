"""Make the detached mounts that show other owners than their filesystems have."""

from __future__ import annotations

import errno
import posix as os

from runtime.errors import KernelError
from runtime.lifecycle.idmaps import map_lines
from runtime.native import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.plan import MountIdMap, Slot

HINTS = {
    errno.EINVAL: "its filesystem does not support id-mapped mounts in this version of Linux",
    errno.EPERM: "it is id-mapped already, or its filesystem belongs to another user namespace",
    errno.ENOSYS: "id-mapped mounts came with Linux 5.12",
}


def open_idmapped(slot: Slot, user_namespaces: dict[str, int]) -> int:
    """A detached mount of the slot's path that shows ids as `slot.idmap` says.

    A user namespace that was made stays in `user_namespaces`, for the next mount with the same
    mappings and for the caller to close.
    Errors:  KernelError naming the mount.
    Source:  mount_setattr(2), ID-mapped mounts.
    """
    idmap = slot.idmap
    assert idmap is not None
    namespace_fd = _user_namespace(slot, idmap, user_namespaces)
    try:
        tree = calls.open_tree(slot.path, recursive=idmap.is_recursive)
    except OSError as error:
        raise _failure(slot, f"open {slot.path}", "open_tree", error) from error
    try:
        calls.map_ids(tree, namespace_fd, recursive=idmap.is_idmapped_below)
    except OSError as error:
        os.close(tree)
        hint = HINTS.get(error.errno or 0, "")
        raise _failure(slot, f"id-map {slot.path}", "mount_setattr", error, hint) from error
    return tree


def _user_namespace(slot: Slot, idmap: MountIdMap, known: dict[str, int]) -> int:
    uid_map, gid_map = map_lines(idmap.uid_maps), map_lines(idmap.gid_maps)
    key = idmap.namespace or f"{uid_map!r} {gid_map!r}"
    if key in known:
        return known[key]
    what = f"open {idmap.namespace}" if idmap.namespace else "map ids in a new user namespace"
    try:
        if idmap.namespace:
            known[key] = os.open(idmap.namespace, os.O_RDONLY | os.O_CLOEXEC)
        else:
            known[key] = calls.user_namespace(uid_map, gid_map)
    except OSError as error:
        raise _failure(slot, what, "open" if idmap.namespace else "clone3", error) from error
    return known[key]


def _failure(slot: Slot, what: str, syscall: str, error: OSError, hint: str = "") -> KernelError:
    return KernelError(what, field=slot.origin, syscall=syscall, errno=error.errno or 0, hint=hint)
