"""One bundle under two runtimes: the program must see the same from inside.

Every difference is either a mistake of ours, or it is listed in differences.py with the reason
why ours is right. What Debian's runc cannot do is held against the plain configuration: it
changes what it is said to change, and nothing else.
"""

from __future__ import annotations

import subprocess

import pytest
from differential.compare import Pair, compare, explain
from differential.configuration import Configuration, Report
from differential.configurations import CONFIGURATIONS
from differential.differences import DIFFERENCES, Difference, applies, explains, is_listed
from differential.laboratory import WAYS, Laboratory

COMPARABLE = [name for name, wanted in CONFIGURATIONS.items() if not wanted.lacks]
# What must not be seen inside.
UNSEEN = ["plain", "no-pivot", "caller-on-one-cpu", "caller-with-signals"]
LACKING = [name for name, wanted in CONFIGURATIONS.items() if wanted.lacks]


def differences(laboratory: Laboratory, name: str, way: str) -> dict[str, Pair]:
    """What is not the same in this configuration."""
    seen = laboratory.observe(CONFIGURATIONS[name])
    return compare(seen["pyrunc"][way], seen["runc"][way])


def test_there_are_enough() -> None:
    assert len(CONFIGURATIONS) >= 40


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", COMPARABLE)
def test_same_as_under_runc(laboratory: Laboratory, name: str, way: str) -> None:
    found = {
        path: pair
        for path, pair in differences(laboratory, name, way).items()
        if not is_listed(path, pair, name, way)
    }
    assert not found, explain(found)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LACKING)
def test_beyond_runc(laboratory: Laboratory, name: str, way: str) -> None:
    wanted = CONFIGURATIONS[name]
    ours = laboratory.observe(wanted)["pyrunc"][way]
    plain = laboratory.observe(CONFIGURATIONS["plain"])["pyrunc"][way]
    found = {path: pair.ours for path, pair in compare(ours, plain).items()}
    assert found == expected_in(wanted, way)


def expected_in(wanted: Configuration, way: str) -> Report:
    """What is expected of a way: a program that joins has what the container has."""
    if way.startswith("exec"):
        return {path: "container" if v == "new" else v for path, v in wanted.expected.items()}
    return dict(wanted.expected)


@pytest.mark.parametrize("name", [name for name in COMPARABLE if name not in UNSEEN])
def test_the_probe_sees_it(laboratory: Laboratory, name: str) -> None:
    """A configuration that looks like the plain one would compare nothing."""
    ours = laboratory.observe(CONFIGURATIONS[name])["pyrunc"]
    plain = laboratory.observe(CONFIGURATIONS["plain"])["pyrunc"]
    assert any(compare(ours[way], plain[way]) for way in WAYS)


@pytest.mark.parametrize(
    "entry", [one for one in DIFFERENCES if one.always], ids=lambda entry: entry.path
)
def test_no_stale_excuse(laboratory: Laboratory, entry: Difference) -> None:
    version = subprocess.run(["runc", "--version"], capture_output=True, text=True).stdout
    if not version.startswith("runc version 1.1.5"):
        pytest.skip("the excuses are for runc 1.1.5, whose mistakes a newer one may have mended")
    for name in entry.configurations.split():
        names = COMPARABLE if name == "*" else [name]
        assert any(
            explains(entry, path, pair)
            for each in names
            for way in WAYS
            if applies(entry, each, way)
            for path, pair in differences(laboratory, each, way).items()
        ), f"{entry.path} is no longer different in {name}: take it out"
