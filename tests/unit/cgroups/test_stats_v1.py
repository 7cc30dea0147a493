"""Files of a cgroup v1 as kernels have them, and what runc tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups import stats_v1

if TYPE_CHECKING:
    from runtime.cgroups.counters import Read

NO_LIMIT = 9223372036854771712


def reader(files: dict[str, str]) -> Read:
    """What reads `files`, and nothing from any other."""
    return lambda name: files.get(name, "")


CPU_FILES = {
    "cpuacct.usage": "87651111\n",
    "cpuacct.usage_percpu": "2255925 85395186 \n",
    "cpuacct.usage_all": "cpu user system\n0 0 0\n1 84000000 4000000\n",
    "cpuacct.stat": "user 8\nsystem 0\n",
}


class TestCpu:
    def test_usage(self) -> None:
        assert stats_v1.cpu_usage(reader(CPU_FILES)) == {
            "total": 87651111,
            "percpu": [2255925, 85395186],
            "percpu_kernel": [0, 4000000],
            "percpu_user": [0, 84000000],
            "kernel": 0,
            "user": 80000000,
        }

    def test_without_files(self) -> None:
        assert stats_v1.cpu_usage(reader({})) == {}

    def test_more_columns(self) -> None:
        files = {**CPU_FILES, "cpuacct.usage_all": "cpu user system irq\n0 1 2 3\nodd\n"}
        record = stats_v1.cpu_usage(reader(files))
        assert (record["percpu_user"], record["percpu_kernel"]) == ([1], [2])

    @pytest.mark.parametrize(
        ("text", "record"),
        [
            (
                "nr_periods 4\nnr_throttled 1\nthrottled_time 46564901\nnr_bursts 0\n",
                {"periods": 4, "throttledPeriods": 1, "throttledTime": 46564901},
            ),
            pytest.param("nr_periods 0\nnr_throttled 0\nthrottled_time 0\n", {}, id="no quota"),
            pytest.param("", {}, id="no file"),
        ],
    )
    def test_throttling(self, text: str, record: dict[str, int]) -> None:
        assert stats_v1.throttling(reader({"cpu.stat": text})) == record


CPUSET_FILES = {
    "cpus": "0-1\n", "mems": "0\n", "cpu_exclusive": "0\n", "mem_exclusive": "0\n",
    "mem_hardwall": "0\n", "memory_migrate": "0\n", "memory_pressure": "0\n",
    "memory_spread_page": "0\n", "memory_spread_slab": "0\n", "sched_load_balance": "1\n",
    "sched_relax_domain_level": "-1\n",
}  # fmt: skip


class TestCpuset:
    @pytest.mark.parametrize("prefix", ["cpuset.", ""])
    def test_all(self, prefix: str) -> None:
        files = {prefix + name: text for name, text in CPUSET_FILES.items()}
        assert list(stats_v1.cpuset(reader(files), prefix).items()) == [
            ("cpus", [0, 1]), ("cpu_exclusive", 0), ("mems", [0]), ("mem_hardwall", 0),
            ("mem_exclusive", 0), ("memory_migrate", 0), ("memory_spread_page", 0),
            ("memory_spread_slab", 0), ("memory_pressure", 0), ("sched_load_balance", 1),
            ("sched_relax_domain_level", -1),
        ]  # fmt: skip

    def test_without_files(self) -> None:
        record = stats_v1.cpuset(reader({}), "cpuset.")
        assert record == dict.fromkeys(stats_v1.CPUSET_SWITCHES, 0)


class TestMemory:
    STAT = "cache 102400\nrss 57344\nhierarchical_memory_limit 8388608\nactive_anon 4096\n"

    @staticmethod
    def files(name: str, limit: int, usage: int, most: int, refused: int) -> dict[str, str]:
        """The four files of a kind of memory."""
        return {
            f"{name}.limit_in_bytes": f"{limit}\n",
            f"{name}.usage_in_bytes": f"{usage}\n",
            f"{name}.max_usage_in_bytes": f"{most}\n",
            f"{name}.failcnt": f"{refused}\n",
        }

    def test_all(self) -> None:
        files = {
            "memory.stat": self.STAT,
            **self.files("memory", 8388608, 401408, 2244608, 3),
            **self.files("memory.memsw", NO_LIMIT, 401408, 2244608, 0),
            **self.files("memory.kmem", NO_LIMIT, 241664, 847872, 0),
            **self.files("memory.kmem.tcp", NO_LIMIT, 0, 0, 0),
        }
        record = stats_v1.memory(reader(files))
        assert record == {
            "cache": 102400,
            "usage": {"limit": 8388608, "usage": 401408, "max": 2244608, "failcnt": 3},
            "swap": {"limit": NO_LIMIT, "usage": 401408, "max": 2244608, "failcnt": 0},
            "kernel": {"limit": NO_LIMIT, "usage": 241664, "max": 847872, "failcnt": 0},
            "kernelTCP": {"limit": NO_LIMIT, "failcnt": 0},
            "raw": {
                "active_anon": 4096, "cache": 102400, "hierarchical_memory_limit": 8388608,
                "rss": 57344,
            },
        }  # fmt: skip
        assert list(record["raw"]) == sorted(record["raw"])

    def test_kernel_without_swap_accounting(self) -> None:
        record = stats_v1.memory(reader(self.files("memory", 4096, 1, 2, 0)))
        assert record == {"usage": {"limit": 4096, "usage": 1, "max": 2, "failcnt": 0}}

    def test_limit_of_kernel_memory_is_gone(self) -> None:
        files = self.files("memory.kmem", 0, 5, 6, 0)
        del files["memory.kmem.limit_in_bytes"]
        record = stats_v1.memory(reader(files))
        assert record == {"kernel": {"limit": 0, "usage": 5, "max": 6, "failcnt": 0}}


IDLE = "Total 0\n"
BYTES = "254:0 Read 4096\n254:0 Write 8192\n254:0 Discard 0\n254:0 Total 12288\nTotal 12288\n"
OPERATIONS = "254:0 Read 1\n254:0 Write 2\n254:0 Total 3\nTotal 3\n"
BYTES_ENTRIES = [
    {"major": 254, "op": "Read", "value": 4096},
    {"major": 254, "op": "Write", "value": 8192},
    {"major": 254, "op": "Discard"},
    {"major": 254, "op": "Total", "value": 12288},
]
OPERATIONS_ENTRIES = [
    {"major": 254, "op": "Read", "value": 1},
    {"major": 254, "op": "Write", "value": 2},
    {"major": 254, "op": "Total", "value": 3},
]


class TestBlkio:
    @pytest.mark.parametrize(
        "names",
        [
            ("blkio.bfq.io_service_bytes_recursive", "blkio.bfq.io_serviced_recursive"),
            ("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_serviced_recursive"),
            ("blkio.throttle.io_service_bytes", "blkio.throttle.io_serviced"),
        ],
    )
    def test_whoever_counted(self, names: tuple[str, str]) -> None:
        files = {
            "blkio.bfq.io_service_bytes_recursive": IDLE,
            "blkio.bfq.io_serviced_recursive": IDLE,
            "blkio.throttle.io_serviced_recursive": IDLE,
            names[0]: BYTES,
            names[1]: OPERATIONS,
        }
        assert list(stats_v1.blkio(reader(files)).items()) == [
            ("ioServiceBytesRecursive", BYTES_ENTRIES), ("ioServicedRecursive", OPERATIONS_ENTRIES),
        ]  # fmt: skip

    @pytest.mark.parametrize("start", ["blkio.bfq.", "blkio."])
    def test_all_that_cfq_and_bfq_can_tell(self, start: str) -> None:
        files = {
            f"{start}sectors_recursive": "8:0 24\nTotal 24\n",
            f"{start}time_recursive": "8:0 1500\n",
            f"{start}io_queued_recursive": "8:0 Read 0\n",
            f"{start}io_merged_recursive": "8:0 Read 2\n",
            f"{start}io_wait_time_recursive": "8:0 Read 3\n",
            f"{start}io_service_time_recursive": "8:0 Read 4\n",
            f"{start}io_serviced_recursive": "8:16 Read 5\n",
            f"{start}io_service_bytes_recursive": "8:0 Read 6\n",
        }
        assert stats_v1.blkio(reader(files)) == {
            "ioServiceBytesRecursive": [{"major": 8, "op": "Read", "value": 6}],
            "ioServicedRecursive": [{"major": 8, "minor": 16, "op": "Read", "value": 5}],
            "ioQueueRecursive": [{"major": 8, "op": "Read"}],
            "ioServiceTimeRecursive": [{"major": 8, "op": "Read", "value": 4}],
            "ioWaitTimeRecursive": [{"major": 8, "op": "Read", "value": 3}],
            "ioMergedRecursive": [{"major": 8, "op": "Read", "value": 2}],
            "ioTimeRecursive": [{"major": 8, "value": 1500}],
            "sectorsRecursive": [{"major": 8, "value": 24}],
        }

    def test_nothing_yet(self) -> None:
        assert stats_v1.blkio(reader({"blkio.throttle.io_serviced": IDLE})) == {}


def test_hugetlb() -> None:
    files = {
        "hugetlb.2MB.usage_in_bytes": "1\n", "hugetlb.2MB.rsvd.usage_in_bytes": "2097152\n",
        "hugetlb.2MB.rsvd.max_usage_in_bytes": "4194304\n", "hugetlb.2MB.rsvd.failcnt": "0\n",
        "hugetlb.1GB.usage_in_bytes": "0\n", "hugetlb.1GB.failcnt": "2\n",
    }  # fmt: skip
    assert stats_v1.hugetlb(reader(files), list(files)) == {
        "1GB": {"failcnt": 2},
        "2MB": {"usage": 2097152, "max": 4194304, "failcnt": 0},
    }


LINES = st.lists(
    st.text("0123456789:-. ReadTotalcpu\t", max_size=12) | st.text(max_size=6), max_size=6
)


@given(LINES.map("\n".join))
def test_no_content_is_too_strange(text: str) -> None:
    def read(_: str) -> str:
        return text

    names: list[Any] = ["hugetlb.x.usage_in_bytes", "hugetlb."]
    for parse in (stats_v1.cpu_usage, stats_v1.throttling, stats_v1.memory, stats_v1.blkio):
        parse(read)
    stats_v1.hugetlb(read, names)
