"""Options as tables, and the reader that takes them from a command line as runc does.

A table is what the reader, --help, shell completion and the man pages are made from. Each
command module holds its own, so a command builds the tables it needs and no others.

The grammar is that of Go's flag package as runc uses it: one dash or two, ``--name value`` or
``--name=value``, the last of repeated values wins, no bundles and no abbreviations, options
also after the positional arguments, global options also after the command.
"""

from __future__ import annotations

from runtime.errors import ContainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Value = str | int | bool | list[str]

FLAG = "flag"  # stands alone, or --name=true, --name=false
TEXT = "text"  # takes a value
NUMBER = "number"  # takes a decimal number
DURATION = "duration"  # takes a time such as 500ms or 1m30s
LIST = "list"  # takes a value, may be repeated, is never split at commas
BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
NO_MAXIMUM = 1 << 30


class UsageError(ContainerError):
    """The command line is wrong; the message is runc's."""

    code = "usage"


class GrammarError(UsageError):
    """An option that is unknown, lacks its value or has a wrong one."""


class CountError(UsageError):
    """Too few or too many arguments."""


class Option:
    """One row of a table.

    Units:  name and aliases without dashes; metavar is the value's name in --help, and says to
            completion what it is; choices are all values there are, for both, empty where they
            cannot be listed; without a default an option that is not given is False, "", 0 or
            no values.
    """

    __slots__ = ("aliases", "choices", "default", "help", "hidden", "kind", "metavar", "name")

    def __init__(
        self,
        name: str,
        kind: str,
        help_text: str,
        *,
        aliases: tuple[str, ...] = (),
        metavar: str = "VALUE",
        choices: tuple[str, ...] = (),
        default: str | int | bool | None = None,
        hidden: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.help = help_text
        self.aliases = aliases
        self.metavar = metavar
        self.choices = choices
        self.default = default
        self.hidden = hidden


class Command:
    """A command's table.

    arguments      the positional arguments as --help shows them, and as completion reads them
    description    a few sentences for --help; runtime/cli/pages.py holds what is long
    least, most    how many there must be
    in_order       options end at the first positional argument (exec, kill, ps)
    failure_prefix what its error messages begin with
    """

    __slots__ = (
        "arguments", "description", "failure_prefix", "in_order", "least", "most", "name",
        "options", "summary",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        arguments: str,
        summary: str,
        *,
        least: int,
        most: int,
        options: tuple[Option, ...] = (),
        description: str = "",
        in_order: bool = False,
        failure_prefix: str = "",
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.summary = summary
        self.least = least
        self.most = most
        self.options = options
        self.description = description
        self.in_order = in_order
        self.failure_prefix = failure_prefix


GLOBAL_OPTIONS = (
    Option("debug", FLAG, "log more, each record with the place that it comes from"),
    Option("log", TEXT, "append the log to FILE (default: standard error)", metavar="FILE"),
    Option(
        "log-format", TEXT, "how to write the log",
        metavar="FORMAT", choices=("text", "json"), default="text",
    ),
    Option(
        "root", TEXT, "keep the state of containers in DIR (default: /run/pyrunc)", metavar="DIR"
    ),
    Option("systemd-cgroup", FLAG, "let systemd make the cgroups, by SLICE:PREFIX:NAME"),
    Option(
        "rootless", TEXT, "tolerate that cgroups may not be changed",
        metavar="WHEN", choices=("true", "false", "auto"), default="auto",
    ),
    Option("help", FLAG, "show help", aliases=("h",)),
    Option("version", FLAG, "print the version", aliases=("v",)),
)  # fmt: skip


def read_options(
    arguments: list[str],
    options: tuple[Option, ...],
    values: dict[str, Value],
    *,
    in_order: bool,
) -> tuple[list[str], list[str]]:
    """The positional arguments before ``--``, and those after it; `values` takes the options.

    Of two options with the same name the later in the table counts. With `in_order`
    everything from the first positional argument on is positional, and dashes in it mean
    nothing. Values read before an error stay in `values`, so that the error can be logged
    where --log said.

    Errors:  GrammarError with the reason in runc's words.
    """
    table = {name: option for option in options for name in (option.name, *option.aliases)}
    positional: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return positional, list(rest)
        if argument == "-" or not argument.startswith("-"):
            positional.append(argument)
            if in_order:
                return positional + list(rest), []
            continue
        name, has_value, text = argument[2 if argument[1] == "-" else 1 :].partition("=")
        if not name or name[0] == "-":
            raise GrammarError(f"bad flag syntax: {argument}")
        option = table.get(name)
        if option is None:
            raise _unknown(name, options)
        if option.kind == FLAG:
            values[option.name] = _boolean(name, text) if has_value else True
            continue
        given: str | None = text if has_value else next(rest, None)
        if given is None:
            raise GrammarError(f"flag needs an argument: -{name}")
        if option.kind == LIST:
            values[option.name] = [*_strings(values.get(option.name)), given]
        elif option.kind == NUMBER:
            values[option.name] = _number(name, given)
        else:
            if option.kind == DURATION:
                _check_duration(name, given)
            values[option.name] = given
    return positional, []


def check_count(command: Command, count: int) -> None:
    """No result: the number of positional arguments is one that the command takes.

    Errors:  CountError.
    """
    if command.least == command.most != count:
        wanted = f"exactly {command.least}"
    elif count < command.least:
        wanted = f"a minimum of {command.least}"
    elif count > command.most:
        wanted = f"a maximum of {command.most}"
    else:
        return
    raise CountError(f'pyrunc: "{command.name}" requires {wanted} argument(s)')


def _unknown(name: str, options: tuple[Option, ...]) -> GrammarError:
    from runtime.suggest import did_you_mean  # seldom

    shown = [option for option in options if not option.hidden]
    names = [f"--{name}" for option in shown for name in (option.name, *option.aliases)]
    hint = did_you_mean(f"--{name}", names)
    return GrammarError(f"flag provided but not defined: -{name}", hint=hint)


def _boolean(name: str, text: str) -> bool:
    if text not in BOOLEANS:
        raise GrammarError(f'invalid boolean value "{text}" for -{name}: write true or false')
    return BOOLEANS[text]


def _number(name: str, text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    # 18 digits and a sign stay inside the 64 bits that runc parses into.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise GrammarError(f'invalid value "{text}" for flag -{name}: write a whole number')
    return int(text)


def _check_duration(name: str, text: str) -> None:
    from runtime.cli.duration import parse_duration  # seldom

    try:
        parse_duration(text)
    except ValueError as error:
        reason = "write a number and a unit, such as 500ms or 5s"
        raise GrammarError(f'invalid value "{text}" for flag -{name}: {reason}') from error


def _strings(value: Value | None) -> list[str]:
    return value if isinstance(value, list) else []
