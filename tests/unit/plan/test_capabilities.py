"""Capability names and the five sets."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.plan.capabilities import BITS, NAMES, CapabilitySets, names_of

CHOWN, KILL, ADMIN = BITS["CAP_CHOWN"], BITS["CAP_KILL"], BITS["CAP_SYS_ADMIN"]


@pytest.mark.parametrize(
    ("name", "number"),
    [("CAP_CHOWN", 0), ("CAP_KILL", 5), ("CAP_SYS_ADMIN", 21), ("CAP_MKNOD", 27),
     ("CAP_SYSLOG", 34), ("CAP_CHECKPOINT_RESTORE", 40)],
)  # fmt: skip
def test_the_numbers_are_the_kernels(name: str, number: int) -> None:
    assert NAMES.index(name) == number


def sets(last_cap: int = 40, **names: list[str]) -> CapabilitySets:
    """The sets of process.capabilities."""
    capabilities: Any = names
    return CapabilitySets(capabilities, last_cap)


def test_an_absent_set_is_empty() -> None:
    found = sets(bounding=["CAP_CHOWN"])
    assert (found.bounding, found.permitted, found.effective, found.ambient) == (CHOWN, 0, 0, 0)


@pytest.mark.parametrize("word", ["CAP_FOO", "cap_chown", "CHOWN", "", "CAP_CHOWN "])
def test_an_unknown_name_is_left_out_and_told(word: str) -> None:
    found = sets(permitted=["CAP_KILL", word])
    assert (found.permitted, found.unknown) == (KILL, {"permitted": [word]})


def test_a_name_that_this_kernel_does_not_know() -> None:
    words = ["CAP_AUDIT_READ", "CAP_PERFMON"]
    assert sets(last_cap=37, bounding=words).unknown == {"bounding": ["CAP_PERFMON"]}
    assert sets(last_cap=38, bounding=words).unknown == {}


def test_effective_must_be_permitted() -> None:
    found = sets(effective=["CAP_KILL", "CAP_CHOWN"], permitted=["CAP_KILL"])
    assert names_of(found.excess) == "CAP_CHOWN"


@pytest.mark.parametrize(
    ("permitted", "inheritable", "ambient", "powerless"),
    [
        (["CAP_KILL"], ["CAP_KILL"], KILL, 0),
        (["CAP_KILL"], [], 0, KILL),
        ([], ["CAP_KILL"], 0, KILL),
    ],
)
def test_ambient_needs_both(
    permitted: list[str], inheritable: list[str], ambient: int, powerless: int
) -> None:
    found = sets(permitted=permitted, inheritable=inheritable, ambient=["CAP_KILL"])
    assert (found.ambient, found.powerless) == (ambient, powerless)


def test_names_of() -> None:
    assert names_of(ADMIN | CHOWN) == "CAP_CHOWN, CAP_SYS_ADMIN"
    assert names_of(0) == ""
