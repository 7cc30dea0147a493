"""Move network devices of the host into the container: renamed, with their addresses, up.

    parent                                   child
    the host's devices and addresses           |   waits in its namespaces
    down; rename and move in one message       |
    addresses again; up                        |
                                         go on -> its own loopback, then the rest

At the end nobody moves them back: with the namespace the kernel returns hardware to the host
and removes what is virtual. Only where create itself fails they go home, as they were.
"""

from __future__ import annotations

import errno
import posix as os

from runtime.errors import ContainerError, HostError, KernelError
from runtime.native import calls
from runtime.plan.net_devices import device_field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from oci_schema.types import NetDevice

    Address = dict[str, Any]

# Source: linux/if_addr.h, linux/rtnetlink.h, linux/if.h
PERMANENT = 0x80
KEPT_FLAGS = 0x02 | 0x10 | 0x100 | 0x200 | 0x400  # NODAD HOMEADDRESS MANAGETEMP NOPREFIX MCAUTOJOIN
SCOPE_UNIVERSE = 0
UP = 1
KEPT_ATTRIBUTES = (
    "IFA_ADDRESS", "IFA_LOCAL", "IFA_BROADCAST", "IFA_ANYCAST", "IFA_RT_PRIORITY", "IFA_PROTO",
)  # fmt: skip


HINTS = {
    errno.EEXIST: "a device of that name is there already",
    errno.EINVAL: "some devices cannot leave their network namespace",
}


class Moved:
    """A device on its way.

    name       on the host
    index      there, as long as it is there
    new_index  in the container, 0 before it is there
    addresses  what it has to have again
    mac        its hardware address, which stays
    was_up     on the host
    """

    __slots__ = ("addresses", "index", "mac", "name", "new_index", "was_up")

    def __init__(
        self, name: str, index: int, mac: str | None, addresses: list[Address], *, was_up: bool
    ) -> None:
        self.name = name
        self.index = index
        self.mac = mac
        self.new_index = 0
        self.addresses = addresses
        self.was_up = was_up


def open_network(pid: int) -> int:
    """The network namespace of process `pid`, which stays when the process ends.

    Errors:  KernelError.
    """
    try:
        return os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(
            "open the container's network namespace", field="linux.netDevices", syscall="open",
            errno=error.errno or 0,
        ) from error  # fmt: skip


def move_devices(devices: dict[str, NetDevice], netns_fd: int) -> Callable[[], None]:
    """Move `devices` into a network namespace; the way back.

    Errors:  HostError for a device that is not there, or without pyroute2; KernelError naming
             the device. Those that were moved are home again then.
    Source:  runtime-spec config-linux.md, Network devices; rtnetlink(7).
    """
    moved: list[Moved] = []

    def go_home() -> None:
        _with_sockets(netns_fd, lambda host, inside, here: _return(host, inside, moved, here))

    try:
        _with_sockets(
            netns_fd, lambda host, inside, _: _move_all(host, inside, devices, netns_fd, moved)
        )
    except BaseException as error:
        if moved:
            try:
                go_home()
            except ContainerError as second:
                error.add_note(f"cleaning up: {second}")
        raise
    return go_home


def _with_sockets(netns_fd: int, work: Callable[[Any, Any, int], None]) -> None:
    """Do `work` with a netlink socket in our network namespace and one in the other.

    It gets a descriptor of ours, too.
    Errors:  HostError without pyroute2, KernelError; what `work` raises.
    """
    try:
        # 0.2 s and more: nothing else in a container's making needs it.
        from pyroute2 import IPRoute
    except ImportError as error:
        raise HostError(
            "network devices need the Python package pyroute2", field="linux.netDevices",
            hint="install it where pyrunc is installed",
        ) from error  # fmt: skip
    here = -1
    try:
        here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        with IPRoute() as host:
            calls.enter_network(netns_fd)
            try:
                inside = IPRoute()
            finally:
                calls.enter_network(here)
            with inside:
                work(host, inside, here)
    except OSError as error:
        raise KernelError(
            "reach the container's network namespace", field="linux.netDevices", syscall="setns",
            errno=error.errno or 0,
        ) from error  # fmt: skip
    finally:
        if here >= 0:
            os.close(here)


