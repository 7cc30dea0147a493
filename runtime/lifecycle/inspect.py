"""inspect: a container beside its configuration, and where the two differ.

The kernel is asked, not the state: /proc of the container's init, and its cgroup.
"""

from __future__ import annotations

import os

from runtime.cgroups.plan import plan_cgroup
from runtime.errors import ContainerError, StatusError
from runtime.host.process_files import ProcessFiles
from runtime.host.read_facts import read_facts
from runtime.plan.after_exec import capabilities_after_exec
from runtime.plan.capabilities import CapabilitySets, names_of
from runtime.plan.mounts import clean_path, mount_requests
from runtime.plan.namespaces import FLAGS, NEWNS, NEWUSER, Namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.host.facts import HostFacts
    from runtime.state import Container, StateStore

PAGE = 4096  # limits of memory are rounded to pages
NO_LIMIT = 1 << 62  # and beyond: what v1 shows for none
UNLIMITED = (1 << 64) - 1
OWN, HOST, JOINED = "its own", "the host's", "joined"


class Row:
    """One thing: what the configuration says, what is.

    differs  None where the two cannot be compared
    """

    __slots__ = ("actual", "area", "configured", "differs", "what")

    def __init__(
        self, area: str, what: str, configured: str, actual: str, differs: bool | None
    ) -> None:
        self.area = area
        self.what = what
        self.configured = configured
        self.actual = actual
        self.differs = differs


def inspect(store: StateStore, container_id: str) -> tuple[str, int, list[Row]]:
    """The status, the pid of init, and all rows; of a container with a living init.

    Errors:  StatusError for one that has stopped, or is not there.
    """
    container = store.load(container_id)
    status = container.status()
    if status in ("stopped", "creating"):
        raise StatusError(f"container not running: {status}", code="not-running")
    files = ProcessFiles(container.pid)
    host = read_facts()
    rows = [
        *_namespaces(container, files),
        *_identity(container, files),
        *_capabilities(container, files, host, status),
        *_restrictions(container, files, status),
        *_limits(container, files),
        *_mounts(container, files),
        *_cgroup(container, host),
    ]
    return status, container.pid, rows


def _compared(area: str, what: str, configured: object, actual: object) -> Row:
    return Row(area, what, str(configured), str(actual), str(configured) != str(actual))


def _namespaces(container: Container, files: ProcessFiles) -> list[Row]:
    namespaces = Namespaces(container.config.get("linux", {}))
    ours = ProcessFiles(os.getpid())
    rows = []
    for kind, flag in FLAGS.items():
        path = namespaces.paths.get(flag)
        inode = files.namespace(kind)
        configured = OWN if namespaces.new & flag else JOINED if path else HOST
        actual = HOST if inode == ours.namespace(kind) else OWN
        if path and actual == OWN:
            # Where it was joined from may be gone by now; then it cannot be told.
            actual = JOINED if _inode(path) in (inode, None) else "another"
        rows.append(_compared("namespaces", kind, configured, actual))
    return rows


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _identity(container: Container, files: ProcessFiles) -> list[Row]:
    linux = container.config.get("linux", {})
    user = container.config["process"].get("user", {})
    is_mapped = bool(Namespaces(linux).new & NEWUSER)
    uid_maps = linux.get("uidMappings", []) if is_mapped else None
    gid_maps = linux.get("gidMappings", []) if is_mapped else None
    uid, gid, groups = files.ids()
    rows = [
        _compared("user", "uid", _outside(uid_maps, user.get("uid", 0)), uid),
        _compared("user", "gid", _outside(gid_maps, user.get("gid", 0)), gid),
    ]
    wanted = {_outside(gid_maps, number) for number in user.get("additionalGids", [])}
    # The kernel may list the group itself as well.
    found = {*groups} - {gid}
    rows.append(_compared("user", "groups", sorted(wanted - {gid}), sorted(found)))
    return rows


def _outside(maps: list[dict[str, int]] | None, number: int) -> int:
    """An id of the container as the host has it."""
    for one in maps or ():
        if 0 <= number - one["containerID"] < one["size"]:
            return one["hostID"] + number - one["containerID"]
    return number


def _capabilities(
    container: Container, files: ProcessFiles, host: HostFacts, status: str
) -> list[Row]:
    process: Any = container.config["process"]
    if status == "created":
        sets = CapabilitySets(process.get("capabilities", {}), host.last_cap)
        wanted = {name: getattr(sets, name) for name in ("bounding", "inheritable", "ambient")}
    else:
        wanted = capabilities_after_exec(process, host.last_cap)
    return [
        _compared(
            "capabilities", name, names_of(mask) or "none",
            names_of(files.capabilities(name)) or "none",
        )
        for name, mask in wanted.items()
    ]  # fmt: skip


