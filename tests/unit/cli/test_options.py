from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.cli.options import (
    DURATION,
    FLAG,
    LIST,
    NO_MAXIMUM,
    NUMBER,
    TEXT,
    Command,
    CountError,
    GrammarError,
    Option,
    check_count,
    read_options,
)

if TYPE_CHECKING:
    from runtime.cli.options import Value

OPTIONS = (
    Option("bundle", TEXT, "", aliases=("b",)),
    Option("force", FLAG, "", aliases=("f",)),
    Option("count", NUMBER, ""),
    Option("interval", DURATION, ""),
    Option("gid", LIST, "", aliases=("g",)),
)


def read(line: str, *, in_order: bool = False) -> tuple[dict[str, Value], list[str], list[str]]:
    values: dict[str, Value] = {}
    before, after = read_options(line.split(" "), OPTIONS, values, in_order=in_order)
    return values, before, after


@pytest.mark.parametrize(
    ("line", "values", "positional"),
    [
        pytest.param("id", {}, ["id"], id="no options"),
        pytest.param("--bundle /b id", {"bundle": "/b"}, ["id"], id="value in the next word"),
        pytest.param("--bundle=/b id", {"bundle": "/b"}, ["id"], id="value after ="),
        pytest.param("--bundle=a=b id", {"bundle": "a=b"}, ["id"], id="value with ="),
        pytest.param("--bundle= id", {"bundle": ""}, ["id"], id="empty value"),
        pytest.param("-bundle /b id", {"bundle": "/b"}, ["id"], id="one dash is enough"),
        pytest.param("-b /b id", {"bundle": "/b"}, ["id"], id="short name"),
        pytest.param("-b=/b id", {"bundle": "/b"}, ["id"], id="short name and ="),
        pytest.param("--b /b id", {"bundle": "/b"}, ["id"], id="short name, two dashes"),
        pytest.param("--bundle --force id", {"bundle": "--force"}, ["id"], id="value with dashes"),
        pytest.param("-b 1 -b 2 id", {"bundle": "2"}, ["id"], id="last one wins"),
        pytest.param("id --force", {"force": True}, ["id"], id="option after the id"),
        pytest.param("--force=true id", {"force": True}, ["id"], id="flag=true"),
        pytest.param("-f=1 id", {"force": True}, ["id"], id="flag=1"),
        pytest.param("--force=t id", {"force": True}, ["id"], id="flag=t"),
        pytest.param("--force=false id", {"force": False}, ["id"], id="flag=false"),
        pytest.param("--force=0 id", {"force": False}, ["id"], id="flag=0"),
        pytest.param("-f -f=F id", {"force": False}, ["id"], id="flag taken back"),
        pytest.param("--count 3", {"count": 3}, [], id="number"),
        pytest.param("--count=-3", {"count": -3}, [], id="negative number"),
        pytest.param("--interval 1m5s", {"interval": "1m5s"}, [], id="duration"),
        pytest.param("-g 1 -g 2", {"gid": ["1", "2"]}, [], id="repeated"),
        pytest.param("-g 7,8", {"gid": ["7,8"]}, [], id="never split at commas"),
        pytest.param("- id", {}, ["-", "id"], id="a dash alone is an argument"),
    ],
)
def test_what_is_read(line: str, values: dict[str, Value], positional: list[str]) -> None:
    assert read(line) == (values, positional, [])


def test_two_dashes_end_the_options() -> None:
    assert read("-f -- -id --bundle") == ({"force": True}, [], ["-id", "--bundle"])


def test_in_order_the_first_argument_ends_the_options() -> None:
    assert read("-f id -b --", in_order=True) == ({"force": True}, ["id", "-b", "--"], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-x", "flag provided but not defined: -x"),
        ("--x=1", "flag provided but not defined: -x"),
        ("-bf", "flag provided but not defined: -bf"),
        ("-b/b", "flag provided but not defined: -b/b"),
        ("--bun /b", "flag provided but not defined: -bun; did you mean --bundle?"),
        ("--bundle", "flag needs an argument: -bundle"),
        ("id -b", "flag needs an argument: -b"),
        ("--count abc", 'invalid value "abc" for flag -count: write a whole number'),
        ("--count=", 'invalid value "" for flag -count: write a whole number'),
        ("--count 1.5", 'invalid value "1.5" for flag -count: write a whole number'),
        ("--count ٣", 'invalid value "٣" for flag -count: write a whole number'),
        (
            "--interval 5",
            'invalid value "5" for flag -interval: write a number and a unit, such as 500ms or 5s',
        ),
        ("--force=maybe", 'invalid boolean value "maybe" for -force: write true or false'),
        ("---force", "bad flag syntax: ---force"),
        ("--=x", "bad flag syntax: --=x"),
    ],
)
def test_what_is_refused(line: str, reason: str) -> None:
    with pytest.raises(GrammarError) as caught:
        read(line)
    assert str(caught.value) == reason


def test_a_number_beyond_64_bits_is_refused() -> None:
    with pytest.raises(GrammarError, match="whole number"):
        read("--count " + "9" * 19)


def test_values_before_an_error_are_kept() -> None:
    values: dict[str, Value] = {}
    with pytest.raises(GrammarError):
        read_options(["-b", "/b", "-x"], OPTIONS, values, in_order=False)
    assert values == {"bundle": "/b"}


@pytest.mark.parametrize(
    ("least", "most", "count", "reason"),
    [
        (0, 0, 1, 'pyrunc: "c" requires exactly 0 argument(s)'),
        (1, 1, 0, 'pyrunc: "c" requires exactly 1 argument(s)'),
        (1, 1, 2, 'pyrunc: "c" requires exactly 1 argument(s)'),
        (1, 2, 0, 'pyrunc: "c" requires a minimum of 1 argument(s)'),
        (1, 2, 3, 'pyrunc: "c" requires a maximum of 2 argument(s)'),
        (1, NO_MAXIMUM, 0, 'pyrunc: "c" requires a minimum of 1 argument(s)'),
    ],
)
def test_argument_counts_that_are_refused(least: int, most: int, count: int, reason: str) -> None:
    with pytest.raises(CountError) as caught:
        check_count(Command("c", "", "", least=least, most=most), count)
    assert str(caught.value) == reason


@pytest.mark.parametrize(("least", "most", "count"), [(0, 0, 0), (1, 1, 1), (1, 2, 2)])
def test_argument_counts_that_fit(least: int, most: int, count: int) -> None:
    check_count(Command("c", "", "", least=least, most=most), count)
