from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.suggest import did_you_mean, distance, similar

KNOWN = ("create", "delete", "start", "state", "--force", "--format", "-f", "--log")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("creat", ["create"], id="abbreviated"),
        pytest.param("sta", ["start", "state"], id="abbreviates two"),
        pytest.param("craete", ["create"], id="letters swapped"),
        pytest.param("deleet", ["delete"], id="swapped at the end"),
        pytest.param("sttae", ["state"], id="the nearest only"),
        pytest.param("--forse", ["--force"], id="an option"),
        pytest.param("--lgo", ["--log"], id="a short option"),
        pytest.param("x", [], id="a letter means nothing"),
        pytest.param("--xyz", [], id="nothing near"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_similar(name: str, expected: list[str]) -> None:
    assert similar(name, KNOWN) == expected


def test_nothing_is_near_to_nothing() -> None:
    assert did_you_mean("create", ()) == ""


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("stat", ["state"], "did you mean state?"),
        ("sta", ["state", "start"], "did you mean start or state?"),
        ("a1x", ["a11", "a12", "a13", "a14"], "did you mean a11, a12 or a13?"),
    ],
)
def test_the_hint(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("", "", 0), ("", "ab", 2), ("kill", "kil", 1), ("ab", "ba", 1), ("abc", "xyz", 3)],
)
def test_distance(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == distance(other, one) == slips


@given(st.text(max_size=8), st.text(max_size=8))
def test_distance_is_never_more_than_the_longer_word(one: str, other: str) -> None:
    assert distance(one, other) <= max(len(one), len(other))
    assert (distance(one, other) == 0) == (one == other)