def _restrictions(container: Container, files: ProcessFiles, status: str) -> list[Row]:
    process, linux = container.config["process"], container.config.get("linux", {})
    words = {"0": "off", "1": "on", "2": "on"}
    wants_filter = bool(linux.get("seccomp")) and status != "created"
    rows = [
        _compared("restrictions", "no_new_privs",
                  words[str(int(process.get("noNewPrivileges", False)))],
                  words.get(files.status("NoNewPrivs"), "")),
        _compared("restrictions", "seccomp filter", words[str(int(wants_filter))],
                  words.get(files.status("Seccomp"), "")),
    ]  # fmt: skip
    if "oomScoreAdj" in process:
        actual = files.text("oom_score_adj").strip()
        rows.append(_compared("restrictions", "oom_score_adj", process["oomScoreAdj"], actual))
    return rows


def _limits(container: Container, files: ProcessFiles) -> list[Row]:
    rows = []
    for limit in container.config["process"].get("rlimits", []):
        wanted = " ".join(_limit_word(limit[key]) for key in ("soft", "hard"))
        rows.append(
            _compared("rlimits", limit["type"], wanted, " ".join(files.limit(limit["type"])))
        )
    return rows


def _limit_word(number: int) -> str:
    return "unlimited" if number == UNLIMITED else str(number)


def _mounts(container: Container, files: ProcessFiles) -> list[Row]:
    """Every mount that is configured, and those that are there and were not asked for."""
    config: Any = container.config
    linux = config.get("linux", {})
    if not Namespaces(linux).listed & NEWNS:
        return []
    there = {mount.target: mount for mount in files.mounts()}
    rows = []
    covered = [clean_path(path) for path in
               (*linux.get("maskedPaths", []), *linux.get("readonlyPaths", []))]  # fmt: skip
    for request in mount_requests(config):
        covered.append(request.target)
        wanted = "bind" if request.is_bind else request.fstype
        found = there.get(request.target)
        if found is None:
            rows.append(Row("mounts", request.target, wanted, "missing", True))
        else:
            same = request.is_bind or wanted in (found.fstype, "cgroup")
            shown = "bind" if request.is_bind else found.fstype
            rows.append(Row("mounts", request.target, wanted, shown, not same))
    ours = ("/", "/dev/console", "/run/notify", *(d["path"] for d in linux.get("devices", [])))
    for target, mount in there.items():
        # What lies below a configured one came with it: rbind, cgroup v1, nodes of /dev.
        if target not in ours and not any(_is_below(target, place) for place in covered):
            rows.append(Row("mounts", target, "not configured", mount.fstype, True))
    readonly = bool(config.get("root", {}).get("readonly"))
    root = there.get("/")
    if root is not None:
        words = {True: "read-only", False: "writable"}
        rows.append(_compared("mounts", "/", words[readonly], words[root.is_readonly]))
    return rows


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


def _cgroup(container: Container, host: HostFacts) -> list[Row]:
    """The values that create writes, beside what the files hold now."""
    linux = container.config.get("linux", {})
    try:
        plan = plan_cgroup(
            linux.get("cgroupsPath"), container.id, linux.get("resources"), linux.get("devices"),
            host.cgroups, rootless=True,
        )  # fmt: skip
    except ContainerError as error:
        return [Row("cgroup", error.field, error.what, "cannot be compared", None)]
    rows = []
    for one in plan.dirs:
        keys = ("",) if one.hierarchy.version == 2 else one.hierarchy.controllers
        folder = next((p for key in keys if (p := container.cgroup_paths.get(key))), "")
        for setting in one.settings if folder else ():
            actual = _value(f"{folder}/{setting.file}")
            rows.append(
                Row("cgroup", setting.file, setting.value, actual or "cannot be read",
                    None if not actual or " " in actual + setting.value
                    else not is_same_value(setting.value, actual))
            )  # fmt: skip
    return rows


def _value(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip().replace("\n", " ")
    except OSError:
        return ""  # write-only, or not on this kernel


def is_same_value(wanted: str, actual: str) -> bool:
    """Whether the kernel's word means what was written: rounded to pages, or no limit."""
    if wanted == actual:
        return True
    numbers = [int(word) if word.lstrip("-").isdigit() else None for word in (wanted, actual)]
    is_free = [word == "max" or (n is not None and (n == -1 or n >= NO_LIMIT))
               for word, n in zip((wanted, actual), numbers, strict=True)]  # fmt: skip
    if any(is_free):
        return all(is_free)
    first, second = numbers
    return first is not None and second is not None and second == first // PAGE * PAGE
