"""NOTIFY_SOCKET: a service manager hears when the program in the container is ready."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.inside import build_inside
from harness.manager import Manager
from harness.runtime import Container, Runtime, output_of, wait_until

pytestmark = pytest.mark.usefixtures("relays_as_today")

READY = "/inside notify READY=1; "


@pytest.fixture(scope="session")
def inside(base: Path) -> Path:
    """The program that can send a datagram."""
    return build_inside(base / "inside")


@pytest.fixture
def relays_as_today(runtime: Runtime) -> None:
    """Peers of Debian 12 differ in every message, and hang where the program has ended."""
    if runtime.kind != "pyrunc":
        pytest.skip("runc 1.1 has no BARRIER and takes zombies for alive, crun says less")


@pytest.fixture
def talker(bundle: Bundle, inside: Path) -> Bundle:
    """A bundle whose program can talk to its NOTIFY_SOCKET."""
    shutil.copy(inside, bundle.rootfs / "inside")
    return bundle


@pytest.fixture
def manager(base: Path) -> Iterator[Manager]:
    with Manager(str(base / "manager")) as made:
        yield made


def environment(address: str) -> dict[str, str]:
    return dict(os.environ, NOTIFY_SOCKET=address)


def told(pid: int, line: bytes = b"READY=1") -> list[bytes]:
    """What the manager hears of a container that is ready."""
    return [line + b"\n", b"MAINPID=%d\n" % pid, b"BARRIER=1"]


class TestRun:
    def test_in_the_foreground_reports_itself(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        talker.sh(f"{READY} sleep 0.3; exit 3").save()
        process = subprocess.Popen(
            runtime.command("run", "-b", str(talker.path), runtime.new_id()),
            env=environment(manager.address),
        )
        assert process.wait(20) == 3
        assert manager.heard == told(process.pid)
        assert runtime.ids() == []

    def test_that_ends_at_once_was_ready_all_the_same(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        talker.args("/inside", "notify", "READY=1")
        for _ in range(5):
            runtime.run(talker, env=environment(manager.address)).check()
        assert [text for text in manager.heard if text.startswith(b"READY")] == [b"READY=1\n"] * 5

    def test_detached_waits(self, runtime: Runtime, talker: Bundle, manager: Manager) -> None:
        talker.sh(f"sleep 0.4; {READY} exec sleep 100")
        start = time.monotonic()
        container = runtime.run_detached(talker, env=environment(manager.address))
        assert time.monotonic() - start > 0.4
        assert manager.heard == told(container.pid)
        assert container.status == "running"

    def test_detached_does_not_wait_for_the_dead(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        container = runtime.run_detached(talker.sh("exit 4"), env=environment(manager.address))
        assert container.wait() == 4
        assert manager.heard == []

    def test_signals_are_still_forwarded(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        """Beside the thread that relays, whether that has said anything or not."""
        for script in (READY, ""):
            talker.sh(f"trap 'exit 21' TERM; {script} echo up; while :; do sleep 0.05; done").save()
            name = runtime.new_id()
            with output_of(talker, name).open("wb") as out:
                process = subprocess.Popen(
                    runtime.command("run", "-b", str(talker.path), name),
                    env=environment(manager.address), stdout=out,
                )  # fmt: skip
            wait_until(lambda name=name: "up" in output_of(talker, name).read_text(), 10)  # type: ignore[misc]
            process.terminate()
            assert process.wait(10) == 21

    def test_asked_to_stop_while_it_waits(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        name = runtime.new_id()
        talker.sleep().save()
        with output_of(talker, name).open("wb") as out:
            process = subprocess.Popen(
                runtime.command("run", "-d", "-b", str(talker.path), name),
                env=environment(manager.address), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        socket = runtime.root / name / "notify/notify.sock"
        wait_until(lambda: socket.exists() and not (runtime.root / name / "exec.fifo").exists(), 10)
        time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
        assert runtime.ids() == []


class TestStart:
    def create(self, runtime: Runtime, bundle: Bundle, manager: Manager) -> Container:
        return runtime.create(bundle, env=environment(manager.address))

    def test_waits_and_reports_the_container(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        container = self.create(runtime, talker.sh(f"sleep 0.3; {READY} exec sleep 100"), manager)
        start = time.monotonic()
        runtime.call("start", container.id, env=environment(manager.address)).check()
        assert time.monotonic() - start > 0.3
        assert manager.heard == told(container.pid)

    def test_does_not_wait_for_the_dead(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        container = self.create(runtime, talker.sh("exit 5"), manager)
        runtime.call("start", container.id, env=environment(manager.address)).check()
        assert manager.heard == []

    def test_nobody_asks(self, runtime: Runtime, talker: Bundle, manager: Manager) -> None:
        """Without the variable start does not listen, and the program hears that."""
        container = self.create(runtime, talker.sh(f"{READY} sleep 100"), manager)
        runtime.call("start", container.id).check()
        assert "sendto" in container.wait_for_output("sendto")

    def test_create_was_not_asked(self, runtime: Runtime, talker: Bundle, manager: Manager) -> None:
        container = runtime.create(talker)
        result = runtime.call("start", container.id, env=environment(manager.address))
        assert result.status == 1
        assert "notify.sock" in result.err
        assert container.status == "created"
        container.start()

    def test_a_running_container_keeps_its_socket(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        container = self.create(runtime, talker.sh(f"{READY} exec sleep 100"), manager)
        runtime.call("start", container.id, env=environment(manager.address)).check()
        before = (runtime.root / container.id / "notify/notify.sock").stat().st_ino
        assert runtime.call("start", container.id, env=environment(manager.address)).status == 1
        assert (runtime.root / container.id / "notify/notify.sock").stat().st_ino == before


class TestMessages:
    @pytest.mark.parametrize(
        ("texts", "line"),
        [
            pytest.param(["READY=1\nSTATUS=fine"], b"READY=1", id="the first line alone"),
            pytest.param(["STATUS=x", "MAINPID=1", "READY=1"], b"READY=1", id="others are dropped"),
            pytest.param(["READY=1", "READY=1"], b"READY=1", id="once"),
        ],
    )
    def test_what_the_manager_hears(
        self, runtime: Runtime, talker: Bundle, manager: Manager, texts: list[str], line: bytes
    ) -> None:
        talker.args("/inside", "notify", *texts).save()
        process = subprocess.Popen(
            runtime.command("run", "-b", str(talker.path), runtime.new_id()),
            env=environment(manager.address),
        )
        assert process.wait(20) == 0
        assert manager.heard == told(process.pid, line)

    def test_a_talkative_program_is_never_stopped(
        self, runtime: Runtime, talker: Bundle, manager: Manager
    ) -> None:
        """The queue of a socket holds about ten."""
        talker.args("/inside", "notify", "READY=1", *(f"WATCHDOG={n}" for n in range(200)))
        runtime.run(talker, env=environment(manager.address)).check()
        assert len(manager.heard) == 3


class TestPlaces:
    def test_in_the_container(self, runtime: Runtime, bundle: Bundle, manager: Manager) -> None:
        bundle.process["env"].append("NOTIFY_SOCKET=/elsewhere")
        script = "echo $NOTIFY_SOCKET; grep /run/notify /proc/self/mounts; touch /run/notify/x"
        result = runtime.run(bundle.sh(script), env=environment(manager.address))
        socket, mount = result.out.splitlines()
        assert socket == "/run/notify/notify.sock"
        assert {"ro", "nosuid", "nodev", "noexec"} <= set(mount.split()[3].split(","))
        assert result.status != 0

    def test_not_asked_nothing_there(self, runtime: Runtime, bundle: Bundle) -> None:
        assert runtime.run(bundle.sh("echo $NOTIFY_SOCKET; ls /run")).check().out == "\n"

    def test_abstract(self, runtime: Runtime, talker: Bundle, tag: str) -> None:
        with Manager(f"@{tag}-manager") as manager:
            talker.sh(f"{READY} exec sleep 100")
            container = runtime.run_detached(talker, env=environment(manager.address))
            assert manager.heard == told(container.pid)

    def test_user_namespace(self, runtime: Runtime, talker: Bundle, manager: Manager) -> None:
        """Root of the container may not walk to the state root of the host's."""
        talker.namespace("user").linux.update(
            uidMappings=[{"containerID": 0, "hostID": 100000, "size": 1000}],
            gidMappings=[{"containerID": 0, "hostID": 100000, "size": 1000}],
        )
        (talker.rootfs / "run/notify").mkdir()  # which it may not make there
        talker.process["user"] = {"uid": 7, "gid": 7}
        talker.sh(f"{READY} exec sleep 100")
        container = runtime.run_detached(talker, env=environment(manager.address))
        assert manager.heard == told(container.pid)

    def test_deep_state_root(self, runtime: Runtime, talker: Bundle, manager: Manager) -> None:
        """The path of the program's socket on the host is longer than a socket's may be."""
        deep = Runtime(runtime.path, runtime.root / ("d" * 60) / ("e" * 60), runtime.tag + "d")
        talker.args("/inside", "notify", "READY=1").save()
        deep.run(talker, env=environment(manager.address)).check()
        assert len(manager.heard) == 3
        shutil.rmtree(runtime.root / ("d" * 60))


