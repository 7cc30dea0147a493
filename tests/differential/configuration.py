"""What a configuration of the differential lane is, and the list that they enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.bundle import Bundle

Report = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """What a configuration may refer to beside its bundle.

    neighbour   a process in network, ipc, uts and pid namespaces of its own
    cgroup      a cgroup path that only this container has
    volume      a folder of the host with files in it, and a mount below it
    """

    neighbour: int
    cgroup: str
    volume: Path


Change = Callable[[Bundle, Stage], object]


@dataclass(frozen=True)
class Configuration:
    """One bundle to be looked at from inside.

    name       words with dashes
    change     bends the plain bundle
    options    of create and run
    exec       options of exec, with the program's arguments left to the configuration
    caller     a command that runs the runtime, and so bequeaths it something
    terminal   whether the program gets one
    lacks      why Debian's runc cannot run it; then `expected` is all that may differ from
               the plain configuration
    expected   what has to be seen, by path in the report, whatever others do
    """

    name: str
    change: Change
    options: tuple[str, ...] = ()
    exec: tuple[str, ...] = ()
    caller: tuple[str, ...] = ()
    terminal: bool = False
    lacks: str = ""
    expected: Mapping[str, Any] = field(default_factory=dict)


CONFIGURATIONS: dict[str, Configuration] = {}


def configuration(**rest: Any) -> Callable[[Change], Change]:
    """Enter the decorated change into the list, by its name."""

    def enter(change: Change) -> Change:
        name = change.__name__.replace("_", "-").strip("-")
        CONFIGURATIONS[name] = Configuration(name, change, **rest)
        return change

    return enter
