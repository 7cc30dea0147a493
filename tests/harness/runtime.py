"""Drives an OCI runtime by its command line, as an engine would."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.bundle import Bundle

# How much slower than others this machine may be: an emulated one is 15 times as slow.
SLOWNESS = float(os.environ.get("SLOWNESS", "1"))
PATIENCE_S = 20.0 * SLOWNESS  # for one call; the machine may be busy


class Result:
    """What one call of the runtime gave: exit status and what it printed."""

    def __init__(self, args: Sequence[str], status: int, out: str, err: str) -> None:
        self.args = args
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"{' '.join(self.args)} -> {self.status}\nout: {self.out}\nerr: {self.err}"

    def check(self) -> Result:
        """The result itself, if the call succeeded."""
        assert self.status == 0, self
        return self

    @property
    def text(self) -> str:
        """Both streams, for messages whose stream is not the question."""
        return self.out + self.err

    @property
    def words(self) -> list[str]:
        """Standard output, split."""
        return self.out.split()


class Container:
    """A container that `create` or a detached run made."""

    def __init__(self, runtime: Runtime, bundle: Bundle, container_id: str, pid: int) -> None:
        self.runtime = runtime
        self.bundle = bundle
        self.id = container_id
        self.pid = pid

    def state(self) -> dict[str, Any]:
        """What `state` says."""
        found: dict[str, Any] = json.loads(self.runtime.call("state", self.id).check().out)
        return found

    @property
    def status(self) -> str:
        """created, running or stopped."""
        return str(self.state()["status"])

    def start(self) -> Result:
        """`start`, which must succeed."""
        return self.runtime.call("start", self.id).check()

    def kill(self, *signals: str) -> Result:
        """`kill`, which must succeed."""
        return self.runtime.call("kill", self.id, *signals).check()

    def delete(self, *options: str) -> Result:
        """`delete`, which must succeed."""
        return self.runtime.call("delete", *options, self.id).check()

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Reap the program; its exit status, 128+N where signal N killed it.

        Errors:  ChildProcessError if the runtime did not leave it to us, the subreaper.
        """
        return reap(self.pid, timeout_s)

    def wait_for_output(self, text: str, timeout_s: float = 20.0) -> str:
        """The output as soon as `text` is in it."""
        wait_until(lambda: text in self.output, timeout_s, lambda: f"{text!r} in {self.output!r}")
        return self.output

    @property
    def output(self) -> str:
        """What the container has printed so far, on both streams."""
        return output_of(self.bundle, self.id).read_text(errors="replace")


def output_of(bundle: Bundle, container_id: str) -> Path:
    """The file that takes a detached container's output: a pipe would keep the caller waiting."""
    return bundle.path / f"{container_id[-20:].replace('/', '_')}.out"


def wait_until(
    claim: Callable[[], bool], timeout_s: float, what: Callable[[], str] = lambda: "a condition"
) -> None:
    """Wait for `claim` to hold; an AssertionError says `what` never came."""
    end = time.monotonic() + timeout_s * SLOWNESS
    while not claim():
        assert time.monotonic() < end, f"waited {timeout_s} s in vain: {what()}"
        time.sleep(0.005)


