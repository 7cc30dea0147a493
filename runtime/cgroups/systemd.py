"""systemd's cgroup driver: the container's cgroup is a transient scope.

A scope needs a process to be started with, and the container's first one shall be born in a
cgroup that has its limits. So another keeps the place until then:

    runtime                          systemd                    placeholder
    fork ------------------------------------------------------> waits
    StartTransientUnit(its pid) ---> makes the cgroup, moves it
    writes the limits
    clone3(CLONE_INTO_CGROUP)
    closes the pipe -------------------------------------------> leaves

The placeholder was forked outside: what it is made of is not charged to the container.
"""

from __future__ import annotations

import posix as os

from runtime.cgroups.attach import must_be_attached
from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.plan import plan_cgroup
from runtime.cgroups.systemd_annotations import annotated_properties
from runtime.cgroups.systemd_bus import NO_SUCH_UNIT, UNIT_EXISTS, Bus, BusError
from runtime.cgroups.systemd_plan import (
    device_properties,
    resource_properties,
    start_properties,
)
from runtime.cgroups.systemd_unit import PATH_FIELD, plan_unit, slice_path
from runtime.errors import ConfigError, ContainerError, KernelError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups.plan import CgroupPlan
    from runtime.cgroups.systemd_plan import Property
    from runtime.cgroups.systemd_unit import Unit
    from runtime.host.cgroup_layout import CgroupLayout

FIELD = "--systemd-cgroup"
UNKNOWN_VERSION = -1
# The placeholder and an intermediate process count too when a third is born in the cgroup.
# A process that is moved into it is not counted against the limit.
FEWEST_PIDS = 3


def plan_scope(
    linux: Mapping[str, Any],
    annotations: Mapping[str, str],
    container_id: str,
    layout: CgroupLayout,
    *,
    rootless: bool,
    in_user_namespace: bool,
) -> CgroupPlan:
    """The cgroup of a container, systemd driver: asks systemd what it is, changes nothing.

    Errors:  ConfigError; HostError when systemd does not run or cannot be reached.
    """  # fmt: skip
    unit = plan_unit(linux.get("cgroupsPath"), container_id, is_user=rootless)
    asked = annotated_properties(annotations)
    is_unified = layout.mode == "unified"
    if rootless and not is_unified:
        raise ConfigError(
            "an ordinary user's systemd hands out no cgroups of v1", field=FIELD,
            hint="leave the option out",
        )  # fmt: skip
    bus = Bus.connect(user=rootless)
    try:
        version = version_number(str(bus.get("Version")))
        top = str(bus.get("ControlGroup")) if rootless else ""
    finally:
        bus.close()
    path = f"{top.rstrip('/')}{slice_path(unit.slice)}/{unit.name}"
    resources = linux.get("resources") or {}
    plan = plan_cgroup(
        path, container_id, resources, linux.get("devices"), layout,
        rootless=rootless, in_user_namespace=in_user_namespace,
    )  # fmt: skip
    # The pid is filled in when there is one.
    unit.properties = start_properties(
        unit, container_id, 0, resources, version, asked, unified=is_unified
    )
    if plan.devices is not None:
        unit.properties += device_properties(plan.devices, plan.warnings)
    unit.properties += resource_properties(resources, version, unified=is_unified)
    if rootless:
        unit.attach = must_be_attached(layout.hierarchies[-1], path)
    limit = (resources.get("pids") or {}).get("limit")
    if is_unified and limit is not None and 0 <= limit < FEWEST_PIDS:
        unit.attach = True
    plan.unit = unit
    return plan


def version_number(text: str) -> int:
    """257 for ``257.13-1~deb13u1`` or ``v257``."""
    digits = text.lstrip('"v')
    end = 0
    while end < len(digits) and digits[end].isdecimal():
        end += 1
    return int(digits[:end]) if end else UNKNOWN_VERSION


