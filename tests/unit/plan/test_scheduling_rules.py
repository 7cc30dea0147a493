"""Which schedulers, I/O priorities and CPU lists are refused."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import minimal, problems_of


@pytest.mark.parametrize(
    ("scheduler", "problems"),
    [
        ({"policy": "SCHED_OTHER", "nice": 20}, ["nice: 20 is not between -20 and 19"]),
        ({"policy": "SCHED_BATCH", "nice": -21}, ["nice: -21 is not between -20 and 19"]),
        (
            {"policy": "SCHED_OTHER", "priority": 1},
            ["priority: is for SCHED_FIFO and SCHED_RR only"],
        ),
        (
            {"policy": "SCHED_FIFO", "priority": 100},
            ["priority: 100 is not between 1 and 99, which SCHED_FIFO needs"],
        ),
        ({"policy": "SCHED_RR"}, ["priority: 0 is not between 1 and 99, which SCHED_RR needs"]),
        ({"policy": "SCHED_IDLE", "runtime": 1}, ["runtime: is for SCHED_DEADLINE only"]),
        (
            {"policy": "SCHED_OTHER", "deadline": 1, "period": 1},
            ["deadline: is for SCHED_DEADLINE only", "period: is for SCHED_DEADLINE only"],
        ),
        ({"policy": "SCHED_OTHER", "nice": -20}, []),
        ({"policy": "SCHED_IDLE", "nice": 40}, []),
        ({"policy": "SCHED_FIFO", "priority": 99, "nice": 30}, []),
        ({"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 3}, []),
        ({"policy": "SCHED_ISO", "flags": ["SCHED_FLAG_UTIL_CLAMP_MIN"]}, []),
    ],
)
def test_scheduler(scheduler: dict[str, Any], problems: list[str]) -> None:
    found = problems_of(minimal(process={"scheduler": scheduler}))
    assert found == [f"process.scheduler.{problem}" for problem in problems]


@pytest.mark.parametrize(("priority", "is_fine"), [(-1, False), (0, True), (7, True), (8, False)])
def test_io_priority(priority: int, is_fine: bool) -> None:
    wanted = {"class": "IOPRIO_CLASS_BE", "priority": priority}
    problem = f"process.ioPriority.priority: {priority} is not between 0 and 7"
    assert problems_of(minimal(process={"ioPriority": wanted})) == ([] if is_fine else [problem])


@pytest.mark.parametrize("key", ["initial", "final"])
def test_cpus(key: str) -> None:
    config = minimal(process={"execCPUAffinity": {key: "2-1"}})
    field = f"process.execCPUAffinity.{key}"
    assert problems_of(config) == [f'{field}: the range "2-1" runs backwards']
    config["process"]["execCPUAffinity"] = {key: "0-1"}
    assert problems_of(config) == []
