"""The completions, in the shells that they are made for."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.shells import bash_offers, fish_offers, zsh_offers

from runtime.cli.completion import argument_kinds, completion_script, value_kind
from runtime.cli.kill import SIGNAL_NAMES
from runtime.cli.list import table_text
from runtime.cli.manual import (
    documented_commands,
    global_options_of,
    meaning,
    shown_options,
    spellings,
)
from runtime.cli.options import FLAG, LIST, TEXT, Command, Option
from runtime.cli.pages import SHELLS

Offer = Callable[..., list[list[str]]]

ASK = {"bash": bash_offers, "zsh": zsh_offers, "fish": fish_offers}
COMMANDS = documented_commands()
CONTAINERS = {
    "web": "running",
    "db": "running",
    "new": "created",
    "ill": "paused",
    "old": "stopped",
}
# Prints the containers of the --root that it is given, and fails for anything but list.
PROGRAM = """#!/bin/sh
case $1 in
    --root) cat "$2/table"; shift 2 ;;
    list) cat {folder}/table ;;
esac
[ "$1" = list ]
"""


def table(containers: dict[str, str]) -> str:
    """What `pyrunc list` prints for them."""
    rows = [
        {
            "id": name, "pid": 0 if status == "stopped" else 4711, "status": status,
            "bundle": "/bundles/with a blank", "created": "2026-11-22T13:57:37Z", "owner": "root",
        }
        for name, status in containers.items()
    ]  # fmt: skip
    return table_text([{**row} for row in rows])


@pytest.fixture(scope="module", params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not shutil.which(name):
        pytest.skip(f"needs {name}")
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a pyrunc with CONTAINERS, and with another one in the state root below."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "pyrunc").write_text(PROGRAM.format(folder=folder))
    (folder / "pyrunc").chmod(0o755)
    (folder / "table").write_text(table(CONTAINERS))
    (folder / "root").mkdir()
    (folder / "root/table").write_text(table({"elsewhere": "running"}))
    (folder / "files").mkdir()
    (folder / "files/config.json").touch()
    (folder / "files/bundle dir").mkdir()
    return folder


@pytest.fixture(scope="module")
def offers(shell: str, folder: Path) -> Offer:
    """Ask the shell for lines at a time: what it offers for each."""
    script = folder / "_pyrunc"
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}

    def ask(*lines: str) -> list[list[str]]:
        script.write_text(completion_script(shell))
        return ASK[shell](script, lines, env)

    return ask


def words(offered: list[str]) -> list[str]:
    """Without fish's explanations, in order."""
    return sorted(line.split("\t")[0] for line in offered)


def test_commands(offers: Offer) -> None:
    every, some, after_option, explained = offers(
        "pyrunc ", "pyrunc sta", "pyrunc --log-format=json --root /r sta", "pyrunc help sta"
    )
    assert words(every) == sorted(command.name for command in COMMANDS)
    assert words(some) == words(after_option) == words(explained) == ["start", "state"]


def test_options(offers: Offer) -> None:
    """All long ones, after each command; those of one letter are listed by -."""
    lines = ["pyrunc --", *(f"pyrunc {command.name} --" for command in COMMANDS)]
    for command, offered in zip((None, *COMMANDS), offers(*lines), strict=True):
        options = shown_options(command) + (global_options_of(command) if command else [])
        wanted = {name for option in options for name in spellings(option) if name[:2] == "--"}
        assert {*words(offered)} == wanted, command and command.name


def test_short_options(offers: Offer) -> None:
    (offered,) = offers("pyrunc delete -")
    assert {"-f", "-h", "--force", "--root"} <= {*words(offered)}


