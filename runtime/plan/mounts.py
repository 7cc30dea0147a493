"""mounts[] of the configuration as operations, in the order in which they are listed."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.mount_options import RDONLY, filesystem_options, split_options
from runtime.plan.namespaces import NEWNET, is_in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Mount
    from runtime.host.cgroup_layout import Hierarchy
    from runtime.host.facts import HostFacts
    from runtime.plan.mount_options import MountOptions
    from runtime.plan.namespaces import Namespaces
    from runtime.plan.ops import Op

# The files of procfs that a container may have others over: what lxcfs serves, and three
# that engines replace. Anything else below /proc would deceive the runtime or the program.
PROC_FILES = frozenset(
    f"/proc/{name}"
    for name in ("cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg",
                 "slabinfo", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled")
)  # fmt: skip


class MountRequest:
    """One entry, with its options taken apart and its target cleaned.

    slot  of the detached mount that the parent made of the source; 0 is none
    """

    __slots__ = (
        "fstype",
        "is_bind",
        "is_idmapped",
        "options",
        "origin",
        "slot",
        "source",
        "target",
    )

    def __init__(self, index: int, entry: Mount) -> None:
        self.origin = f"mounts[{index}]"
        self.options: MountOptions = split_options(entry.get("options", ()))
        self.target = clean_path(entry["destination"])
        self.fstype = entry.get("type", "")
        self.source = entry.get("source", "")
        # The type alone asks for it too: runc then looks for a filesystem named "bind".
        self.is_bind = self.options.is_bind or self.fstype == "bind"
        self.is_idmapped = self.options.is_idmapped or bool(
            entry.get("uidMappings") or entry.get("gidMappings")
        )
        self.slot = 0

    def host_source(self, bundle_path: str) -> str:
        """What a bind mount shows, as an absolute path."""
        return self.source if self.source[:1] == "/" else f"{bundle_path}/{self.source}"


def clean_path(path: str) -> str:
    """`path` from the root, without empty parts, "." and "..", which cannot leave the root.

    Nothing is looked up: the executor follows links inside the root, descriptor by descriptor.
    """
    if "/." not in path and "//" not in path and path[:1] == "/" and path[-1:] != "/":
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def mount_requests(config: Config) -> list[MountRequest]:
    """mounts[], in order."""
    return [MountRequest(index, entry) for index, entry in enumerate(config.get("mounts", ()))]


def plan_mounts(
    requests: list[MountRequest],
    bundle_path: str,
    namespaces: Namespaces,
    host: HostFacts,
    cgroup_dirs: list[tuple[Hierarchy, str]],
    label: str = "",
) -> list[Op]:
    """The operations that mount everything, read-write where files are yet to be made.

    `label` is linux.mountLabel.
    """
    planned: list[Op] = []
    for request in requests:
        if request.is_bind:
            planned.append(_bind(request, bundle_path))
        elif request.fstype == "cgroup":
            # Rare outside of engines, and long: not every plan pays for it.
            from runtime.plan.cgroup_mount import plan_cgroup_mount

            planned += plan_cgroup_mount(request, namespaces, host, cgroup_dirs)
        else:
            planned += _mount(request, namespaces, host, label)
    return planned


def is_finished_later(request: MountRequest) -> bool:
    """Files are made in it after it is mounted, so read-only has to wait.

    Mount points of later entries are made in a tmpfs, device nodes in /dev.
    """
    return not request.is_bind and (request.fstype == "tmpfs" or request.target == "/dev")


def plan_late_readonly(requests: list[MountRequest]) -> list[Op]:
    """The mounts that had to stay writable until now; inside the container's root."""
    planned = []
    for index, request in enumerate(requests):
        wants = (request.options.attr_set | request.options.rec_set) & RDONLY
        if not wants or not is_finished_later(request):
            continue
        # What a later entry covers cannot be reached, nor written, any more.
        if not any(_covers(later.target, request.target) for later in requests[index + 1 :]):
            planned.append(ops.remount_ro(request.origin, request.target))
    return planned


def _covers(later: str, target: str) -> bool:
    return target == later or target.startswith(later + "/")


def _bind(request: MountRequest, bundle_path: str) -> Op:
    options = request.options
    flags = 0
    if options.is_recursive:
        flags |= ops.BIND_RECURSIVE
    if options.names_attrs:
        flags |= ops.BIND_REPLACE_ATTRS
    if request.slot:
        flags |= ops.BIND_SOURCE_IS_SLOT
    return ops.bind(
        request.origin,
        source=request.host_source(bundle_path),
        target=request.target,
        flags=flags,
        attr_set=options.attr_set,
        attr_clr=options.attr_clr,
        rec_set=options.rec_set,
        rec_clr=options.rec_clr,
        propagation=options.propagation,
        slot=request.slot,
    )


def _mount(request: MountRequest, namespaces: Namespaces, host: HostFacts, label: str) -> list[Op]:
    options, fstype = request.options, request.fstype
    source = request.source
    attr_set, rec_set = options.attr_set, options.rec_set
    is_ro = bool(attr_set & RDONLY)
    flags = 0
    if options.is_remount:
        flags |= ops.MOUNT_REMOUNT
    elif fstype == "tmpfs":
        if not any(word.startswith("mode=") for word in options.data):
            flags |= ops.MOUNT_MODE_OF_TARGET
        if options.tmpcopyup:
            flags |= ops.MOUNT_TMPCOPYUP
    elif fstype == "proc":
        flags |= ops.MOUNT_REAL_DIR
    elif fstype == "sysfs":
        flags |= ops.MOUNT_REAL_DIR
        # The kernel gives a new sysfs only to whoever owns the network namespace. The host's
        # shows the same, and read-only it gives nothing away.
        if is_ro and is_in_user_namespace(namespaces, host) and not namespaces.new & NEWNET:
            flags |= ops.MOUNT_SYSFS_FALLBACK
    if is_finished_later(request) and not options.is_remount:
        is_ro = False
        attr_set &= ~RDONLY
        rec_set &= ~RDONLY
    words = filesystem_options(options, is_ro=is_ro)
    labelled: list[Op] = []
    if label and not options.is_remount:
        from runtime.plan.labels import plan_mount_label

        labelled = plan_mount_label(request, words, label)
    mount = ops.mount(
        request.origin,
        fstype=fstype,
        source=source or fstype,
        target=request.target,
        options=words,
        flags=flags,
        attr_set=attr_set,
        attr_clr=options.attr_clr,
        rec_set=rec_set,
        rec_clr=options.rec_clr,
        propagation=options.propagation,
    )
    return [mount, *labelled]
