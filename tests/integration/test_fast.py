"""The commands that need no interpreter: to the byte what Python does, and really without it.

Each case is played twice, on containers that differ in nothing but their ids, once with
PYRUNC_FAST=no; with `only` in the second play where Python must not be asked.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Result, Runtime, wait_until

Prepare = Callable[[Runtime, Bundle, str], None]


@pytest.fixture(autouse=True)
def _only_pyrunc(runtime: Runtime) -> None:
    if runtime.kind != "pyrunc":
        pytest.skip("about pyrunc's own executable")


def absent(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """No container at all."""


def created(runtime: Runtime, bundle: Bundle, name: str) -> None:
    runtime.create(bundle.sleep(), container_id=name)


def running(runtime: Runtime, bundle: Bundle, name: str) -> None:
    runtime.create(bundle.sleep(), container_id=name).start()


def stopped(runtime: Runtime, bundle: Bundle, name: str) -> None:
    container = runtime.create(bundle.args("/bin/true"), container_id=name)
    container.start()
    container.wait()


def killed(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """Stopped, its init not yet reaped."""
    container = runtime.create(bundle.sleep(), container_id=name)
    os.kill(container.pid, signal.SIGKILL)
    stat = Path(f"/proc/{container.pid}/stat")
    wait_until(lambda: ") Z " in stat.read_text(), 5)


def paused(runtime: Runtime, bundle: Bundle, name: str) -> None:
    running(runtime, bundle, name)
    for path in set(state(runtime, name)["cgroupPaths"].values()):
        for file, word in (("freezer.state", "FROZEN"), ("cgroup.freeze", "1")):
            if (Path(path) / file).exists():
                (Path(path) / file).write_text(word)


def with_annotations(runtime: Runtime, bundle: Bundle, name: str) -> None:
    bundle.config["annotations"] = {"z": "<\u20ac>", "a": 'say "x"\n'}
    created(runtime, bundle, name)


def updated(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """Its state.json is a new one, and the record goes with it."""
    running(runtime, bundle, name)
    runtime.call("update", "--pids-limit", "50", name).check()


def that_cannot_begin(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """execve fails after start, and the executable has the words of it."""
    program = bundle.rootfs / "bin" / "broken"
    program.write_bytes(b"\x7fELF" + bytes(100))
    program.chmod(0o755)
    runtime.create(bundle.args("/bin/broken"), container_id=name)


def that_dies(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """Its init is killed between create and start, and still waits for its parent."""
    killed(runtime, bundle, name)


def with_start_hooks(runtime: Runtime, bundle: Bundle, name: str) -> None:
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/true"}]}
    created(runtime, bundle, name)


def with_hooks(runtime: Runtime, bundle: Bundle, name: str) -> None:
    bundle.config["hooks"] = {"poststop": [{"path": "/bin/true"}]}
    stopped(runtime, bundle, name)


def with_shared_pids(runtime: Runtime, bundle: Bundle, name: str) -> None:
    created(runtime, bundle.without_namespace("pid"), name)


def without_record(runtime: Runtime, bundle: Bundle, name: str) -> None:
    created(runtime, bundle, name)
    record(runtime, name).unlink()


def damaged(runtime: Runtime, bundle: Bundle, name: str) -> None:
    created(runtime, bundle, name)
    data = bytearray(record(runtime, name).read_bytes())
    data[-3] ^= 1
    record(runtime, name).write_bytes(data)


def with_a_newer_state(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """As after an update by a runtime that knows nothing of records."""
    created(runtime, bundle, name)
    path = runtime.root / name / "state.json"
    data = json.loads(path.read_text())
    path.unlink()
    data["created"] = "2001-01-01T00:00:00Z"
    path.write_text(json.dumps(data))


def of_another_user(runtime: Runtime, bundle: Bundle, name: str) -> None:
    created(runtime, bundle, name)
    os.chown(record(runtime, name), 65534, 65534)


def no_file(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """A FIFO in the record's place, at which a careless reader would hang."""
    created(runtime, bundle, name)
    record(runtime, name).unlink()
    os.mkfifo(record(runtime, name))


def with_nested_cgroups(runtime: Runtime, bundle: Bundle, name: str) -> None:
    stopped(runtime, bundle, name)
    for path in set(state(runtime, name)["cgroupPaths"].values()):
        (Path(path) / "deep" / "deeper").mkdir(parents=True)


