from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli.dispatch import (
    COMMANDS,
    NOT_SUPPORTED,
    Invocation,
    command_module,
    read_command_line,
)
from runtime.errors import ConfigError, ContainerError, KernelError

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]

RUNC_COMMANDS = [
    "checkpoint", "create", "delete", "events", "exec", "features", "kill", "list", "pause",
    "ps", "restore", "resume", "run", "spec", "start", "state", "update",
]  # fmt: skip
OUR_COMMANDS = {"debug", "doctor", "explain", "gc", "inspect", "trace", "validate"}


def message(err: str) -> str:
    """The text of the one JSON record on standard error."""
    return str(json.loads(err.splitlines()[-1])["msg"])


def test_every_command_of_runc_is_known() -> None:
    assert set(RUNC_COMMANDS) == {*COMMANDS, *NOT_SUPPORTED} - OUR_COMMANDS
    assert {*COMMANDS} >= OUR_COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_module(name: str) -> None:
    module = command_module(name)
    assert module.COMMAND.name == name
    assert callable(module.main)


@pytest.mark.parametrize("line", ["--version", "-v", "--version state", "-v bogus", "-h -v"])
def test_version_beats_all_else(line: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc(line)
    assert (status, err) == (0, "")
    # go-runc takes the version from a first line that starts so.
    assert out.startswith("runc version 1.5.0 (pyrunc ")
    assert "\nspec: 1.3.0\n" in out


@pytest.mark.parametrize("line", ["", "-h", "--help", "help", "h", "--help state"])
def test_general_help(line: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc(line)
    assert (status, err) == (0, "")
    assert all(f"\n   {name} " in out for name in COMMANDS)
    assert "GLOBAL OPTIONS:" in out


@pytest.mark.parametrize(
    "line", ["help list", "list --help", "list -h", "list help", "list a b --help", "h list"]
)
def test_help_of_a_command(line: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc(line)
    assert (status, err) == (0, "")
    assert out.startswith("NAME:\n   pyrunc list - ")
    assert "   -f, --format FORMAT  how to print the list: table or json (default: table)\n" in out


@pytest.mark.parametrize("line", ["help help", "help --help", "h -h", "help h"])
def test_help_of_help(line: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc(line)
    assert (status, err) == (0, "")
    assert out.startswith("NAME:\n   pyrunc help - ")


def test_an_id_may_be_help_after_two_dashes(pyrunc: Pyrunc) -> None:
    assert "container does not exist" in pyrunc("state -- help").err


@pytest.mark.parametrize("line", ["bogus", "help bogus", "bogus --help", "--debug bogus x"])
def test_an_unknown_command(line: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc("--log-format json " + line)
    assert (status, out, message(err)) == (3, "", "No help topic for 'bogus'")


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("lst", 3, "No help topic for 'lst'; did you mean list?"),
        ("help crate", 3, "No help topic for 'crate'; did you mean create?"),
        ("stat", 3, "No help topic for 'stat'; did you mean state?"),
        ("sta", 3, "No help topic for 'sta'; did you mean start or state?"),
        ("delete --foce a", 1, "flag provided but not defined: -foce; did you mean --force?"),
        ("create --bun b a", 1, "flag provided but not defined: -bun; did you mean --bundle?"),
        ("--rot /r list", 1, "flag provided but not defined: -rot; did you mean --root?"),
        ("kill --al a", 1, "flag provided but not defined: -al"),
        ("list -fjson", 1, "flag provided but not defined: -fjson"),
    ],
)
def test_what_may_have_been_meant(line: str, status: int, text: str, pyrunc: Pyrunc) -> None:
    outcome = pyrunc("--log-format json " + line)
    assert (outcome.status, message(outcome.err)) == (status, text)


@pytest.mark.parametrize("name", NOT_SUPPORTED)
@pytest.mark.parametrize("line", ["{}", "{} id", "{} --help", "help {}", "{} --any option id"])
def test_a_command_that_is_not_supported_yet(name: str, line: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc("--log-format json " + line.format(name))
    assert status == (255 if name == "exec" else 1)
    assert out == ""
    assert message(err) == f"{name} is not supported by this version of pyrunc"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("state -x a", "flag provided but not defined: -x"),
        ("kill --fjson a", "flag provided but not defined: -fjson"),
        ("create --bundle", "flag needs an argument: -bundle"),
    ],
)
def test_a_wrong_option_of_a_command(line: str, reason: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc("--log-format=json " + line)
    assert status == 1
    assert err.startswith(f"Incorrect Usage: {reason}\n\n")
    name, *_ = line.split()
    assert out.startswith(f"NAME:\n   pyrunc {name} - ")
    assert message(err) == reason


def test_a_wrong_global_option(pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc("--criu /x state a")
    assert status == 1
    assert err.startswith("Incorrect Usage: flag provided but not defined: -criu\n\n")
    assert "GLOBAL OPTIONS:" in out


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("state", "exactly 1"),
        ("state a b", "exactly 1"),
        ("create", "exactly 1"),
        ("run a b", "exactly 1"),
        ("start", "exactly 1"),
        ("delete", "exactly 1"),
        ("list a", "exactly 0"),
        ("spec a", "exactly 0"),
        ("features a", "exactly 0"),
        ("kill", "a minimum of 1"),
        ("kill a b c", "a maximum of 2"),
    ],
)
def test_a_wrong_number_of_arguments(line: str, wanted: str, pyrunc: Pyrunc) -> None:
    status, out, err = pyrunc("--log-format=json " + line)
    assert (status, out) == (1, "Incorrect Usage.\n\n")
    name, *_ = line.split()
    assert message(err) == f'pyrunc: "{name}" requires {wanted} argument(s)'


@pytest.mark.parametrize(
    "line",
    [
        "--root /r state a",
        "--root=/r state a",
        "-root /r state a",
        "state --root /r a",
        "state a --root=/r",
        "--root /x state --root /r a",
    ],
)
def test_global_options_stand_anywhere(line: str, pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc(line).status == 1
    assert world.roots == ["/r"]


@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete", "create", "run"])
def test_an_empty_id(verb: str, pyrunc: Pyrunc, world: World) -> None:
    status, out, err = pyrunc("--log-format", "json", verb, "")
    assert (status, out, world.calls) == (1, "", [])
    assert message(err).endswith("container id cannot be empty")


@pytest.mark.parametrize("line", ["--log-format xml list", "list --log-format=xml"])
def test_a_wrong_log_format(line: str, pyrunc: Pyrunc) -> None:
    status, _, err = pyrunc(line)
    assert status == 1
    assert 'msg="invalid log-format: xml; write text or json"' in err


@pytest.mark.parametrize("line", ["--log-format= list", "--log= list"])
def test_empty_log_options_are_the_defaults(line: str, pyrunc: Pyrunc) -> None:
    assert pyrunc(line).status == 0


def test_every_invocation_makes_its_log(tmp_path: Path, pyrunc: Pyrunc) -> None:
    assert pyrunc(f"--log {tmp_path}/log list").status == 0
    assert (tmp_path / "log").read_text() == ""


def test_a_log_that_cannot_be_opened_ends_the_command(pyrunc: Pyrunc, world: World) -> None:
    status, out, err = pyrunc("--log /nowhere/log create a")
    assert (status, out, world.calls) == (1, "", [])
    assert 'msg="pyrunc create failed: --log: open /nowhere/log: no such file or directory"' in err


@pytest.mark.parametrize(
    "line", ["--log {} state -x a", "state --log {} -x a", "--log {} bogus", "--log {} state"]
)
def test_a_wrong_command_line_is_told_in_the_log(line: str, tmp_path: Path, pyrunc: Pyrunc) -> None:
    err = pyrunc(line.format(tmp_path / "log")).err
    assert "level=error" in (tmp_path / "log").read_text()
    assert "level=error" not in err


def test_a_failure_is_one_json_object_in_the_log_and_bare_on_stderr(
    tmp_path: Path, pyrunc: Pyrunc, world: World
) -> None:
    def act() -> None:
        world.calls[0][1][2].warning("no swap limit here")
        raise KernelError("mount tmpfs on /dev", field="mounts[1]", syscall="fsconfig", errno=22)

    world.act = act
    status, out, err = pyrunc(f"--log {tmp_path}/log --log-format json create a")
    text = "pyrunc create failed: mounts[1]: mount tmpfs on /dev: fsconfig: invalid argument"
    assert (status, out, err) == (1, "", text + "\n")
    record = json.loads((tmp_path / "log").read_text())
    assert record.pop("time")
    assert record == {
        "code": "refused",
        "level": "error",
        "msg": text,
        "field": "mounts[1]",
        "syscall": "fsconfig",
        "errno": "EINVAL",
        "warnings": ["no swap limit here"],
    }


def test_warnings_of_a_success_are_written_at_its_end(
    tmp_path: Path, pyrunc: Pyrunc, world: World
) -> None:
    world.act = lambda: world.calls[0][1][2].warning("no swap limit here")
    assert pyrunc(f"--log {tmp_path}/log --log-format json create a") == (0, "", "")
    record = json.loads((tmp_path / "log").read_text())
    assert (record["level"], record["msg"]) == ("warning", "no swap limit here")


WORDS = st.sampled_from(
    ["create", "kill", "list", "help", "exec", "a", "--", "-", "--root", "--root=/r", "-f",
     "--force", "--preserve-fds", "--log", "-h", "-v", "--bundle=", "9"]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=8), max_size=6))
def test_any_command_line_is_understood_or_refused(argv: list[str]) -> None:
    try:
        read_command_line(argv, Invocation())
    except ContainerError as error:
        assert error.exit_status in (1, 3, 255)
        assert str(error).isprintable()


def test_an_error_has_the_exit_status_it_asks_for(pyrunc: Pyrunc, world: World) -> None:
    def act() -> None:
        error = ConfigError("no")
        error.exit_status = 7
        raise error

    world.act = act
    assert pyrunc("create a").status == 7


def mistake() -> int:
    raise IndexError("list index out of range")


def test_a_mistake_of_ours_is_one_line(pyrunc: Pyrunc, world: World) -> None:
    world.act = mistake
    status, out, err = pyrunc("create a")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "internal error: IndexError: list index out of range; --debug shows where" in err


def test_under_debug_a_mistake_of_ours_has_a_traceback(pyrunc: Pyrunc, world: World) -> None:
    world.act = mistake
    lines = pyrunc("--debug create a").err.splitlines()
    assert 'msg="Traceback (most recent call last):"' in lines[0]
    assert "internal error: IndexError" in lines[-1]
    assert all(line.startswith("time=") for line in lines)


def test_an_interrupt(pyrunc: Pyrunc, world: World) -> None:
    def act() -> None:
        raise KeyboardInterrupt

    world.act = act
    status, _, err = pyrunc("run a")
    assert status == 130
    assert "msg=interrupted\n" in err


def test_a_result_without_a_reader_is_a_failure(pyrunc: Pyrunc) -> None:
    saved = os.dup(1)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    try:
        status, _, err = pyrunc("list")
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(full)
    assert status == 1
    assert 'msg="write to standard output: no space left on device"' in err
