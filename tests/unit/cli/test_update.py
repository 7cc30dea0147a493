from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from runtime.host import resctrl
from tests.unit.cli.conftest import FakeContainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the lifecycle was asked for, without sections that are empty."""
    found: list[dict[str, Any]] = []

    def update(
        _store: object, _id: str, request: dict[str, Any], _log: object, rdt: dict[str, str]
    ) -> None:
        sections = {**request, "intelRdt": rdt}
        found.append({section: members for section, members in sections.items() if members})

    module = ModuleType("runtime.lifecycle.update")
    vars(module)["update"] = update
    monkeypatch.setitem(sys.modules, "runtime.lifecycle.update", module)
    world.add(FakeContainer("a"))
    return found


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("", {}),
        ("--memory 64m", {"memory": {"limit": 64 << 20}}),
        ("--memory=-1", {"memory": {"limit": -1}}),
        ("--memory-swap -1", {"memory": {"swap": -1}}),
        ("--memory-reservation 1k", {"memory": {"reservation": 1024}}),
        ("--cpu-period 1000", {"cpu": {"period": 1000}}),
        ("--cpu-quota -1", {"cpu": {"quota": -1}}),
        ("--cpu-burst 0", {"cpu": {"burst": 0}}),
        ("--cpu-share 2", {"cpu": {"shares": 2}}),
        ("--cpu-rt-period 3 --cpu-rt-runtime 2",
         {"cpu": {"realtimePeriod": 3, "realtimeRuntime": 2}}),
        ("--cpu-idle 1", {"cpu": {"idle": 1}}),
        ("--cpuset-cpus 0-1 --cpuset-mems 0", {"cpu": {"cpus": "0-1", "mems": "0"}}),
        ("--pids-limit 0", {"pids": {"limit": 0}}),
        ("--pids-limit -1", {"pids": {"limit": -1}}),
        ("--blkio-weight 10", {"blockIO": {"weight": 10}}),
        ("--memory= --cpu-quota= --cpuset-cpus=", {}),
    ],
)  # fmt: skip
def test_options(
    line: str, request_: dict[str, Any], pyrunc: Pyrunc, asked: list[dict[str, Any]]
) -> None:
    assert pyrunc(f"update {line} a") == (0, "", "")
    assert asked == [request_]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("--memory 64x", "invalid value for memory: invalid suffix: 'x'"),
        ("--cpu-quota x", 'invalid value for cpu-quota: "x" is not a whole number'),
        ("--cpu-quota 1.5", 'invalid value for cpu-quota: "1.5" is not a whole number'),
        ("--cpu-period -5", 'invalid value for cpu-period: "-5" is not a whole number without'),
        ("--cpu-share 99999999999999999999", "linux.resources.cpu.shares: "),
        ("--pids-limit abc", 'invalid value "abc" for flag -pids-limit'),
        ("--blkio-weight 70000",
         "linux.resources.blockIO.weight: 70000 is not an integer from 0 to 65535"),
        ("--l3-cache-schema x", "Intel RDT/CAT: l3 cache schema is not enabled"),
        ("--mem-bw-schema x", "Intel RDT/MBA: memory bandwidth schema is not enabled"),
        ("--resources /none", "read /none: no such file or directory"),
    ],
)  # fmt: skip
def test_refused(
    line: str, reason: str, pyrunc: Pyrunc, asked: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(resctrl, "read_resctrl", lambda: None)
    status, _, err = pyrunc(f"--log-format json update {line} a")
    assert status == 1
    assert reason in json.loads(err.splitlines()[-1])["msg"]
    assert asked == []


def test_rdt_where_the_host_has_half_of_it(
    pyrunc: Pyrunc, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    half = resctrl.Resctrl("/r", has_l3=True, has_mb=False)
    monkeypatch.setattr(resctrl, "read_resctrl", lambda: half)
    assert pyrunc("update --l3-cache-schema L3:0=f a").status == 0
    assert "is not enabled" in pyrunc("update --mem-bw-schema MB:0=1 a").err
    assert asked == [{"intelRdt": {"l3CacheSchema": "L3:0=f"}}]


@pytest.mark.parametrize("option", ["--kernel-memory", "--kernel-memory-tcp"])
def test_kernel_memory_is_a_warning(
    option: str, pyrunc: Pyrunc, asked: list[dict[str, Any]]
) -> None:
    status, _, err = pyrunc(f"update {option} 5m a")
    assert status == 0
    assert "Kernel memory settings are ignored and will be removed" in err
    assert asked == [{}]
    assert "kernel" not in pyrunc("update --help").out


def test_a_file_beats_all_options(
    pyrunc: Pyrunc, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"pids": {"limit": 7}, "memory": {"limit": null}}')
    assert pyrunc(f"update -r {path} --memory nonsense a").status == 0
    assert asked == [{"pids": {"limit": 7}}]


def test_the_container_is_looked_up_first(pyrunc: Pyrunc, asked: list[dict[str, Any]]) -> None:
    assert "container does not exist" in pyrunc("update --memory nonsense b").err
    assert asked == []
