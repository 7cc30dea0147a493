"""Scheduler, I/O priority and CPUs become operations."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import minimal, ops_named, plan_of

from runtime.plan import ops
from runtime.plan.scheduling import cpu_mask, plan_exec_affinity

BACKWARDS = 'the range "3-1" runs backwards'


def test_scheduler() -> None:
    plan = plan_of(
        minimal(
            process={
                "scheduler": {
                    "policy": "SCHED_DEADLINE",
                    "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_DL_OVERRUN"],
                    "nice": -3,
                    "runtime": 10,
                    "deadline": 20,
                    "period": 30,
                }
            }
        )
    )
    (op,) = ops_named(plan, "scheduler")
    assert (op.flags, op.numbers) == (0x5, (6, 2**32 - 3, 10, 20, 30))


def test_priority_is_the_upper_half_of_its_number() -> None:
    plan = plan_of(minimal(process={"scheduler": {"policy": "SCHED_RR", "priority": 7}}))
    (op,) = ops_named(plan, "scheduler")
    assert op.numbers[:2] == (2, 7 << 32)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"class": "IOPRIO_CLASS_BE", "priority": 4}, (2, 4)),
        ({"class": "IOPRIO_CLASS_IDLE"}, (3, 0)),
        ({"class": "IOPRIO_CLASS_RT", "priority": 0}, (1, 0)),
    ],
)
def test_io_priority(wanted: dict[str, Any], numbers: tuple[int, int]) -> None:
    (op,) = ops_named(plan_of(minimal(process={"ioPriority": wanted})), "io_priority")
    assert op.numbers == numbers


def test_rights_are_given_up_after_they_were_used() -> None:
    process = {
        "scheduler": {"policy": "SCHED_FIFO", "priority": 1},
        "ioPriority": {"class": "IOPRIO_CLASS_RT"},
        "noNewPrivileges": True,
    }
    config = minimal(process=process)
    config["linux"]["personality"] = {"domain": "LINUX32"}
    wanted = ("no_new_privs", "scheduler", "io_priority", "personality", "bounding", "user")
    assert [op.name for op in ops_named(plan_of(config), *wanted)] == list(wanted)


def test_every_container_gets_every_cpu_once_it_is_in_its_cgroup() -> None:
    """execCPUAffinity is about later processes and does not change that."""
    for process in ({}, {"execCPUAffinity": {"initial": "0", "final": "1"}}):
        plan = plan_of(minimal(process=process))
        names = [op.name for op in plan.ops]
        (op,) = ops_named(plan, "cpu_affinity")
        assert op.strings == (b"",)
        joins = [index for index, name in enumerate(names) if name == "cgroup_join"]
        assert names.index("cpu_affinity") > max(joins)


@pytest.mark.parametrize(
    ("affinity", "before", "after"),
    [
        pytest.param(None, [], [b""], id="every CPU, whatever the caller has"),
        pytest.param({"initial": "1"}, [cpu_mask("1")], [], id="the initial one stays"),
        pytest.param({"final": "0-1"}, [], [cpu_mask("0-1")], id="final"),
        pytest.param(
            {"initial": "0", "final": "1"}, [cpu_mask("0")], [cpu_mask("1")], id="first, then"
        ),
        pytest.param({"initial": "", "final": ""}, [], [b""], id="empty is absent"),
    ],
)
@pytest.mark.spec("process.execCPUAffinity")
def test_exec_affinity(affinity: Any, before: list[bytes], after: list[bytes]) -> None:
    process: Any = {"cwd": "/"} if affinity is None else {"execCPUAffinity": affinity}
    planned: tuple[list[ops.Op], list[ops.Op]] = plan_exec_affinity(process)
    assert [[op.strings[0] for op in part] for part in planned] == [before, after]


@pytest.mark.parametrize(
    ("cpus", "bits"),
    [
        ("0", {0}),
        ("0-3,7", {0, 1, 2, 3, 7}),
        (" 1 , 2-2,", {1, 2}),
        ("63-64", {63, 64}),
        ("8191", {8191}),
        ("5,1-6", {1, 2, 3, 4, 5, 6}),
    ],
)
def test_cpu_mask(cpus: str, bits: set[int]) -> None:
    mask = cpu_mask(cpus)
    assert len(mask) % 8 == 0
    number = int.from_bytes(mask, "little")
    assert {bit for bit in range(len(mask) * 8) if number >> bit & 1} == bits


@pytest.mark.parametrize(
    ("cpus", "words"),
    [
        ("3-1", BACKWARDS),
        ("0,3-1", BACKWARDS),
        ("8192", "8192 is no CPU, Linux has at most 8192"),
        ("99999999", '"99999999" is neither a CPU nor a range of them'),
        ("1-", '"1-" is neither'),
        ("-1", '"-1" is neither'),
        ("1-2-3", '"1-2-3" is neither'),
        ("1 2", '"1 2" is neither'),
        ("٣", "is neither"),
        (" , ", "names no CPU"),
    ],
)
def test_no_cpu_mask(cpus: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cpu_mask(cpus)
