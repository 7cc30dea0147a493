from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import HostError, StatusError
from runtime.lifecycle.delete import delete, destroy_ended
from runtime.log import Log
from runtime.state import process_start

if TYPE_CHECKING:
    from tests.unit.lifecycle.conftest import World


def force(world: World) -> None:
    delete(world.store, "c", force=True, log=Log())
    assert world.store.ids() == []


def plain(world: World) -> None:
    delete(world.store, "c", force=False, log=Log())
    assert world.store.ids() == []


def test_running_is_refused_but_by_force(world: World) -> None:
    world.container()
    with pytest.raises(StatusError) as caught:
        plain(world)
    assert str(caught.value) == "cannot delete container c that is not stopped: running"
    assert world.init.poll() is None
    force(world)
    assert world.init.poll() == -9


def test_created_is_ended(world: World) -> None:
    os.mkfifo(world.container().fifo)
    plain(world)
    assert world.init.poll() == -9


def test_a_process_that_has_the_pid_now_is_spared(world: World) -> None:
    world.container(pidStart=1)
    force(world)
    assert world.init.poll() is None


def test_creating_ends_the_maker(world: World) -> None:
    maker = subprocess.Popen(["sleep", "60"])
    started = process_start(maker.pid)
    assert started is not None
    world.container(pid=0, maker=[maker.pid, started[0]])
    with pytest.raises(StatusError, match="not stopped: creating"):
        plain(world)
    force(world)
    assert maker.wait(5) == -9


def test_absent(world: World) -> None:
    force(world)
    with pytest.raises(StatusError, match="container does not exist"):
        plain(world)
    destroy_ended(world.store, "c", Log())


@pytest.mark.parametrize("by_force", [True, False])
def test_a_folder_without_state_goes(world: World, by_force: bool) -> None:
    world.store.claim("c")
    if by_force:
        force(world)
        return
    with pytest.raises(StatusError, match="container does not exist"):
        plain(world)
    assert world.store.ids() == []


def test_damage_needs_force(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    Path(world.container().folder, "state.json").write_text("{")
    with pytest.raises(HostError, match="is damaged"):
        plain(world)
    force(world)
    (line,) = capfd.readouterr().err.splitlines()
    assert "level=warning" in line
    assert "removed, without knowing what belonged to it" in line


def hooks(*scripts: str) -> dict[str, Any]:
    entries = [{"path": "/bin/sh", "args": ["sh", "-c", script]} for script in scripts]
    return {"hooks": {"poststop": entries}, "linux": {"namespaces": [{"type": "pid"}]}}


def test_poststop_hooks_all_run_when_the_rest_is_gone(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path.parent / f"{tmp_path.name}-out"
    script = f"cat >{out}; echo >>{out}; pwd >>{out}; ls {tmp_path} >>{out}"
    world.container(config=hooks("echo why; exit 3", script), bundle="/usr")
    world.end()
    plain(world)
    state, place = out.read_text().splitlines()
    assert json.loads(state) == {
        "ociVersion": json.loads(state)["ociVersion"], "id": "c", "status": "stopped",
        "bundle": "/usr",
    }  # fmt: skip
    assert place == "/usr"
    (line,) = capfd.readouterr().err.splitlines()
    assert "error running poststop hook #0: /bin/sh: exit status 3, output: why" in line
