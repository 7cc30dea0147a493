"""create, start, state, kill, delete: one container's life, as engines drive it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Runtime, reap, wait_until

MakeBundle = Callable[[], Bundle]

NO_SUCH = "container does not exist"
ALREADY = "container with given ID already exists"


def stopped(runtime: Runtime, bundle: Bundle) -> Container:
    """A container whose program has ended."""
    container = runtime.run_detached(bundle.args("/bin/true"))
    container.wait()
    return container


def test_a_life(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.create(bundle.sh("echo up; exec sleep 100"))
    assert container.status == "created"
    assert container.output == ""
    container.start()
    container.wait_for_output("up")
    assert container.status == "running"
    container.kill("KILL")
    assert container.wait() == 128 + signal.SIGKILL
    assert container.status == "stopped"
    container.delete()
    assert runtime.ids() == []
    assert NO_SUCH in runtime.call("state", container.id).text


@pytest.mark.spec("annotations")
def test_state_is_runcs_document(runtime: Runtime, bundle: Bundle) -> None:
    bundle.config["annotations"] = {"b": "2", "a": "1"}
    container = runtime.create(bundle.sleep())
    text = runtime.call("state", container.id).check().out
    state = json.loads(text)
    created = state.pop("created")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", created), created
    assert re.fullmatch(r"1\.\d+\.\d+.*", state.pop("ociVersion"))
    assert state == {
        "id": container.id,
        "pid": container.pid,
        "status": "created",
        "bundle": str(bundle.path),
        "rootfs": str(bundle.rootfs),
        "annotations": {"a": "1", "b": "2"},
        "owner": "",
    }
    assert list(json.loads(text)) == [
        "ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner",
    ]  # fmt: skip
    assert text == json.dumps(json.loads(text), indent=2)


def test_state_of_a_stopped_container_has_pid_0(runtime: Runtime, bundle: Bundle) -> None:
    assert stopped(runtime, bundle).state()["pid"] == 0


def test_a_zombie_is_stopped(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle.args("/bin/true"))
    wait_until(lambda: container.status == "stopped", 5)
    assert "container not running" in runtime.call("kill", container.id, "TERM").text


def test_edits_after_create_have_no_effect(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.create(bundle.args("/bin/echo", "first"))
    bundle.args("/bin/echo", "second").save()
    container.start()
    container.wait()
    assert container.output == "first\n"


def test_annotations_are_absent_from_state_if_there_are_none(
    runtime: Runtime, bundle: Bundle
) -> None:
    assert "annotations" not in runtime.create(bundle).state()


class TestPidFile:
    def test_is_bare_digits(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle)
        path = next(bundle.path.glob("*.pid"))
        assert path.read_bytes() == str(container.pid).encode()
        assert os.path.exists(f"/proc/{container.pid}")

    def test_of_run_stays(self, runtime: Runtime, bundle: Bundle) -> None:
        path = bundle.path / "pid"
        runtime.run(bundle, "--pid-file", str(path)).check()
        assert path.read_bytes().isdigit()

    def test_relative_is_to_the_callers_folder(self, runtime: Runtime, bundle: Bundle) -> None:
        folder = bundle.path / "elsewhere"
        folder.mkdir()
        runtime.run(bundle, "--pid-file", "pid", cwd=folder).check()
        assert (folder / "pid").read_bytes().isdigit()

    def test_is_not_written_on_failure(self, runtime: Runtime, bundle: Bundle) -> None:
        path = bundle.path / "pid"
        assert runtime.run(bundle.args("/none"), "--pid-file", str(path)).status != 0
        assert not path.exists()

    def test_in_a_missing_folder_is_an_error(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.attempt("create", bundle, "--pid-file", str(bundle.path / "none/pid"))
        assert result.status == 1
        assert "no such file or directory" in result.text
        assert runtime.ids() == []


class TestParentage:
    def test_init_is_left_to_the_subreaper(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle)
        stat = Path(f"/proc/{container.pid}/stat").read_text()
        assert int(stat[stat.rindex(")") + 2 :].split()[1]) == os.getpid()

    def test_its_wait_status_is_ours(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle.sh("exit 7"))
        container.start()
        assert container.wait() == 7


class TestKill:
    @pytest.mark.parametrize(
        ("words", "status"),
        [
            pytest.param(["KILL"], 137, id="name"),
            pytest.param(["SIGKILL"], 137, id="SIG"),
            pytest.param(["9"], 137, id="number"),
            pytest.param(["kill"], 137, id="lower case"),
            pytest.param([], 143, id="default is TERM"),
            pytest.param(["USR1"], 5, id="handled"),
        ],
    )
    def test_signals(self, runtime: Runtime, bundle: Bundle, words: list[str], status: int) -> None:
        script = "trap 'exit 143' TERM; trap 'exit 5' USR1; echo up; while :; do sleep 0.05; done"
        container = runtime.run_detached(bundle.sh(script))
        container.wait_for_output("up")
        container.kill(*words)
        assert container.wait() == status

    def test_signal_0_only_probes(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle.sleep())
        container.kill("0")
        assert container.status == "created"

    def test_created_container_can_be_killed(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle)
        container.kill("KILL")
        assert container.wait() == 137
        assert container.status == "stopped"

    @pytest.mark.parametrize("word", ["SIGFOO", "FOO", "RTMIN"])
    def test_unknown_signal(self, runtime: Runtime, bundle: Bundle, word: str) -> None:
        container = runtime.create(bundle)
        result = runtime.call("kill", container.id, word)
        assert result.status == 1
        assert f'unknown signal "{word}"' in result.err.replace('\\"', '"')

    def test_of_a_stopped_container(self, runtime: Runtime, bundle: Bundle) -> None:
        container = stopped(runtime, bundle)
        result = runtime.call("kill", container.id, "TERM")
        assert result.status == 1
        assert "container not running" in result.err

    def test_all_of_a_stopped_container_is_fine(self, runtime: Runtime, bundle: Bundle) -> None:
        container = stopped(runtime, bundle)
        runtime.call("kill", "--all", container.id, "9").check()

    def test_all_ends_everything_without_a_pid_namespace(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        bundle.without_namespace("pid").sh("sleep 1000 & echo up; sleep 1000")
        container = runtime.run_detached(bundle)
        container.wait_for_output("up")
        runtime.call("kill", "--all", container.id, "KILL").check()
        assert container.wait() == 137
        container.delete()

    @pytest.mark.parametrize("words", [["--all"], ["-a"], []])
    def test_what_outlives_init(self, runtime: Runtime, bundle: Bundle, words: list[str]) -> None:
        """As containerd does it after init has ended; the second time there is nobody left."""
        script = "sleep 1000 & echo $! >/tmp/second"
        container = runtime.run_detached(bundle.without_namespace("pid").sh(script))
        container.wait()
        pid = (bundle.rootfs / "tmp/second").read_text().strip()
        # Its pid is known before it has become sleep.
        wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 5)
        for _ in range(2):
            runtime.call("kill", *words, container.id, "9").check()
        # It was left to us, the subreaper.
        assert reap(int(pid)) == 137
        container.delete()

    def test_all_is_for_init_alone_otherwise(self, runtime: Runtime, bundle: Bundle) -> None:
        """The signal is not for every process: since 1.2 the option means little."""
        script = "trap 'echo child' USR1; echo up; while :; do sleep 0.05; done"
        bundle.sh(f"trap 'echo init' USR1; sh -c \"{script}\" & while :; do sleep 0.05; done")
        container = runtime.run_detached(bundle)
        container.wait_for_output("up")
        runtime.call("kill", "--all", container.id, "USR1").check()
        container.wait_for_output("init")
        time.sleep(0.2)
        assert "child" not in container.output


class TestDelete:
    def test_running_is_refused(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.run_detached(bundle.sleep())
        result = runtime.call("delete", container.id)
        assert result.status == 1
        assert f"cannot delete container {container.id} that is not stopped: running" in result.err
        assert container.status == "running"

    def test_force_ends_a_running_one(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.run_detached(bundle.sleep())
        container.delete("--force")
        assert container.wait() == 137
        assert runtime.ids() == []

    def test_of_a_created_one(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle)
        container.delete()
        assert container.wait() == 137
        assert runtime.ids() == []

    def test_force_of_an_absent_one_is_fine(self, runtime: Runtime) -> None:
        runtime.call("delete", "--force", "nobody").check()

    def test_force_after_the_id(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.run_detached(bundle.sleep())
        runtime.call("delete", container.id, "--force").check()
        container.wait()
        assert runtime.ids() == []

    def test_leftover_processes_end_with_a_shared_pid_namespace(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        bundle.without_namespace("pid").sh("sleep 1000 & echo $!")
        container = runtime.run_detached(bundle)
        container.wait_for_output("\n")
        left = int(container.output)
        container.wait()
        container.delete("--force")
        runtime.pids.append(left)
        wait_until(lambda: is_gone(left), 5)

    def test_nothing_is_printed_by_what_succeeds(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle.sleep())
        assert container.start().text == ""
        assert container.kill("KILL").text == ""
        container.wait()
        assert container.delete().text == ""


def is_gone(pid: int) -> bool:
    """Whether a process is dead, reaped or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat[stat.rindex(")") + 2] == "Z"


