"""Whose the cgroup is."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.plan.cgroup_owner import plan_owner

MOUNT = {"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["rw"]}
MAPS = [{"containerID": 0, "hostID": 100000, "size": 1000}]


def config(*namespaces: str, mount: dict[str, Any] | None = MOUNT, uid: int = 5) -> Any:
    return {
        "process": {"user": {"uid": uid}},
        "mounts": [mount] if mount else [],
        "linux": {"namespaces": [{"type": n} for n in namespaces], "uidMappings": MAPS},
    }


@pytest.mark.parametrize(
    ("given", "owner"),
    [
        pytest.param(config("cgroup", "user"), 100005, id="mapped"),
        pytest.param(config("cgroup"), 5, id="without a user namespace"),
        pytest.param(config("cgroup", "user", uid=1000), None, id="not mapped"),
        pytest.param(config("user"), None, id="no cgroup namespace"),
        pytest.param(config("cgroup", mount=None), None, id="no mount"),
        pytest.param(config("cgroup", mount={**MOUNT, "options": ["ro"]}), None, id="read-only"),
        pytest.param(config("cgroup", mount={**MOUNT, "type": "tmpfs"}), None, id="other mount"),
    ],
)
def test_owner(given: Any, owner: int | None) -> None:
    assert plan_owner(given) == owner


def test_a_joined_user_namespace_is_not_known() -> None:
    given = config("cgroup")
    given["linux"]["namespaces"].append({"type": "user", "path": "/proc/1/ns/user"})
    assert plan_owner(given) is None
