"""The texts of --help and --version, made from the options' tables."""

from __future__ import annotations

from runtime.cli.dispatch import COMMANDS, command_module
from runtime.cli.options import FLAG, GLOBAL_OPTIONS
from runtime.version import (
    COMMIT,
    SPEC_VERSION,
    VERSION,
    VERSION_LINE,
    libseccomp_version,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.options import Command, Option

INTRODUCTION = f"""\
NAME:
   pyrunc - run containers as the OCI runtime specification describes them

USAGE:
   pyrunc [global options] COMMAND [options] [arguments]

VERSION:
   {VERSION}

COMMANDS:
"""


def version_text() -> str:
    """The lines of --version; one that is not known is left out."""
    rows = (("commit", COMMIT), ("spec", SPEC_VERSION), ("libseccomp", libseccomp_version()))
    lines = [VERSION_LINE, *(f"{name}: {value}" for name, value in rows if value)]
    return "".join(f"{line}\n" for line in lines)


def command_tables() -> list[Command]:
    """The tables of all commands, for help, completion and man pages."""
    return [command_module(name).COMMAND for name in COMMANDS]


def general_help() -> str:
    """The commands and the global options."""
    rows = [(command.name, command.summary) for command in command_tables()]
    rows.append(("help, h", "show this list, or the help of one command"))
    return f"{INTRODUCTION}{_columns(rows)}\nGLOBAL OPTIONS:\n{_options(GLOBAL_OPTIONS)}"


def command_help(command: Command) -> str:
    """One command: what it does, its arguments and its options."""
    usage = f"pyrunc {command.name} [options] {command.arguments}".rstrip()
    text = f"NAME:\n   pyrunc {command.name} - {command.summary}\n\nUSAGE:\n   {usage}\n"
    if command.description:
        lines = command.description.strip().splitlines()
        text += "\nDESCRIPTION:\n" + "".join(f"   {line}".rstrip() + "\n" for line in lines)
    help_option = tuple(option for option in GLOBAL_OPTIONS if option.name == "help")
    return f"{text}\nOPTIONS:\n{_options(command.options + help_option)}"


def _options(options: tuple[Option, ...]) -> str:
    return _columns([(_names(option), _meaning(option)) for option in options if not option.hidden])


def _names(option: Option) -> str:
    value = "" if option.kind == FLAG else f" {option.metavar}"
    names = [f"--{option.name}"]
    names += [f"-{alias}" if len(alias) == 1 else f"--{alias}" for alias in option.aliases]
    return ", ".join(name + value for name in names)


def _meaning(option: Option) -> str:
    return option.help if option.default is None else f"{option.help} (default: {option.default})"


def _columns(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "".join(f"   {name:<{width}}  {meaning}\n" for name, meaning in rows)
