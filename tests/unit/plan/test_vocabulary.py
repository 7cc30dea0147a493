"""What may have been meant."""

from __future__ import annotations

import pytest

from runtime.plan.vocabulary import WORDS, known_words, odd_options, suggestion

BOUNDING = ("process", "capabilities", "bounding", 3)


@pytest.mark.parametrize(
    ("path", "word", "meant"),
    [
        (BOUNDING, "CAP_NET_RAWW", "CAP_NET_RAW"),
        (BOUNDING, "net_raw", "CAP_NET_RAW"),
        (BOUNDING, "cap_kill", "CAP_KILL"),
        (("process", "rlimits", 0, "type"), "nofile", "RLIMIT_NOFILE"),
        (("linux", "namespaces", 2, "type"), "netwrok", "network"),
        (("linux", "seccomp", "syscalls", 0, "action"), "allow", "SCMP_ACT_ALLOW"),
        (("linux", "seccomp", "syscalls", 0, "args", 1, "op"), "EQ", "SCMP_CMP_EQ"),
    ],
)
def test_suggestion(path: tuple[str | int, ...], word: str, meant: str) -> None:
    assert suggestion(word, known_words(path)) == f"did you mean {meant}?"


@pytest.mark.parametrize("word", ["", "x", "something else"])
def test_nothing_comes_near(word: str) -> None:
    assert suggestion(word, known_words(BOUNDING)) == ""


def test_any_text_will_do() -> None:
    assert known_words(("hostname",)) == ()


def test_every_place_has_words() -> None:
    assert all(WORDS.values())


def test_odd_options() -> None:
    words = ["ro", "nosiud", "size=5", "newinstance", "defaults", "mode=755", "rbnid"]
    found = odd_options(words)
    assert [index for index, _ in found] == [1, 6]
    assert "nosuid" in found[0][1]
    assert "rbind" in found[1][1]
