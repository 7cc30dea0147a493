"""Files of a cgroup v2 as kernels have them, and what runc tells of them in words of v1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups import stats_v2
from runtime.cgroups.counters import UNLIMITED

if TYPE_CHECKING:
    from runtime.cgroups.counters import Read


def reader(files: dict[str, str]) -> Read:
    """What reads `files`, and nothing from any other."""
    return lambda name: files.get(name, "")


class TestCpu:
    STAT = (
        "usage_usec 88408\nuser_usec 80721\nsystem_usec 7687\nnice_usec 0\n"
        "core_sched.force_idle_usec 0\nnr_periods 12\nnr_throttled 4\nthrottled_usec 150\n"
        "nr_bursts 0\nburst_usec 0\n"
    )

    def test_usage(self) -> None:
        record = {"total": 88408000, "kernel": 7687000, "user": 80721000}
        assert stats_v2.cpu_usage(reader({"cpu.stat": self.STAT})) == record

    def test_throttling(self) -> None:
        record = {"periods": 12, "throttledPeriods": 4, "throttledTime": 150000}
        assert stats_v2.throttling(reader({"cpu.stat": self.STAT})) == record

    def test_without_the_controller(self) -> None:
        """cpu.stat is there all the same, only shorter."""
        stat = "usage_usec 5\nuser_usec 5\nsystem_usec 0\n"
        assert stats_v2.throttling(reader({"cpu.stat": stat})) == {}
        record = {"total": 5000, "kernel": 0, "user": 5000}
        assert stats_v2.cpu_usage(reader({"cpu.stat": stat})) == record


def test_cpuset_is_zeros() -> None:
    record = stats_v2.cpuset()
    assert len(record) == 9
    assert not any(record.values())


MEMORY_FILES = {
    "memory.stat": "anon 200704\nfile 4096\nkernel 61440\nsock 0\n",
    "memory.current": "401408\n",
    "memory.max": "8388608\n",
    "memory.peak": "2244608\n",
    "memory.swap.current": "4096\n",
    "memory.swap.max": "1048576\n",
}


class TestMemory:
    def test_all(self) -> None:
        record = stats_v2.memory(reader(MEMORY_FILES))
        assert list(record.items()) == [
            ("cache", 4096),
            ("usage", {"limit": 8388608, "usage": 401408, "max": 2244608, "failcnt": 0}),
            ("swap", {"limit": 9437184, "usage": 405504, "failcnt": 0}),
            ("raw", {"anon": 200704, "file": 4096, "kernel": 61440, "sock": 0}),
        ]

    @pytest.mark.parametrize(
        ("limit", "swap", "both"),
        [
            ("max\n", "max\n", UNLIMITED),
            ("8192\n", "max\n", UNLIMITED),
            ("max\n", "4096\n", UNLIMITED),
            ("8192\n", "0\n", 8192),
            pytest.param("8192\n", "", 8192, id="kernel without swap"),
        ],
    )
    def test_limits(self, limit: str, swap: str, both: int) -> None:
        files = {**MEMORY_FILES, "memory.max": limit, "memory.swap.max": swap}
        assert stats_v2.memory(reader(files))["swap"]["limit"] == both

    def test_no_peak_before_5_19(self) -> None:
        files = {**MEMORY_FILES, "memory.peak": ""}
        record = stats_v2.memory(reader(files))["usage"]
        assert record == {"limit": 8388608, "usage": 401408, "failcnt": 0}

    def test_without_the_controller(self) -> None:
        assert stats_v2.memory(reader({})) == {}


class TestIo:
    def test_what_v1_has_names_for(self) -> None:
        stat = (
            "8:0 rbytes=90112 wbytes=0 rios=3 wios=0 dbytes=0 dios=0\n"
            "254:16 rbytes=0 wbytes=4096 rios=0 wios=1 dbytes=512 dios=1 cost.usage=7\n"
        )
        assert stats_v2.io(reader({"io.stat": stat})) == {
            "ioServiceBytesRecursive": [
                {"major": 8, "op": "Read", "value": 90112},
                {"major": 8, "op": "Write"},
                {"major": 254, "minor": 16, "op": "Read"},
                {"major": 254, "minor": 16, "op": "Write", "value": 4096},
            ],
            "ioServicedRecursive": [
                {"major": 8, "op": "Read", "value": 3},
                {"major": 8, "op": "Write"},
                {"major": 254, "minor": 16, "op": "Read"},
                {"major": 254, "minor": 16, "op": "Write", "value": 1},
            ],
        }

    @pytest.mark.parametrize("stat", ["", "8:0\n", "\n", "8:0 \n7:1\n"])
    def test_nothing_yet(self, stat: str) -> None:
        assert stats_v2.io(reader({"io.stat": stat})) == {}


def test_hugetlb() -> None:
    files = {
        "hugetlb.1GB.current": "0\n", "hugetlb.1GB.events": "max 0\n", "hugetlb.1GB.max": "max\n",
        "hugetlb.2MB.current": "1\n", "hugetlb.2MB.rsvd.current": "2097152\n",
        "hugetlb.2MB.events": "max 3\n", "hugetlb.2MB.numa_stat": "total=0 N0=0\n",
    }  # fmt: skip
    assert stats_v2.hugetlb(reader(files), list(files)) == {
        "1GB": {"failcnt": 0},
        "2MB": {"usage": 2097152, "failcnt": 3},
    }


class TestPressure:
    def test_some_and_full(self) -> None:
        text = (
            "some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459\n"
            "full avg10=0.00 avg60=12.00 avg300=100.00 total=52\n"
        )
        assert stats_v2.pressure(text) == {
            "some": {"avg10": 0.22, "avg60": 0.17, "avg300": 1.11, "total": 58761459},
            "full": {"avg10": 0, "avg60": 12, "avg300": 100, "total": 52},
        }

    def test_whole_numbers_have_no_point(self) -> None:
        record = stats_v2.pressure("some avg10=2.00 avg60=0.00 avg300=0.10 total=0\n")
        assert record is not None
        assert repr(record["some"]["avg10"]) == "2"
        assert repr(record["some"]["avg300"]) == "0.1"

    def test_none_so_far(self) -> None:
        line = "avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        assert stats_v2.pressure(f"some {line}full {line}") == {}

    def test_not_counted(self) -> None:
        assert stats_v2.pressure("") is None

    def test_other_kinds_are_left_out(self) -> None:
        assert stats_v2.pressure("lots avg10=1.00 total=1\n\nsome\nfull avg10=nan\n") == {}


@given(st.lists(st.text("0123456789:=. rbytesomavgfull1-", max_size=14), max_size=6).map("\n".join))
def test_no_content_is_too_strange(text: str) -> None:
    def read(_: str) -> str:
        return text

    names: list[Any] = ["hugetlb.x.current", "hugetlb."]
    for parse in (stats_v2.cpu_usage, stats_v2.throttling, stats_v2.memory, stats_v2.io):
        parse(read)
    stats_v2.pressure(text)
    stats_v2.hugetlb(read, names)
