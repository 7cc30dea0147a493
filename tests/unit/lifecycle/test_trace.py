"""The steps that are traced are there, and what is written is a trace."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from harness.plans import minimal, plan_of

from runtime.errors import ConfigError, HostError
from runtime.lifecycle import trace
from runtime.lifecycle.trace import STAMP, STEPS, Tracer, traced


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, name, _ in STEPS])
def test_every_step_is_there(module: str, name: str) -> None:
    assert callable(getattr(__import__(module, fromlist=(name,)), name))


@pytest.fixture
def no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "STEPS", ())


def timed(tracer: Tracer, name: str, function: Any) -> Any:
    return tracer._timed(function, name, f"do {name}")


def events_of(tracer: Tracer) -> list[dict[str, Any]]:
    return [event for event in tracer.document()["traceEvents"] if event["ph"] == "X"]


def test_steps() -> None:
    tracer = Tracer("/dev/null")
    assert timed(tracer, "decide", lambda x: x + 1)(1) == 2
    with pytest.raises(ValueError):
        timed(tracer, "_accompany", lambda: int("x"))()
    first, second = events_of(tracer)
    assert (first["name"], first["ts"], first["tid"]) == ("do decide", 0, 1)
    assert first["args"] == {}
    assert "invalid literal" in second["args"]["error"]
    assert second["args"]["wait"] is True
    assert second["ts"] >= first["dur"]


def test_operations() -> None:
    tracer = Tracer("/dev/null")
    plan = timed(tracer, "make_plan", lambda: plan_of(minimal()))()
    assert plan.slots[-1].kind == "trace"
    assert plan.trace_slot == len(plan.slots) + 1
    fd = timed(tracer, "open_slot", None)(plan.slots[-1])
    size = os.fstat(fd).st_size
    assert size == STAMP.size * len(plan.ops)
    os.pwrite(fd, STAMP.pack(5_000_000, 7_000_000, 0, 1), 0)
    os.pwrite(fd, STAMP.pack(8_000_000, 0, 1, 1), STAMP.size)
    os.close(fd)
    done, begun = [event for event in events_of(tracer) if event["tid"] == 2]
    assert (done["name"], done["dur"]) == (plan.ops[0].what, 2000)
    assert done["args"]["origin"] == plan.ops[0].origin
    assert begun["args"]["unfinished"] is True
    assert begun["args"]["error"] == "EPERM"


@pytest.mark.usefixtures("no_steps")
class TestFile:
    def test_success(self, tmp_path: Path) -> None:
        assert traced(str(tmp_path / "t"), lambda: 7) == 7
        assert "traceEvents" in json.loads((tmp_path / "t").read_text())

    def test_failure_is_written_too(self, tmp_path: Path) -> None:
        def fail() -> int:
            raise ConfigError("no")

        with pytest.raises(ConfigError, match="no"):
            traced(str(tmp_path / "t"), fail)
        assert (tmp_path / "t").exists()

    def test_cannot_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(HostError, match="no such file"):
            traced(str(tmp_path / "none" / "t"), lambda: 0)

    def test_what_failed_first_is_told_first(self, tmp_path: Path) -> None:
        def fail() -> int:
            raise ConfigError("no")

        with pytest.raises(ConfigError, match=r"^no \(.*no such file"):
            traced(str(tmp_path / "none" / "t"), fail)
