"""A runtime that is asked to stop while it works: undone, told in one line, 128 + N."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime, output_of, run, wait_until

STOPPING = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]
HANG = "echo up >{file}; exec sleep 60"


def start_call(
    runtime: Runtime, bundle: Bundle, verb: str, name: str, *options: str
) -> subprocess.Popen[bytes]:
    """A call of the runtime in the background, its output in the bundle's file."""
    bundle.save()
    with output_of(bundle, name).open("wb") as out:
        return subprocess.Popen(
            runtime.command(verb, "--bundle", str(bundle.path), *options, name),
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip


def hang_in(bundle: Bundle, moment: str) -> Path:
    """A hook at `moment` that never ends; the file appears when it has begun."""
    folder = bundle.path / "log"
    folder.mkdir(exist_ok=True)
    bundle.bind(folder, "/log")
    inside = moment == "startContainer"
    bundle.hook(moment, HANG.format(file="/log/up" if inside else folder / "up"))
    return folder / "up"


@pytest.mark.parametrize("sent", STOPPING)
@pytest.mark.parametrize(
    ("verb", "moment"),
    [
        ("create", "prestart"),
        ("create", "createRuntime"),
        ("create", "createContainer"),
        ("run", "createRuntime"),
        ("run", "startContainer"),
        ("run", "poststart"),
    ],
)
def test_in_a_hook_that_hangs(
    runtime: Runtime, bundle: Bundle, verb: str, moment: str, sent: signal.Signals
) -> None:
    up = hang_in(bundle.sleep(), moment)
    name = runtime.new_id()
    process = start_call(runtime, bundle, verb, name)
    wait_until(up.exists, 10)
    process.send_signal(sent)
    assert process.wait(10) == 128 + sent
    (line,) = output_of(bundle, name).read_text().splitlines()
    assert f"interrupted by {sent.name}" in line
    assert runtime.ids() == []


def test_poststop_runs_after_the_rest_is_gone(runtime: Runtime, bundle: Bundle) -> None:
    """An interrupted create is a failed create: the hook finds no process and no state."""
    up = hang_in(bundle.sleep(), "createRuntime")
    name = runtime.new_id()
    record = bundle.path / "record"
    bundle.hook("poststop", f"cat >{record}; ls {runtime.root} >>{record}")
    process = start_call(runtime, bundle, "create", name)
    wait_until(up.exists, 10)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    (state,) = record.read_text().splitlines()
    assert '"status":"stopped"' in state
    assert '"pid"' not in state


def test_ignored_signals_stay_ignored(runtime: Runtime, bundle: Bundle) -> None:
    """nohup(1): the hook goes on, and so does create."""
    marker = bundle.path / "up"
    bundle.hook("createRuntime", f"echo up >{marker}; sleep 0.5")
    name = runtime.new_id()
    bundle.sleep().save()
    words = runtime.command("create", "-b", str(bundle.path), name)
    with output_of(bundle, name).open("wb") as out:
        process = subprocess.Popen(
            ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    wait_until(marker.exists, 10)
    process.send_signal(signal.SIGHUP)
    assert process.wait(10) == 0
    assert '"created"' in runtime.call("state", name).out


@pytest.mark.parametrize("verb", ["run", "create"])
def test_at_any_moment(runtime: Runtime, bundle: Bundle, verb: str) -> None:
    """Wherever it comes: all or nothing, and never a word about the runtime's own code."""
    # As pid 1 of its own it would not die of the signal that `run` passes on.
    bundle.args("/bin/sleep", "60").without_namespace("pid")
    seen = set()
    for step in range(60):
        name = runtime.new_id()
        process = start_call(runtime, bundle, verb, name)
        time.sleep(step * 0.0008)
        process.send_signal(signal.SIGTERM)
        status = process.wait(10)
        text = output_of(bundle, name).read_text()
        seen.add(status)
        # Before the interpreter is ours, the signal just kills it.
        assert status in (-signal.SIGTERM, 143, 0), (status, text)
        lines = text.splitlines()
        if status == 143:  # `run` says nothing of a signal that it passed on
            assert all("interrupted by SIGTERM" in line for line in lines), text
            assert len(lines) == 1 or (verb == "run" and not lines), text
        else:
            assert not lines, text
        assert runtime.ids() == ([name] if status == 0 else []), (status, text)
        if status == 0:
            runtime.call("delete", name).check()
    assert seen - {0}


def test_callers_that_ignore_their_children(runtime: Runtime, bundle: Bundle) -> None:
    """SIGCHLD ignored is inherited, and would have the kernel throw statuses away."""
    bundle.namespace("user").linux.update(
        uidMappings=[{"containerID": 0, "hostID": 0, "size": 65536}],
        gidMappings=[{"containerID": 0, "hostID": 0, "size": 65536}],
    )
    for moment in ("createRuntime", "poststart", "poststop"):
        bundle.hook(moment, "exit 0")
    bundle.sh("exit 7").save()
    ignoring = [
        sys.executable, "-c",
        "import os, signal, sys\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "os.execv(sys.argv[1], sys.argv[1:])",
    ]  # fmt: skip
    command = runtime.command("run", "-b", str(bundle.path), runtime.new_id())
    result = run([*ignoring, *command], timeout_s=10)
    assert (result.status, result.err) == (7, "")
    container = runtime.create(bundle.args("/bin/true"))
    run([*ignoring, *runtime.command("start", container.id)], timeout_s=10).check()
    container.wait()
    run([*ignoring, *runtime.command("delete", container.id)], timeout_s=10).check()


class TestForegroundRun:
    def test_orphans_are_reaped(self, runtime: Runtime, bundle: Bundle) -> None:
        """Of a container in the host's pid namespace they come to us, the subreaper."""
        bundle.without_namespace("pid").sh("(sleep 0.1 & sleep 0.1 &) ; echo up; sleep 0.6; exit 9")
        name = runtime.new_id()
        process = start_call(runtime, bundle, "run", name)
        wait_until(lambda: "up" in output_of(bundle, name).read_text(), 10)
        time.sleep(0.35)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1, children
        assert process.wait(10) == 9

    def test_no_subreaper(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.without_namespace("pid").sh("(sleep 0.8 &) ; echo up; sleep 0.5; exit 9")
        name = runtime.new_id()
        process = start_call(runtime, bundle, "run", name, "-no-subreaper")
        wait_until(lambda: "up" in output_of(bundle, name).read_text(), 10)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1, children
        assert process.wait(10) == 9

    def test_deleted_by_another(self, runtime: Runtime, bundle: Bundle) -> None:
        """`delete --force` is quicker than the runtime that waits: both are content."""
        name = runtime.new_id()
        marker = bundle.path / "poststop"
        bundle.hook("poststop", f"echo once >>{marker}")
        process = start_call(runtime, bundle.sh("echo up; exec sleep 60"), "run", name)
        wait_until(lambda: "up" in output_of(bundle, name).read_text(), 10)
        runtime.call("delete", "--force", name).check()
        assert process.wait(10) == 137
        assert output_of(bundle, name).read_text() == "up\n"
        assert marker.read_text() == "once\n"

    def test_memory_limit_that_is_too_low(self, runtime: Runtime, bundle: Bundle) -> None:
        """The program is killed, not the runtime: the status says so."""
        bundle.linux["resources"]["memory"] = {"limit": 4 << 20, "swap": 4 << 20}
        bundle.sh("x=x; while :; do x=$x$x; done").without_namespace("pid")
        assert runtime.run(bundle).status == 137
        assert runtime.ids() == []


def test_start_is_not_waited_for_by_delete_force(runtime: Runtime, bundle: Bundle) -> None:
    """A startContainer hook hangs and `start` holds the lock: it must not stop the end."""
    up = hang_in(bundle.sleep(), "startContainer")
    container = runtime.create(bundle)
    process = subprocess.Popen(
        runtime.command("start", container.id),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until(up.exists, 10)
    runtime.call("delete", "--force", container.id, timeout_s=5).check()
    process.communicate(timeout=5)
    assert os.waitpid(container.pid, 0)[1] == signal.SIGKILL


@pytest.mark.parametrize("verb", ["start", "run"])
def test_init_killed_in_a_hook_is_not_started(runtime: Runtime, bundle: Bundle, verb: str) -> None:
    """The exec fifo closes in either way: by the end of init, and by its execve(2)."""
    up = hang_in(bundle.sleep(), "startContainer")
    name = runtime.new_id()
    if verb == "start":
        container = runtime.create(bundle, container_id=name)
        process = subprocess.Popen(
            runtime.command("start", name),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
    else:
        bundle.save()
        process = subprocess.Popen(
            runtime.command("run", "-b", str(bundle.path), name),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
    wait_until(up.exists, 10)
    pid = int(json.loads(runtime.call("state", name).check().out)["pid"])
    os.kill(pid, signal.SIGKILL)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert b"init died before it executed its program" in said
    if verb == "start":
        # It closes the fifo a moment before it is dead.
        wait_until(lambda: container.status == "stopped", 5)
    else:
        assert runtime.ids() == []
