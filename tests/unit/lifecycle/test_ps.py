from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.errors import ContainerError, HostError, StatusError
from runtime.lifecycle.ps import lines_of, pids, ps_output
from runtime.log import Log

if TYPE_CHECKING:
    from tests.unit.lifecycle.conftest import World

EF = b"""UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 06:30 ?        00:00:00 sh 17
root          17       1  0 06:31 ?        00:00:00 sleep 1

root         170       1  0 06:31 ?        00:00:00 cat 17
"""


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        pytest.param([], [], id="none"),
        pytest.param([17], ["sleep"], id="numbers elsewhere do not count"),
        pytest.param([1, 17, 4711], ["sh", "sleep"], id="two"),
        pytest.param([7, 70], [], id="no part of a number"),
    ],
)
def test_lines_of(wanted: list[int], words: list[str]) -> None:
    header, *lines = lines_of(wanted, EF).decode().splitlines()
    assert header.startswith("UID ")
    assert [line.split()[7] for line in lines] == words


def test_pid_may_be_the_last_column() -> None:
    assert lines_of([2], b"COMMAND PID\na 1\nb 2\n") == b"COMMAND PID\nb 2\n"


@pytest.mark.parametrize("output", [b"", b"\n", b"COMMAND\nsh\n", b"PPID SPID\n1 2\n"])
def test_without_a_pid_column(output: bytes) -> None:
    with pytest.raises(ContainerError, match="couldn't find PID field in ps output"):
        lines_of([1], output)


@pytest.mark.parametrize("line", [b"Wed Nov 25 06:30:00 2026 17\n", b"17\n"])
def test_columns_that_do_not_hold_the_pid(line: bytes) -> None:
    with pytest.raises(ContainerError, match="no pid in column 2 of ps output: "):
        lines_of([17], b"STARTED PID\n" + line)


def test_ps_of_this_host() -> None:
    assert b"PID" in ps_output([]).splitlines()[0]
    assert ps_output(["-o", "pid,comm"]).splitlines()[0].split() == [b"PID", b"COMMAND"]


def test_ps_fails() -> None:
    with pytest.raises(ContainerError, match=r"^exit status 1: error: "):
        ps_output(["--bogus"])


def test_without_ps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="run ps: no such file or directory; install procps"):
        ps_output([])


def test_engines_have_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert ps_output([])


def test_a_container_without_a_cgroup_has_no_pids(world: World) -> None:
    world.container()
    assert pids(world.store, "c", Log()) == []
    with pytest.raises(StatusError, match="container does not exist"):
        pids(world.store, "d", Log())
