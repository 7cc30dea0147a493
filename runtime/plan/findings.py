"""What the rules found: all that is wrong is collected, then said at once."""

from __future__ import annotations

from runtime.errors import ConfigError

SHOWN_MOST = 20


class Findings:
    """What was found: errors as (field, text), warnings as (field, text, code)."""

    __slots__ = ("errors", "warned")

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []
        self.warned: list[tuple[str, str, str]] = []

    @property
    def warnings(self) -> list[str]:
        """The warnings, one line each."""
        return [f"{field}: {text} [{code}]" for field, text, code in self.warned]

    def error(self, field: str, text: str) -> None:
        """A reason not to create the container."""
        self.errors.append((field, text))

    def warn(self, field: str, text: str, code: str) -> None:
        """Something that was asked for and will not be, with a code to look for."""
        self.warned.append((field, text, code))

    def absolute(self, field: str, path: str) -> bool:
        """An error unless `path` starts at the root."""
        if path[:1] == "/":
            return True
        self.error(field, f'"{path}" is relative, expected an absolute path')
        return False


def raise_errors(found: Findings, whole: str) -> None:
    """Nothing, or one error that names everything that is wrong; several are wrong in `whole`.

    Errors:  ConfigError.
    """
    if not found.errors:
        return
    if len(found.errors) == 1:
        field, text = found.errors[0]
        raise ConfigError(text, field=field, code="rule")
    shown = "; ".join(f"{field}: {text}" for field, text in found.errors[:SHOWN_MOST])
    if len(found.errors) > SHOWN_MOST:
        shown += f"; and {len(found.errors) - SHOWN_MOST} more"
    raise ConfigError(f"{len(found.errors)} problems: {shown}", field=whole, code="rule")


def check_texts(found: Findings, parts: dict[str, object]) -> None:
    """No string may hold what a system call cannot take: NUL, half of a surrogate pair."""
    # One repr() in C instead of a walk: it shows both, at the price of false alarms.
    shown = repr(parts)
    if "\\x00" not in shown and "\\ud" not in shown:
        return
    waiting: list[tuple[str, object]] = [("", parts)]
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value:
                found.error(field, "holds a NUL character, which no system call can take")
            elif not _is_encodable(value):
                found.error(field, "holds half of a surrogate pair, expected Unicode text")
        elif isinstance(value, dict):
            waiting += [(f"{field}.{key}".lstrip("."), item) for key, item in value.items()]
            waiting += [(field, key) for key in value]
        elif isinstance(value, list):
            waiting += [(f"{field}[{index}]", item) for index, item in enumerate(value)]


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