class TestWrongMoment:
    def test_start_twice(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.run_detached(bundle.sleep())
        result = runtime.call("start", container.id)
        assert result.status == 1
        assert "cannot start an already running container" in result.err

    def test_start_of_a_stopped_one(self, runtime: Runtime, bundle: Bundle) -> None:
        container = stopped(runtime, bundle)
        result = runtime.call("start", container.id)
        assert result.status == 1
        assert "cannot start a container that has stopped" in result.err

    @pytest.mark.parametrize("verb", ["state", "start", "kill", "delete"])
    def test_absent(self, runtime: Runtime, verb: str) -> None:
        result = runtime.call(verb, "nobody")
        assert result.status == 1
        assert NO_SUCH in result.err
        assert len(result.err.splitlines()) == 1

    @pytest.mark.parametrize("verb", ["create", "run"])
    def test_id_is_taken(
        self, runtime: Runtime, bundle: Bundle, make_bundle: MakeBundle, verb: str
    ) -> None:
        container = runtime.create(bundle.sleep())
        result = runtime.attempt(verb, make_bundle(), container_id=container.id)
        assert result.status == 1
        assert ALREADY in result.text
        assert container.status == "created"

    def test_id_is_taken_by_a_folder(self, runtime: Runtime, bundle: Bundle) -> None:
        name = runtime.new_id()
        (runtime.root / name).mkdir()
        result = runtime.attempt("create", bundle, container_id=name)
        assert result.status == 1
        assert ALREADY in result.text
        runtime.call("delete", "--force", name).check()
        assert runtime.ids() == []


class TestLog:
    def test_json_for_engines(self, runtime: Runtime, bundle: Bundle) -> None:
        """The whole file is one object, and the bare text stands on standard error."""
        log = bundle.path / "log.json"
        result = runtime.call("--log", str(log), "--log-format", "json", "start", "nobody")
        assert result.status == 1
        entry = json.loads(log.read_text())
        assert entry["level"] == "error"
        assert NO_SUCH in entry["msg"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", entry["time"])
        assert result.err.strip() == entry["msg"]

    def test_exists_even_if_nothing_is_said(self, runtime: Runtime, bundle: Bundle) -> None:
        log = bundle.path / "log.json"
        runtime.call("--log", str(log), "--log-format=json", "list").check()
        assert log.read_text() == ""

    def test_text(self, runtime: Runtime) -> None:
        line = runtime.call("start", "nobody").err
        assert re.fullmatch(r'time="[^"]+" level=error msg=".*container does not exist"\n', line)

    def test_is_appended_to(self, runtime: Runtime, bundle: Bundle) -> None:
        log = bundle.path / "log"
        for _ in range(2):
            runtime.call("--log", str(log), "state", "nobody")
        assert len(log.read_text().splitlines()) == 2

    def test_in_a_missing_folder_is_an_error(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.call("--log", str(bundle.path / "none/log"), "list")
        assert result.status == 1
        assert "no such file or directory" in result.err

    @pytest.mark.parametrize("format_name", ["xml"])
    def test_unknown_format(self, runtime: Runtime, format_name: str) -> None:
        result = runtime.call("--log-format", format_name, "list")
        assert result.status == 1
        assert f"invalid log-format: {format_name}" in result.err