def without_cgroups(runtime: Runtime, bundle: Bundle, name: str) -> None:
    stopped(runtime, bundle, name)
    for path in set(state(runtime, name)["cgroupPaths"].values()):
        os.rmdir(path)


def nothing_but_a_folder(runtime: Runtime, bundle: Bundle, name: str) -> None:
    (runtime.root / name).mkdir(parents=True)


def state(runtime: Runtime, name: str) -> dict[str, dict[str, str]]:
    """What state.json says."""
    found: dict[str, dict[str, str]] = json.loads((runtime.root / name / "state.json").read_text())
    return found


def record(runtime: Runtime, name: str) -> Path:
    return runtime.root / name / "record"


SHOW = "exec sh -c id;pwd;env|sort;umask;ulimit$IFS-n;cat$IFS/proc/self/status;ls$IFS/proc/self/fd"
CHECKS = (
    SHOW,
    SHOW.replace("exec", "exec --env=A=1 --env=HOME=/x --cwd=/tmp --user=5:6"),
    "exec --process=check.json",
    "exec --process=check.json --pid-file=pid",
    "exec sh -c exit$IFS'7'",
    "exec sh -c kill$IFS-9$IFS$$",
)
FAST: dict[Prepare, tuple[str, ...]] = {
    created: (
        *CHECKS,
        "state",
        "start",
        "kill",
        "kill 0",
        "kill sigterm",
        "kill 9",
        "delete",
        "delete --force",
    ),
    running: (*CHECKS, "state", "kill", "kill KILL", "delete -f"),
    stopped: ("state", "delete", "delete -f"),
    killed: ("state", "delete"),
    updated: ("state", "kill"),
    paused: ("state",),
    with_annotations: ("state", "start"),
    with_hooks: ("state",),
    with_shared_pids: ("state", "kill TERM"),
    without_cgroups: ("delete",),
}
SLOW: dict[Prepare, tuple[str, ...]] = {
    absent: ("state", "kill", "start", "delete", "delete --force"),
    created: (
        "exec nothing",
        "exec /etc",
        "exec --tty true",
        "exec --cap=CAP_KILL true",
        "exec",
        "exec --process=nothing.json",
        "exec --user=x true",
        "exec --env=A true",
        "exec --cwd=/nowhere true",
        "exec --pid-file=/nowhere/pid true",
        "kill 999",
        "kill NONSENSE",
        "kill RTMIN",
        "kill --all",
    ),
    running: ("delete", "start"),
    stopped: ("kill", "kill 9", "kill -a", "start", "exec true"),
    killed: ("kill",),
    paused: ("exec true", "kill", "kill 9", "delete", "delete -f"),
    with_hooks: ("delete",),
    with_start_hooks: ("start",),
    that_cannot_begin: ("start",),
    that_dies: ("start",),
    with_shared_pids: ("kill 9", "delete -f"),
    without_record: ("state", "kill", "delete -f"),
    damaged: ("state", "kill", "delete -f"),
    of_another_user: ("state", "delete"),
    no_file: ("state", "delete"),
    with_a_newer_state: ("state", "kill"),
    with_nested_cgroups: ("delete",),
    nothing_but_a_folder: ("state", "delete", "delete --force"),
}


def cases(table: dict[Prepare, tuple[str, ...]]) -> list[object]:
    return [
        pytest.param(prepare, command, id=f"{prepare.__name__}: {command}")
        for prepare, commands in table.items()
        for command in commands
    ]


CHECK = {
    "args": ["sh", "-c", "id; env; grep ^Cap /proc/self/status; pwd"], "cwd": "/bin",
    "env": ["PATH=/bin", "B=1", "B=2"], "user": {"uid": 12, "gid": 13, "additionalGids": [14]},
    "noNewPrivileges": True, "capabilities": {"bounding": ["CAP_KILL"]},
}  # fmt: skip


