from __future__ import annotations

import pytest

from runtime.cli import help as help_texts
from runtime.cli.dispatch import COMMANDS, command_module, main
from runtime.cli.options import DURATION, FLAG, GLOBAL_OPTIONS, LIST, NUMBER, TEXT, Command, Option

COLOURS = ("red", "green", "blue")
EXAMPLE = Command(
    "example",
    "CONTAINER-ID",
    "show how it looks",
    least=1,
    most=1,
    options=(
        Option("all", FLAG, "take all", aliases=("a",)),
        Option("bundle", TEXT, "take this one", metavar="DIR"),
        Option("colour", TEXT, "paint it", metavar="COLOUR", choices=COLOURS, default="red"),
        Option("depth", NUMBER, "go so deep", metavar="N", default=0),
        Option(
            "long-enough-to-stand-alone", TEXT,
            "a text that is wrapped, since a terminal has eighty columns and no more",
            metavar="FILE",
        ),
        Option("secret", FLAG, "not shown", hidden=True),
    ),
    description="\nOne\nline.\n\nAnother one.\n",
)  # fmt: skip


def test_the_help_of_a_command() -> None:
    assert help_texts.command_help(EXAMPLE) == (
        "NAME:\n"
        "   pyrunc example - show how it looks\n"
        "\n"
        "USAGE:\n"
        "   pyrunc [global options] example [options] CONTAINER-ID\n"
        "\n"
        "DESCRIPTION:\n"
        "   One line.\n"
        "\n"
        "   Another one.\n"
        "\n"
        "OPTIONS:\n"
        "   -a, --all            take all\n"
        "       --bundle DIR     take this one\n"
        "       --colour COLOUR  paint it: red, green or blue (default: red)\n"
        "       --depth N        go so deep (default: 0)\n"
        "       --long-enough-to-stand-alone FILE\n"
        "                        a text that is wrapped, since a terminal has eighty\n"
        "                        columns and no more\n"
        "   -h, --help           show help\n"
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


@pytest.mark.parametrize("name", ["", "help", *COMMANDS])
def test_help_fits_a_terminal(name: str) -> None:
    for line in help_texts.help_text(name).splitlines():
        # What is to be typed is not broken.
        assert len(line) <= 80 or line.startswith(" " * 6)
        assert len(line) <= 100


@pytest.mark.parametrize("name", ["help", *COMMANDS])
def test_help_has_examples(name: str) -> None:
    assert "\nEXAMPLES:\n" in help_texts.help_text(name)


def test_help_lists_every_command() -> None:
    text = help_texts.help_text("")
    assert all(f"\n   {name} " in text for name in COMMANDS)
    assert "\n   help, h " in text


@pytest.mark.parametrize("option", ["--man", "--completion=zsh", ""])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_prints_what_is_installed(
    name: str, option: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([word for word in ("help", option, name) if word]) == 0
    start = {"": "NAME:\n", "--man": ".TH PYRUNC", "--completion=zsh": "#compdef pyrunc\n"}
    captured = capfd.readouterr()
    assert captured.out.startswith(start[option])
    assert captured.err == ""


def test_the_man_page_of_help_itself(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "--man", "help"]) == 0
    assert capfd.readouterr().out.startswith(".TH PYRUNC\\-HELP 8 ")


def test_a_shell_that_is_not_known(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "--completion", "csh"]) == 1
    assert '"csh\\" is no shell that is known here; write one of bash, zsh, fish' in (
        capfd.readouterr().err
    )
