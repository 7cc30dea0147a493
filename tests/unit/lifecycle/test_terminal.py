"""The relay without a container: a program on a terminal of its own, shown on another."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from harness.pty import Terminal
from harness.runtime import wait_until

# Shows what argv[1], a shell script or (with argv[2]) Python code, does on a terminal.
DRIVER = """
import os, pty, sys
from runtime.errors import ContainerError
from runtime.lifecycle.foreground import wait_for_end
from runtime.lifecycle.host_terminal import find_terminal
from runtime.lifecycle.terminal import Relay
from runtime.log import Log

class Process:
    def __init__(self, pid):
        self.pid, self.pid_fd = pid, os.pidfd_open(pid)

program = [sys.executable, "-c"] if sys.argv[2:] else ["/bin/sh", "-c"]
wait, go = os.pipe()
pid, master = pty.fork()
if pid == 0:
    os.read(wait, 1)
    os.execv(program[0], [*program, sys.argv[1]])
with Relay(find_terminal(), master, Log()) as relay:
    os.write(go, b"!")
    status = wait_for_end(Process(pid), relay)
sys.exit(status)
"""


def show(script: str, *kind: str, **streams: Any) -> Terminal:
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return Terminal([sys.executable, "-c", DRIVER, script, *kind], env=env, **streams)


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_there_and_back() -> None:
    with show("echo up; read x; echo $x; exit 3") as terminal:
        terminal.wait_for("up")
        assert terminal.is_raw
        terminal.type(b"word\r")
        assert terminal.wait() == 3
        assert terminal.seen == b"up\r\nword\r\nword\r\n"
        assert terminal.attributes() == terminal.before


@pytest.mark.skipif(os.geteuid() != 0, reason="vhangup(2) needs CAP_SYS_TTY_CONFIG")
def test_a_terminal_hung_up_inside_costs_nothing_and_serves_again() -> None:
    """As a login program does."""
    script = """
import ctypes, os, signal, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
name = os.ttyname(0)
os.write(1, b"up")
time.sleep(0.3)  # a hang-up throws away what was not read
ctypes.CDLL(None).vhangup()
time.sleep(1)
os.write(os.open(name, os.O_RDWR), b" late")
"""
    with show(script, "python") as terminal:
        terminal.wait_for("up")
        time.sleep(0.5)
        before = cpu_ticks(terminal.process.pid)
        time.sleep(0.6)
        assert cpu_ticks(terminal.process.pid) - before < 10
        assert terminal.wait() == 0
        assert terminal.text == "up late"


def test_output_that_cannot_be_written_is_told_and_ends_the_program() -> None:
    with (
        Path("/dev/full").open("wb") as full,
        show("echo x; sleep 100", stdout=full) as terminal,
    ):
        assert terminal.wait() == 128 + signal.SIGHUP
        assert "standard output: write: no space left on device" in terminal.text
        assert terminal.attributes() == terminal.before


def test_output_to_a_socket() -> None:
    """Which cannot be opened anew, so it is written to in small pieces."""
    ours, theirs = socket.socketpair()
    with ours, show("stty raw; head -c 300000 /dev/zero", stdout=theirs) as terminal:
        theirs.close()
        found = 0
        while data := ours.recv(5000):
            found += len(data)
        assert (found, terminal.wait()) == (300000, 0)


def test_the_callers_descriptors_stay_blocking() -> None:
    read_fd, write_fd = os.pipe()
    with show("echo x", stdout=write_fd) as terminal:
        assert terminal.wait() == 0
    assert os.get_blocking(write_fd)
    assert os.read(read_fd, 10) == b"x\n"
    os.close(read_fd)
    os.close(write_fd)


def test_input_at_its_end_does_not_end_the_program() -> None:
    with show("sleep 0.2; echo still here", stdin=subprocess.DEVNULL) as terminal:
        assert terminal.wait() == 0
        assert terminal.text == "still here\n"


def test_hang_up_reaches_the_program() -> None:
    with show("echo up; exec sleep 100") as terminal:
        terminal.wait_for("up")
        terminal.hang_up()
        assert terminal.process.wait(10) == 128 + signal.SIGHUP


def test_in_the_background_it_is_stopped_until_it_is_in_the_foreground() -> None:
    """As every program that wants a terminal which others are using."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "DRIVER": DRIVER}
    script = f"""set -m
{sys.executable} -c "$DRIVER" 'echo up; exit 6' &
until [ "$(jobs -s)" ]; do sleep 0.02; done
echo stopped; fg >/dev/null; echo $?"""
    with Terminal(["/bin/bash", "-c", script], env=env) as terminal:
        assert terminal.wait() == 0
        assert terminal.text.endswith("stopped\nup\n6\n")


def test_what_is_no_terminal_is_refused() -> None:
    """And ours is left alone."""
    script = """
import os, sys
from runtime.errors import HostError
from runtime.lifecycle.terminal import Relay
from runtime.log import Log
read_fd, write_fd = os.pipe()
try:
    with Relay(2, write_fd, Log()):
        print("entered")
except HostError as error:
    print(error)
print(os.read(read_fd, 1))
"""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Terminal([sys.executable, "-c", script], env=env) as terminal:
        terminal.wait()
        assert terminal.text == (
            "process.terminal: set up the container's terminal: inappropriate ioctl for device\n"
            "b''\n"
        )
        assert terminal.attributes() == terminal.before


def test_restored_when_something_fails_inside() -> None:
    script = """
import os, pty
from runtime.lifecycle.terminal import Relay
from runtime.log import Log
master, _ = pty.openpty()
try:
    with Relay(2, master, Log()) as relay:
        os.write(1, b"in")
        input()
        raise KeyError
except KeyError:
    print("out")
"""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Terminal([sys.executable, "-c", script], env=env) as terminal:
        terminal.wait_for("in")
        wait_until(lambda: terminal.is_raw, 5)
        terminal.type(b"\n")
        terminal.wait()
        assert terminal.attributes() == terminal.before
