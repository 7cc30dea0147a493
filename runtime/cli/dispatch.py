"""argv to one command module, and whatever happens there to an exit status.

No failure leaves here as a traceback: every one is a line in the log, and on standard error.
"""

from __future__ import annotations

from runtime.cli.call import Call, write_out
from runtime.cli.options import (
    GLOBAL_OPTIONS,
    CountError,
    GrammarError,
    UsageError,
    check_count,
    read_options,
)
from runtime.errors import ConfigError, ContainerError
from runtime.log import Log, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from runtime.cli.options import Command, Value

# Each is a module of this package with a COMMAND and a main(call) -> exit status.
COMMANDS = (
    "create", "debug", "delete", "doctor", "events", "exec", "explain", "features", "gc",
    "inspect", "kill", "list", "pause", "ps", "resume", "run", "spec", "start", "state", "trace",
    "update", "validate",
)  # fmt: skip
# runc has these, and pyrunc has not yet: "unknown command" would be wrong for people who
# know runc, so they are refused by name. Their --help must fail too: podman takes a
# working `checkpoint --help` for the ability to checkpoint.
NOT_SUPPORTED = (
    "checkpoint", "restore",
)  # fmt: skip
UNKNOWN_COMMAND_STATUS = 3
INTERRUPTED_STATUS = 130


class Invocation:
    """What the command line said, as far as it could be read, and the log it named.

    module  the command's, None where a global option or the help command says it all
    topic   show the help of this command; "" is the general help, None is no help
    """

    __slots__ = ("arguments", "log", "module", "topic", "values")

    def __init__(self) -> None:
        self.module: ModuleType | None = None
        self.topic: str | None = None
        self.arguments: list[str] = []
        self.values: dict[str, Value] = {}
        self.log = Log()


def main(argv: list[str]) -> int:
    """Run the command that `argv` (without the program's name) asks for: its exit status."""
    invocation = Invocation()
    try:
        try:
            read_command_line(argv, invocation)
        finally:
            # A misspelt command line is reported in the log that it names, too.
            invocation.log = _open_log(invocation.values)
        return _run(invocation)
    except ContainerError as error:
        return _fail(error, invocation)
    except KeyboardInterrupt:
        invocation.log.error("interrupted")
        return INTERRUPTED_STATUS
    except Exception as error:
        _tell_unforeseen(error, invocation.log)
        return 1


def read_command_line(argv: list[str], invocation: Invocation) -> None:
    """Fill `invocation` in.

    Errors:  UsageError; `invocation` then holds what was understood before it. ConfigError
             for a command that pyrunc has not yet.
    """
    values = invocation.values
    before, after = read_options(argv, GLOBAL_OPTIONS, values, in_order=True)
    words = before + after
    if values.get("version") is True:
        return
    if values.get("help") is True or not words:
        invocation.topic = ""
        return
    name = words[0]
    if name == "h":
        name = "help"
    check_name(name)
    invocation.module = command_module(name)
    command: Command = invocation.module.COMMAND
    # The command's come last: spec's --rootless is not the global one.
    options = GLOBAL_OPTIONS + command.options
    before, after = read_options(words[1:], options, values, in_order=command.in_order)
    invocation.arguments = before + after
    if values.get("help") is True or (before[:1] == ["help"] and name != "help"):
        invocation.topic = name


def command_module(name: str) -> ModuleType:
    """The module of a command that is in COMMANDS."""
    # importlib's import_module would say the same and cost a module more.
    module: ModuleType = __import__(f"runtime.cli.{name}", fromlist=("COMMAND",))
    return module


def check_name(name: str) -> None:
    """No result: there is such a command.

    Errors:  UsageError, with an exit status of its own; ConfigError for a command of runc that
             pyrunc has not yet.
    """
    if name in COMMANDS or name == "help":
        return
    if name in NOT_SUPPORTED:
        raise ConfigError(f"{name} is not supported by this version of pyrunc", code="unsupported")
    from runtime.suggest import did_you_mean  # seldom

    hint = did_you_mean(name, (*COMMANDS, "help"))
    refusal = UsageError(f"No help topic for '{name}'", hint=hint)
    refusal.exit_status = UNKNOWN_COMMAND_STATUS
    raise refusal


def _open_log(values: dict[str, Value]) -> Log:
    log_format = str(values.get("log-format") or "text")
    if log_format not in ("text", "json"):
        raise ConfigError(f"invalid log-format: {log_format}", hint="write text or json")
    return Log(str(values.get("log", "")), log_format=log_format, debug=values.get("debug") is True)


def _run(invocation: Invocation) -> int:
    if invocation.values.get("version") is True:
        from runtime.cli.help import version_text

        write_out(version_text())
        return 0
    if invocation.topic is not None or invocation.module is None:
        _show_help(invocation.topic or "")
        return 0
    command: Command = invocation.module.COMMAND
    check_count(command, len(invocation.arguments))
    options = GLOBAL_OPTIONS + command.options
    values = {option.name: option.default for option in options if option.default is not None}
    call = Call({**values, **invocation.values}, invocation.arguments, invocation.log)
    status: int = invocation.module.main(call)
    invocation.log.release()
    return status


def _show_help(topic: str) -> None:
    # Nobody waits for help in microseconds, so its texts are loaded only here.
    from runtime.cli.help import help_text

    write_out(help_text(topic))


def _fail(error: ContainerError, invocation: Invocation) -> int:
    prefix = ""
    try:
        if isinstance(error, GrammarError):
            say(f"Incorrect Usage: {error}\n")
            _show_help(invocation.module.COMMAND.name if invocation.module else "")
        elif isinstance(error, CountError):
            write_out("Incorrect Usage.\n\n")
        elif invocation.module is not None and not isinstance(error, UsageError):
            prefix = invocation.module.COMMAND.failure_prefix
    except ContainerError:
        # The help has no reader. What went wrong is told all the same, in the next line.
        pass
    invocation.log.error(error, prefix)
    return error.exit_status


def _tell_unforeseen(error: Exception, log: Log) -> None:
    """Tell of a mistake of ours in one line; under --debug the traceback comes before it."""
    if log.is_debug:
        from traceback import format_exception

        for line in "".join(format_exception(error)).splitlines():
            log.debug(line)
    text = f"internal error: {type(error).__name__}: {error}"
    log.error(text if log.is_debug else f"{text}; --debug shows where")