def reap(pid: int, timeout_s: float = PATIENCE_S) -> int:
    """Wait for our child `pid`; its exit status, 128+N where signal N killed it."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        assert poll.poll(timeout_s * 1000), f"process {pid} still runs after {timeout_s} s"
    finally:
        os.close(pidfd)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


class Runtime:
    """One runtime with a state root of its own; `clean` leaves nothing behind.

    kind            "pyrunc", "runc" or "crun"
    global_options  given with every call
    """

    def __init__(self, path: str, root: Path, tag: str) -> None:
        self.path = path
        self.root = root
        self.tag = tag
        self.kind = kind_of(path)
        self.global_options: list[str] = []
        self.pids: list[int] = []
        self._count = 0

    def new_id(self) -> str:
        """An id that no other test has; the tag is what leaks are recognised by."""
        self._count += 1
        return f"{self.tag}-{self.root.name}-{self._count}"

    def command(self, *args: str) -> list[str]:
        """The command line of a call."""
        return [self.path, "--root", str(self.root), *self.global_options, *args]

    def call(
        self,
        *args: str,
        stdin: bytes | None = None,
        timeout_s: float = PATIENCE_S,
        **rest: Any,
    ) -> Result:
        """Any call of the runtime, output by pipes (so not for what stays in the background)."""
        return run(self.command(*args), stdin=stdin, timeout_s=timeout_s, **rest)

    def run(
        self, bundle: Bundle, *options: str, container_id: str | None = None, **rest: Any
    ) -> Result:
        """`run` in the foreground."""
        bundle.save()
        name = container_id or self.new_id()
        return self.call("run", "--bundle", str(bundle.path), *options, name, **rest)

    def run_background(self, bundle: Bundle, *options: str) -> subprocess.Popen[bytes]:
        """`run` in the foreground, but do not wait for it; output in the bundle's file."""
        bundle.save()
        name = self.new_id()
        with output_of(bundle, name).open("wb") as out:
            return subprocess.Popen(
                self.command("run", "--bundle", str(bundle.path), *options, name),
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def attempt(
        self,
        verb: str,
        bundle: Bundle,
        *options: str,
        container_id: str | None = None,
        save: bool = True,
        timeout_s: float = PATIENCE_S,
        **rest: Any,
    ) -> Result:
        """`create`, or a detached `run`, whose success is the question.

        The output goes to a file, as a pipe would stay open as long as the container; `save`
        False leaves config.json as it is.
        """
        if save:
            bundle.save()
        name = container_id if container_id is not None else self.new_id()
        path = output_of(bundle, name)
        args = self.command(verb, "--bundle", str(bundle.path), *options, name)
        with path.open("wb") as out:
            done = subprocess.run(
                args, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                timeout=timeout_s, **rest,
            )  # fmt: skip
        return Result(args, done.returncode, "", path.read_text(errors="replace"))

    def create(
        self, bundle: Bundle, *options: str, container_id: str | None = None, **rest: Any
    ) -> Container:
        """`create`, which must succeed."""
        return self._container("create", bundle, *options, container_id=container_id, **rest)

    def run_detached(
        self, bundle: Bundle, *options: str, container_id: str | None = None, **rest: Any
    ) -> Container:
        """`run --detach`, which must succeed."""
        return self._container("run", bundle, "-d", *options, container_id=container_id, **rest)

    def _container(
        self, verb: str, bundle: Bundle, *options: str, container_id: str | None, **rest: Any
    ) -> Container:
        name = container_id or self.new_id()
        pid_file = bundle.path / f"{name[-20:]}.pid"
        self.attempt(
            verb, bundle, "--pid-file", str(pid_file), *options, container_id=name, **rest
        ).check()
        pid = int(pid_file.read_text())
        self.pids.append(pid)
        return Container(self, bundle, name, pid)

    def ids(self) -> list[str]:
        """The containers whose state folder exists, whoever made them."""
        return sorted(p.name for p in self.root.iterdir() if not p.name.startswith("."))

    def clean(self) -> None:
        """Delete every container of this root and reap what was left to us."""
        for name in self.ids():
            self.call("delete", "--force", name)
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def kind_of(path: str) -> str:
    """Which implementation the executable is, by its name."""
    name = os.path.basename(path)
    return name if name in ("runc", "crun") else "pyrunc"


def run(
    args: Sequence[str], *, stdin: bytes | None = None, timeout_s: float = PATIENCE_S, **rest: Any
) -> Result:
    """Run a command to its end, output by pipes; killed and an error after `timeout_s`."""
    if stdin is None:
        rest.setdefault("stdin", subprocess.DEVNULL)
    else:
        rest["input"] = stdin
    done = subprocess.run(args, capture_output=True, timeout=timeout_s, **rest)
    return Result(
        list(args),
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )
