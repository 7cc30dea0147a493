from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from runtime.cli import manpage
from runtime.cli.manual import documented_commands
from runtime.cli.options import NO_MAXIMUM, TEXT, Command, Option
from runtime.cli.pages import PAGES, Page, page

TABLES = {command.name: command for command in documented_commands()}
HARD = Command(
    "hard",
    "CONTAINER-ID [ARG...]",
    "escape what troff reads as its own",
    least=1,
    most=NO_MAXIMUM,
    options=(
        Option("dot", TEXT, ".starts with a dot", metavar="FILE"),
        Option("quote", TEXT, "'starts with a quote", metavar="FILE"),
    ),
    description="""
.SH is no heading, \\fBthis\\fR is not bold, "quotes" stay; `a-b --c` is typed, (--d) too.

'quote at the beginning, ^caret, ~tilde, e.g. back\\slash.
""",
)
HARD_PAGE = Page(examples=(("Type this", "echo '-x' \"$HOME\" `id` a\\nb ^ ~ | .x\n.SH no\n'x"),))


def troff(name: str) -> str:
    """The page of a command, with "" of all."""
    return manpage.command_page(TABLES[name]) if name else manpage.general_page()


def rendered(text: str, *, columns: int = 78) -> str:
    """What a reader sees, without bold and underlines; every warning is an error."""
    if not shutil.which("groff"):
        pytest.skip("needs groff")
    result = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-c", f"-rLL={columns}n", "-rHY=0"],
        input=text, text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert result.stderr == ""
    return re.sub(".\b", "", result.stdout)


@pytest.fixture
def hard(monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setitem(PAGES, "hard", HARD_PAGE)
    return HARD


@pytest.mark.parametrize("name", ["", *TABLES])
def test_sections(name: str) -> None:
    found = re.findall(r"^\.SH (.*)", troff(name), re.MULTILINE)
    wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "FILES", "SEE ALSO"]
    assert [title for title in found if title in wanted] == wanted
    assert name == "" or "EXAMPLES" in found


@pytest.mark.parametrize("name", ["", *TABLES])
def test_groff_has_nothing_to_complain_of(name: str) -> None:
    text = rendered(troff(name))
    assert f"PYRUNC{'-' if name else ''}{name.upper()}(8)" in text
    for _, lines in page(name).examples:
        for line in lines.strip().splitlines():
            assert line in text


@pytest.mark.parametrize("name", ["", *TABLES])
@pytest.mark.skipif(not shutil.which("mandoc"), reason="needs mandoc")
def test_mandoc_has_nothing_to_complain_of(name: str) -> None:
    result = subprocess.run(
        ["mandoc", "-Tlint", "-W", "style"], input=troff(name), text=True, capture_output=True
    )
    # The pages have no date, so that the same tree makes the same pages.
    complaints = [line for line in result.stdout.splitlines() if "missing date" not in line]
    assert complaints == []


@pytest.mark.skipif(not shutil.which("mandoc"), reason="needs mandoc")
def test_mandoc_complains_of_what_is_wrong() -> None:
    result = subprocess.run(
        ["mandoc", "-Tlint", "-W", "style"],
        input=troff("kill") + ".SH EMPTY\n.PP\n.XX\n", text=True, capture_output=True,
    )  # fmt: skip
    assert "ERROR: skipping unknown macro: .XX" in result.stdout


def test_special_characters_come_out_as_they_went_in(hard: Command) -> None:
    text = " ".join(rendered(manpage.command_page(hard), columns=200).split())
    for part in (
        '.SH is no heading, \\fBthis\\fR is not bold, "quotes" stay; a-b --c is typed, (--d) too.',
        "'quote at the beginning, ^caret, ~tilde, e.g. back\\slash.",
        ".starts with a dot",
        "'starts with a quote",
        "echo '-x' \"$HOME\" `id` a\\nb ^ ~ | .x .SH no 'x",
    ):
        assert part in text


def test_bold_words() -> None:
    source = "say `pyrunc run` or --log-format, (--all) once"
    assert manpage._words(source) == (
        r"say \fB\%pyrunc run\fR or \fB\%\-\-log\-format\fR, (\fB\%\-\-all\fR) once"
    )


@pytest.mark.parametrize("name", ["", *TABLES])
def test_no_line_begins_a_request_by_chance(name: str) -> None:
    requests = {line.split()[0] for line in troff(name).splitlines() if line[:1] in ".'"}
    assert requests <= {".TH", ".SH", ".TP", ".PP", ".RS", ".RE", ".nf", ".fi"}


def test_pages_name_one_another() -> None:
    assert "SEE ALSO\n\\fB\\%pyrunc\\fR(8)\n" in troff("kill")
    assert all(f"\\fB\\%pyrunc\\-{name}\\fR(8)" in troff("") for name in TABLES)
