from __future__ import annotations

import pytest

from runtime.cli import help as help_texts
from runtime.cli.dispatch import COMMANDS, command_module
from runtime.cli.options import DURATION, FLAG, GLOBAL_OPTIONS, LIST, NUMBER, TEXT, Command, Option

EXAMPLE = Command(
    "example",
    "CONTAINER-ID",
    "show how it looks",
    least=1,
    most=1,
    options=(
        Option("all", FLAG, "take all", aliases=("a",)),
        Option("bundle", TEXT, "take this one", metavar="DIR"),
        Option("depth", NUMBER, "go so deep", metavar="N", default=0),
        Option("secret", FLAG, "not shown", hidden=True),
    ),
    description="\nOne line.\n\nAnother one.\n",
)


def test_the_help_of_a_command() -> None:
    assert help_texts.command_help(EXAMPLE) == (
        "NAME:\n"
        "   pyrunc example - show how it looks\n"
        "\n"
        "USAGE:\n"
        "   pyrunc example [options] CONTAINER-ID\n"
        "\n"
        "DESCRIPTION:\n"
        "   One line.\n"
        "\n"
        "   Another one.\n"
        "\n"
        "OPTIONS:\n"
        "   --all, -a     take all\n"
        "   --bundle DIR  take this one\n"
        "   --depth N     go so deep (default: 0)\n"
        "   --help, -h    show help\n"
    )


def test_an_unknown_commit_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "commit" not in help_texts.version_text()
    monkeypatch.setattr(help_texts, "COMMIT", "abcdef")
    assert "\ncommit: abcdef\n" in help_texts.version_text()


@pytest.mark.parametrize(("version", "line"), [("2.5.4", "\nlibseccomp: 2.5.4\n"), ("", "")])
def test_libseccomp_is_named_where_it_is(
    version: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(help_texts, "libseccomp_version", lambda: version)
    text = help_texts.version_text()
    assert line in text
    assert ("libseccomp" in text) == bool(version)


def all_tables() -> list[tuple[str, tuple[Option, ...]]]:
    tables = [(name, command_module(name).COMMAND.options) for name in COMMANDS]
    return [("", GLOBAL_OPTIONS), *tables]


@pytest.mark.parametrize(("command", "options"), all_tables())
def test_the_tables_are_sound(command: str, options: tuple[Option, ...]) -> None:
    names = [name for option in options for name in (option.name, *option.aliases)]
    assert len(names) == len(set(names)), "a name has one meaning"
    global_names = {name for option in GLOBAL_OPTIONS for name in (option.name, *option.aliases)}
    shadowed = {"rootless"} if command == "spec" else set()
    assert not command or global_names & set(names) == shadowed
    for option in options:
        assert option.kind in (FLAG, TEXT, NUMBER, DURATION, LIST)
        assert option.help
        assert not option.help.endswith(".")
        assert option.kind != FLAG or option.default is None


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal(name: str) -> None:
    for line in help_texts.command_help(command_module(name).COMMAND).splitlines():
        assert len(line) <= 100
