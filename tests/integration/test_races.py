"""Several callers at once, and containers whose maker was killed: one winner, nothing left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Runtime, output_of, reap, run, wait_until

ROUNDS = 40
AT_ONCE = 4


def at_once(commands: list[list[str]], folder: Path) -> list[tuple[int, str]]:
    """(exit status, output) of commands that run at the same time."""
    processes = []
    for number, words in enumerate(commands):
        with (folder / f"race{number}").open("wb") as out:
            processes.append(
                subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            )
    statuses = [process.wait(20) for process in processes]
    return [(s, (folder / f"race{n}").read_text()) for n, s in enumerate(statuses)]


def test_create_create(runtime: Runtime, bundle: Bundle) -> None:
    """Exactly one wins, and its container is whole."""
    bundle.sleep().save()
    for _ in range(ROUNDS):
        name = runtime.new_id()
        files = [bundle.path / f"pid{i}" for i in range(AT_ONCE)]
        ends = at_once(
            [
                runtime.command("create", "-b", str(bundle.path), "--pid-file", str(f), name)
                for f in files
            ],
            bundle.path,
        )
        assert sorted(status for status, _ in ends) == [0] + [1] * (AT_ONCE - 1), ends
        for status, text in ends:
            assert status == 0 or "container with given ID already exists" in text
        pids = [int(f.read_text()) for f in files if f.exists()]
        assert len(pids) == 1
        state = json.loads(runtime.call("state", name).check().out)
        assert (state["status"], state["pid"]) == ("created", pids[0])
        runtime.call("delete", name).check()
        assert reap(pids[0]) == 137
        files[0].unlink(missing_ok=True)
        for path in files:
            path.unlink(missing_ok=True)


def test_start_start(runtime: Runtime, bundle: Bundle) -> None:
    """The second finds it running (or, where it was quick, stopped)."""
    bundle.sh("echo once; exit 0")
    for _ in range(ROUNDS):
        container = runtime.create(bundle)
        ends = at_once([runtime.command("start", container.id)] * AT_ONCE, bundle.path)
        assert sorted(status for status, _ in ends) == [0] + [1] * (AT_ONCE - 1), ends
        for status, text in ends:
            assert status == 0 or "cannot start a" in text, ends
        assert container.wait() == 0
        assert container.output == "once\n"
        container.delete()


@pytest.mark.parametrize("options", [[], ["--force"]], ids=["plain", "force"])
@pytest.mark.parametrize("begun", [False, True], ids=["created", "stopped"])
def test_delete_delete(runtime: Runtime, bundle: Bundle, options: list[str], begun: bool) -> None:
    """One deletes, the others find nothing; poststop runs once."""
    marker = bundle.path / "poststop"
    bundle.hook("poststop", f"echo x >>{marker}").args("/bin/true")
    for _ in range(ROUNDS // 2):
        marker.unlink(missing_ok=True)
        container = runtime.create(bundle)
        if begun:
            container.start()
            container.wait()
        ends = at_once([runtime.command("delete", *options, container.id)] * AT_ONCE, bundle.path)
        expected = [0] * AT_ONCE if options else [0] + [1] * (AT_ONCE - 1)
        assert sorted(status for status, _ in ends) == expected, ends
        for status, text in ends:
            assert text == "" if status == 0 else "container does not exist" in text, ends
        assert marker.read_text() == "x\n"
        if not begun:
            assert container.wait() == 137
    assert runtime.ids() == []


def test_start_delete(runtime: Runtime, bundle: Bundle) -> None:
    """Whoever comes first: afterwards it is gone, and nobody has seen the runtime stumble."""
    bundle.sleep()
    for _ in range(ROUNDS):
        container = runtime.create(bundle)
        ends = at_once(
            [
                runtime.command("start", container.id),
                runtime.command("delete", "--force", container.id),
                runtime.command("state", container.id),
                runtime.command("kill", container.id, "KILL"),
            ],
            bundle.path,
        )
        assert ends[1] == (0, ""), ends
        for status, text in ends:
            assert status in (0, 1) and "internal error" not in text, ends
        assert container.wait() == 137
        assert runtime.ids() == []


def test_intermediate_is_overtaken(runtime: Runtime, bundle: Bundle) -> None:
    """The container's process is known to the runtime before it does anything, however late
    the process that forked it comes to say so."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    bundle.namespace("user").sh("echo made")
    for kind in ("uidMappings", "gidMappings"):
        bundle.linux[kind] = [{"containerID": 0, "hostID": 0, "size": 1000}]
    bundle.save()
    delay = ["strace", "-f", "-o", "/dev/null", "-e", "inject=clone3:delay_exit=200000"]
    call = runtime.command("run", "--bundle", str(bundle.path), runtime.new_id())
    assert run([*delay, *call]).check().out == "made\n"


def test_score_is_set_late(runtime: Runtime, bundle: Bundle) -> None:
    """What the runtime sets on the intermediate is there before the intermediate forks."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    bundle.namespace("ipc", "/proc/self/ns/ipc").args("/bin/cat", "/proc/self/oom_score_adj")
    bundle.process["oomScoreAdj"] = 500
    bundle.save()
    delay = ["strace", "-f", "-o", "/dev/null", "-e", "inject=clone3:delay_exit=200000"]
    call = runtime.command("run", "--bundle", str(bundle.path), runtime.new_id())
    assert run([*delay, *call]).check().words == ["500"]


def hanging_create(runtime: Runtime, bundle: Bundle, name: str) -> subprocess.Popen[bytes]:
    """A create that stands in its createRuntime hook, as the leader of a process group."""
    marker = bundle.path / "up"
    marker.unlink(missing_ok=True)
    bundle.sleep().hook("createRuntime", f"echo up >{marker}; exec sleep 60").save()
    with output_of(bundle, name).open("wb") as out:
        process = subprocess.Popen(
            runtime.command("create", "-b", str(bundle.path), name),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    wait_until(marker.exists, 10)
    return process


def end_hooks() -> None:
    """The hook of a killed maker is nobody's: it came to us, the subreaper."""
    own = f"/proc/self/task/{os.getpid()}/children"
    for pid in map(int, Path(own).read_text().split()):
        if Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x0060\x00":
            os.kill(pid, signal.SIGKILL)
            reap(pid)


