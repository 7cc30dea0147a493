"""Where values stand in a text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_schema.positions import line_and_column, locate, nearest, path_of


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("5", {(): 0}),
        ("  []", {(): 2}),
        ("{}", {(): 0}),
        ('{"a": [1, {"b": null}]}', {(): 0, ("a",): 6, ("a", 0): 7, ("a", 1): 10,
                                     ("a", 1, "b"): 16}),
        ('["}", "\\"]", {}, [[]]]', {(): 0, (0,): 1, (1,): 6, (2,): 13, (3,): 17, (3, 0): 18}),
        ('{"a": 1, "a": 2}', {(): 0, ("a",): 14}),
        ('{"\\u0061": 1}', {(): 0, ("a",): 11}),
        ('{"x": {}, "y": true}', {(): 0, ("x",): 6, ("y",): 15}),
    ],
)  # fmt: skip
def test_locate(text: str, places: dict[tuple[str | int, ...], int]) -> None:
    assert locate(text) == places


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 0, 3]), st.booleans())
def test_every_value_is_found(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    places = locate(text)

    def check(part: Any, path: tuple[str | int, ...]) -> int:
        assert json.JSONDecoder().raw_decode(text, places[path])[0] == part
        if isinstance(part, dict):
            return 1 + sum(check(item, (*path, key)) for key, item in part.items())
        if isinstance(part, list):
            return 1 + sum(check(item, (*path, index)) for index, item in enumerate(part))
        return 1

    assert check(value, ()) == len(places)


def test_depth_is_no_limit() -> None:
    assert len(locate("[" * 3000 + "]" * 3000)) == 3000


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [("", 0, (1, 1)), ("ab", 1, (1, 2)), ("a\nb", 2, (2, 1)), ("é\n\nxyz", 5, (3, 3))],
)
def test_line_and_column(text: str, offset: int, place: tuple[int, int]) -> None:
    assert line_and_column(text, offset) == place


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("", ()),
        ("mounts[3].options[1]", ("mounts", 3, "options", 1)),
        ('linux.sysctl["net.ipv4.x"]', ("linux", "sysctl", "net.ipv4.x")),
        ('annotations["a\\"b"].c', ("annotations", 'a"b', "c")),
    ],
)
def test_path_of(field: str, path: tuple[str | int, ...]) -> None:
    assert path_of(field) == path


def test_nearest_is_what_surrounds_the_missing() -> None:
    places = locate('{"a": {"b": 1}}')
    assert nearest(places, ("a", "b")) == 12
    assert nearest(places, ("a", "c", "d")) == 6
    assert nearest(places, ("x",)) == 0
