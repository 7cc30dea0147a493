from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from runtime.lifecycle import interrupt

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be done to this process's signals."""
    done: list[str] = []
    monkeypatch.setattr(interrupt, "die_of_signals", lambda: done.append("die"))
    return done


@pytest.mark.parametrize(
    ("line", "interval_ns", "once"),
    [
        ("events a", 5_000_000_000, False),
        ("events --interval 500ms a", 500_000_000, False),
        ("events a -interval=1m", 60_000_000_000, False),
        ("events --interval -1s a", -1_000_000_000, False),
        ("events --stats a", 5_000_000_000, True),
        ("events --stats=false a", 5_000_000_000, False),
    ],
)
def test_events(
    line: str, interval_ns: int, once: bool, pyrunc: Pyrunc, world: World, signals: list[str]
) -> None:
    """Whether the interval is positive is asked once it is known that there is a container."""
    world.act = lambda: iter(())
    assert pyrunc(line) == (0, "", "")
    name, (_, container_id, interval), options = world.only_call()
    assert (name, container_id, interval) == ("events", "a", interval_ns)
    assert options == {"once": once}
    assert signals == ([] if once else ["die"])


def test_a_line_each_without_spaces(pyrunc: Pyrunc, world: World) -> None:
    found: list[dict[str, Any]] = [
        {"type": "stats", "id": "a", "data": {"avg10": 0.5, "nothing": None, "empty": {}}},
        {"type": "oom", "id": "a"},
    ]
    world.act = lambda: iter(found)
    assert pyrunc("events a").out == (
        '{"type":"stats","id":"a","data":{"avg10":0.5,"nothing":null,"empty":{}}}\n'
        '{"type":"oom","id":"a"}\n'
    )


@pytest.mark.parametrize("text", ["5", "abc", "1d"])
def test_a_wrong_interval(text: str, pyrunc: Pyrunc, world: World) -> None:
    status, out, err = pyrunc(f"events --interval {text} a")
    assert status == 1
    assert err.startswith(f'Incorrect Usage: invalid value "{text}" for flag -interval: ')
    assert out.startswith("NAME:\n   pyrunc events - ")
    assert world.calls == []
