"""Runs the probe in a container, in each way there is, and brings back what it saw."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import socket
import stat
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from differential.configuration import Configuration, Report
from harness.bundle import Bundle
from harness.runtime import PATIENCE_S, Container, Runtime, reap

WINDOW = (24, 80)
ROOTFS_CONSTANT = "bin"


class RefusedError(Exception):
    """The runtime made no report, and this is what it said."""


def read_all(fd: int, *, until: bytes = b"", patience_s: float = PATIENCE_S) -> bytes:
    """All that comes, to the end of file, or to the first chunk with `until` in it."""
    end = time.monotonic() + patience_s
    found = b""
    while not (until and until in found):
        if not select.select([fd], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError(f"nothing more came after {found[-200:]!r}")
        try:
            chunk = os.read(fd, 1 << 16)
        except OSError:  # EIO: the last one closed the terminal
            break
        if not chunk:
            break
        found += chunk
    return found


def report_in(output: bytes, said: str) -> Report:
    """The report among the output; RefusedError with what was `said` instead."""
    for line in output.splitlines():
        if line.startswith(b"{"):
            report: Report = json.loads(line)
            return report
    raise RefusedError(f"{said}\n{output.decode(errors='replace')}".strip())


def foreground(command: list[str], *, terminal: bool) -> Report:
    """Run a command to its end; its report.

    Errors:  RefusedError when there is none, or it failed.
    """
    return on_terminal(command) if terminal else on_pipes(command)


def on_pipes(command: list[str]) -> Report:
    """Standard streams are three pipes, the first one at its end."""
    done = subprocess.run(command, input=b"", capture_output=True, timeout=PATIENCE_S)
    said = done.stderr.decode(errors="replace")
    report = report_in(done.stdout, said)
    if done.returncode != 0:
        raise RefusedError(f"status {done.returncode}: {said}")
    return report


def on_terminal(command: list[str]) -> Report:
    """Standard streams are a terminal that controls the runtime."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", *WINDOW, 0, 0))
    # setsid --ctty: nothing of ours has to run between fork and exec.
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    try:
        output = read_all(master)
        status = process.wait(PATIENCE_S)
    finally:
        os.close(master)
    report = report_in(output, f"status {status}")
    if status != 0:
        raise RefusedError(f"status {status}")
    return report


def run(runtime: Runtime, bundle: Bundle, wanted: Configuration, name: str) -> Report:
    """`run` in the foreground."""
    bundle.save()
    call = runtime.command("run", "--bundle", str(bundle.path), *wanted.options, name)
    return foreground([*wanted.caller, *call], terminal=wanted.terminal)


class Created:
    """A container made by `create`; `start` gives the report of its program, which stays."""

    def __init__(self, runtime: Runtime, bundle: Bundle, wanted: Configuration, name: str) -> None:
        self.bundle = bundle
        self.wanted = wanted
        self.container = Container(runtime, bundle, name, 0)
        self.output = -1
        make = self._with_terminal if wanted.terminal else self._with_pipe
        make()

    def _create(self, *options: str, **streams: Any) -> None:
        runtime, name = self.container.runtime, self.container.id
        pid_file = self.bundle.path / f"{name}.pid"
        self.bundle.save()
        call = runtime.command(
            "create", "--bundle", str(self.bundle.path), "--pid-file", str(pid_file),
            *self.wanted.options, *options, name,
        )  # fmt: skip
        errors = self.bundle.path / f"{name}.err"
        with errors.open("wb") as stderr:
            done = subprocess.run(
                [*self.wanted.caller, *call], stdin=subprocess.DEVNULL, stderr=stderr,
                timeout=PATIENCE_S, **streams,
            )  # fmt: skip
        if done.returncode != 0:
            raise RefusedError(errors.read_text(errors="replace"))
        self.container.pid = int(pid_file.read_text())
        runtime.pids.append(self.container.pid)

    def _with_pipe(self) -> None:
        self.output, writing = os.pipe()
        try:
            self._create(stdout=writing)
        except RefusedError:
            os.close(self.output)
            raise
        finally:
            os.close(writing)

    def _with_terminal(self) -> None:
        path = self.bundle.path / "console.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(PATIENCE_S)
            self._create("--console-socket", str(path), stdout=subprocess.DEVNULL)
            connection = listener.accept()[0]
        with connection:
            _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        self.output = descriptors[0]

    def start(self) -> Report:
        """`start`; the program has printed its report when this returns, and stays."""
        stay = self.bundle.rootfs / "stay"
        stay.touch()
        try:
            self.container.start()
            output = read_all(self.output, until=b"\n" if self.wanted.terminal else b"")
        finally:
            stay.unlink()
        return report_in(output, "the program printed nothing")

    def exec(self, *options: str, args: tuple[str, ...] = ()) -> Report:
        """`exec` in the foreground."""
        call = self.container.runtime.command("exec", *options, self.container.id, *args)
        return foreground([*self.wanted.caller, *call], terminal=self.wanted.terminal)

    def end(self) -> None:
        """Kill the program, reap it, delete the container."""
        if self.output >= 0:
            os.close(self.output)
        if self.container.pid:
            os.kill(self.container.pid, signal.SIGKILL)
            reap(self.container.pid)
            self.container.delete()


@contextmanager
def created(
    runtime: Runtime, bundle: Bundle, wanted: Configuration, name: str
) -> Iterator[Created]:
    """A container for the time of the block."""
    made = Created(runtime, bundle, wanted, name)
    try:
        yield made
    finally:
        made.end()


def exec_by_arguments(made: Created) -> Report:
    """`exec` with options and arguments."""
    tty = ("--tty",) if made.wanted.terminal else ()
    return made.exec(*tty, *made.wanted.exec, args=tuple(made.bundle.process["args"]))


def exec_by_file(made: Created) -> Report:
    """`exec --process`, as engines do it: with all that the configuration says of the process."""
    file = made.bundle.path / "process.json"
    file.write_text(json.dumps(made.bundle.process))
    preserve = made.wanted.exec if "--preserve-fds" in made.wanted.exec else ()
    return made.exec("--process", str(file), *preserve)


EXECS: dict[str, Callable[[Created], Report]] = {
    "exec": exec_by_arguments,
    "exec --process": exec_by_file,
}


def list_rootfs(rootfs: Path) -> Report:
    """What stands in the root filesystem afterwards: kind, mode and owner."""
    found: Report = {}
    for folder, folders, files in os.walk(rootfs):
        for name in (*folders, *files):
            path = Path(folder, name)
            inside = path.relative_to(rootfs)
            if inside.parts[0] == ROOTFS_CONSTANT:
                continue
            status = path.lstat()
            device = status.st_rdev
            found[f"/{inside}"] = (
                f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
                + (f" {os.major(device)}:{os.minor(device)}" if device else "")
                + (f" -> {path.readlink()}" if path.is_symlink() else "")
            )
    return found
