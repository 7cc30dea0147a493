"""An update of a container in a scope: systemd is told what the files are about to say."""

from __future__ import annotations

from runtime.cgroups.systemd import version_number
from runtime.cgroups.systemd_bus import Bus
from runtime.cgroups.systemd_plan import resource_properties, restoring_properties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups.cgroup import Cgroup
    from runtime.cgroups.systemd import Scope
    from runtime.cgroups.systemd_plan import Property


def tell_systemd(
    cgroup: Cgroup, scope: Scope, resources: Mapping[str, Any], stored: Mapping[str, Any]
) -> list[Property]:
    """Set the properties of `resources`; the ones that lead back to `stored` are returned.

    Errors:  BusError, HostError, ConfigError; nothing has changed then.
    """
    bus = Bus.connect(user=scope.is_user)
    try:
        version = version_number(str(bus.get("Version")))
    finally:
        bus.close()
    is_unified = all(hierarchy.version == 2 for hierarchy, _ in cgroup.dirs())
    new = resource_properties(resources, version, unified=is_unified)
    old = resource_properties(stored, version, unified=is_unified)
    set_properties(cgroup, scope, new)
    return restoring_properties(new, old)


def set_properties(cgroup: Cgroup, scope: Scope, properties: list[Property]) -> None:
    """Set properties; on v1 while nothing runs: systemd writes the device list anew, denying
    everything first.

    Errors:  BusError, HostError, KernelError.
    """
    if all(hierarchy.version == 2 for hierarchy, _ in cgroup.dirs()) or cgroup.is_frozen():
        scope.update(properties)
        return
    cgroup.freeze()
    try:
        scope.update(properties)
    finally:
        cgroup.thaw()
