"""The manual's texts, and that help, man pages and completions all have every option."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from runtime.cli import manual
from runtime.cli.completion import completion_script
from runtime.cli.dispatch import COMMANDS, Invocation, read_command_line
from runtime.cli.help import command_help, general_help
from runtime.cli.manpage import command_page, general_page
from runtime.cli.options import FLAG, NUMBER, TEXT, Command, Option, check_count
from runtime.cli.pages import PAGES, SHELLS, STATUSES, page

TABLES = {command.name: command for command in manual.documented_commands()}
ROWS = [
    pytest.param(command, option, id=f"{command.name if command else ''} --{option.name}")
    for command in (None, *TABLES.values())
    for option in manual.shown_options(command)
]


@pytest.mark.parametrize(("command", "option"), ROWS)
def test_an_option_is_in_help_and_in_the_man_page(command: Command | None, option: Option) -> None:
    shown = command_help(command) if command else general_help()
    troff = command_page(command) if command else general_page()
    for name in manual.spellings(option):
        assert re.search(rf"^ .*{name}\b.* ", shown, re.MULTILINE)
        escaped = name.replace("-", r"\-")
        assert re.search(rf"^\.TP\n.*\\fB\\%{re.escape(escaped)}\\fR", troff, re.MULTILINE)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("command", "option"), ROWS)
def test_an_option_is_in_the_completion(
    command: Command | None, option: Option, shell: str
) -> None:
    """That it is offered after this command is for test_completion.py to see."""
    script = completion_script(shell)
    for name in manual.spellings(option):
        assert re.search(rf"(^|[ '*{{,(\)]){name}\b", script, re.MULTILINE)


@pytest.mark.parametrize("name", TABLES)
def test_every_command_is_in_all_of_them(name: str) -> None:
    texts = [general_help(), general_page().replace("\\-", "-"), *map(completion_script, SHELLS)]
    assert all(re.search(rf"\b{name}\b", text) for text in texts)


def test_no_command_is_forgotten() -> None:
    assert set(TABLES) == {*COMMANDS, "help"}
    assert set(TABLES) <= set(PAGES)


def test_the_readme_names_every_command() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    (row,) = re.findall(r"^\| commands \| (.*) \|$", readme, re.MULTILINE)
    assert sorted(row.split(", ")) == sorted(COMMANDS)


@pytest.mark.parametrize("name", TABLES)
def test_texts_are_whole(name: str) -> None:
    command = TABLES[name]
    assert command.description and page(name).examples
    for text in (command.description, page(name).details):
        assert text.count("`") % 2 == 0
        assert not text or text.strip()[-1] in ".}"
    assert not command.summary.endswith(".")
    assert len(f"   {command.name} - {command.summary}") <= 80


@pytest.mark.parametrize(
    "line",
    [
        line
        for own in PAGES.values()
        for _, lines in own.examples
        for line in lines.strip().splitlines()
    ],
)
def test_examples_are_command_lines_that_pyrunc_takes(line: str) -> None:
    words = shlex.split(line.replace("<(", "").replace(")", ""))
    for start, word in enumerate(words):
        if word != "pyrunc":
            continue
        ends = [i for i, other in enumerate(words) if other in ("|", ">") and i > start]
        argv = words[start + 1 : min(ends, default=len(words))]
        invocation = Invocation()
        read_command_line(argv, invocation)
        if invocation.module is not None and "xargs" not in words:
            check_count(invocation.module.COMMAND, len(invocation.arguments))


@pytest.mark.parametrize("name", PAGES)
def test_statuses_are_those_of_containers(name: str) -> None:
    assert set(page(name).statuses) <= set(STATUSES)


@pytest.mark.parametrize(
    ("option", "names", "value", "meaning"),
    [
        (Option("all", FLAG, "take all", aliases=("a",)), ["-a", "--all"], "", "take all"),
        (
            Option("depth", NUMBER, "go so deep", metavar="N", default=0),
            ["--depth"], "N", "go so deep (default: 0)",
        ),
        (
            Option("colour", TEXT, "paint it", choices=("red", "blue"), default="red"),
            ["--colour"], "VALUE", "paint it: red or blue (default: red)",
        ),
    ],
)  # fmt: skip
def test_what_is_said_of_an_option(
    option: Option, names: list[str], value: str, meaning: str
) -> None:
    assert manual.spellings(option) == names
    assert manual.value_name(option) == value
    assert manual.meaning(option) == meaning


def test_an_option_of_a_command_takes_the_place_of_a_global_one() -> None:
    names = [option.name for option in manual.global_options_of(TABLES["spec"])]
    assert "root" in names
    assert "rootless" not in names


def test_hidden_options_are_not_shown() -> None:
    assert "all" in [option.name for option in TABLES["kill"].options]
    assert "all" not in [option.name for option in manual.shown_options(TABLES["kill"])]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 8, ["one two", "three"]),
        ("a-word-of-its-own is long", 5, ["a-word-of-its-own", "is", "long"]),
        ("  blanks   do not  count ", 80, ["blanks do not count"]),
    ],
)
def test_wrapping(text: str, width: int, lines: list[str]) -> None:
    assert manual.wrapped(text, width) == lines


def test_paragraphs() -> None:
    assert manual.paragraphs("\none\ntwo\n\n\n three\n") == ["one two", "three"]
