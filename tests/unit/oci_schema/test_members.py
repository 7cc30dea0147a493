"""What the schema knows at a place."""

from __future__ import annotations

import pytest

from oci_schema.members import unknown_members, words_at


@pytest.mark.parametrize(
    ("config", "paths"),
    [
        ({}, []),
        ({"hostname": 5}, []),
        ({"hostnam": "x"}, [("hostnam",)]),
        ({"mounts": [{}, {"option": []}]}, [("mounts", 1, "option")]),
        ({"annotations": {"any.thing": "x"}}, []),
        ({"process": {"user": {"uid": 0, "umaks": 1}}}, [("process", "user", "umaks")]),
        ({"linux": {"sysctl": {"any": "x"}}}, []),
        ("no object", []),
    ],
)
def test_unknown_members(config: object, paths: list[tuple[str | int, ...]]) -> None:
    found = unknown_members(config)
    assert [path for path, _ in found] == paths
    assert all(names for _, names in found)


def test_words() -> None:
    assert "network" in words_at(("linux", "namespaces", 4, "type"))
    assert words_at(("hostname",)) == ()
    assert words_at(("no", "such", 5)) == ()
