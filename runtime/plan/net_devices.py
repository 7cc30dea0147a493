"""The rules for linux.netDevices: devices of the host that move into the container."""

from __future__ import annotations

from runtime.plan.namespaces import NEWNET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import NetDevice
    from runtime.host.facts import HostFacts
    from runtime.plan.findings import Findings
    from runtime.plan.namespaces import Namespaces

NAME_MOST = 15  # characters. Source: IFNAMSIZ of linux/if.h
TEMPLATE = "%d"  # the kernel finds a number. Source: dev_alloc_name of net/core/dev.c


def device_field(name: str) -> str:
    """The place of a device in the configuration."""
    return f'linux.netDevices["{name}"]'


def check_net_devices(
    found: Findings, devices: dict[str, NetDevice], namespaces: Namespaces, host: HostFacts
) -> None:
    """Source:  runtime-spec config-linux.md, Network devices."""
    if not namespaces.listed & NEWNET:
        found.error("linux.netDevices", "needs a network namespace to move them to")
    if host.euid != 0:
        found.error("linux.netDevices", "needs root, who alone may move devices of the host")
    names: set[str] = set()
    for name, device in devices.items():
        _check_name(found, device_field(name), name)
        new = device.get("name") or name
        if device.get("name"):
            _check_name(found, f"{device_field(name)}.name", new.replace(TEMPLATE, "", 1))
        if new in names and TEMPLATE not in new:
            found.error(f"{device_field(name)}.name", f'another device becomes "{new}" already')
        names.add(new)


def _check_name(found: Findings, field: str, name: str) -> None:
    """Source:  dev_valid_name of net/core/dev.c."""
    if not name or name in (".", "..") or len(name.encode("utf-8", "replace")) > NAME_MOST:
        found.error(field, f'"{name}" is no name of a device, expected 1 to {NAME_MOST} bytes')
    elif any(char in "/:%" or char.isspace() for char in name):
        found.error(field, f'"{name}" has a character that no device may have in its name')
