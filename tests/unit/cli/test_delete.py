from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


@pytest.mark.parametrize(
    ("line", "force"),
    [
        ("delete a", False),
        ("delete --force a", True),
        ("delete -f a", True),
        ("delete a --force", True),
        ("delete --force=false a", False),
    ],
)
def test_delete(line: str, force: bool, pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc(line) == (0, "", "")
    name, (_, container_id), options = world.only_call()
    assert (name, container_id, options["force"]) == ("delete", "a", force)
