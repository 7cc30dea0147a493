"""process.terminal in the foreground: a person at a real terminal, and what they see."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.pty import Terminal
from harness.runtime import Runtime, wait_until

Opener = Callable[..., Terminal]
STAY = "while :; do sleep 0.05; done"


@pytest.fixture
def open_terminal(runtime: Runtime, bundle: Bundle) -> Opener:
    """Opens a terminal that shows `run` of the bundle."""
    bundle.process["terminal"] = True

    def opener(*options: str, **streams: Any) -> Terminal:
        bundle.save()
        command = runtime.command("run", "--bundle", str(bundle.path), *options, runtime.new_id())
        return Terminal(command, **streams)

    return opener


def ended(terminal: Terminal, runtime: Runtime) -> int:
    """The exit status, once nothing is left of the container and the terminal is as before."""
    status = terminal.wait()
    assert runtime.ids() == []
    assert terminal.attributes() == terminal.before
    return status


class TestInside:
    @pytest.mark.spec("process.terminal")
    def test_streams_are_a_terminal(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.sh("tty; test -t 0 && test -t 1 && test -t 2 && echo all; echo hi >/dev/tty")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 0
            assert terminal.text == "/dev/pts/0\nall\nhi\n"

    def test_it_controls_the_session(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        """pgrp, session, terminal 136:0 and its foreground group: all of pid 1."""
        bundle.sh("read -r line </proc/self/stat; set -- $line; echo $5 $6 $7 $8")
        with open_terminal() as terminal:
            ended(terminal, runtime)
            assert terminal.text.split() == ["1", "1", str(136 << 8), "1"]

    def test_console_is_the_terminal(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.sh("stat -c '%t:%T %F' /dev/console; echo seen >/dev/console")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 0
            assert terminal.text == "88:0 character special file\nseen\n"
        console = bundle.rootfs / "dev/console"
        assert not console.exists()  # made in the container's /dev, a tmpfs

    def test_owner(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        """The user can open its terminal again; the group is the devpts's."""
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        bundle.sh("stat -c %u:%g:%a /dev/pts/0; echo again >/dev/tty; echo more >/dev/pts/0")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 0
            assert terminal.text == "1000:5:620\nagain\nmore\n"

    def test_in_a_user_namespace(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.namespace("user")
        bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        bundle.linux["gidMappings"] = bundle.linux["uidMappings"]
        os.chown(bundle.rootfs, 100000, 100000)
        bundle.sh("tty; echo seen >/dev/console; stat -c %u /dev/console")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 0
            assert terminal.text == "/dev/pts/0\nseen\n0\n"

    @pytest.mark.parametrize("dev", ["own", "read-only"])
    def test_in_a_read_only_root(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener, dev: str
    ) -> None:
        bundle.config["root"]["readonly"] = True
        if dev == "read-only":
            bundle.config["mounts"][1]["options"].append("ro")
        bundle.sh("echo seen >/dev/console; touch /x 2>/dev/null || echo refused")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 0
            assert terminal.text == "seen\nrefused\n"

    def test_no_pivot(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        bundle.sh("tty; echo seen >/dev/console")
        with open_terminal("--no-pivot") as terminal:
            assert ended(terminal, runtime) == 0
            assert terminal.text == "/dev/pts/0\nseen\n"

    def test_one_master_and_no_other_descriptor(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.sh("ls /proc/self/fd /dev/pts | xargs echo")
        with open_terminal() as terminal:
            ended(terminal, runtime)
            assert terminal.text == "/dev/pts: 0 ptmx /proc/self/fd: 0 1 2 3\n"


class TestOfExec:
    def test_streams_are_a_terminal(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.run_detached(bundle.sleep())
        script = "tty; test -t 0 && test -t 1 && test -t 2 && stty size; echo hi >/dev/tty; exit 3"
        command = runtime.command("exec", "--tty", container.id, "/bin/sh", "-c", script)
        with Terminal(command, rows=33, columns=77) as terminal:
            assert terminal.wait() == 3
            assert terminal.attributes() == terminal.before
            assert terminal.text == "/dev/pts/0\n33 77\nhi\n"


class TestSize:
    def test_at_start(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        bundle.sh("stty size")
        with open_terminal(rows=31, columns=87) as terminal:
            ended(terminal, runtime)
            assert terminal.text == "31 87\n"

    def test_changes(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        bundle.sh(f"trap 'stty size; exit 3' WINCH; echo up; {STAY}")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            terminal.resize(50, 120)
            assert ended(terminal, runtime) == 3
            assert terminal.text == "up\n50 120\n"

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [pytest.param(24, "24 80\n", id="is overruled"), pytest.param(0, "33 77\n", id="stays")],
    )
    @pytest.mark.spec("process.consoleSize")
    def test_console_size(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener, rows: int, expected: str
    ) -> None:
        """By the caller's terminal, if that has a size."""
        bundle.process["consoleSize"] = {"height": 33, "width": 77}
        bundle.sh("sleep 0.1; stty size")  # runc is late
        with open_terminal(rows=rows, columns=80 if rows else 0) as terminal:
            ended(terminal, runtime)
            assert terminal.text == expected


class TestKeys:
    def test_all_of_them_go_to_the_program(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.sh("stty raw -echo; echo up; head -c 6 | od -An -tx1")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            terminal.type(b"\x03\x04\x1a\x1c\x11\r")
            assert ended(terminal, runtime) == 0
            assert "03 04 1a 1c 11 0d" in terminal.text

    def test_interrupt(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        bundle.sh(f"trap 'echo got; exit 5' INT; echo up; {STAY}")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            terminal.type(b"\x03")
            assert ended(terminal, runtime) == 5
            assert "got" in terminal.text

    def test_job_control(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        bundle.args("/bin/sh", "-i")
        with open_terminal() as terminal:
            terminal.wait_for("# ")
            terminal.type(b"sleep 1047\r")
            wait_until(lambda: b"sleep\x001047" in command_lines(), 10)
            terminal.type(b"\x1a")
            terminal.wait_for("Stopped")
            terminal.type(b"kill -9 %1\r")
            wait_until(lambda: b"sleep\x001047" not in command_lines(), 10)
            terminal.type(b"jobs\r")
            terminal.wait_for("Killed")
            terminal.type(b"exit 9\r")
            assert ended(terminal, runtime) == 9

    def test_end_of_file(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        bundle.sh("echo up; cat; echo done")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            terminal.type(b"line\r")
            terminal.wait_for("line\nline\n")
            terminal.type(b"\x04")
            assert ended(terminal, runtime) == 0
            assert terminal.text == "up\nline\nline\ndone\n"


def command_lines() -> bytes:
    """Of all processes that run."""
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes() + b"\n"
        except OSError:
            continue
    return found


class TestAmounts:
    """Nothing is lost, whoever is slow."""

    BYTES = random.Random(7).randbytes(1 << 20)

    def test_output(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        """To the screen, where our own terminal makes two characters of each newline."""
        (bundle.rootfs / "data").write_bytes(self.BYTES)
        bundle.sh("stty raw; cat /data")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 0
            assert terminal.seen == self.BYTES.replace(b"\n", b"\r\n")

    def test_output_to_a_file(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        (bundle.rootfs / "data").write_bytes(self.BYTES)
        bundle.sh("stty raw; cat /data")
        with (bundle.path / "out").open("wb") as out, open_terminal(stdout=out) as terminal:
            assert ended(terminal, runtime) == 0
        assert (bundle.path / "out").read_bytes() == self.BYTES

    def test_output_to_a_slow_pipe(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        """Also what is left when the program has ended."""
        (bundle.rootfs / "data").write_bytes(self.BYTES[:300000])
        bundle.sh("stty raw; cat /data")
        with open_terminal(stdout=subprocess.PIPE) as terminal:
            out = terminal.process.stdout
            assert out is not None
            found = b""
            time.sleep(0.3)
            while piece := os.read(out.fileno(), 10000):
                found += piece
                time.sleep(0.002)
            assert ended(terminal, runtime) == 0
        assert found == self.BYTES[:300000]

    def test_input(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        """Through a pipe, to a program that begins late and reads slowly."""
        size = len(self.BYTES)
        bundle.sh(f"stty raw -echo; echo up; sleep 0.3; head -c {size} | md5sum")
        with open_terminal(stdin=subprocess.PIPE) as terminal:
            terminal.wait_for("up")
            keys = terminal.process.stdin
            assert keys is not None
            keys.write(self.BYTES)
            keys.close()
            assert ended(terminal, runtime) == 0
            assert hashlib.md5(self.BYTES).hexdigest() in terminal.text

    def test_both_ways_at_once(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        """A program that answers more than it is asked, without a reader for a while."""
        data = self.BYTES[:200000]
        bundle.sh(f"stty raw -echo; echo up; head -c {len(data)} | tee /dev/tty | md5sum")
        with (
            (bundle.path / "out").open("wb") as out,
            open_terminal(stdin=subprocess.PIPE, stdout=out) as terminal,
        ):
            wait_until(lambda: (bundle.path / "out").read_bytes() == b"up\n", 10)
            keys = terminal.process.stdin
            assert keys is not None
            keys.write(data)
            keys.flush()
            assert ended(terminal, runtime) == 0
        found = (bundle.path / "out").read_bytes()
        assert found.startswith(b"up\n" + data)
        assert hashlib.md5(data).hexdigest().encode() in found

    def test_a_stopped_screen_does_not_hold_signals_up(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.sh(f"trap 'exit 6' TERM; echo up; (while :; do echo xxxxxxxxxxx; done) & {STAY}")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            terminal.pause(paused=True)
            time.sleep(0.3)
            pid = json.loads(runtime.call("state", runtime.ids()[0]).out)["pid"]
            terminal.kill(signal.SIGTERM)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10)
            terminal.pause(paused=False)
            assert ended(terminal, runtime) == 6


class TestEnd:
    @pytest.mark.parametrize(
        ("script", "status"),
        [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("echo last; exit 1", 1)],
    )
    def test_status(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener, script: str, status: int
    ) -> None:
        bundle.without_namespace("pid").sh(script)
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == status

    @pytest.mark.parametrize(
        ("sent", "status"),
        [(signal.SIGTERM, 21), (signal.SIGINT, 22), (signal.SIGHUP, 23), (signal.SIGUSR1, 24)],
    )
    def test_signals_are_forwarded(
        self,
        runtime: Runtime,
        bundle: Bundle,
        open_terminal: Opener,
        sent: signal.Signals,
        status: int,
    ) -> None:
        traps = "trap 'exit 21' TERM; trap 'exit 22' INT; trap 'exit 23' HUP; trap 'exit 24' USR1"
        bundle.sh(f"{traps}; echo up; {STAY}")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            assert terminal.is_raw
            terminal.kill(sent)
            assert ended(terminal, runtime) == status

    def test_killed_from_elsewhere(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.sh(f"echo up; {STAY}")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            runtime.call("kill", runtime.ids()[0], "KILL").check()
            assert ended(terminal, runtime) == 137

    def test_a_failure_to_create(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.args("/none")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 1
            assert "/none: no such file or directory" in terminal.text

    def test_a_failure_to_start(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        bundle.hook("startContainer", "exit 3").args("/bin/true")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) != 0

    def test_hang_up(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        """The program is told, by a signal and by the end of its terminal."""
        bundle.sh("echo up; cat; exit 0")
        with open_terminal() as terminal:
            terminal.wait_for("up")
            terminal.hang_up()
            terminal.process.wait(10)
        assert runtime.ids() == []

    def test_nobody_reads_any_more(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        """As when the output goes to ``head``: the program's terminal hangs up."""
        bundle.sh("while echo x; do :; done; exit 4")
        with open_terminal(stdout=subprocess.PIPE) as terminal:
            out = terminal.process.stdout
            assert out is not None
            os.read(out.fileno(), 10)
            out.close()
            assert ended(terminal, runtime) in (4, 128 + signal.SIGHUP)

    def test_who_stays_behind_does_not_hold_us(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        """A process in the background that has the terminal open, and even writes to it."""
        bundle.without_namespace("pid")
        bundle.sh("trap '' HUP; (while echo more; do :; done) & echo last; exit 8")
        with open_terminal() as terminal:
            assert terminal.wait(10) == 8
            assert "last" in terminal.text
            assert terminal.attributes() == terminal.before


class TestRedirected:
    @pytest.mark.parametrize("kept", ["stdin", "stdout", "stderr", "none"])
    def test_the_terminal_is_found(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener, kept: str
    ) -> None:
        """By any stream, else as the controlling terminal: its size tells which it was."""
        bundle.sh("tty; stty size; exit 3")
        streams: dict[str, Any] = {
            name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr") if name != kept
        }
        with (bundle.path / "out").open("wb") as out:
            if kept != "stdout":
                streams["stdout"] = out
            with open_terminal(rows=44, columns=55, **streams) as terminal:
                assert ended(terminal, runtime) == 3
                seen = terminal.text + (bundle.path / "out").read_text()
        assert seen == "/dev/pts/0\n44 55\n"

    def test_no_terminal_at_all(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["terminal"] = True
        result = runtime.run(bundle, start_new_session=True)
        assert result.status == 1
        assert "open /dev/tty: no such device or address" in result.err
        assert runtime.ids() == []


class TestReopened:
    """A program may close its terminal, and open it later."""

    def test_late_output(self, runtime: Runtime, bundle: Bundle, open_terminal: Opener) -> None:
        bundle.sh("exec </dev/null >/dev/null 2>&1; sleep 0.3; echo late >/dev/console; exit 2")
        with open_terminal() as terminal:
            assert ended(terminal, runtime) == 2
            assert terminal.text == "late\n"

    def test_waiting_costs_nothing(
        self, runtime: Runtime, bundle: Bundle, open_terminal: Opener
    ) -> None:
        """No time is spent on a terminal that nobody has open, or was hung up by its user."""
        bundle.sh(
            "exec </dev/null >/dev/null 2>&1; setsid -c sh -c 'exit' <>/dev/console >&0;"
            " sleep 1.04; echo late >/dev/console"
        )
        with open_terminal() as terminal:
            pid = terminal.process.pid
            wait_until(lambda: b"sleep\x001.04\x00" in command_lines(), 10)
            before = cpu_seconds(pid)
            time.sleep(0.8)
            assert cpu_seconds(pid) - before < 0.1
            assert ended(terminal, runtime) == 0
            assert terminal.text == "late\n"


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
