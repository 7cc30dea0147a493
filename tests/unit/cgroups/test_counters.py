from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups import counters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4096\n", 4096),
        ("9223372036854771712\n", 9223372036854771712),
        pytest.param("max\n", 18446744073709551615, id="no limit"),
        pytest.param("-1\n", 0, id="negative"),
        pytest.param("", 0, id="no file"),
        pytest.param("default 100\n", 0, id="another form"),
        pytest.param("0x10\n", 0, id="hexadecimal"),
    ],
)
def test_number(text: str, value: int) -> None:
    assert counters.number(text) == value


@pytest.mark.parametrize(("text", "value"), [("-1\n", -1), ("5\n", 5), ("-\n", 0), ("", 0)])
def test_signed(text: str, value: int) -> None:
    assert counters.signed(text) == value


def test_numbers() -> None:
    assert counters.numbers("2255925 85395186 \n") == [2255925, 85395186]


def test_keyed_skips_what_it_does_not_know() -> None:
    text = "anon 8192\nfile 0\nN0=1 N1=2\nnew 1 2\nword\n\nneg -1\n"
    assert counters.keyed(text) == {"anon": 8192, "file": 0}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0\n", [0]),
        ("0-2,7\n", [0, 1, 2, 7]),
        ("\n", []),
        ("", []),
        pytest.param("3-1\n", [], id="backwards"),
        pytest.param("a-b,-,1-,2\n", [1, 2], id="no list"),
    ],
)
def test_members(text: str, found: list[int]) -> None:
    assert counters.members(text) == found


def test_page_sizes_prefers_reserved_pages() -> None:
    names = [
        "hugetlb.2MB.current", "hugetlb.2MB.rsvd.current", "hugetlb.1GB.current",
        "hugetlb.2MB.max", "cgroup.procs", "hugetlb.64KB.rsvd.max",
    ]  # fmt: skip
    assert counters.page_sizes(names, ".current") == [
        ("1GB", "hugetlb.1GB"), ("2MB", "hugetlb.2MB.rsvd"),
    ]  # fmt: skip


def test_compact_and_whole() -> None:
    record = {"limit": 0, "usage": 0, "max": 7, "list": [], "failcnt": 0}
    assert counters.compact(record, "limit", "failcnt") == {"limit": 0, "max": 7, "failcnt": 0}
    assert counters.whole(record, "limit") == {"limit": 0, "max": 7}
    assert counters.whole({"limit": 0, "usage": 0}, "limit") == {}


@given(st.text(st.characters(max_codepoint=127)))
def test_no_content_is_too_strange(text: str) -> None:
    counters.number(text)
    counters.signed(text)
    counters.numbers(text)
    counters.keyed(text)