def _move_all(
    host: Any, inside: Any, devices: dict[str, NetDevice], netns_fd: int, moved: list[Moved]
) -> None:
    # All are looked for first: nothing has to go back for a name that is not there.
    waiting = [_find(host, name) for name in devices]
    for device, wanted in zip(waiting, devices.values(), strict=True):
        moved.append(device)
        try:
            _move(host, inside, device, wanted.get("name") or device.name, netns_fd)
        except ContainerError:
            raise
        except Exception as error:  # pyroute2's, of no use to anybody by themselves
            raise _failure(device.name, "move it to the container", error) from error


def _find(host: Any, name: str) -> Moved:
    for link in host.get_links():
        if link.get_attr("IFLA_IFNAME") == name:
            index = link["index"]
            addresses = [a for one in host.get_addr(index=index) if (a := kept_address(one))]
            mac = link.get_attr("IFLA_ADDRESS")
            return Moved(name, index, mac, addresses, was_up=bool(link["flags"] & UP))
    raise HostError("there is no such network device on the host", field=device_field(name))


def kept_address(message: Any) -> Address | None:
    """What to ask for to have an address again; None for one that is not to be kept.

    Of the kernel's answer: permanent addresses that are not of a link or a site only.
    """
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    if not flags & PERMANENT or message["scope"] != SCOPE_UNIVERSE:
        return None
    kept = {
        name.removeprefix("IFA_").lower(): value
        for name in KEPT_ATTRIBUTES
        if (value := message.get_attr(name)) is not None
    }
    return kept | {
        "family": message["family"],
        "prefixlen": message["prefixlen"],
        "flags": flags & KEPT_FLAGS,
    }


def _move(host: Any, inside: Any, device: Moved, new_name: str, netns_fd: int) -> None:
    before = {link["index"] for link in inside.get_links()}
    host.link("set", index=device.index, state="down")
    try:
        host.link("set", index=device.index, ifname=new_name, net_ns_fd=netns_fd)
    finally:
        # A name that is taken is found out after the move.
        device.new_index = _arrived(inside, before, device.mac)
    _equip(inside, device.new_index, device.addresses, up=True)


def _arrived(socket: Any, before: set[int], mac: str | None) -> int:
    """Its number where it is now, 0 for not there.

    The name may be a template, and the number it had another's here.
    """
    for link in socket.get_links():
        if link["index"] not in before and link.get_attr("IFLA_ADDRESS") == mac:
            index: int = link["index"]
            return index
    return 0


def _equip(socket: Any, index: int, addresses: list[Address], *, up: bool) -> None:
    for address in addresses:
        socket.addr("add", index=index, **address)
    if up:
        socket.link("set", index=index, state="up")


def _return(host: Any, inside: Any, moved: list[Moved], home_fd: int) -> None:
    """Back to the host, the last one first, whatever happens to the others."""
    failure: Exception | None = None
    for device in reversed(moved):
        try:
            if device.new_index:
                before = {link["index"] for link in host.get_links()}
                inside.link("set", index=device.new_index, state="down")
                inside.link("set", index=device.new_index, ifname=device.name, net_ns_fd=home_fd)
                device.index = _arrived(host, before, device.mac)
                device.new_index = 0
                _equip(host, device.index, device.addresses, up=device.was_up)
            elif device.was_up:
                # Taken down and refused: addresses of version 6 went with that.
                host.link("set", index=device.index, state="up")
                _readd(host, device)
        except Exception as error:
            failure = failure or _failure(device.name, "move it back to the host", error)
    if failure is not None:
        raise failure


def _readd(host: Any, device: Moved) -> None:
    present = {one.get_attr("IFA_ADDRESS") for one in host.get_addr(index=device.index)}
    missing = [one for one in device.addresses if one.get("address") not in present]
    _equip(host, device.index, missing, up=False)


def _failure(name: str, what: str, error: Exception) -> KernelError:
    number = getattr(error, "code", 0) or getattr(error, "errno", 0) or 0
    words = "" if number else f"{type(error).__name__}: {error}"
    return KernelError(
        what, field=device_field(name), syscall="rtnetlink", errno=abs(number),
        hint=HINTS.get(abs(number), words),
    )  # fmt: skip
