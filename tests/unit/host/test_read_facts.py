from __future__ import annotations

import os
from typing import Any

import pytest

from runtime.errors import HostError
from runtime.host import read_facts as module
from runtime.host.read_facts import LAST_CAP_OF_5_10, read_facts


def test_of_this_host() -> None:
    facts = read_facts()
    own = os.stat("/proc/self/ns/net")
    assert facts.euid == os.geteuid()
    assert facts.network_namespace == (own.st_dev, own.st_ino)
    assert facts.last_cap >= LAST_CAP_OF_5_10


@pytest.mark.parametrize(
    ("inode", "setgroups", "inside", "allowed"),
    [
        (module.INITIAL_USER_NAMESPACE, "allow", False, True),
        (1, "allow", True, True),
        (1, "deny", True, False),
        (1, "", True, True),
    ],
)
def test_user_namespace(
    monkeypatch: pytest.MonkeyPatch, inode: int, setgroups: str, inside: bool, allowed: bool
) -> None:
    real = os.stat

    class Status:
        st_ino = inode

    def stat(path: Any, **rest: Any) -> Any:
        return Status if path == "/proc/self/ns/user" else real(path, **rest)

    monkeypatch.setattr("posix.stat", stat)
    monkeypatch.setattr(module, "_text", lambda path: setgroups if "setgroups" in path else "40")
    facts = read_facts()
    assert (facts.in_user_namespace, facts.setgroups_allowed) == (inside, allowed)


def test_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def stat(path: Any, **_: Any) -> Any:
        raise FileNotFoundError(2, "none", path)

    monkeypatch.setattr("posix.stat", stat)
    with pytest.raises(HostError, match="mount a procfs on /proc"):
        read_facts()