class Scope:
    """The unit of a container, for the Cgroup that is its directories."""

    __slots__ = ("_keeper", "_pipe", "is_user", "name")

    def __init__(self, name: str, *, is_user: bool) -> None:
        self.name = name
        self.is_user = is_user
        self._keeper = 0
        self._pipe = -1

    def start(self, properties: list[Property]) -> None:
        """Start it around a placeholder.

        Errors:  KernelError, HostError; there is no unit then.
        """
        self._fork_keeper()
        filled = [
            (name, ("au", [self._keeper])) if name == "PIDs" else (name, value)
            for name, value in properties
        ]
        no_units: list[Any] = []
        body = (self.name, "replace", filled, no_units)
        bus = Bus.connect(user=self.is_user)
        try:
            try:
                result = bus.run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
            except BusError as error:
                if error.name != UNIT_EXISTS:
                    raise
                # One that failed is remembered until it is reset; one that runs stays.
                _reset(bus, self.name)
                result = bus.run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
            if result != "done":
                _reset(bus, self.name)
                raise KernelError(f"systemd: starting {self.name}: {result}")
        except ContainerError as error:
            error.field = error.field or PATH_FIELD
            raise
        finally:
            bus.close()

    def attach(self, pid: int) -> None:
        """Have systemd move a process into the scope.

        Errors:  BusError, HostError.
        """
        bus = Bus.connect(user=self.is_user)
        try:
            bus.call("AttachProcessesToUnit", "ssau", (self.name, "/", [pid]))
        finally:
            bus.close()

    def update(self, properties: list[Property]) -> None:
        """Change properties until the unit ends.

        Errors:  BusError, HostError.
        """
        if not properties:
            return
        bus = Bus.connect(user=self.is_user)
        try:
            bus.call("SetUnitProperties", "sba(sv)", (self.name, True, properties))
        finally:
            bus.close()

    def settle(self) -> None:
        """The container's process is in: the placeholder leaves."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._keeper:
            os.waitpid(self._keeper, 0)
            self._keeper = 0

    def stop(self) -> None:
        """Stop the unit, whose processes have ended; gone by itself is fine.

        Errors:  BusError, HostError.
        """
        self.settle()
        bus = Bus.connect(user=self.is_user)
        try:
            result = bus.run_job("StopUnit", "ss", (self.name, "replace"))
            if result != "done":
                raise KernelError(f"systemd: stopping {self.name}: {result}")
        except BusError as error:
            if error.name != NO_SUCH_UNIT:
                raise
        finally:
            try:
                _reset(bus, self.name)
            finally:
                bus.close()

    def _fork_keeper(self) -> None:
        ends = os.pipe()
        pid = os.fork()
        if pid == 0:
            # No word of Python's clean-up: this is a copy of the runtime.
            try:
                os.close(ends[1])
                os.read(ends[0], 1)
            finally:
                os._exit(0)
        os.close(ends[0])
        self._keeper, self._pipe = pid, ends[1]


def start_scope(plan: CgroupPlan, unit: Unit, cgroup: Cgroup) -> None:
    """Start the unit of a plan; `cgroup` stops it from now on.

    Errors:  StatusError for a cgroup that is in use, with the words that engines know;
             KernelError, HostError.
    """
    there = Cgroup([(one.hierarchy, one.directory) for one in plan.dirs])
    if count := len(there.pids()):
        raise StatusError(
            f"container's cgroup is not empty: {count} process(es) found",
            code="cgroup-not-empty", field=PATH_FIELD,
            hint=f"{unit.name} runs already: choose another name",
        )  # fmt: skip
    if there.is_frozen():
        raise StatusError(
            "container's cgroup unexpectedly frozen", code="cgroup-frozen", field=PATH_FIELD
        )
    cgroup.scope = Scope(unit.name, is_user=unit.is_user)
    try:
        cgroup.scope.start(unit.properties)
    except BaseException:
        cgroup.scope.settle()
        cgroup.scope = None
        raise


def _reset(bus: Bus, name: str) -> None:
    """Forget that a unit failed."""
    try:
        bus.call("ResetFailedUnit", "s", (name,))
    except BusError as error:
        if error.name != NO_SUCH_UNIT:
            raise
