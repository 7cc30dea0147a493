"""Hooks: when, where, with which state, and what their failure does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Runtime

BEFORE_PROGRAM = ["prestart", "createRuntime", "createContainer", "startContainer"]
ALL = [*BEFORE_PROGRAM, "poststart", "poststop"]
AT_CREATE = ["prestart", "createRuntime", "createContainer"]
PID_OF_STATE = r"""$(sed 's/.*"pid": *\([0-9]*\).*/\1/')"""  # from standard input
OUTSIDE = ["prestart", "createRuntime", "poststart", "poststop"]


@pytest.fixture
def log(bundle: Bundle) -> Path:
    """A folder that hooks write to: its own path outside, /log inside."""
    path = bundle.path / "log"
    path.mkdir()
    path.chmod(0o777)
    bundle.bind(path, "/log")
    return path


def place(moment: str, log: Path) -> str:
    """Where a hook of this moment sees the log folder."""
    return "/log" if moment == "startContainer" else str(log)


def whole_life(runtime: Runtime, bundle: Bundle) -> Container:
    """create, start, the end of the program, delete."""
    container = runtime.create(bundle)
    container.start()
    container.wait()
    container.delete()
    return container


def record(bundle: Bundle, log: Path, script: str, moments: list[str] = ALL) -> None:
    """Hooks at `moments` that write what `script` prints to a file named like the moment."""
    for moment in moments:
        bundle.hook(moment, f"{{ {script}; }} >{place(moment, log)}/{moment} 2>&1")


@pytest.mark.spec("hooks")
def test_order(runtime: Runtime, bundle: Bundle, log: Path) -> None:
    for moment in ALL:
        for number in (1, 2):
            bundle.hook(moment, f"echo {moment}{number} >>{place(moment, log)}/order")
    bundle.sh("sleep 0.3; echo program >>/log/order")
    whole_life(runtime, bundle)
    order = (log / "order").read_text().split()
    expected = [f"{moment}{n}" for moment in BEFORE_PROGRAM for n in (1, 2)]
    assert order[:8] == expected
    assert order[8:10] == ["poststart1", "poststart2"]
    assert order[10:] == ["program", "poststop1", "poststop2"]


@pytest.mark.spec("hooks")
def test_moments(runtime: Runtime, bundle: Bundle, log: Path) -> None:
    """What each command has run by the time it returns."""
    record(bundle, log, "true")
    container = runtime.create(bundle.sleep())
    assert sorted(os.listdir(log)) == sorted(AT_CREATE)
    container.start()
    assert sorted(os.listdir(log)) == sorted([*BEFORE_PROGRAM, "poststart"])
    container.delete("--force")
    container.wait()
    assert sorted(os.listdir(log)) == sorted(ALL)


def test_state_on_standard_input(runtime: Runtime, bundle: Bundle, log: Path) -> None:
    bundle.config["annotations"] = {"a": "1"}
    record(bundle, log, "cat")
    container = whole_life(runtime, bundle)
    states: dict[str, dict[str, Any]] = {m: json.loads((log / m).read_text()) for m in ALL}
    for state in states.values():
        assert state["id"] == container.id
        assert state["bundle"] == str(bundle.path)
        assert state["annotations"] == {"a": "1"}
        assert state["ociVersion"]
    assert {states[m]["pid"] for m in ("prestart", "createRuntime", "poststart")} == {container.pid}
    assert {states[m]["pid"] for m in ("createContainer", "startContainer")} == {1}
    statuses = {m: states[m]["status"] for m in ALL}
    assert statuses == {
        "prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
        "startContainer": "created", "poststart": "running", "poststop": "stopped",
    }  # fmt: skip


def test_namespaces(runtime: Runtime, bundle: Bundle, log: Path) -> None:
    """The runtime's own outside, the container's for createContainer and startContainer."""
    record(bundle, log, "readlink /proc/self/ns/uts; readlink /proc/self/ns/mnt")
    whole_life(runtime, bundle.sh("readlink /proc/self/ns/uts /log; sleep 0.2"))
    own = [os.readlink("/proc/self/ns/uts"), os.readlink("/proc/self/ns/mnt")]
    seen = {moment: (log / moment).read_text().split() for moment in ALL}
    assert {m for m in ALL if seen[m] == own} == set(OUTSIDE)
    assert seen["createContainer"] == seen["startContainer"]


def test_moment_in_the_making_of_the_root(runtime: Runtime, bundle: Bundle, log: Path) -> None:
    """Mounts are there before createRuntime, the old root until createContainer."""
    script = f"grep -c ' {bundle.rootfs}/log ' /proc/{PID_OF_STATE}/mountinfo"
    record(bundle, log, script, ["createRuntime"])
    record(bundle, log, f"ls {bundle.path}", ["createContainer"])
    record(bundle, log, "ls /", ["startContainer"])
    whole_life(runtime, bundle)
    assert (log / "createRuntime").read_text() == "1\n"
    assert "config.json" in (log / "createContainer").read_text().split()
    assert "log" in (log / "startContainer").read_text().split()


def test_network_can_be_given_by_the_hook(runtime: Runtime, bundle: Bundle, log: Path) -> None:
    """As Docker's prestart hook does it: through /proc/PID/ns/net."""
    script = "ip link add dummy7 type dummy && ip link set dummy7 netns $pid"
    bundle.hook(
        "createRuntime", f"pid={PID_OF_STATE}; {script}",
        env=["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    )  # fmt: skip
    if os.system("ip link add dummy7 type dummy 2>/dev/null && ip link del dummy7") != 0:
        pytest.skip("this kernel makes no dummy interfaces")
    assert "dummy7" in runtime.run(bundle.sh("ls /sys/class/net")).check().words


class TestCall:
    def test_arguments_and_environment(self, runtime: Runtime, bundle: Bundle, log: Path) -> None:
        for moment in ALL:
            target = f"{place(moment, log)}/{moment}"
            script = f'echo "$0 $1 $A $B" >{target}'
            bundle.config.setdefault("hooks", {})[moment] = [
                {
                    "path": "/bin/sh",
                    "args": ["sh", "-c", script, "zero", "one"],
                    "env": ["A=first", "B=second", "PATH=/bin"],
                }
            ]
        whole_life(runtime, bundle)
        assert {(log / m).read_text() for m in ALL} == {"zero one first second\n"}

    def test_environment_is_not_the_containers(
        self, runtime: Runtime, bundle: Bundle, log: Path
    ) -> None:
        bundle.process["env"].append("INSIDE=1")
        script = "echo [$INSIDE]"
        record(bundle, log, script, OUTSIDE)
        whole_life(runtime, bundle)
        assert {(log / m).read_text() for m in OUTSIDE} == {"[]\n"}

    def test_runs_in_the_bundle(self, runtime: Runtime, bundle: Bundle, log: Path) -> None:
        record(bundle, log, "pwd", ["prestart", "createRuntime"])
        whole_life(runtime, bundle)
        assert (log / "prestart").read_text().strip() == str(bundle.path)
        assert (log / "createRuntime").read_text().strip() == str(bundle.path)

    def test_without_reading_the_state(self, runtime: Runtime, bundle: Bundle, log: Path) -> None:
        bundle.config["annotations"] = {f"key{i}": "x" * 1000 for i in range(100)}
        record(bundle, log, "exec </dev/null; sleep 0.05")
        whole_life(runtime, bundle)

    def test_no_stray_descriptors(self, runtime: Runtime, bundle: Bundle, log: Path) -> None:
        record(bundle, log, "ls /proc/self/fd | xargs echo")
        whole_life(runtime, bundle)
        assert {(log / m).read_text() for m in ALL} == {"0 1 2 3\n"}


class TestFailure:
    @pytest.mark.parametrize("moment", AT_CREATE)
    def test_ends_create(self, runtime: Runtime, bundle: Bundle, log: Path, moment: str) -> None:
        bundle.hook(moment, "echo it is $((6*7)) >&2; exit 42")
        bundle.hook(moment, f"touch {log}/second")
        result = runtime.attempt("create", bundle)
        assert result.status == 1
        for words in (moment, "42", "it is 42"):
            assert words in result.text
        assert runtime.ids() == []
        assert not (log / "second").exists()

    @pytest.mark.parametrize("moment", AT_CREATE)
    def test_message_is_one_line(self, runtime: Runtime, bundle: Bundle, moment: str) -> None:
        bundle.hook(moment, "echo first; echo second; exit 1")
        result = runtime.run(bundle)
        assert result.status == 1
        assert len(result.err.splitlines()) == 1

    @pytest.mark.parametrize("moment", AT_CREATE)
    def test_timeout(self, runtime: Runtime, bundle: Bundle, moment: str) -> None:
        bundle.hook(moment, "exec sleep 30", timeout=1)
        begin = time.monotonic()
        result = runtime.attempt("create", bundle)
        assert time.monotonic() - begin < 8
        assert result.status == 1
        assert moment in result.text
        assert runtime.ids() == []

    @pytest.mark.parametrize("moment", AT_CREATE)
    def test_missing_program(self, runtime: Runtime, bundle: Bundle, moment: str) -> None:
        bundle.config["hooks"] = {moment: [{"path": "/none/hook"}]}
        result = runtime.attempt("create", bundle)
        assert result.status == 1
        assert "no such file or directory" in result.text
        assert runtime.ids() == []

    def test_killed_by_a_signal(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.hook("createRuntime", "kill -KILL $$")
        result = runtime.attempt("create", bundle)
        assert result.status == 1
        assert "kill" in result.text.lower() or "signal" in result.text
        assert runtime.ids() == []

    def test_relative_path_is_refused(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.config["hooks"] = {"prestart": [{"path": "sh"}]}
        assert runtime.attempt("create", bundle).status == 1
        assert runtime.ids() == []

    def test_of_start_container_ends_the_program(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.hook("startContainer", "echo because >&2; exit 3").args("/bin/echo", "ran")
        container = runtime.create(bundle)
        result = runtime.call("start", container.id)
        assert result.status == 1
        for words in ("startContainer", "3", "because"):
            assert words in result.err
        assert container.wait() != 0
        assert "ran" not in container.output
        assert container.status == "stopped"

    def test_of_poststart_ends_the_container(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.hook("poststart", "exit 5").sleep()
        container = runtime.create(bundle)
        result = runtime.call("start", container.id)
        assert result.status == 1
        assert "poststart" in result.err
        assert container.wait() == 137
        assert container.status == "stopped"

    def test_of_poststop_is_a_warning(self, runtime: Runtime, bundle: Bundle, log: Path) -> None:
        """The rest of the hooks run, the container is gone, delete succeeds."""
        bundle.hook("poststop", "exit 6").hook("poststop", f"touch {log}/second")
        container = runtime.create(bundle)
        container.start()
        container.wait()
        result = runtime.call("delete", container.id)
        assert result.status == 0
        assert "poststop" in result.err
        assert (log / "second").exists()
        assert runtime.ids() == []
