"""The way back: what was done is undone in reverse, unless all went well."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Undo:
    """A stack of steps back, run when the block is left by an exception.

    A step that fails does not hide the first error: it becomes a note of it.
    """

    __slots__ = ("_last", "_steps")

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []
        self._last: list[Callable[[], object]] = []

    def push(self, step: Callable[[], object]) -> None:
        """Remember how to undo what was just done."""
        self._steps.append(step)

    def at_end(self, step: Callable[[], object]) -> None:
        """Do this after all else, whether it went well or not: it only holds what steps need."""
        self._last.append(step)

    def commit(self) -> None:
        """All went well: nothing will be undone."""
        self._steps.clear()

    def __enter__(self) -> Undo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._steps or self._last:
            step = self._steps.pop() if self._steps else self._last.pop()
            try:
                step()
            except Exception as failure:  # whatever it is, the steps before it are still ours
                if error is None:
                    raise
                error.add_note(f"cleaning up: {failure}")
