"""inspect: what is, beside what was asked for."""

from __future__ import annotations

import json
import resource
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Runtime


@pytest.fixture(autouse=True)
def ours(runtime: Runtime) -> None:
    if runtime.kind != "pyrunc":
        pytest.skip("only pyrunc has it")


def drift(container: Container) -> list[tuple[str, str]]:
    """(area, what) of all that differs."""
    result = container.runtime.call("inspect", "--drift", "--json", container.id)
    document: dict[str, Any] = json.loads(result.out)
    assert result.status == (2 if document["drift"] else 0)
    return [(row["area"], row["what"]) for row in document["rows"]]


def test_created_and_running_are_as_configured(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    bundle.linux["resources"] = {"memory": {"limit": 100_000_000}, "pids": {"limit": 50}}
    bundle.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1}]
    container = runtime.create(bundle.sleep())
    assert drift(container) == []
    container.start()
    assert drift(container) == []
    out = runtime.call("inspect", container.id).check().out
    assert f"{container.id}: running, pid {container.pid}\n" in out
    assert "  RLIMIT_CORE: 0 unlimited\n" in out


def test_a_user_in_a_user_namespace(runtime: Runtime, bundle: Bundle) -> None:
    maps = [{"containerID": 0, "hostID": 200000, "size": 65536}]
    bundle.namespace("user")
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = maps
    bundle.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7, 8]}
    bundle.capabilities("CAP_KILL")
    container = runtime.run_detached(bundle.sleep())
    assert drift(container) == []
    rows = json.loads(runtime.call("inspect", "--json", container.id).check().out)["rows"]
    found = {row["what"]: row["actual"] for row in rows}
    assert (found["uid"], found["groups"]) == ("200005", "[200007, 200008]")
    assert (found["effective"], found["user"]) == ("none", "its own")


def test_what_somebody_changed(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"pids": {"limit": 50}}
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 1000}]
    container = runtime.run_detached(bundle.sleep())
    resource.prlimit(container.pid, resource.RLIMIT_NOFILE, (50, 1000))
    assert drift(container) == [("rlimits", "RLIMIT_NOFILE")]
    shown = runtime.call("inspect", "--drift", container.id).out
    assert "! RLIMIT_NOFILE: 50 1000, configured: 100 1000" in shown


def test_a_mount_that_nobody_asked_for(runtime: Runtime, bundle: Bundle) -> None:
    bundle.capabilities("CAP_SYS_ADMIN")
    bundle.sh(
        "mkdir -p /extra; mount -t tmpfs none /extra; umount -l /proc; echo done; exec sleep 99"
    )
    container = runtime.run_detached(bundle)
    container.wait_for_output("done")
    found = drift(container)
    assert ("mounts", "/extra") in found
    assert ("mounts", "/proc") in found


def test_no_living_container(runtime: Runtime, bundle: Bundle) -> None:
    assert "does not exist" in runtime.call("inspect", "none").err
    name = runtime.new_id()
    runtime.attempt("run", bundle.args("/bin/true"), "--keep", container_id=name).check()
    result = runtime.call("inspect", name)
    assert (result.status, "container not running" in result.err) == (1, True)
