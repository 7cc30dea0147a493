from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from runtime.errors import ConfigError, StatusError
from tests.unit.cli.conftest import FakeContainer

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]

HEADER = "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"
CREATED = "2026-11-22T13:57:37.226584009Z"


def test_the_table(pyrunc: Pyrunc, world: World) -> None:
    world.add(
        FakeContainer("web-of-many-words", "stopped", owner_uid=3_999_999_999),
        FakeContainer("cli1", "created", bundle="/b"),
    )
    assert pyrunc("list") == (
        0,
        "ID                  PID         STATUS      BUNDLE         CREATED                   "
        "       OWNER\n"
        f"cli1                4711        created     /b             {CREATED}   root\n"
        f"web-of-many-words   0           stopped     /bundles/one   {CREATED}   #3999999999\n",
        "",
    )


@pytest.mark.parametrize(
    ("line", "out"), [("list", HEADER), ("list -f json", "null\n"), ("list -q", "")]
)
def test_no_containers(line: str, out: str, pyrunc: Pyrunc) -> None:
    assert pyrunc(line) == (0, out, "")


@pytest.mark.parametrize("line", ["list -f json", "list --format=json", "list --format json"])
def test_json(line: str, pyrunc: Pyrunc, world: World) -> None:
    world.add(FakeContainer("b"), FakeContainer("a", "stopped", annotations={"k": "v"}))
    status, out, err = pyrunc(line)
    assert (status, err, out.count("\n"), out[-1]) == (0, "", 1, "\n")
    states = json.loads(out)
    assert [state["id"] for state in states] == ["a", "b"]
    assert states[0] == {
        "ociVersion": "1.3.0",
        "id": "a",
        "pid": 0,
        "status": "stopped",
        "bundle": "/bundles/one",
        "rootfs": "/bundles/one/rootfs",
        "created": CREATED,
        "annotations": {"k": "v"},
        "owner": "root",
    }


@pytest.mark.parametrize("line", ["list -q", "list --quiet", "list -q -f json", "list -q -f x"])
def test_quiet_beats_the_format(line: str, pyrunc: Pyrunc, world: World) -> None:
    world.add(FakeContainer("b"), FakeContainer("a"))
    assert pyrunc(line) == (0, "a\nb\n", "")


@pytest.mark.parametrize("words", [("-f", "xml"), ("--format=",)])
def test_another_format(words: tuple[str, ...], pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc("list", *words)
    assert (status, out) == (1, "")
    assert 'msg="invalid format option; ' in err


def test_what_cannot_be_read_is_skipped_and_told(pyrunc: Pyrunc, world: World) -> None:
    world.add(FakeContainer("c"))
    world.containers["a"] = StatusError("container does not exist")
    world.containers["b"] = ConfigError("state.json: line 1: no JSON")
    assert pyrunc("list -q") == (
        0,
        "c\n",
        "load container a: container does not exist\n"
        "load container b: state.json: line 1: no JSON\n",
    )


def test_the_default_root_may_be_missing_an_explicit_one_not(pyrunc: Pyrunc, world: World) -> None:
    world.root_is_missing = True
    assert pyrunc("list") == (0, HEADER, "")
    status, out, err = pyrunc("--root /nowhere list")
    assert (status, out) == (1, "")
    assert 'msg="open the state root: no such file or directory"' in err
