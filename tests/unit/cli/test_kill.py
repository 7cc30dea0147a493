from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from runtime.cli.kill import SIGNAL_NAMES, signal_number
from runtime.errors import ConfigError
from tests.unit.cli.conftest import FakeContainer

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


@pytest.mark.parametrize(
    ("line", "number", "all_processes"),
    [
        ("kill a", 15, False),
        ("kill a 9", 9, False),
        ("kill a KILL", 9, False),
        ("kill --all a 9", 9, True),
        ("kill -a a KILL", 9, True),
        ("kill a -1", -1, False),
    ],
)
def test_kill(line: str, number: int, all_processes: bool, pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc(line) == (0, "", "")
    name, (_, container_id, sent), options = world.only_call()
    assert (name, container_id, sent) == ("kill", "a", number)
    assert options == {"all_processes": all_processes}


@pytest.mark.parametrize("name", SIGNAL_NAMES.split())
def test_every_name_in_every_spelling(name: str) -> None:
    number = int(getattr(signal, f"SIG{name}"))
    for spelling in (name, name.lower(), f"SIG{name}", f"sig{name}", f"Sig{name.title()}"):
        assert signal_number(spelling) == number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("15", 15), ("015", 15), ("999", 999)])
def test_numbers_are_for_the_kernel_to_judge(text: str, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "SIG", "FOO", "SIGFOO", "SIGSIGKILL", "RTMIN", "SIGRTMIN+1", "IOT", "CLD", "POLL", "1x",
     "-", "9" * 30],
)  # fmt: skip
def test_what_is_no_signal(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        signal_number(text)
    assert str(caught.value).startswith(f'unknown signal "{text}"')


def test_the_container_is_looked_up_before_the_signal(pyrunc: Pyrunc, world: World) -> None:
    assert "container does not exist" in pyrunc("kill a FOO").err
    world.add(FakeContainer("a"))
    assert 'unknown signal \\"FOO\\"' in pyrunc("kill a FOO").err
    assert world.calls == []
