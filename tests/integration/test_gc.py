"""gc: what nobody will come back for goes, all else stays."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime

OLD = (1, 1)  # atime and mtime, seconds


@pytest.fixture(autouse=True)
def ours(runtime: Runtime) -> None:
    if runtime.kind != "pyrunc":
        pytest.skip("only pyrunc has it")


@pytest.fixture
def leave(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> Callable[..., str]:
    """Leave the folder of a container that is long gone, its state changed."""

    def leave(**changes: Any) -> str:
        bundle.args("/bin/true")
        name = runtime.new_id()
        runtime.attempt("run", bundle, "--keep", container_id=name).check()
        folder, kept = runtime.root / name, tmp_path / name
        shutil.copytree(folder, kept)
        runtime.call("delete", name).check()
        shutil.copytree(kept, folder)
        state = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps({**state, **changes}))
        return name

    return leave


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"boot": "another"}, "of an earlier boot"),
        ({"pid": 0, "maker": [1 << 21, 1]}, "its maker died before it was created"),
    ],
)
def test_left_by_a_crash(
    runtime: Runtime, leave: Callable[..., str], changes: dict[str, Any], reason: str
) -> None:
    name = leave(**changes)
    dry = runtime.call("gc", "--dry-run").check()
    assert dry.out == f"would remove the container {name} ({reason})\n"
    assert (runtime.root / name).exists()
    assert runtime.call("gc").check().out == f"removed the container {name} ({reason})\n"
    assert not (runtime.root / name).exists()
    assert runtime.call("gc").check().out == "nothing was left\n"


def test_the_living_stay(runtime: Runtime, bundle: Bundle) -> None:
    created = runtime.create(bundle.sleep())
    assert runtime.call("gc", "--stopped").check().out == "nothing was left\n"
    assert created.status == "created"


def test_stopped_ones_are_an_engines(runtime: Runtime, bundle: Bundle) -> None:
    name = runtime.new_id()
    runtime.attempt("run", bundle.args("/bin/true"), "--keep", container_id=name).check()
    assert runtime.call("gc").check().out == "nothing was left\n"
    out = runtime.call("gc", "--stopped", "--json").check().out
    expected = {"kind": "container", "name": name, "reason": "stopped", "error": ""}
    assert json.loads(out) == [expected]
    assert runtime.ids() == []


def test_a_folder_without_a_state(runtime: Runtime) -> None:
    folder = runtime.root / "empty"
    folder.mkdir(parents=True)
    # A runtime may be about to write the state.
    assert runtime.call("gc").check().out == "nothing was left\n"
    os.utime(folder, OLD)
    assert "removed the folder empty (without a state)" in runtime.call("gc").check().out
    assert not folder.exists()


def test_a_damaged_state_is_for_delete(runtime: Runtime) -> None:
    folder = runtime.root / "damaged"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{")
    os.utime(folder, OLD)
    assert runtime.call("gc").check().out == "nothing was left\n"
    runtime.call("delete", "--force", "damaged").check()


def test_filters_of_other_versions(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    (runtime.root).mkdir(exist_ok=True)
    runtime.create(bundle.sleep())
    cache = runtime.root / ".seccomp"
    (good,) = cache.iterdir()
    for name in (good.name, "ab" * 32, ".half"):
        with (cache / name).open("ab"):
            os.utime(cache / name, OLD)
    out = runtime.call("gc").check().out
    assert sorted(line.split()[3] for line in out.splitlines()) == [".half", "ab" * 32]
    assert [path.name for path in cache.iterdir()] == [good.name]


def test_no_state_root(runtime: Runtime, tmp_path: Path) -> None:
    result = runtime.call("gc", "--root", str(tmp_path / "none")).check()
    assert result.out == "nothing was left\n"