class TestManagerThatIsNone:
    def test_foreground_goes_on(self, runtime: Runtime, talker: Bundle, base: Path) -> None:
        talker.sh(f"{READY} sleep 0.2; exit 3")
        result = runtime.run(talker, env=environment(str(base / "nobody")))
        assert result.status == 3
        assert "NOTIFY_SOCKET" in result.err and "no such file or directory" in result.err

    def test_detached_fails(self, runtime: Runtime, talker: Bundle, base: Path) -> None:
        talker.sh(f"{READY} exec sleep 100")
        result = runtime.attempt("run", talker, "-d", env=environment(str(base / "nobody")))
        assert result.status == 1
        assert "tell the service manager that the container is ready" in result.text
        assert runtime.ids() == []

    @pytest.mark.parametrize("address", ["relative", "/" + "x" * 107, "@" + "x" * 107])
    def test_no_address(self, runtime: Runtime, bundle: Bundle, address: str) -> None:
        result = runtime.run(bundle, env=environment(address))
        assert result.status == 1
        assert "NOTIFY_SOCKET" in result.err
        assert runtime.ids() == []

    def test_no_mount_namespace(self, runtime: Runtime, bundle: Bundle, manager: Manager) -> None:
        bundle.without_namespace("mount").config["mounts"] = []
        for key in ("maskedPaths", "readonlyPaths"):
            del bundle.linux[key]
        result = runtime.run(bundle, env=environment(manager.address))
        assert result.status == 1
        assert "needs a mount namespace" in result.err
