"""That the kernel wakes whoever polls for OOM kills, on a file of the same kind."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.oom import CounterWatch
from runtime.host.cgroup_probe import read_layout

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty v2 cgroup."""
    v2 = next((h for h in read_layout().hierarchies if h.version == 2), None)
    if v2 is None:
        pytest.skip("no cgroup v2 here")
    made = Path(v2.mountpoint, f"pyrunc-oom-{os.getpid()}")
    made.mkdir()
    yield made
    if made.is_dir():
        made.rmdir()


def test_a_poll_ends_on_a_change_since_the_last_look(folder: Path) -> None:
    """By cgroup.events, which every v2 cgroup has: memory.events may be v1's here."""
    watch = CounterWatch(Cgroup([]), os.open(folder / "cgroup.events", os.O_RDONLY))
    poll = select.poll()
    poll.register(watch.fd, watch.events)
    assert poll.poll(0) == []
    with subprocess.Popen(["sleep", "100"]) as process:
        (folder / "cgroup.procs").write_text(str(process.pid))
        assert poll.poll(5000)
        watch.happened()
        assert poll.poll(0) == []
        process.kill()
        process.wait()
    assert poll.poll(5000)
    watch.happened()
    folder.rmdir()
    assert poll.poll(5000)
    assert not watch.happened()
    assert watch.fd == -1
