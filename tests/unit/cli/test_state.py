from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import FakeContainer

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


def test_every_byte_is_runcs(pyrunc: Pyrunc, world: World) -> None:
    world.add(FakeContainer("c1", "created", annotations={"b": "<2>", "a": "1"}))
    assert pyrunc("state c1") == (
        0,
        "{\n"
        '  "ociVersion": "1.3.0",\n'
        '  "id": "c1",\n'
        '  "pid": 4711,\n'
        '  "status": "created",\n'
        '  "bundle": "/bundles/one",\n'
        '  "rootfs": "/bundles/one/rootfs",\n'
        '  "created": "2026-11-22T13:57:37.226584009Z",\n'
        '  "annotations": {\n'
        '    "a": "1",\n'
        '    "b": "\\u003c2\\u003e"\n'
        "  },\n"
        '  "owner": ""\n'
        "}",
        "",
    )


@pytest.mark.parametrize(
    ("status", "pid"),
    [("creating", 4711), ("created", 4711), ("running", 4711), ("paused", 4711), ("stopped", 0)],
)
def test_a_stopped_container_has_no_pid(
    status: str, pid: int, pyrunc: Pyrunc, world: World
) -> None:
    world.add(FakeContainer("a", status))
    out = pyrunc("state a").out
    assert f'"pid": {pid},\n  "status": "{status}",\n' in out


def test_without_annotations_the_key_is_left_out(pyrunc: Pyrunc, world: World) -> None:
    world.add(FakeContainer("a"))
    assert "annotations" not in pyrunc("state a").out


def test_an_absent_container(pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc("state a")
    assert (status, out) == (1, "")
    assert 'level=error msg="container does not exist"' in err
