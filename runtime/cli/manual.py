"""What help, man pages and completions say of the commands, so that they say the same.

The tables of options come from the modules of the commands; what is too long for those lies in
pages.py. Nothing here is loaded by a command that does its work.
"""

from __future__ import annotations

from runtime.cli.dispatch import COMMANDS, command_module
from runtime.cli.options import FLAG, GLOBAL_OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.options import Command, Option

TITLE = "run containers as the OCI runtime specification describes them"
INTRODUCTION = """
A container is made from a bundle, a directory with a config.json and a root filesystem, and is
known by its CONTAINER-ID. Engines such as podman, containerd and Docker call pyrunc as they call
runc, whose command line it has.
"""


def documented_commands() -> list[Command]:
    """The tables of all commands, help among them, in the order of their names."""
    return [command_module(name).COMMAND for name in sorted((*COMMANDS, "help"))]


def shown_options(command: Command | None) -> list[Option]:
    """The options that people are told of: a command's own and --help; None is for the global."""
    if command is None:
        return [option for option in GLOBAL_OPTIONS if not option.hidden]
    inherited = [option for option in GLOBAL_OPTIONS if option.name == "help"]
    return [option for option in (*command.options, *inherited) if not option.hidden]


def global_options_of(command: Command) -> list[Option]:
    """The global options that may follow the command, without those that it has replaced."""
    own = {option.name for option in command.options}
    return [o for o in GLOBAL_OPTIONS if not o.hidden and o.name not in own | {"help", "version"}]


def spellings(option: Option) -> list[str]:
    """``-f`` and ``--format``: the short ones first."""
    names = (option.name, *option.aliases)
    short = [f"-{name}" for name in names if len(name) == 1]
    return short + [f"--{name}" for name in names if len(name) > 1]


def value_name(option: Option) -> str:
    """What the option's value is called; "" for a flag."""
    return "" if option.kind == FLAG else option.metavar


def meaning(option: Option) -> str:
    """The option's help, with its choices and its default."""
    text = option.help
    if option.choices:
        *others, last = option.choices
        text += f": {', '.join(others)} or {last}"
    if option.default not in (None, ""):
        text += f" (default: {option.default})"
    return text


def synopsis(command: Command) -> str:
    """How the command is called, without the program's name."""
    return f"{command.name} [options] {command.arguments}".rstrip()


def paragraphs(text: str) -> list[str]:
    """A text's paragraphs, each on one line: blank lines part them."""
    parts = text.strip().split("\n\n")
    return [" ".join(part.split()) for part in parts if part.strip()]


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` characters; a longer word has a line of its own."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".lstrip()
    return [*lines, line]
