"""ps: the processes of a container as engines and people ask for them."""

from __future__ import annotations

import json

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Runtime, wait_until


@pytest.fixture
def three(runtime: Runtime, bundle: Bundle) -> Container:
    """A container of three processes."""
    container = runtime.run_detached(bundle.sh("sleep 1001 & sleep 1002 & wait"))
    wait_until(lambda: len(pids(runtime, container)) == 3, 5)
    return container


def pids(runtime: Runtime, container: Container) -> list[int]:
    out = runtime.call("ps", "--format", "json", container.id).check().out
    found: list[int] = json.loads(out) or []
    return found


def test_json(runtime: Runtime, three: Container) -> None:
    """One line, and nothing on standard error: engines read both as one."""
    result = runtime.call("ps", "-f", "json", three.id).check()
    assert result.err == ""
    found = json.loads(result.out)
    assert three.pid in found
    assert sorted(json.dumps(found)) == sorted(result.out.strip().replace(",", ", "))


def test_table(runtime: Runtime, three: Container) -> None:
    header, *lines = runtime.call("ps", three.id).check().out.splitlines()
    assert header.split()[:3] == ["UID", "PID", "PPID"]
    assert sorted(int(line.split()[1]) for line in lines) == sorted(pids(runtime, three))
    assert sorted(line.split()[-2:] for line in lines)[-2:] == [
        ["sleep", "1001"],
        ["sleep", "1002"],
    ]


def test_options_of_ps(runtime: Runtime, three: Container) -> None:
    """All that follows the id is for ps, -f too."""
    header, *lines = runtime.call("ps", three.id, "-e", "-o", "comm,pid").check().out.splitlines()
    assert header.split() == ["COMMAND", "PID"]
    assert sorted(line.split()[0] for line in lines) == ["sh", "sleep", "sleep"]
    assert len(runtime.call("ps", three.id, "-e", "-f").check().out.splitlines()) == 4


def test_without_a_pid_column(runtime: Runtime, three: Container) -> None:
    result = runtime.call("ps", three.id, "-e", "-o", "comm")
    assert result.status == 1
    assert "couldn't find PID field in ps output" in result.err


def test_ps_fails(runtime: Runtime, three: Container) -> None:
    result = runtime.call("ps", three.id, "--bogus")
    assert result.status == 1
    assert "exit status 1: error: unknown gnu long option" in result.err


def test_without_an_environment(runtime: Runtime, three: Container) -> None:
    """As engines call: no PATH at all."""
    assert runtime.call("ps", "-f", "json", three.id, env={}).check().out
    assert len(runtime.call("ps", three.id, env={}).check().out.splitlines()) == 4


def test_created(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.create(bundle.sleep())
    assert pids(runtime, container) == [container.pid]


def test_paused(runtime: Runtime, three: Container) -> None:
    runtime.call("pause", three.id).check()
    assert len(pids(runtime, three)) == 3
    assert len(runtime.call("ps", three.id).check().out.splitlines()) == 4


def test_stopped(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle)
    container.wait()
    assert runtime.call("ps", "--format=json", container.id).check().out == "null\n"
    assert len(runtime.call("ps", container.id).check().out.splitlines()) == 1


def test_absent(runtime: Runtime) -> None:
    result = runtime.call("ps", "none")
    assert result.status == 1
    assert "container does not exist" in result.err


def test_unknown_format(runtime: Runtime, three: Container) -> None:
    result = runtime.call("ps", "--format", "xml", three.id)
    assert result.status == 1
    assert "invalid format option" in result.err


def test_nested_cgroups_count(runtime: Runtime, bundle: Bundle) -> None:
    """A process that moved into a cgroup of the container's own making."""
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "rw")
    bundle.namespace("cgroup")
    script = (
        "for d in /sys/fs/cgroup/devices /sys/fs/cgroup; do [ -w $d/cgroup.procs ] && break; done;"
        "mkdir -p $d/a/b; sleep 1001 & echo $! >$d/a/b/cgroup.procs; echo moved; wait"
    )
    container = runtime.run_detached(bundle.sh(script))
    container.wait_for_output("moved")
    assert len(pids(runtime, container)) == 2


def test_tagged_id(runtime: Runtime) -> None:
    """An id may look like an option after two dashes."""
    result = runtime.call("ps", "--", "-x")
    assert result.status == 1
    assert "not defined" not in result.text
