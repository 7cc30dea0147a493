"""One thing to say about a configuration, in all its parts."""

from __future__ import annotations

from oci_schema.explain import pointer
from oci_schema.positions import path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.positions import Path

ERROR, WARNING = "error", "warning"


class Finding:
    """One thing to say about a configuration.

    level    ERROR: create refuses; WARNING: it does not
    code     stable; see docs/errors.md
    field    the place as errors spell it; path is the same, step by step
    value    what is there, as JSON, shortened; "" is nothing
    allowed  all words that could be there; none where they cannot be listed
    line, column   from 1; 0 where the file is not to blame
    """

    __slots__ = ("allowed", "code", "column", "field", "hint", "level", "line", "path", "text",
                 "value")  # fmt: skip

    def __init__(self, level: str, code: str, place: str, text: str, hint: str = "") -> None:
        self.level = level
        self.code = code
        self.field = place
        self.path: Path = path_of(place)
        self.text = text
        self.hint = hint
        self.value = ""
        self.allowed: tuple[str, ...] = ()
        self.line = 0
        self.column = 0

    def document(self) -> dict[str, Any]:
        """The finding for programs."""
        return {
            "level": self.level, "code": self.code, "field": self.field,
            "pointer": pointer(self.path), "line": self.line, "column": self.column,
            "value": self.value, "message": self.text, "allowed": [*self.allowed],
            "hint": self.hint,
        }  # fmt: skip