class Play:
    """One way to carry a case out, and all that can be seen of it."""

    def __init__(self, runtime: Runtime, bundle: Bundle, prepare: Prepare, fast: str) -> None:
        self.runtime = runtime
        self.fast = fast
        self.name = runtime.new_id()
        self.log = bundle.path / f"{self.name[-12:]}.log"
        bundle.linux["cgroupsPath"] = f"/{self.name}"
        prepare(runtime, bundle, self.name)
        (bundle.path / "check.json").write_text(json.dumps(CHECK))
        self.folder = runtime.root / self.name
        data = state(runtime, self.name) if (self.folder / "state.json").exists() else {}
        self.pid = str(data.get("pid", 0))
        self.created = str(data.get("created", ""))
        self.cgroups = [Path(path) for path in data.get("cgroupPaths", {}).values()]

    def run(self, command: str) -> tuple[object, ...]:
        """Exit status, both streams, the log, and what is left of the container."""
        verb, *words = command.split()
        # Those of exec, which stand before the id, are long: "-c" is of the program.
        dashes = "--" if verb == "exec" else "-"
        options = [word for word in words if word.startswith(dashes)]
        rest = [word for word in words if not word.startswith(dashes)]
        done = self.runtime.call(
            "--log", str(self.log), "--log-format", "json", verb, *options, self.name, *rest,
            env={**os.environ, "PYRUNC_FAST": self.fast}, cwd=self.log.parent,
        )  # fmt: skip
        return (
            done.status, self._plain(done.out), self._plain(done.err),
            self._plain(self.log.read_text()), self.folder.exists(),
            [path.exists() for path in self.cgroups],
        )  # fmt: skip

    def _plain(self, text: str) -> str:
        """Without what differs between two containers."""
        for word, name in ((self.name, "ID"), (self.created, "CREATED"), (self.pid, "PID")):
            if word not in ("", "0"):
                text = text.replace(word, name)
        text = re.sub(
            r"^(Pid|Tgid|NSpid|NStgid|NSpgid|NSsid|SigQ|Vm|Rss|.*ctxt).*", "", text, flags=re.M
        )
        return re.sub(r'"time":"[^"]*"', "TIME", text)


def both(
    runtime: Runtime, make_bundle: Callable[[], Bundle], prepare: Prepare, command: str, fast: str
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    bundle = make_bundle()
    slowly = Play(runtime, bundle, prepare, "no").run(command)
    return slowly, Play(runtime, bundle, prepare, fast).run(command)


@pytest.mark.parametrize(("prepare", "command"), cases(FAST))
def test_without_python(
    prepare: Prepare, command: str, runtime: Runtime, make_bundle: Callable[[], Bundle]
) -> None:
    slowly, fast = both(runtime, make_bundle, prepare, command, "only")
    assert fast == slowly
    assert fast[0] == (7 if "exit" in command else 137 if "kill$" in command else 0)


@pytest.mark.parametrize(("prepare", "command"), cases(SLOW))
def test_left_to_python(
    prepare: Prepare, command: str, runtime: Runtime, make_bundle: Callable[[], Bundle]
) -> None:
    slowly, fast = both(runtime, make_bundle, prepare, command, "")
    assert fast == slowly


def test_python_would_be_asked(runtime: Runtime, bundle: Bundle) -> None:
    """The switch itself: else the tests above could not fail."""
    created(runtime, bundle, name := runtime.new_id())
    done = runtime.call("list", env={**os.environ, "PYRUNC_FAST": "only"})
    assert done.status == 1 and "PYRUNC_FAST=only" in done.err
    runtime.call("state", name, env={**os.environ, "PYRUNC_FAST": "only"}).check()


def test_a_log_that_cannot_be_opened(runtime: Runtime, bundle: Bundle) -> None:
    created(runtime, bundle, name := runtime.new_id())
    done: Result = runtime.call("--log", "/nowhere/log", "state", name)
    assert done.status == 1 and "/nowhere/log" in done.err


def test_output_that_nobody_takes(runtime: Runtime, bundle: Bundle) -> None:
    created(runtime, bundle, name := runtime.new_id())
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = runtime.command("state", name)
        pid = os.posix_spawn(
            command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)]
        )
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    finally:
        os.close(writer)


def test_the_default_root(runtime: Runtime, bundle: Bundle) -> None:
    """Root's is /run/pyrunc whatever XDG_RUNTIME_DIR says, as Python has it."""
    name = runtime.new_id()
    default = Runtime(runtime.path, Path("/run/pyrunc"), runtime.tag)
    container: Container = default.create(bundle.sleep(), container_id=name)
    try:
        for extra in ({}, {"XDG_RUNTIME_DIR": "/tmp"}, {"XDG_RUNTIME_DIR": "/tmp", "USER": "root"}):
            env = {**os.environ, **extra, "PYRUNC_FAST": "only"}
            command = [runtime.path, "state", name]
            done = subprocess.run(command, env=env, capture_output=True, text=True)
            assert (done.returncode, json.loads(done.stdout)["pid"]) == (0, container.pid)
    finally:
        container.delete("--force")
