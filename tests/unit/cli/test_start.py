from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.errors import StatusError

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


def test_start(pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc("start a") == (0, "", "")
    name, (_, container_id, _), _ = world.only_call()
    assert (name, container_id) == ("start", "a")


def test_a_failure_has_no_prefix(pyrunc: Pyrunc, world: World) -> None:
    def act() -> None:
        raise StatusError("cannot start an already running container")

    world.act = act
    status, _, err = pyrunc("start a")
    assert status == 1
    assert 'msg="cannot start an already running container"' in err
