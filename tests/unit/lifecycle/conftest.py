"""A container of an ordinary process of ours, without cgroup: kill, start, delete need no more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.state import VERSION, Container, StateStore, boot_id, process_start


class World:
    """The store and the process that stands for init."""

    def __init__(self, root: Path) -> None:
        self.store = StateStore(str(root))
        self.init = subprocess.Popen(["sleep", "60"])

    def container(self, *, own_pid_namespace: bool = True, **members: Any) -> Container:
        """A saved container "c"; it runs, unless `members` say otherwise."""
        started = process_start(self.init.pid)
        assert started is not None
        namespaces = [{"type": "pid"}] if own_pid_namespace else []
        data = {
            "version": VERSION, "id": "c", "pid": self.init.pid, "pidStart": started[0],
            "boot": boot_id(), "maker": [1, 0], "created": "", "bundle": "/", "rootfs": "/",
            "cgroupPaths": {}, "config": {"linux": {"namespaces": namespaces}},
        } | members  # fmt: skip
        container = Container(self.store.claim("c"), data, os.geteuid())
        container.save()
        return container

    def end(self) -> int:
        """End init; how it ended, if it had before."""
        self.init.kill()
        return self.init.wait()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    tmp_path.chmod(0o700)
    made = World(tmp_path)
    yield made
    made.end()
