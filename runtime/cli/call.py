"""One invocation: the options as they were given, and what a command makes of them."""

from __future__ import annotations

import posix as os

from runtime import paths
from runtime.environment import variable
from runtime.errors import ConfigError, HostError, errno_words
from runtime.log import json_string, write_all
from runtime.plan.options import GlobalOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.options import Value
    from runtime.log import Log
    from runtime.state import StateStore

    Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

STDOUT = 1
DEFAULT_ROOT = "/run/pyrunc"
INITIAL_UID_MAP = ["0", "0", "4294967295"]


class Call:
    """What a command's main() is given: its options, its arguments, the log."""

    __slots__ = ("_values", "arguments", "log")

    def __init__(self, values: dict[str, Value], arguments: list[str], log: Log) -> None:
        self._values = values
        self.arguments = arguments
        self.log = log

    def flag(self, name: str) -> bool:
        """A flag of the command, or a global one."""
        return self._values.get(name) is True

    def text(self, name: str) -> str:
        """The value of an option that takes one."""
        return str(self._values.get(name, ""))

    def texts(self, name: str) -> list[str]:
        """The values of an option that may be repeated."""
        found = self._values.get(name, [])
        return found if isinstance(found, list) else [str(found)]

    def number(self, name: str) -> int:
        """The value of an option that takes a number."""
        return int(self.text(name) or 0)

    def is_given(self, name: str) -> bool:
        """The option stands on the command line, or has a default."""
        return name in self._values

    def container_id(self) -> str:
        """The first argument. Which ids are valid is for the state store to say.

        Errors:  ConfigError when it is empty.
        """
        if not self.arguments[0]:
            raise ConfigError("container id cannot be empty", code="invalid-id")
        return self.arguments[0]

    def global_options(self) -> GlobalOptions:
        """The global options, the state root resolved.

        Errors:  those of state_root.
        """
        options = GlobalOptions()
        options.root_given = self.is_given("root")
        options.root = state_root(self.text("root") if options.root_given else None)
        options.debug = self.flag("debug")
        options.log = self.text("log")
        options.log_format = self.text("log-format") or "text"
        options.systemd_cgroup = self.flag("systemd-cgroup")
        return options

    def store(self) -> StateStore:
        """The state store of the root that the command line or the environment names."""
        # Commands without containers (spec, features) get by without it.
        from runtime.state import StateStore

        return StateStore(self.global_options().root)


def absolute(path: str, field: str) -> str:
    """`path` from the root on, normalised.

    Errors:  HostError when it is relative and the working directory is gone.
    """
    try:
        return paths.absolute(path)
    except OSError as error:
        raise HostError(
            f"the working directory of this process: {errno_words(error.errno or 0)}",
            field=field,
            hint="write an absolute path, or change to a directory that exists",
        ) from error


def state_root(given: str | None) -> str:
    """Where states are kept: what --root says, else a place of the user, else /run/pyrunc.

    Root itself ignores XDG_RUNTIME_DIR: every command of a container must come to the same
    place, and engines set the variable for some commands only. An empty one counts as unset.
    The user's place is made here, and marked sticky so that no cleaner removes it.

    Errors:  ConfigError when --root is ``/``; HostError when the user's place cannot be made.
    Source:  cli.md, Environment and state directory; XDG Base Directory Specification.
    """
    if given is not None:
        root = absolute(given, "--root")
        if not root.strip("/"):
            raise ConfigError("Option --root argument should not be set to /")
        return root
    runtime_dir = variable("XDG_RUNTIME_DIR")
    if not runtime_dir or not _is_foreign_root():
        return DEFAULT_ROOT
    root = absolute(runtime_dir + "/pyrunc", "XDG_RUNTIME_DIR")
    hint = "the path in $XDG_RUNTIME_DIR must be writable by the user"
    try:
        from os import makedirs  # seldom

        makedirs(root, 0o700, exist_ok=True)
        hint = "you should check permission of the path in $XDG_RUNTIME_DIR"
        os.chmod(root, 0o1700)
    except OSError as error:
        raise HostError(f"make {root}", errno=error.errno or 0, hint=hint) from error
    return root


def _is_foreign_root() -> bool:
    """Not root of the machine: another user, or root of a user namespace of a user's own."""
    if os.geteuid() != 0:
        return True
    if variable("USER") == "root":
        return False
    return _read_uid_map() not in (INITIAL_UID_MAP, [])


def _read_uid_map() -> list[str]:
    try:
        with open("/proc/self/uid_map", "rb", buffering=0) as file:
            return file.read(256).decode().split()
    except FileNotFoundError:
        # Without /proc, or on a kernel without user namespaces, root is the machine's.
        return []


def write_out(text: str) -> None:
    """Write a command's result to standard output.

    Errors:  HostError when nobody can read it: a closed pipe, a full disk.
    """
    try:
        write_all(STDOUT, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise HostError("write to standard output", errno=error.errno or 0) from error


def json_text(value: Json, indent: str = "", margin: str = "\n") -> str:
    """`value` as JSON: on one line, or with `indent` a member a line, as Go's encoder does.

    The json module would cost 5 ms for this.
    """
    if isinstance(value, str):
        return json_string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    inner = margin + indent if indent else ""
    outer = margin if indent else ""
    if isinstance(value, list):
        parts = [json_text(item, indent, inner) for item in value]
        opening, closing = "[", "]"
    else:
        colon = ": " if indent else ":"
        parts = [
            json_string(key) + colon + json_text(item, indent, inner) for key, item in value.items()
        ]
        opening, closing = "{", "}"
    if not parts:
        return opening + closing
    return opening + inner + ("," + inner).join(parts) + outer + closing