class TestWhileItIsMade:
    """A container whose maker is at work in a hook."""

    def test_is_creating_and_only_force_deletes_it(self, runtime: Runtime, bundle: Bundle) -> None:
        name = runtime.new_id()
        maker = hanging_create(runtime, bundle, name)
        state = json.loads(runtime.call("state", name).check().out)
        assert (state["status"], state["pid"]) == ("creating", 0)
        for command, words in (
            (["start", name], "still being created"),
            (["kill", name, "KILL"], "still being created"),
            (["delete", name], "that is not stopped: creating"),
        ):
            result = runtime.call(*command)
            assert result.status == 1
            assert words in result.err
        assert maker.poll() is None
        runtime.call("delete", "--force", name).check()
        assert maker.wait(5) == -signal.SIGKILL
        assert runtime.ids() == []
        end_hooks()

    @pytest.mark.parametrize("options", [[], ["--force"]], ids=["plain", "force"])
    def test_of_a_killed_maker_can_be_deleted(
        self, runtime: Runtime, bundle: Bundle, options: list[str]
    ) -> None:
        name = runtime.new_id()
        maker = hanging_create(runtime, bundle, name)
        maker.kill()
        maker.wait()
        assert json.loads(runtime.call("state", name).check().out)["status"] == "stopped"
        runtime.call("delete", *options, name).check()
        assert runtime.ids() == []
        end_hooks()

    def test_maker_killed_at_any_moment(self, runtime: Runtime, bundle: Bundle) -> None:
        """delete --force leaves nothing; the module's own check counts what is left."""
        bundle.args("/bin/sleep", "60").save()
        for step in range(40):
            name = runtime.new_id()
            process = subprocess.Popen(
                runtime.command("create", "-b", str(bundle.path), name),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(0.004 + step * 0.0008)
            process.kill()
            process.wait()
            runtime.call("delete", "--force", name).check()
            assert runtime.ids() == []


def no_state(folder: Path) -> None:
    (folder / "state.json").unlink()


def cut(folder: Path) -> None:
    path = folder / "state.json"
    path.write_bytes(path.read_bytes()[:100])


def empty(folder: Path) -> None:
    (folder / "state.json").write_bytes(b"")


def wrong_type(folder: Path) -> None:
    path = folder / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": "1"}))


def other_version(folder: Path) -> None:
    path = folder / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))


def fifo(folder: Path) -> None:
    (folder / "state.json").unlink()
    os.mkfifo(folder / "state.json")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(no_state, "container does not exist", id="no state"),
        pytest.param(cut, "is damaged", id="cut"),
        pytest.param(empty, "is damaged", id="empty"),
        pytest.param(wrong_type, "is damaged", id="wrong type"),
        pytest.param(other_version, "was not written by this version", id="other version"),
        pytest.param(fifo, "is no state of ours", id="fifo"),
    ],
)
def test_damaged_state(
    runtime: Runtime, bundle: Bundle, damage: Callable[[Path], None], words: str
) -> None:
    """One line from every command; delete --force removes what there is to remove."""
    container: Container = runtime.create(bundle.sleep())
    container.kill("KILL")
    container.wait()
    cgroups = json.loads((runtime.root / container.id / "state.json").read_text())["cgroupPaths"]
    damage(runtime.root / container.id)
    commands = [["state"], ["start"], ["kill"], *([["delete"]] if damage is not no_state else [])]
    for command in commands:
        result = runtime.call(*command, container.id, timeout_s=5)
        assert result.status == 1, result
        assert words in result.err, result
        assert len(result.err.splitlines()) == 1, result
    runtime.call("delete", "--force", container.id).check()
    assert runtime.ids() == []
    for path in set(cgroups.values()):
        Path(path).rmdir()


def test_state_of_another_boot(runtime: Runtime, bundle: Bundle) -> None:
    """A process that got the pid, even at the same tick of its boot, is spared."""
    container = runtime.create(bundle.sleep())
    path = runtime.root / container.id / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"boot": "another", "cgroupPaths": {}}))
    assert container.status == "stopped"
    assert runtime.call("kill", container.id, "KILL").status == 1
    container.delete("--force")
    os.kill(container.pid, 0)
    os.kill(container.pid, signal.SIGKILL)
    assert container.wait() == 137
    for cgroup in set(state["cgroupPaths"].values()):
        Path(cgroup).rmdir()


def test_state_of_another_process(runtime: Runtime, bundle: Bundle) -> None:
    """The pid is somebody else's now: neither kill nor delete touches it."""
    container = runtime.create(bundle.args("/bin/true"))
    container.start()
    container.wait()
    time.sleep(0.05)  # start times are told in hundredths of a second
    decoy = subprocess.Popen(["sleep", "60"])
    path = runtime.root / container.id / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": decoy.pid}))
    assert container.status == "stopped"
    assert "container not running" in runtime.call("kill", container.id).err
    container.delete("--force")
    assert decoy.poll() is None
    decoy.kill()
    decoy.wait()
