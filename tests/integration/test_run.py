"""run: exit statuses, signals, streams, and the odd ways in which a runtime is called."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime, output_of, run, wait_until


@pytest.mark.parametrize(
    ("script", "status"),
    [
        pytest.param("exit 0", 0, id="0"),
        pytest.param("exit 3", 3, id="3"),
        pytest.param("exit 255", 255, id="255"),
        pytest.param("kill -KILL $$", 137, id="KILL"),
        pytest.param("kill -TERM $$", 143, id="TERM"),
        pytest.param("kill -SEGV $$", 139, id="SEGV"),
    ],
)
def test_exit_status(runtime: Runtime, bundle: Bundle, script: str, status: int) -> None:
    """In the host's pid namespace, as pid 1 of its own would not die of its own signals."""
    result = runtime.run(bundle.without_namespace("pid").sh(script))
    assert result.status == status
    assert runtime.ids() == []


def test_streams(runtime: Runtime, bundle: Bundle) -> None:
    result = runtime.run(bundle.sh("cat; echo out; echo err >&2"), stdin=b"in\n")
    assert (result.status, result.out, result.err) == (0, "in\nout\n", "err\n")


def test_large_output_is_complete(runtime: Runtime, bundle: Bundle) -> None:
    result = runtime.run(bundle.sh("seq 1 100000"))
    assert result.out.splitlines() == [str(i) for i in range(1, 100001)]


def test_streams_are_the_callers_own(runtime: Runtime, bundle: Bundle) -> None:
    """The very pipe, not a copy of what goes through it."""
    bundle.args("/bin/stat", "-L", "-c", "%i", "/proc/self/fd/1").save()
    read_fd, write_fd = os.pipe()
    try:
        command = runtime.command("run", "-b", str(bundle.path), runtime.new_id())
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=write_fd, check=True)
        assert int(os.read(read_fd, 100)) == os.fstat(write_fd).st_ino
    finally:
        os.close(read_fd)
        os.close(write_fd)


def test_a_background_process_that_holds_a_stream_delays_nothing(
    runtime: Runtime, bundle: Bundle
) -> None:
    """It ends with the container; nobody waits for the end of its output."""
    bundle.without_namespace("pid").sh("sleep 60 & exit 3").save()
    read_fd, write_fd = os.pipe()
    command = runtime.command("run", "-b", str(bundle.path), runtime.new_id())
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write_fd)
    os.close(write_fd)
    assert process.wait(20) == 3
    assert os.read(read_fd, 1) == b"", "the background process is gone"
    os.close(read_fd)


def test_detached_returns_at_once(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle.sleep())
    assert container.status == "running"
    container.kill()
    assert container.wait() == 143
    assert container.status == "stopped"


def test_detached_leaves_an_ended_container(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle.sh("exit 4"))
    assert container.wait() == 4
    assert container.status == "stopped"


def test_keep(runtime: Runtime, bundle: Bundle) -> None:
    name = runtime.new_id()
    bundle.linux["cgroupsPath"] = f"/{name}"
    assert runtime.run(bundle.sh("exit 3"), "--keep", container_id=name).status == 3
    assert runtime.ids() == [name]
    assert '"status": "stopped"' in runtime.call("state", name).out
    assert cgroups_named(name)
    runtime.call("delete", name).check()
    assert not cgroups_named(name)


def cgroups_named(name: str) -> list[Path]:
    """Below the root of every hierarchy, version 1 and 2."""
    top = Path("/sys/fs/cgroup")
    return [*top.glob(name), *top.glob(f"*/{name}")]


def test_bundle_is_the_working_directory_by_default(runtime: Runtime, bundle: Bundle) -> None:
    bundle.args("/bin/echo", "here").save()
    result = runtime.call("run", runtime.new_id(), cwd=bundle.path)
    assert result.out == "here\n"


