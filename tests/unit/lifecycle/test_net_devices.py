"""Which addresses of a device are kept, and what happens where pyroute2 is missing."""

from __future__ import annotations

import builtins
import os
from typing import Any

import pytest

from runtime.errors import HostError
from runtime.lifecycle import net_devices
from runtime.lifecycle.net_devices import kept_address, move_devices

PERMANENT = net_devices.PERMANENT


class Message(dict[str, Any]):
    """An answer of the kernel, as pyroute2 gives it."""

    def __init__(self, attributes: dict[str, Any], **header: Any) -> None:
        super().__init__({"family": 2, "prefixlen": 24, "scope": 0, "flags": PERMANENT} | header)
        self.attributes = attributes

    def get_attr(self, name: str) -> Any:
        """None is not there."""
        return self.attributes.get(name)


def test_what_is_kept() -> None:
    message = Message(
        {"IFA_ADDRESS": "10.0.0.1", "IFA_LOCAL": "10.0.0.1", "IFA_LABEL": "eth0",
         "IFA_BROADCAST": "10.0.0.255", "IFA_RT_PRIORITY": 7,
         "IFA_FLAGS": PERMANENT | 0x200 | 0x01}
    )  # fmt: skip
    assert kept_address(message) == {
        "address": "10.0.0.1", "local": "10.0.0.1", "broadcast": "10.0.0.255", "rt_priority": 7,
        "family": 2, "prefixlen": 24, "flags": 0x200,
    }  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message({}, flags=0), id="a lease"),
        pytest.param(Message({"IFA_FLAGS": 0x200}), id="a lease by the long flags"),
        pytest.param(Message({}, scope=253), id="of the link only"),
        pytest.param(Message({}, scope=254), id="of the host only"),
    ],
)
def test_what_is_not(message: Message) -> None:
    assert kept_address(message) is None


def test_without_pyroute2(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pyroute2":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        with pytest.raises(HostError, match="need the Python package pyroute2; install it"):
            move_devices({"eth0": {}}, here)
    finally:
        os.close(here)
