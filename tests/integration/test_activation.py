"""Descriptors handed down: socket activation by LISTEN_FDS, and --preserve-fds beside it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.inside import build_inside
from harness.runtime import Result, Runtime, run

# argv: "other" or "own", LISTEN_FDS, descriptors to be 3, 4..., "--", a command.
ACTIVATE = """
import os, sys
whose, count, *rest = sys.argv[1:]
at = rest.index("--")
for number, fd in enumerate(rest[:at], 3):
    os.dup2(int(fd), number)
    os.set_inheritable(number, True)
os.environ["LISTEN_PID"] = str(os.getpid() + (whose == "other"))
os.environ["LISTEN_FDS"] = count
os.environ["LISTEN_FDNAMES"] = "web"
os.execv(rest[at + 1], rest[at + 1:])
"""
SHOW = "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; ls /proc/self/fd | xargs echo"


@pytest.fixture(scope="module")
def inside(base: Path) -> Path:
    """The program that can accept a connection."""
    return build_inside(base / "accept")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # Out of the way of the numbers that it is to get.
        moved = socket.socket(fileno=os.dup(server.fileno()))
        yield moved
        moved.close()


@pytest.fixture
def high_fds() -> Iterator[list[int]]:
    """Three descriptors of files, numbered beyond those that they will be given."""
    low = os.open("/etc/passwd", os.O_RDONLY)
    fds = [fcntl_dup(low, 20 + number) for number in range(3)]
    os.close(low)
    yield fds
    for fd in fds:
        os.close(fd)


def fcntl_dup(fd: int, least: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)


def activated(
    command: list[str], fds: list[int], *, whose: str = "own", count: int | None = None
) -> list[str]:
    """The command as a service manager would call it."""
    number = str(len(fds) if count is None else count)
    return [sys.executable, "-c", ACTIVATE, whose, number, *map(str, fds), "--", *command]


def call(
    runtime: Runtime, bundle: Bundle, fds: list[int], *options: str,
    whose: str = "own", count: int | None = None,
) -> Result:  # fmt: skip
    bundle.save()
    command = runtime.command("run", *options, "-b", str(bundle.path), runtime.new_id())
    return run(activated(command, fds, whose=whose, count=count), pass_fds=fds)


@pytest.mark.parametrize("verb", ["run", "create"])
def test_a_connection_is_accepted_inside(
    runtime: Runtime, bundle: Bundle, inside: Path, listener: socket.socket, verb: str
) -> None:
    """In a network namespace that has no way to the caller: the socket itself was handed over."""
    shutil.copy(inside, bundle.rootfs / "inside")
    bundle.args("/inside", "accept", "3", "hello from inside").save()
    fds = [fcntl_dup(listener.fileno(), 20)]
    name = runtime.new_id()
    command = runtime.command(verb, "-b", str(bundle.path), name)
    try:
        process = subprocess.Popen(
            activated(command, fds), pass_fds=fds,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        os.close(fds[0])
    if verb == "create":
        assert process.wait(20) == 0
        runtime.call("start", name).check()
    with socket.create_connection(listener.getsockname(), timeout=20) as peer:
        said = peer.makefile("rb").read()
    assert said == b"hello from inside"
    if verb == "run":
        assert process.wait(20) == 0


def test_the_program_is_told(runtime: Runtime, bundle: Bundle, high_fds: list[int]) -> None:
    """It is pid 1, so LISTEN_PID is; the names are the manager's own."""
    bundle.process["env"] += ["LISTEN_FDS=7", "LISTEN_PID=7"]
    result = call(runtime, bundle.sh(SHOW), high_fds[:2])
    assert result.check().out.splitlines() == ["2 1", "0 1 2 3 4 5"]


def test_meant_for_another(runtime: Runtime, bundle: Bundle, high_fds: list[int]) -> None:
    result = call(runtime, bundle.sh(SHOW), high_fds, whose="other")
    assert result.check().out.splitlines() == ["", "0 1 2 3"]


def test_preserved_ones_follow(runtime: Runtime, bundle: Bundle, high_fds: list[int]) -> None:
    bundle.sh(f"{SHOW}; head -n 1 <&5")
    result = call(runtime, bundle, high_fds, "--preserve-fds", "1", count=2)
    lines = result.check().out.splitlines()
    with open("/etc/passwd") as file:
        assert lines == ["2 1", "0 1 2 3 4 5 6", file.readline().rstrip()]


@pytest.mark.parametrize(
    ("count", "preserve", "words"),
    [
        pytest.param(3, "2", "unable to stat preserved-fd 0 (of 2)", id="preserved"),
        pytest.param(2, "3", "unable to stat preserved-fd 1 (of 3)", id="the second of them"),
        pytest.param(5, "0", "LISTEN_FDS: descriptor 3 of 5", id="activated"),
    ],
)
def test_missing(
    runtime: Runtime, bundle: Bundle, high_fds: list[int], count: int, preserve: str, words: str
) -> None:
    result = call(runtime, bundle, high_fds, "--preserve-fds", preserve, count=count)
    assert result.status == 1
    assert words in result.err
    assert runtime.ids() == []


def test_a_negative_number_preserves_none(
    runtime: Runtime, bundle: Bundle, high_fds: list[int]
) -> None:
    result = call(runtime, bundle.sh(SHOW), high_fds, "--preserve-fds=-1", count=1)
    assert result.check().out.splitlines() == ["1 1", "0 1 2 3 4"]


@pytest.mark.parametrize("count", [0, -1])
def test_none_are_announced(
    runtime: Runtime, bundle: Bundle, high_fds: list[int], count: int
) -> None:
    result = call(runtime, bundle.sh(SHOW), high_fds, count=count)
    assert result.check().out.splitlines() == ["", "0 1 2 3"]
