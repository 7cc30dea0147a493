"""What the runtime has to say: runc's text and JSON records, on standard error or in a file.

Engines read these records, so their form is fixed. containerd takes the last record of
level "error" out of a stream of JSON objects; podman decodes the *whole* log as one JSON
object. Both are served by holding JSON warnings back until the command has ended: a success
writes them as records, a failure carries them inside the one fatal record as "warnings".
"""

from __future__ import annotations

import posix as os
import sys
import time
from _json import encode_basestring

from runtime.errors import ContainerError, HostError, errno_name, errno_words, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    Field = str | list[str]

STDERR = 2
BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/@^+")
CODE = frozenset("abcdefghijklmnopqrstuvwxyz-")
COLOURS = {"debug": 37, "info": 36, "warning": 33, "error": 31}
# HTML's characters and JavaScript's line ends, as Go's encoder writes them.
ESCAPES = {60: "\\u003c", 62: "\\u003e", 38: "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def json_string(text: str) -> str:
    """`text` as a JSON string that is valid UTF-8; undecodable bytes become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = "".join(["\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text])
    return encode_basestring(text).translate(ESCAPES)


def text_value(text: str) -> str:
    """A value of a text record: quoted if it holds more than letters, digits and -._/@^+."""
    if BARE.issuperset(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def timestamp(seconds: float) -> str:
    """RFC 3339 in whole seconds and the local zone, ``Z`` where that is UTC."""
    now = time.localtime(seconds)
    zone = "Z"
    if now.tm_gmtoff:
        hours, minutes = divmod(abs(now.tm_gmtoff) // 60, 60)
        zone = f"{'-' if now.tm_gmtoff < 0 else '+'}{hours:02}:{minutes:02}"
    return (
        f"{now.tm_year:04}-{now.tm_mon:02}-{now.tm_mday:02}"
        f"T{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}{zone}"
    )


def write_all(fd: int, data: bytes) -> None:
    """All of `data`, also to a pipe that an engine made non-blocking.

    Errors:  OSError of write(2), EAGAIN excepted.
    """
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            import select  # rare: only when the reader is slow as well

            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()


class Record:
    """One thing said: level, text, when, by which function, and further JSON fields."""

    __slots__ = ("caller", "fields", "level", "text", "when")

    def __init__(self, level: str, text: str, caller: tuple[str, str]) -> None:
        self.level = level
        self.text = printable(text)
        self.when = time.time()
        self.caller = caller
        self.fields: dict[str, Field] = {}

    def json(self) -> str:
        """One object on one line, keys sorted."""
        members: dict[str, Field] = {
            **self.fields, "level": self.level, "msg": self.text, "time": timestamp(self.when),
        }  # fmt: skip
        file, function = self.caller
        if file:
            members["file"], members["func"] = file, function
        texts = []
        for key in sorted(members):
            value = members[key]
            if isinstance(value, str):
                texts.append(f'"{key}":{json_string(value)}')
            else:
                texts.append(f'"{key}":[{",".join(map(json_string, value))}]')
        return "{" + ",".join(texts) + "}"

    def line(self) -> str:
        """One logfmt line."""
        parts = [("time", timestamp(self.when)), ("level", self.level), ("msg", self.text)]
        file, function = self.caller
        if file:
            parts += [("func", function), ("file", file)]
        return " ".join(f"{key}={text_value(value)}" for key, value in parts)

    def coloured(self, seconds: int) -> str:
        """The line for people: level in colour, seconds since the start, message."""
        file, function = self.caller
        caller = f" {file} {function}" if file else ""
        level = self.level[:4].upper()
        return f"\x1b[{COLOURS[self.level]}m{level}\x1b[0m[{seconds:04}]{caller} {self.text:<44} "


class Log:
    """Where a command's records go: a file, or standard error when the path is empty."""

    def __init__(self, path: str = "", *, log_format: str = "text", debug: bool = False) -> None:
        """Open the log.

        Errors:  HostError when the file cannot be opened; the command must not go on then,
                 since its engine would look for the reason there.
        """
        self.is_json = log_format == "json"
        self.is_debug = debug
        self._path = path
        self._fd = STDERR
        self._start = time.time()
        self._held: list[Record] = []
        if path:
            # runc adds O_SYNC. A log that survives a crash of the machine is worth
            # nothing to an engine that did not, and each record would wait for a disk.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            try:
                self._fd = os.open(path, flags, 0o644)
            except (OSError, ValueError) as error:
                number = getattr(error, "errno", 0)
                raise HostError(
                    f"open {path}" if number else f"open {path}: not a file name",
                    field="--log", errno=number,
                ) from error  # fmt: skip

    def debug(self, text: str) -> None:
        """Said only under --debug."""
        if self.is_debug:
            self._write(Record("debug", text, self._caller()))

    def warning(self, text: str, *, code: str = "warning") -> None:
        """Something the user should know, though the command goes on.

        The code is the word in brackets at the end of the text, where there is one.
        """
        record = Record("warning", text, self._caller())
        said = text.rpartition(" [")[2][:-1] if text[-1:] == "]" else ""
        record.fields["code"] = said if CODE.issuperset(said) and said else code
        if self.is_json:
            self._held.append(record)
        else:
            self._write(record)

    def error(self, failure: ContainerError | str, prefix: str = "") -> None:
        """The command's last word: why it failed.

        With a log file the text goes to standard error as well, bare: conmon and go-runc
        read it there.
        """
        record = Record("error", prefix + str(failure), self._caller())
        if isinstance(failure, ContainerError):
            parts = {
                "code": failure.code,
                "field": failure.field,
                "syscall": failure.syscall,
                "errno": errno_name(failure.errno) if failure.errno else "",
                "hint": failure.hint,
            }
            record.fields = {key: value for key, value in parts.items() if value}
        if self._held:
            record.fields["warnings"] = [held.text for held in self._held]
            self._held = []
        self._write(record)
        if self._fd != STDERR:
            say(record.text)

    def release(self) -> None:
        """Write the warnings held back: the command succeeded, or will not end for long."""
        held, self._held = self._held, []
        for record in held:
            self._write(record)

    def _caller(self) -> tuple[str, str]:
        """(``path:line``, function) of whoever called debug, warning or error; under --debug."""
        if not self.is_debug:
            return "", ""
        frame = sys._getframe(2)
        code = frame.f_code
        module = frame.f_globals.get("__name__", "")
        return f"{code.co_filename}:{frame.f_lineno}", f"{module}.{code.co_qualname}"

    def _write(self, record: Record) -> None:
        if self.is_json:
            line = record.json()
        elif os.isatty(self._fd):
            line = record.coloured(int(record.when - self._start))
        else:
            line = record.line()
        if self._fd == STDERR:
            say(line)
            return
        try:
            write_all(self._fd, line.encode() + b"\n")
        except OSError as error:
            # A full disk must not cost the user the record itself.
            say(f"--log: write {printable(self._path)}: {errno_words(error.errno or 0)}")
            say(line)


def say(line: str) -> None:
    """A bare line on standard error."""
    try:
        write_all(STDERR, line.encode("utf-8", "surrogateescape") + b"\n")
    except OSError:
        # Standard error is a closed pipe or a full disk: nobody is left to be told, and
        # the exit status still says that the command failed.
        pass