def test_options_end_where_pyrunc_ends_them(offers: Offer) -> None:
    in_order, mixed, ended = offers(
        "pyrunc kill web -", "pyrunc delete web --for", "pyrunc ps -- -"
    )
    assert in_order == []
    assert words(mixed) == ["--force"]
    assert ended == []


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        pytest.param("pyrunc --log-format ", ["json", "text"], id="next word"),
        pytest.param("pyrunc --log-format j", ["json"], id="begun"),
        pytest.param("pyrunc list -f ", ["json", "table"], id="short"),
        pytest.param("pyrunc --root /r list --format ", ["json", "table"], id="of a command"),
        pytest.param("pyrunc list --log-format ", ["json", "text"], id="global, after a command"),
        pytest.param("pyrunc --rootless ", ["auto", "false", "true"], id="global"),
        pytest.param("pyrunc help --completion ", sorted(SHELLS), id="shells"),
        pytest.param("pyrunc kill web ", sorted(SIGNAL_NAMES.split()), id="signals"),
        pytest.param("pyrunc kill web TS", ["TSTP"], id="a signal"),
        pytest.param("pyrunc create --preserve-fds ", [], id="nobody knows"),
        pytest.param("pyrunc create ", [], id="a new name"),
    ],
)
def test_words(line: str, wanted: list[str], offers: Offer) -> None:
    (offered,) = offers(line)
    assert words(offered) == wanted


def test_no_argument(offers: Offer) -> None:
    """zsh then offers options."""
    (offered,) = offers("pyrunc features ")
    assert [word for word in words(offered) if word[:1] != "-"] == []


def test_a_value_after_an_equals_sign(offers: Offer) -> None:
    (offered,) = offers("pyrunc list --format=j")
    assert words(offered) in (["json"], ["--format=json"])


def test_of_two_options_of_a_name_the_commands_counts(offers: Offer) -> None:
    """spec's --rootless takes no value, the global one does."""
    (offered,) = offers("pyrunc spec --rootless ")
    assert not {"true", "auto"} & {*words(offered)}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("pyrunc state ", ["db", "ill", "new", "old", "web"]),
        ("pyrunc delete --force ", ["db", "ill", "new", "old", "web"]),
        ("pyrunc start ", ["new"]),
        ("pyrunc resume ", ["ill"]),
        ("pyrunc pause w", ["web"]),
        ("pyrunc kill ", ["db", "ill", "new", "web"]),
        ("pyrunc --root {folder}/root state ", ["elsewhere"]),
        ("pyrunc --root={folder}/root state ", ["elsewhere"]),
        ("pyrunc -root {folder}/root state ", ["elsewhere"]),
        ("pyrunc state --root {folder}/root ", ["elsewhere"]),
        ("pyrunc --root ~/root state ", ["elsewhere"]),
        ("pyrunc --root /nowhere state ", []),
        ("~/pyrunc start ", ["new"]),
    ],
)
def test_containers(line: str, wanted: list[str], folder: Path, offers: Offer) -> None:
    (offered,) = offers(line.format(folder=folder))
    assert words(offered) == wanted


def test_files_and_directories(folder: Path, offers: Offer) -> None:
    files, directories = offers(
        f"pyrunc create --pid-file {folder}/files/", f"pyrunc create -b {folder}/files/"
    )
    names = {Path(word.rstrip("/").replace("\\", "")).name for word in words(files)}
    assert names == {"config.json", "bundle dir"}
    names = {Path(word.rstrip("/").replace("\\", "")).name for word in words(directories)}
    assert names == {"bundle dir"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_explanations(shell: str) -> None:
    """bash has none."""
    script = completion_script(shell)
    for command in COMMANDS:
        for option in shown_options(command):
            text = meaning(option)
            if shell == "zsh":
                text = re.sub(r"([\\:\[\]])", r"\\\1", text).replace("'", "'\\''")
            else:
                text = text.replace("\\", "\\\\").replace("'", "\\'")
            assert text in script


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        (Option("all", FLAG, ""), "flag"),
        (Option("bundle", TEXT, "", metavar="DIR"), "directories"),
        (Option("log", TEXT, "", metavar="FILE"), "files"),
        (Option("console", TEXT, "", metavar="SOCKET"), "files"),
        (Option("format", TEXT, "", choices=("a", "b")), "words a b"),
        (Option("env", LIST, "", metavar="K=V"), "anything"),
    ],
)
def test_kinds_of_values(option: Option, kind: str) -> None:
    assert value_kind(option) == kind


def test_kinds_of_arguments() -> None:
    command = Command("state", "CONTAINER-ID [FILE] [ARG...]", "", least=1, most=9)
    assert argument_kinds(command) == [
        ("CONTAINER-ID", "containers created running paused stopped"),
        ("FILE", "files"),
        ("ARG...", "files"),
    ]
