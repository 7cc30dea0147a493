"""--trace: both sides of a container's making, with their times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime


@pytest.fixture(autouse=True)
def ours(runtime: Runtime) -> None:
    if runtime.kind != "pyrunc":
        pytest.skip("only pyrunc traces")


def events(file: Path) -> list[dict[str, Any]]:
    document = json.loads(file.read_text())
    return [event for event in document["traceEvents"] if event["ph"] == "X"]


def operations(file: Path) -> list[dict[str, Any]]:
    return [event for event in events(file) if event["tid"] == 2]


def test_create(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    container = runtime.create(bundle.sleep(), "--trace", str(file))
    assert container.status == "created"
    found = operations(file)
    assert [event["ts"] for event in found] == sorted(event["ts"] for event in found)
    assert found[-1]["args"]["op"] in ("sync", "fifo")
    assert all(event["dur"] >= 0 for event in found)
    assert {"decide", "start the process"} <= {event["name"] for event in events(file)}
    shown = runtime.call("trace", str(file)).check().out
    assert "ms in all; longest: " in shown
    assert runtime.call("trace", "--html", str(file)).check().out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("with_user_namespace", [False, True])
def test_run(runtime: Runtime, bundle: Bundle, tmp_path: Path, with_user_namespace: bool) -> None:
    if with_user_namespace:
        bundle.namespace("user")
        maps = [{"containerID": 0, "hostID": 0, "size": 65536}]
        bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = maps
    bundle.process["args"] = ["/bin/true"]
    file = tmp_path / "trace.json"
    runtime.attempt("run", bundle, "--trace", str(file)).check()
    names = [event["args"]["op"] for event in operations(file)]
    assert names[-1] == "exec"
    assert ("fork" in names) == with_user_namespace


def test_failure(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    bundle.config["mounts"].append({"destination": "/x", "type": "nofs", "source": "x"})
    file = tmp_path / "trace.json"
    result = runtime.attempt("create", bundle, "--trace", str(file))
    assert result.status == 1
    assert operations(file)[-1]["args"]["error"] == "ENODEV"
    assert operations(file)[-1]["args"]["origin"].startswith("mounts[")


def test_a_filter_that_denies_the_clock(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    calls = ["clock_gettime", "gettimeofday"]
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": calls, "action": "SCMP_ACT_KILL_PROCESS"}],
    }
    bundle.process["args"] = ["/bin/true"]
    file = tmp_path / "trace.json"
    runtime.attempt("run", bundle, "--trace", str(file)).check()
    assert "seccomp" not in [event["args"]["op"] for event in operations(file)]
