"""exec --tty: a person at a terminal, in a container that already runs."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.pty import Terminal
from harness.receiver import Receiver
from harness.runtime import Container, Runtime, reap, wait_until

LATE = "sleep 0.2"  # runc sets the size while the program runs
STAY = "while :; do sleep 0.05; done"
Opener = Callable[..., Terminal]


@pytest.fixture
def container(runtime: Runtime, bundle: Bundle) -> Container:
    """One that stays, without a terminal of its own."""
    return runtime.run_detached(bundle.sleep())


@pytest.fixture
def open_terminal(runtime: Runtime, container: Container) -> Opener:
    """Opens a terminal that shows ``exec -t`` of a shell script."""

    def opener(script: str, *options: str, **streams: object) -> Terminal:
        command = runtime.command("exec", "-t", *options, container.id, "/bin/sh", "-c", script)
        return Terminal(command, **streams)

    return opener


def test_inside(open_terminal: Opener) -> None:
    """A session of its own on a terminal of the container's devpts."""
    script = (
        f"tty; {LATE}; stty size; read -r line </proc/self/stat; set -- $line;"
        "test $1 = $6 && echo leads; echo seen >/dev/tty; ls /proc/self/fd | xargs echo"
    )
    with open_terminal(script, rows=31, columns=87) as terminal:
        assert terminal.wait() == 0
        assert terminal.text == "/dev/pts/0\n31 87\nleads\nseen\n0 1 2 3\n"
        assert terminal.attributes() == terminal.before


def test_the_containers_console_is_left_alone(runtime: Runtime, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    with Receiver() as receiver:
        container = runtime.run_detached(bundle.sleep(), "--console-socket", receiver.path)
        master = receiver.take()
        command = runtime.command("exec", "-t", container.id, "/bin/sh", "-c")
        with Terminal([*command, "tty; echo to the first >/dev/console"]) as terminal:
            assert terminal.wait() == 0
            assert terminal.text == "/dev/pts/1\n"
        assert select.select([master], [], [], 10)[0]
        assert os.read(master, 100) == b"to the first\r\n"


def test_no_console_appears(open_terminal: Opener) -> None:
    with open_terminal("test -e /dev/console || echo none") as terminal:
        terminal.wait()
        assert terminal.text == "none\n"


def test_owner(open_terminal: Opener) -> None:
    with open_terminal("stat -c %u /dev/pts/0; echo again >/dev/tty", "-u", "1000") as terminal:
        assert terminal.wait() == 0
        assert terminal.text == "1000\nagain\n"


def test_keys_and_job_control(runtime: Runtime, container: Container) -> None:
    with Terminal(runtime.command("exec", "-t", container.id, "/bin/sh", "-i")) as terminal:
        terminal.wait_for("# ")
        assert terminal.is_raw
        terminal.type(b"sleep 1000\x03")
        terminal.type(b"trap 'echo interrupted' INT\r")
        terminal.type(b"kill -INT $$\r")
        terminal.wait_for("\ninterrupted\n")
        terminal.type(b"exit 9\r")
        assert terminal.wait() == 9
        assert terminal.attributes() == terminal.before


def test_resize(open_terminal: Opener) -> None:
    with open_terminal(f"{LATE}; trap 'stty size; exit 3' WINCH; echo up; {STAY}") as terminal:
        terminal.wait_for("up")
        terminal.resize(50, 120)
        assert terminal.wait() == 3
        assert terminal.text == "up\n50 120\n"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_forwarded(open_terminal: Opener, sent: signal.Signals) -> None:
    with open_terminal(f"echo up; {STAY}") as terminal:
        terminal.wait_for("up")
        terminal.kill(sent)
        assert terminal.wait() == 128 + sent
        assert terminal.attributes() == terminal.before


def test_output_is_whole(bundle: Bundle, open_terminal: Opener) -> None:
    data = random.Random(8).randbytes(1 << 20)
    (bundle.rootfs / "data").write_bytes(data)
    with (bundle.path / "out").open("wb") as out:
        with open_terminal("stty raw; cat /data", stdout=out) as terminal:
            assert terminal.wait() == 0
    assert (bundle.path / "out").read_bytes() == data


def test_who_stays_behind_does_not_hold_us(open_terminal: Opener) -> None:
    """Here it lives on with the container."""
    script = "trap '' HUP; (sleep 1000; echo) & echo last; exit 8"
    with open_terminal(script) as terminal:
        assert terminal.wait(10) == 8
        assert terminal.text == "last\n"
        assert terminal.attributes() == terminal.before


def test_a_missing_program(runtime: Runtime, container: Container) -> None:
    with Terminal(runtime.command("exec", "-t", container.id, "nonexist")) as terminal:
        assert terminal.wait() == 255
        assert "executable file not found in $PATH" in terminal.text
        assert terminal.attributes() == terminal.before


def test_the_container_ends(container: Container, open_terminal: Opener) -> None:
    with open_terminal(f"echo up; {STAY}") as terminal:
        terminal.wait_for("up")
        container.kill("KILL")
        assert terminal.wait() == 137
        assert terminal.attributes() == terminal.before


def test_hang_up(container: Container, open_terminal: Opener) -> None:
    with open_terminal("trap 'echo gone >/gone' HUP; echo up; cat; exit 0") as terminal:
        terminal.wait_for("up")
        terminal.hang_up()
        terminal.process.wait(10)
    wait_until((container.bundle.rootfs / "gone").exists, 10)


class TestConsoleSocket:
    def test_detached(self, runtime: Runtime, container: Container, tmp_path: Path) -> None:
        process = container.bundle.process | {
            "terminal": True, "consoleSize": {"height": 5, "width": 6},
            "args": ["/bin/sh", "-c", "stty size; read x; echo $x"],
        }  # fmt: skip
        (tmp_path / "p").write_text(json.dumps(process))
        with Receiver() as receiver:
            subprocess.run(
                runtime.command(
                    "exec", "-d", "--process", str(tmp_path / "p"), "--pid-file",
                    str(tmp_path / "pid"), "--console-socket", receiver.path, container.id,
                ),
                check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            master = receiver.take()
            os.write(master, b"typed\n")
            seen = b""
            while seen.count(b"typed") < 2:
                assert select.select([master], [], [], 10)[0]
                seen += os.read(master, 100)
            assert reap(int((tmp_path / "pid").read_text())) == 0
        assert b"5 6\r\n" in seen

    def test_refused(self, runtime: Runtime, container: Container) -> None:
        result = runtime.call("exec", "-t", "-d", container.id, "true")
        assert result.status == 255
        assert "cannot allocate tty if runc will detach without setting console socket" in (
            result.text
        )
        with Receiver() as receiver:
            result = runtime.call("exec", "--console-socket", receiver.path, container.id, "true")
            assert result.status == 255
            assert "cannot use console socket if runc will not detach or allocate tty" in (
                result.text
            )
