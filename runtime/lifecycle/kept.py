"""What is left of a configuration without what the schema refuses: for the layers behind it."""

from __future__ import annotations

import copy

from oci_schema.check import is_valid
from oci_schema.explain import explain
from oci_schema.positions import path_of
from runtime.bundle import unmet_needs
from runtime.refusal import tolerated
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.positions import Path

# What stands in for members that a container needs and that were wrong.
STAND_IN: dict[str, Any] = {
    "ociVersion": SPEC_VERSION,
    "process": {"cwd": "/", "args": ["/"]},
    "root": {"path": "/"},
}


class Kept:
    """What is left of a configuration when all that the schema refuses was taken out.

    Items of arrays move up when one before them goes: `original` says where one was.
    """

    __slots__ = ("_numbers", "config")

    def __init__(self, config: dict[str, Any], refused: list[Path]) -> None:
        self._numbers: dict[Path, list[int]] = {}
        self.config = copy.deepcopy(config)
        for path in refused:
            self._remove(path)
            self._fill(path)
        # What lacks a member it needs is of no use either; a few rounds end it.
        for _ in range(len(refused) + 1):
            whole = tolerated(self.config)[1]
            paths = [path_of(problem.field) for problem in explain(whole)] or [
                path for path, _ in unmet_needs(whole)
            ]
            if not paths:
                break
            for path in sorted(paths, reverse=True, key=len):
                if self._fill(path):
                    continue
                self._remove(self.original(path)[:-1] or path)
                if not self.config.get(str(path[0])) and path[0] in STAND_IN:
                    self.config[str(path[0])] = STAND_IN[str(path[0])]

    @property
    def is_usable(self) -> bool:
        """The rules may look at it."""
        whole = tolerated(self.config)[1]
        return is_valid(whole) and not unmet_needs(whole)

    def original(self, path: Path) -> Path:
        """The place in the file of what is at `path` now."""
        found: Path = ()
        for step in path:
            numbers = self._numbers.get(found)
            known = isinstance(step, int) and numbers is not None and step < len(numbers)
            found += (numbers[step] if known and numbers and isinstance(step, int) else step,)
        return found

    def _fill(self, path: Path) -> bool:
        """Put something in for one needed member, so that the others are still looked at."""
        name, *rest = path
        section = self.config.get(str(name))
        wanted = STAND_IN.get(str(name))
        if len(rest) != 1 or not isinstance(section, dict) or not isinstance(wanted, dict):
            return False
        if rest[0] not in wanted:
            return False
        section[str(rest[0])] = wanted[rest[0]]
        return True

    def _remove(self, path: Path) -> None:
        at: Any = self.config
        so_far: Path = ()
        for number, step in enumerate(path):
            key: Any = step
            numbers: list[int] = []
            if isinstance(at, list):
                numbers = self._numbers.setdefault(so_far, list(range(len(at))))
                if step not in numbers:
                    return
                key = numbers.index(int(step))
            elif not isinstance(at, dict) or step not in at:
                return
            if number == len(path) - 1:
                del at[key]
                if numbers:
                    del numbers[key]
                return
            at = at[key]
            so_far += (step,)
