"""What a container's cgroup will be: directories, values, devices. Pure.

A host may have controllers on both sides: every controller is planned for the side it
lives on, v1 where its hierarchy is mounted, else v2. What this host cannot do is refused
here, before anything was touched.
"""

from __future__ import annotations

from runtime.cgroups.devices import DevicePolicy, plan_policy
from runtime.cgroups.setting import IGNORE, hierarchy_warnings
from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from runtime.cgroups.setting import Setting
    from runtime.cgroups.systemd_unit import Unit
    from runtime.host.cgroup_layout import CgroupLayout, Hierarchy

# Section of linux.resources, controller on v1, controller on v2 ("" is none).
CONTROLLERS = (
    ("pids", "pids", "pids"),
    ("memory", "memory", "memory"),
    ("blockIO", "blkio", "io"),
    ("cpu", "cpu", "cpu"),
    ("cpu", "cpuset", "cpuset"),
    ("hugepageLimits", "hugetlb", "hugetlb"),
    ("network", "net_cls", ""),
    ("network", "net_prio", ""),
    ("rdma", "rdma", "rdma"),
)

# Without these as domain controllers a cgroup may be threaded.
THREADED_CONTROLLERS = ("cpuset", "cpu", "pids", "perf_event")


class DirPlan:
    """One directory in one hierarchy.

    path      below the mount point, clean, starts with "/"
    enable    v2: controllers that the ancestors hand down; those settings need included
    needed    v2: of these, the ones that a setting is for
    settings  in the order of the writes
    """

    __slots__ = ("enable", "hierarchy", "needed", "path", "settings")

    def __init__(self, hierarchy: Hierarchy, path: str) -> None:
        self.hierarchy = hierarchy
        self.path = path
        self.enable: tuple[str, ...] = ()
        self.needed: tuple[str, ...] = ()
        self.settings: list[Setting] = []

    @property
    def directory(self) -> str:
        """The absolute path."""
        return self.hierarchy.mountpoint + self.path


class CgroupPlan:
    """What make() carries out.

    dirs       in joining order
    devices    who may use which device; None where that is not ours to say (rootless)
    devices_on the directory it is written to (v1) or attached to (v2)
    freezer_on the directory whose freezer stops the container; None without any freezer
    droppable  a directory that permissions deny is left out: a rootless container whose
               configuration names no cgroup
    owner      the host uid that the v2 directory shall belong to; None leaves it ours
    unit       the scope that systemd is asked for; None where we make directories ourselves
    warnings   one line each
    """

    __slots__ = (
        "devices", "devices_on", "dirs", "droppable", "freezer_on", "owner", "unit", "warnings",
    )  # fmt: skip

    def __init__(self, dirs: list[DirPlan], *, droppable: bool) -> None:
        self.dirs = dirs
        self.droppable = droppable
        self.devices: DevicePolicy | None = None
        self.devices_on: DirPlan | None = None
        self.freezer_on = _home(dirs, "freezer") or _v2(dirs)
        self.owner: int | None = None
        self.unit: Unit | None = None
        self.warnings: list[str] = []


def plan_cgroup(
    cgroups_path: str | None,
    container_id: str,
    resources: Mapping[str, Any] | None,
    devices: Sequence[Mapping[str, Any]] | None,
    layout: CgroupLayout,
    *,
    rootless: bool,
    in_user_namespace: bool = False,
) -> CgroupPlan:
    """The cgroup of a container at a path.

    `devices` is linux.devices: a node of its own at the path of a default device takes the
    default's allow rule away.
    Errors:  ConfigError naming the field that cannot be applied on this host.
    Source:  runtime-spec config-linux.md, Control groups.
    """
    path = clean_path(cgroups_path or container_id)
    absolute = bool(cgroups_path) and str(cgroups_path).startswith("/")
    if absolute and path == "/":
        raise ConfigError(
            f"{cgroups_path} is the root cgroup",
            field="linux.cgroupsPath",
            hint="name one below it",
        )
    dirs = [DirPlan(h, "") for h in layout.hierarchies]
    plan = CgroupPlan(dirs, droppable=rootless and not cgroups_path)
    given = dict(resources) if resources else {}
    place_settings(plan, given)
    for directory in dirs:
        below = "/" if absolute else _base(directory, layout)
        directory.path = path if below == "/" else (below + path).rstrip("/")
        if not directory.path:
            directory.path = "/"
    if rootless or in_user_namespace:
        return plan
    plan.devices = plan_policy(given.get("devices") or (), devices or ())
    plan.devices_on = _home(dirs, "devices") or _v2(dirs)
    if plan.devices_on is None:
        raise ConfigError(
            "this host has no devices cgroup, neither v1 nor v2",
            code="no-controller",
            field="linux.resources.devices",
            hint="mount a cgroup file system below /sys/fs/cgroup",
        )
    return plan


