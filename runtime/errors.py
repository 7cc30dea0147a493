"""One tree of errors; each prints as one line and knows where it comes from."""

from __future__ import annotations

import errno as errno_names
import posix as os


def errno_words(number: int) -> str:
    """The errno as engines match it: lower case, ``no such file or directory``."""
    words = os.strerror(number)
    return words[:1].lower() + words[1:]


def errno_name(number: int) -> str:
    """``ENOENT`` for 2; the number as text where it has no name."""
    return errno_names.errorcode.get(number, str(number))


def printable(text: str) -> str:
    """`text` with control characters escaped, so that a message stays one line."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


class ContainerError(Exception):
    """What went wrong, which field asked for it, which call refused, what to try.

    code     what programs know the failure by, one of runtime/error_codes.py: it stays the same
             when the words change; without one of its own a failure has its class's
    Units:   errno is positive; 0 where no system call is to blame.
    """

    code = "failed"

    def __init__(
        self, what: str, *, field: str = "", syscall: str = "", errno: int = 0, hint: str = "",
        code: str = "",
    ) -> None:  # fmt: skip
        super().__init__(what)
        self.what = what
        self.field = field
        self.syscall = syscall
        self.errno = errno
        self.hint = hint
        self.exit_status = 1
        if code:
            self.code = code

    def __str__(self) -> str:
        parts = [self.field, self.what, self.syscall]
        if self.errno:
            parts.append(errno_words(self.errno))
        text = ": ".join(part for part in parts if part)
        for note in getattr(self, "__notes__", ()):
            text += f" ({note})"
        return printable(f"{text}; {self.hint}" if self.hint else text)


class ConfigError(ContainerError):
    """The configuration, an option or another input is wrong."""

    code = "invalid-config"


class StatusError(ContainerError):
    """The right verb at the wrong moment: not created, not running, no such container."""

    code = "wrong-status"


class HostError(ContainerError):
    """This machine, or this process's rights on it, lack something."""

    code = "host"


class KernelError(ContainerError):
    """A system call said no."""

    code = "refused"


class HookError(ContainerError):
    """A hook failed, hung or could not be run."""

    code = "hook-failed"
