"""help: print what a command does, its man page or a shell's completion; also all of --help."""

from __future__ import annotations

from runtime.cli.call import write_out
from runtime.cli.manual import (
    INTRODUCTION,
    TITLE,
    documented_commands,
    meaning,
    paragraphs,
    shown_options,
    spellings,
    synopsis,
    value_name,
    wrapped,
)
from runtime.cli.options import FLAG, TEXT, Command, Option
from runtime.cli.pages import SHELLS, page
from runtime.errors import ConfigError
from runtime.version import (
    COMMIT,
    SPEC_VERSION,
    VERSION,
    VERSION_LINE,
    libseccomp_version,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.cli.call import Call

COMMAND = Command(
    "help",
    "[COMMAND]",
    "list the commands, or explain one of them",
    least=0,
    most=1,
    options=(
        Option("man", FLAG, "print the man page, for man -l -"),
        Option(
            "completion", TEXT, "print what completes command lines in a shell",
            metavar="SHELL", choices=SHELLS,
        ),
    ),
    description="""
The same as `pyrunc COMMAND --help`.
""",
)  # fmt: skip
WIDTH = 80
MARGIN = " " * 3
NAMES_WIDTH_MOST = 26  # a longer name has a line of its own
GAP = 2


def main(call: Call) -> int:
    """Print the text that was asked for; 0.

    Errors:  those of check_name; ConfigError for a shell that is not known.
    """
    topic = call.arguments[0] if call.arguments else ""
    shell = call.text("completion")
    if shell:
        from runtime.cli.completion import completion_script

        if shell not in SHELLS:
            raise ConfigError(
                f'"{shell}" is no shell that is known here',
                field="--completion",
                hint=f"write one of {', '.join(SHELLS)}",
            )
        write_out(completion_script(shell))
    elif call.flag("man"):
        from runtime.cli.manpage import command_page, general_page

        write_out(command_page(_command(topic)) if topic else general_page())
    else:
        write_out(help_text(topic))
    return 0


def help_text(topic: str) -> str:
    """The help of a command, or with "" of all.

    Errors:  those of check_name.
    """
    return command_help(_command(topic)) if topic else general_help()


def _command(name: str) -> Command:
    from runtime.cli.dispatch import check_name, command_module

    name = {"h": "help"}.get(name, name)
    check_name(name)
    found: Command = command_module(name).COMMAND
    return found


def version_text() -> str:
    """The lines of --version; one that is not known is left out."""
    rows = (("commit", COMMIT), ("spec", SPEC_VERSION), ("libseccomp", libseccomp_version()))
    lines = [VERSION_LINE, *(f"{name}: {value}" for name, value in rows if value)]
    return "".join(f"{line}\n" for line in lines)


def general_help() -> str:
    """The commands and the global options."""
    commands = [
        (f"{c.name}, h" if c.name == "help" else c.name, c.summary) for c in documented_commands()
    ]
    return "\n".join(
        (
            f"NAME:\n{MARGIN}pyrunc - {TITLE}\n",
            f"USAGE:\n{MARGIN}pyrunc [global options] COMMAND [options] [arguments]\n",
            f"VERSION:\n{MARGIN}{VERSION}\n",
            f"DESCRIPTION:\n{_prose(INTRODUCTION)}",
            f"COMMANDS:\n{_columns(commands)}",
            f"GLOBAL OPTIONS:\n{_options(None)}",
            f"{MARGIN}Global options may also follow the command.\n",
        )
    )


def command_help(command: Command) -> str:
    """One command: what it does, its arguments, its options and how they are used."""
    parts = [
        f"NAME:\n{MARGIN}pyrunc {command.name} - {command.summary}\n",
        f"USAGE:\n{MARGIN}pyrunc [global options] {synopsis(command)}\n",
    ]
    if command.description:
        parts.append(f"DESCRIPTION:\n{_prose(command.description)}")
    parts.append(f"OPTIONS:\n{_options(command)}")
    if examples := page(command.name).examples:
        parts.append("EXAMPLES:\n" + "\n".join(map(_example, examples)))
    return "\n".join(parts)


def _prose(text: str) -> str:
    parts = [wrapped(part, WIDTH - len(MARGIN)) for part in paragraphs(text)]
    return "\n".join("".join(f"{MARGIN}{line}\n" for line in lines) for lines in parts)


def _example(example: tuple[str, str]) -> str:
    caption, lines = example
    text = "".join(f"{MARGIN}{line}\n" for line in wrapped(caption + ":", WIDTH - len(MARGIN)))
    return text + "".join(f"{MARGIN}{MARGIN}{line}\n" for line in lines.strip().splitlines())


def _options(command: Command | None) -> str:
    rows = []
    for option in shown_options(command):
        names = spellings(option)
        # Names without a short form stand below one another, not below the short ones.
        indent = "    " if len(names[0]) > 2 else ""
        rows.append((f"{indent}{', '.join(names)} {value_name(option)}".rstrip(), meaning(option)))
    if all(names[:1] == " " for names, _ in rows):
        rows = [(names.lstrip(), text) for names, text in rows]
    return _columns(rows)


def _columns(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    fitting = [len(name) for name, _ in rows if len(name) <= NAMES_WIDTH_MOST]
    width = max(fitting, default=0) + GAP
    text = ""
    for name, explanation in rows:
        first, *others = wrapped(explanation, WIDTH - len(MARGIN) - width)
        if len(name) > NAMES_WIDTH_MOST:
            text += f"{MARGIN}{name}\n{MARGIN}{'':{width}}{first}\n"
        else:
            text += f"{MARGIN}{name:<{width}}{first}\n"
        text += "".join(f"{MARGIN}{'':{width}}{line}\n" for line in others)
    return text