def clean_path(path: str) -> str:
    """The path from "/", without "." and "..": it never leads out of its start.

    Errors:  ConfigError for characters that no cgroup name can have.
    """
    if "\0" in path or "\n" in path:
        raise ConfigError(f"{path!r} is no cgroup path", field="linux.cgroupsPath")
    if "/" not in path and path not in (".", "..", ""):
        return "/" + path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def relative(path: str) -> str:
    """A path of a DirPlan as seen from the mount point."""
    return path[1:] or "."


def ancestors(path: str) -> list[str]:
    """``/``, ``/a`` and ``/a/b`` for ``/a/b/c``."""
    result = ["/"]
    at = path.find("/", 1)
    while at > 0:
        result.append(path[:at])
        at = path.find("/", at + 1)
    return result


def place_settings(plan: CgroupPlan, resources: dict[str, Any]) -> None:
    """Convert every section for the side its controller lives on; also what update writes.

    Errors:  ConfigError.
    """
    if v2 := _v2(plan.dirs):
        v2.enable = v2.hierarchy.controllers if len(plan.dirs) == 1 else ()
        v2.needed = ()
    for directory in plan.dirs:
        directory.settings = []
    for section, v1_name, v2_name in CONTROLLERS:
        if not resources.get(section):
            continue
        home = _home(plan.dirs, v1_name)
        # The conversions are imported for the side that needs them: the other costs time.
        if home is None and (v2 is None or v2_name not in v2.hierarchy.controllers):
            _refuse(section, v1_name, v2_name, plan, resources)
        elif home is not None:
            from runtime.cgroups import resources_v1

            home.settings += resources_v1.CONVERSIONS[v1_name](resources)
            if v1_name == "memory":
                plan.warnings += resources_v1.warnings(resources)
        elif v2 is not None:
            from runtime.cgroups import resources_v2

            settings = resources_v2.CONVERSIONS[v2_name](resources)
            v2.settings += settings
            if settings:
                _need(v2, v2_name)
            if v2_name == "cpu":
                plan.warnings += resources_v2.warnings(resources)
            elif v2_name == "memory":
                plan.warnings += hierarchy_warnings(resources)
    if resources.get("unified"):
        _place_unified(plan, v2, resources["unified"])


def _place_unified(plan: CgroupPlan, v2: DirPlan | None, unified: dict[str, str]) -> None:
    """Files of v2 by name; last, so that they win over what was converted."""
    from runtime.cgroups import resources_v2

    for key, value in unified.items():
        settings = resources_v2.unified(key, value)
        controller = key.partition(".")[0]
        if v2 is None:
            raise ConfigError("cannot use unified on cgroup v1", field=settings[0].field)
        if controller != "cgroup":
            if _home(plan.dirs, "blkio" if controller == "io" else controller) is not None:
                raise ConfigError(
                    f"cannot use unified on cgroup v1: {controller} is a v1 controller here",
                    field=settings[0].field,
                )
            if controller in v2.hierarchy.controllers:
                _need(v2, controller)
        v2.settings += settings


def _need(v2: DirPlan, controller: str) -> None:
    if controller not in v2.needed:
        v2.needed += (controller,)
    if controller not in v2.enable:
        v2.enable += (controller,)


def _refuse(
    section: str, v1_name: str, v2_name: str, plan: CgroupPlan, resources: dict[str, Any]
) -> None:
    """A controller that is not there is no fault as long as nothing is asked of it.

    Errors:  ConfigError for a setting with an effect.
    """
    from runtime.cgroups import resources_v1

    dirs = plan.dirs
    if v1_name == "memory":
        plan.warnings += resources_v1.warnings(resources)
    for setting in resources_v1.CONVERSIONS[v1_name](resources):
        if setting.missing == IGNORE or setting.value in ("-1", "max"):
            continue
        if len(dirs) == 1 and dirs[0].hierarchy.version == 2 and not v2_name:
            what = "cgroup v2 has no such setting"
        else:
            name = v1_name if v2_name in ("", v1_name) else f"{v1_name} or {v2_name}"
            what = f"this host has no {name} cgroup controller"
        raise ConfigError(
            what,
            field=setting.field,
            hint=f"leave {section} out, or enable the controller",
            code="no-controller",
        )


def _home(dirs: list[DirPlan], controller: str) -> DirPlan | None:
    """The v1 directory of a controller."""
    for directory in dirs:
        if directory.hierarchy.version == 1 and controller in directory.hierarchy.controllers:
            return directory
    return None


def _v2(dirs: list[DirPlan]) -> DirPlan | None:
    for directory in reversed(dirs):
        if directory.hierarchy.version == 2:
            return directory
    return None


def _base(directory: DirPlan, layout: CgroupLayout) -> str:
    """Where a path that is not absolute starts.

    On v1 the runtime's own cgroup. A v2 cgroup with processes cannot hand controllers
    down, and the runtime's own has one: there it is the parent, as in runc.
    """
    own = directory.hierarchy.own_below_mountpoint()
    if directory.hierarchy.version == 1 or (layout.mode == "hybrid" and not directory.enable):
        return own
    return own.rpartition("/")[0] or "/"
