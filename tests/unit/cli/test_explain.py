"""explain on the command line, for anybody and without a root filesystem."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from harness.plans import minimal

from runtime.cli.dispatch import main


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def pyrunc(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """A command line with the true lifecycle behind it: explain changes nothing."""

    def run(*words: str) -> Outcome:
        status = main([*words])
        captured = capfd.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    (tmp_path / "config.json").write_text(json.dumps(minimal(mounts=[
        {"destination": f"/t{n}", "type": "tmpfs", "source": "t"} for n in range(3)
    ])))  # fmt: skip
    return str(tmp_path)


@pytest.mark.parametrize("euid", [0, 1000])
def test_text(
    pyrunc: Callable[..., Outcome], bundle: str, monkeypatch: pytest.MonkeyPatch, euid: int
) -> None:
    monkeypatch.setattr("posix.geteuid", lambda: euid)
    result = pyrunc("explain", "-b", bundle, "web")
    assert result.status == 0
    assert f"create web from {bundle}" in result.out
    assert "note: create will fail for now: root.path: invalid rootfs" in result.out
    assert ("this is the plan for root" in result.out) == (euid != 0)
    assert "mount tmpfs on /t0  mounts[0]" in result.out
    assert "runc: " not in result.out


def test_reasons_are_not_repeated(pyrunc: Callable[..., Outcome], bundle: str) -> None:
    out = pyrunc("explain", "-b", bundle, "--as", "runc").out
    assert out.count("runc: mount(2)") == 1


def test_json(pyrunc: Callable[..., Outcome], bundle: str) -> None:
    document = json.loads(pyrunc("explain", "-b", bundle, "--json").out)
    steps = [step for stage in document["stages"] for step in stage["steps"]]
    (mount,) = [step for step in steps if step["origin"] == "mounts[1]"]
    assert mount["what"] == "mount tmpfs on /t1"
    assert mount["side"] == "container"


def test_a_refusal_names_validate(pyrunc: Callable[..., Outcome], bundle: str) -> None:
    broken = minimal()
    broken["process"]["env"] = ["x"]
    (Path(bundle) / "config.json").write_text(json.dumps(broken))
    result = pyrunc("explain", "-b", bundle)
    assert result.status == 1
    assert "pyrunc validate tells more" in result.err


def test_unknown_peer(pyrunc: Callable[..., Outcome], bundle: str) -> None:
    result = pyrunc("explain", "-b", bundle, "--as", "lxc")
    assert result.status == 1
    assert "write --as runc" in result.err