def test_relative_bundle(runtime: Runtime, bundle: Bundle) -> None:
    bundle.sleep().save()
    name = runtime.new_id()
    result = subprocess.run(
        runtime.command("create", "-b", bundle.path.name, name),
        cwd=bundle.path.parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert result.returncode == 0
    assert f'"bundle": "{bundle.path}"' in runtime.call("state", name).out


class TestSignalsDuringRun:
    @pytest.mark.parametrize(
        ("sent", "status"),
        [(signal.SIGTERM, 21), (signal.SIGINT, 22), (signal.SIGHUP, 23), (signal.SIGUSR1, 24)],
    )
    def test_are_forwarded(
        self, runtime: Runtime, bundle: Bundle, sent: signal.Signals, status: int
    ) -> None:
        traps = "trap 'exit 21' TERM; trap 'exit 22' INT; trap 'exit 23' HUP; trap 'exit 24' USR1"
        bundle.sh(f"{traps}; echo up; while :; do sleep 0.05; done")
        process = runtime.run_background(bundle)
        out = next(bundle.path.glob("*.out"))
        wait_until(lambda: "up" in out.read_text(), 10)
        process.send_signal(sent)
        assert process.wait(10) == status
        assert runtime.ids() == []

    # What nobody can catch, and what is not passed on.
    NOT_TRIED = (
        signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG,
    )  # fmt: skip

    def test_every_one_is_forwarded(self, runtime: Runtime, bundle: Bundle) -> None:
        """All that a shell can trap."""
        numbers = sorted(set(range(1, 32)) - set(self.NOT_TRIED))
        traps = "; ".join(f"trap 'echo got {n}' {n}" for n in numbers)
        bundle.sh(f"{traps}; echo up; while :; do sleep 0.02; done")
        process = runtime.run_background(bundle)
        out = next(bundle.path.glob("*.out"))
        wait_until(lambda: "up" in out.read_text(), 10)
        for number in numbers:
            process.send_signal(number)
            wait_until(lambda n=number: f"got {n}\n" in out.read_text(), 10)  # type: ignore[misc]
        (name,) = runtime.ids()
        runtime.call("kill", name, "KILL").check()
        assert process.wait(10) == 137

    @pytest.mark.parametrize("sent", [signal.SIGRTMIN, signal.SIGRTMAX])
    def test_real_time_signals_are(self, runtime: Runtime, bundle: Bundle, sent: int) -> None:
        bundle.without_namespace("pid").sh("echo up; exec sleep 60")
        process = runtime.run_background(bundle)
        out = next(bundle.path.glob("*.out"))
        wait_until(lambda: "up" in out.read_text(), 10)
        process.send_signal(sent)
        assert process.wait(10) == 128 + sent

    @pytest.mark.parametrize("sent", [signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG])
    def test_those_about_ourselves_are_not(
        self, runtime: Runtime, bundle: Bundle, sent: signal.Signals
    ) -> None:
        os.mkfifo(bundle.rootfs / "fifo")
        bundle.sh(f"trap 'exit 9' {sent.value}; trap 'exit 8' TERM; echo up; read _ <>/fifo")
        process = runtime.run_background(bundle)
        out = next(bundle.path.glob("*.out"))
        wait_until(lambda: "up" in out.read_text(), 10)
        process.send_signal(sent)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 8

    def test_sigkill_of_the_container(self, runtime: Runtime, bundle: Bundle) -> None:
        process = runtime.run_background(bundle.sh("echo up; exec sleep 100"))
        out = next(bundle.path.glob("*.out"))
        wait_until(lambda: "up" in out.read_text(), 10)
        (name,) = runtime.ids()
        runtime.call("kill", name, "KILL").check()
        assert process.wait(10) == 137
        assert runtime.ids() == []

    def test_sigkill_of_the_runtime_leaves_what_delete_force_removes(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        process = runtime.run_background(bundle.sh("echo up; exec sleep 100"))
        out = next(bundle.path.glob("*.out"))
        wait_until(lambda: "up" in out.read_text(), 10)
        process.kill()
        process.wait()
        for name in runtime.ids():
            pid = int(re.search(r'"pid": (\d+)', runtime.call("state", name).out)[1])  # type: ignore[index]
            runtime.call("delete", "--force", name).check()
            os.waitpid(pid, 0)
        assert runtime.ids() == []


class TestDescriptors:
    LIST = "cd /proc/self/fd && ls | xargs echo"

    def test_only_three_by_default(self, runtime: Runtime, bundle: Bundle) -> None:
        """Whatever the caller left open stays out (3 is the listing's own)."""
        stray = os.open("/etc/passwd", os.O_RDONLY)
        try:
            result = runtime.run(bundle.sh("ls /proc/self/fd | xargs echo"), pass_fds=(stray,))
        finally:
            os.close(stray)
        assert result.words == ["0", "1", "2", "3"]

    def test_preserve(self, runtime: Runtime, bundle: Bundle) -> None:
        path = bundle.path / "message"
        path.write_text("handed over\n")
        bundle.sh("cat <&4; ls /proc/self/fd | xargs echo")
        bundle.save()
        command = " ".join(
            runtime.command("run", "--preserve-fds", "2", "-b", str(bundle.path), runtime.new_id())
        )
        result = run(["sh", "-c", f"{command} 3</dev/null 4<{path} 5</etc/passwd"])
        assert result.out == "handed over\n0 1 2 3 4 5\n"

    def test_preserved_must_be_open(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle, "--preserve-fds", "2")
        assert result.status != 0
        assert runtime.ids() == []

    def test_create_keeps_no_copy_of_the_streams(self, runtime: Runtime, bundle: Bundle) -> None:
        """End of file comes when the container's program ends, though other processes live."""
        bundle.sh("exec >/dev/null 2>&1; sleep 100").save()
        read_fd, write_fd = os.pipe()
        name = runtime.new_id()
        subprocess.run(
            runtime.command("create", "-b", str(bundle.path), name),
            stdin=subprocess.DEVNULL, stdout=write_fd, stderr=write_fd, check=True,
        )  # fmt: skip
        os.close(write_fd)
        runtime.call("start", name).check()
        assert os.read(read_fd, 1) == b""
        os.close(read_fd)

    @pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
    @pytest.mark.parametrize("verb", ["run", "state"])
    def test_closed_streams(
        self, runtime: Runtime, bundle: Bundle, redirection: str, verb: str
    ) -> None:
        name = runtime.new_id()
        if verb == "state":
            runtime.create(bundle.sleep(), container_id=name)
            words = runtime.command("state", name)
        else:
            bundle.sh("exit 3").save()
            words = runtime.command("run", "-b", str(bundle.path), name)
        result = run(["sh", "-c", f"{' '.join(words)} {redirection}"])
        assert result.status in ((3,) if verb == "run" else (0, 1))


class TestOddCallers:
    def test_deleted_working_directory(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.args("/bin/echo", "fine").save()
        gone = bundle.path / "gone"
        gone.mkdir()
        words = runtime.command("run", "-b", str(bundle.path), runtime.new_id())
        result = run(["sh", "-c", f"cd {gone} && rmdir {gone} && exec {' '.join(words)}"])
        assert (result.status, result.out) == (0, "fine\n")

    def test_empty_environment(self, runtime: Runtime, bundle: Bundle) -> None:
        assert runtime.run(bundle.args("/bin/echo", "fine"), env={}).out == "fine\n"

    def test_empty_xdg_runtime_dir(self, runtime: Runtime, bundle: Bundle) -> None:
        """What podman gives: set, but empty for root, and no PATH."""
        container = runtime.create(bundle.sleep())
        for verb in (["state"], ["kill"], ["delete", "--force"]):
            runtime.call(*verb, container.id, env={"XDG_RUNTIME_DIR": ""}).check()
        container.wait()

    def test_python_variables_and_modules_are_ignored(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        """Neither PYTHON* nor a module in the working directory has any influence."""
        poison = bundle.path / "poison"
        poison.mkdir()
        for name in ("json", "os", "posixpath", "runtime", "errno", "sitecustomize", "encodings"):
            (poison / f"{name}.py").write_text("raise SystemExit('poisoned')\n")
        env = dict(os.environ)
        env |= {
            "PYTHONPATH": str(poison),
            "PYTHONHOME": str(poison),
            "PYTHONSTARTUP": str(poison / "json.py"),
            "PYTHONINSPECT": "1",
            "PYTHONWARNINGS": "error",
            "PYTHONUSERBASE": str(poison),
        }
        bundle.args("/bin/echo", "fine")
        assert runtime.run(bundle, env=env, cwd=poison).out == "fine\n"
        container = runtime.create(bundle.sleep(), env=env, cwd=poison)
        runtime.call("state", container.id, env=env, cwd=poison).check()
        runtime.call("kill", container.id, "KILL", env=env, cwd=poison).check()

    def test_nothing_is_written_beside_the_program(self, runtime: Runtime, bundle: Bundle) -> None:
        """The bundle holds config.json, the root filesystem and what the test put there."""
        runtime.run(bundle).check()
        assert sorted(os.listdir(bundle.path)) == ["config.json", "rootfs"]

    def test_symbolic_link_to_the_program(self, runtime: Runtime, bundle: Bundle) -> None:
        link = bundle.path / os.path.basename(runtime.path)
        link.symlink_to(runtime.path)
        driver = Runtime(str(link), runtime.root, runtime.tag + "l")
        assert driver.run(bundle.args("/bin/echo", "fine")).out == "fine\n"

    def test_root_with_a_relative_path(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.sleep().save()
        name = runtime.new_id()
        command = [runtime.path, "--root", runtime.root.name]
        subprocess.run(
            [*command, "create", "-b", str(bundle.path), name],
            cwd=runtime.root.parent, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        assert runtime.ids() == [name]
        assert '"created"' in runtime.call("state", name).out

    def test_root_is_made_private(self, runtime: Runtime, bundle: Bundle) -> None:
        root = runtime.root / "made/here"
        driver = Runtime(runtime.path, root, runtime.tag + "m")
        driver.run(bundle).check()
        assert root.stat().st_mode & 0o7777 == 0o700
        root.rmdir()
        root.parent.rmdir()

    def test_ignored_and_blocked_signals_are_reset(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.args("/bin/grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status").save()
        words = runtime.command("run", "-b", str(bundle.path), runtime.new_id())
        result = run(
            [
                sys.executable, "-c",
                "import os, signal, sys\n"
                "signal.signal(signal.SIGUSR2, signal.SIG_IGN)\n"
                "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
                "os.execv(sys.argv[1], sys.argv[1:])",
                *words,
            ]
        )  # fmt: skip
        masks = dict(line.split() for line in result.out.splitlines())
        assert {int(mask, 16) for mask in masks.values()} == {0}


def test_detached_output(runtime: Runtime, bundle: Bundle) -> None:
    """A detached container owns the streams of the call that made it."""
    container = runtime.run_detached(bundle.sh("echo out; echo err >&2"))
    container.wait()
    assert container.output == "out\nerr\n"
    assert isinstance(output_of(bundle, container.id), Path)
