from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]

TABLE = b"PID CMD\n1 a\n2 b\n"


class Ps:
    """runtime.lifecycle.ps, and what it was asked for."""

    def __init__(self) -> None:
        self.found = [1, 2]
        self.words: list[str] | None = None

    def ps_output(self, words: list[str]) -> bytes:
        self.words = words
        return TABLE


@pytest.fixture
def ps(world: World, monkeypatch: pytest.MonkeyPatch) -> Ps:
    fake = Ps()
    module = ModuleType("runtime.lifecycle.ps")
    vars(module).update(
        pids=lambda _store, container_id, _log: fake.found if container_id == "a" else [],
        ps_output=fake.ps_output,
        lines_of=lambda found, output: output + str(found).encode(),
    )
    monkeypatch.setitem(sys.modules, "runtime.lifecycle.ps", module)
    return fake


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ps a", []),
        ("ps -f table a", []),
        ("ps a -o pid,comm", ["-o", "pid,comm"]),
        ("ps a -f json", ["-f", "json"]),
        ("ps -- a --help", ["--help"]),
    ],
)
def test_table(line: str, words: list[str], pyrunc: Pyrunc, ps: Ps) -> None:
    """Everything after the id is for ps."""
    assert pyrunc(line) == (0, TABLE.decode() + "[1, 2]", "")
    assert ps.words == words


@pytest.mark.parametrize("line", ["ps --format json a", "ps -f json a", "ps -f=json a aux"])
def test_json(line: str, pyrunc: Pyrunc, ps: Ps) -> None:
    assert pyrunc(line) == (0, "[1,2]\n", "")
    assert ps.words is None
    ps.found = []
    assert pyrunc(line) == (0, "null\n", "")


def test_refused(pyrunc: Pyrunc, ps: Ps) -> None:
    assert "invalid format option" in pyrunc("ps -f xml a").err
    assert "requires a minimum of 1 argument(s)" in pyrunc("ps").err
