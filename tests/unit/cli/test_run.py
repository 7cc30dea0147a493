from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from runtime.errors import StatusError

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


@pytest.mark.parametrize(
    ("words", "member"),
    [
        ("--detach", "detach"),
        ("-d", "detach"),
        ("--keep", "keep"),
        ("--no-subreaper", "no_subreaper"),
        ("-no-subreaper", "no_subreaper"),
    ],
)
def test_options_of_run_alone(words: str, member: str, pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc(f"run {words} a").status == 0
    options = world.only_call()[1][0]
    set_members = [m for m in ("detach", "keep", "no_subreaper") if getattr(options, m)]
    assert set_members == [member]


@pytest.mark.parametrize("status", [0, 1, 42, 137, 255])
def test_the_programs_status_is_ours(status: int, pyrunc: Pyrunc, world: World) -> None:
    world.act = lambda: status
    assert pyrunc("run a").status == status


def test_a_failure_says_that_it_was_run(pyrunc: Pyrunc, world: World) -> None:
    def act() -> None:
        raise StatusError("container with given ID already exists")

    world.act = act
    status, _, err = pyrunc("run a")
    assert status == 1
    assert 'msg="pyrunc run failed: container with given ID already exists"' in err
