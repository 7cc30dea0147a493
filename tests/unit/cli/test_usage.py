"""Every wrong command line that the tables allow for: the reason in runc's words, status 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from runtime.cli.manual import documented_commands
from runtime.cli.options import (
    DURATION,
    FLAG,
    GLOBAL_OPTIONS,
    NO_MAXIMUM,
    NUMBER,
    Command,
    Option,
)

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]

TABLES = documented_commands()
ROWS = [
    pytest.param(command, option, id=f"{command.name} --{option.name}")
    for command in TABLES
    for option in command.options
]
VALUES = [row for row in ROWS if getattr(row.values[1], "kind", "") != FLAG]
FLAGS = [row for row in ROWS if getattr(row.values[1], "kind", "") == FLAG]
NUMBERS = [row for row in ROWS if getattr(row.values[1], "kind", "") == NUMBER]
DURATIONS = [row for row in ROWS if getattr(row.values[1], "kind", "") == DURATION]


def refused(pyrunc: Pyrunc, world: World, *words: str) -> tuple[str, Outcome]:
    """The reason that the log names, of a command line that did nothing; and all that was seen."""
    outcome = pyrunc("--log-format", "json", *words)
    assert outcome.status == 1
    assert world.calls == []
    return str(json.loads(outcome.err.splitlines()[-1])["msg"]), outcome


def is_grammar(reason: str, outcome: Outcome, command: Command) -> bool:
    """The reason comes first on standard error, the help of the command on standard output."""
    return outcome.err.startswith(f"Incorrect Usage: {reason}\n\n") and outcome.out.startswith(
        f"NAME:\n   pyrunc {command.name} - "
    )


@pytest.mark.parametrize(("command", "option"), VALUES)
def test_a_value_that_is_missing(
    command: Command, option: Option, pyrunc: Pyrunc, world: World
) -> None:
    for name in (option.name, *option.aliases):
        for dashes in ("-", "--"):
            reason, outcome = refused(pyrunc, world, command.name, f"{dashes}{name}")
            assert reason == f"flag needs an argument: -{name}"
            assert is_grammar(reason, outcome, command)


@pytest.mark.parametrize(("command", "option"), FLAGS)
def test_a_flag_that_is_neither_true_nor_false(
    command: Command, option: Option, pyrunc: Pyrunc, world: World
) -> None:
    reason, outcome = refused(pyrunc, world, command.name, f"--{option.name}=2")
    assert reason == f'invalid boolean value "2" for -{option.name}: write true or false'
    assert is_grammar(reason, outcome, command)


@pytest.mark.parametrize("text", ["", "x", "1.5", "0x10", "1e3", " 1", "1k", "--", "9" * 20])
@pytest.mark.parametrize(("command", "option"), NUMBERS)
def test_a_number_that_is_none(
    command: Command, option: Option, text: str, pyrunc: Pyrunc, world: World
) -> None:
    reason, outcome = refused(pyrunc, world, command.name, f"--{option.name}", text)
    assert reason == f'invalid value "{text}" for flag -{option.name}: write a whole number'
    assert is_grammar(reason, outcome, command)


@pytest.mark.parametrize("text", ["", "5", "5 s", "s", "1x"])
@pytest.mark.parametrize(("command", "option"), DURATIONS)
def test_a_time_that_is_none(
    command: Command, option: Option, text: str, pyrunc: Pyrunc, world: World
) -> None:
    reason, outcome = refused(pyrunc, world, command.name, f"--{option.name}", text)
    assert reason.startswith(f'invalid value "{text}" for flag -{option.name}: ')
    assert is_grammar(reason, outcome, command)


@pytest.mark.parametrize(("command", "option"), ROWS)
def test_names_are_not_abbreviated(
    command: Command, option: Option, pyrunc: Pyrunc, world: World
) -> None:
    options = (*GLOBAL_OPTIONS, *command.options)
    known = {name for one in options for name in (one.name, *one.aliases)}
    short = option.name[:-1]
    if short in known:
        pytest.skip(f"--{short} is an option itself")
    reason, outcome = refused(pyrunc, world, command.name, f"--{short}", "value")
    assert reason.startswith(f"flag provided but not defined: -{short}")
    assert is_grammar(reason, outcome, command)


@pytest.mark.parametrize("command", TABLES, ids=[command.name for command in TABLES])
@pytest.mark.parametrize("word", ["--no-such-option", "-no-such-option=1", "-Zx", "--Z"])
def test_an_option_that_there_is_not(
    command: Command, word: str, pyrunc: Pyrunc, world: World
) -> None:
    reason, outcome = refused(pyrunc, world, command.name, word)
    name = word.lstrip("-").partition("=")[0]
    assert reason == f"flag provided but not defined: -{name}"
    assert is_grammar(reason, outcome, command)


@pytest.mark.parametrize("command", TABLES, ids=[command.name for command in TABLES])
@pytest.mark.parametrize("word", ["---force", "--=x", "-=x"])
def test_dashes_without_a_name(command: Command, word: str, pyrunc: Pyrunc, world: World) -> None:
    reason, outcome = refused(pyrunc, world, command.name, word)
    assert reason == f"bad flag syntax: {word}"
    assert is_grammar(reason, outcome, command)


@pytest.mark.parametrize("command", TABLES, ids=[command.name for command in TABLES])
def test_too_few_and_too_many_arguments(command: Command, pyrunc: Pyrunc, world: World) -> None:
    exact = command.least == command.most
    for count, is_wrong, wanted in (
        (command.least - 1, command.least > 0, command.least),
        (command.most + 1, command.most < NO_MAXIMUM, command.most),
    ):
        if not is_wrong:
            continue
        reason, outcome = refused(pyrunc, world, command.name, *["a"] * count)
        limit = "exactly" if exact else f"a {'minimum' if count < command.least else 'maximum'} of"
        assert reason == f'pyrunc: "{command.name}" requires {limit} {wanted} argument(s)'
        assert outcome.out == "Incorrect Usage.\n\n"


@pytest.mark.parametrize("command", TABLES, ids=[command.name for command in TABLES])
@pytest.mark.parametrize("word", ["-h", "--help", "-help", "help"])
def test_help_is_no_mistake(command: Command, word: str, pyrunc: Pyrunc, world: World) -> None:
    status, out, err = pyrunc(command.name, word)
    assert (status, err, world.calls) == (0, "", [])
    assert out.startswith(f"NAME:\n   pyrunc {command.name} - ")
