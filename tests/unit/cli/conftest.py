"""A command line run in this process against a state store and a lifecycle that only note calls."""

from __future__ import annotations

import posix
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from runtime.cli.dispatch import main
from runtime.errors import ContainerError, HostError, StatusError


class Outcome(NamedTuple):
    """What the caller of a command sees."""

    status: int
    out: str
    err: str


class FakeContainer:
    """A container as the store gives it back."""

    def __init__(self, container_id: str, status: str = "running", **members: Any) -> None:
        self.id = container_id
        self.pid = 4711
        self.bundle = "/bundles/one"
        self.rootfs = "/bundles/one/rootfs"
        self.created = "2026-11-22T13:57:37.226584009Z"
        self.annotations: dict[str, str] = {}
        self.owner_uid = 0
        self._status = status
        vars(self).update(members)

    def status(self) -> str:
        return self._status


class World:
    """The containers there are, what the lifecycle was asked for and how it answers."""

    def __init__(self) -> None:
        self.containers: dict[str, FakeContainer | ContainerError] = {}
        self.root_is_missing = False
        self.roots: list[str] = []
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.act: Callable[[], Any] = lambda: 0

    def add(self, *containers: FakeContainer) -> None:
        self.containers.update({container.id: container for container in containers})

    def only_call(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        assert len(self.calls) == 1
        return self.calls[0]

    def store(self, root: str) -> FakeStore:
        self.roots.append(root)
        return FakeStore(self)

    def lifecycle(self, name: str) -> Callable[..., Any]:
        def note(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, arguments, options))
            return self.act()

        return note


class FakeStore:
    """runtime.state.StateStore, without a disk."""

    def __init__(self, world: World) -> None:
        self._world = world

    def load(self, container_id: str) -> FakeContainer:
        found = self._world.containers.get(container_id, StatusError("container does not exist"))
        if isinstance(found, ContainerError):
            raise found
        return found

    def glance(self, container_id: str) -> FakeContainer:
        return self.load(container_id)

    def ids(self) -> list[str]:
        if self._world.root_is_missing:
            cause = FileNotFoundError(2, "No such file or directory")
            raise HostError("open the state root", errno=2) from cause
        return list(self._world.containers)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world without containers, in place of the state store and the lifecycle."""
    world = World()
    parts: dict[str, dict[str, Any]] = {"runtime.state": {"StateStore": world.store}}
    for verb in ("create", "run", "start", "kill", "delete", "events"):
        parts[f"runtime.lifecycle.{verb}"] = {verb: world.lifecycle(verb)}
    for name, members in parts.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(posix.environ, b"XDG_RUNTIME_DIR", raising=False)
    return world


@pytest.fixture
def pyrunc(world: World, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line, given as words or as one string of them."""

    def run(*words: str) -> Outcome:
        argv = words[0].split() if len(words) == 1 else list(words)
        capfd.readouterr()
        status = main(argv)
        captured = capfd.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run
