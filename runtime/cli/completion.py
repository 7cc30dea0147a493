"""What completes a command line, for the scripts of bash, zsh and fish.

The scripts have the tables written out, so that a press of a key starts pyrunc only where
containers are asked for. They read command lines as runtime/cli/options.py does.
"""

from __future__ import annotations

from runtime.cli.kill import SIGNAL_NAMES
from runtime.cli.manual import documented_commands
from runtime.cli.options import FLAG, GLOBAL_OPTIONS
from runtime.cli.pages import page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.options import Command, Option

# The kinds of values. What follows a kind's name are its words, or the statuses of containers.
FLAG_ALONE, ANYTHING, FILES, DIRECTORIES = "flag", "anything", "files", "directories"
WORDS, CONTAINERS = "words", "containers"
# A program of a container's often has the same path on the host.
METAVARS = {
    "FILE": FILES, "SOCKET": FILES, "DIR": DIRECTORIES, "COMMAND": FILES, "ARG": FILES,
}  # fmt: skip


def completion_script(shell: str) -> str:
    """The script for one of pages.SHELLS."""
    # Each has its own module: the languages have nothing in common.
    if shell == "zsh":
        from runtime.cli.completion_zsh import zsh_script

        return zsh_script()
    if shell == "fish":
        from runtime.cli.completion_fish import fish_script

        return fish_script()
    from runtime.cli.completion_bash import bash_script

    return bash_script()


def value_kind(option: Option) -> str:
    """The kind of the option's value, and what belongs to the kind."""
    if option.kind == FLAG:
        return FLAG_ALONE
    if option.choices:
        return f"{WORDS} {' '.join(option.choices)}"
    return METAVARS.get(option.metavar, ANYTHING)


def argument_kinds(command: Command) -> list[tuple[str, str]]:
    """The positional arguments: name, kind; where the last is repeated its name ends in dots."""
    words = command.arguments.replace("[", " ").replace("]", " ").split()
    return [(word, _argument_kind(command.name, word.rstrip("."))) for word in words]


def _argument_kind(command: str, word: str) -> str:
    if word == "CONTAINER-ID":
        statuses = page(command).statuses
        # Without a status: the container is still to be made, and its name is free.
        return f"{CONTAINERS} {' '.join(statuses)}" if statuses else ANYTHING
    if word == "SIGNAL":
        return f"{WORDS} {SIGNAL_NAMES}"
    if command == "help":
        return f"{WORDS} {' '.join(one.name for one in documented_commands())}"
    return METAVARS.get(word, ANYTHING)


def value_cases() -> list[tuple[str, list[str], str]]:
    """Option by option, the first that fits counts: command ("" is any), spellings, kind.

    Flags are left out, but for those that have the name of a global option with a value.
    """
    with_value = {option.name for option in GLOBAL_OPTIONS if option.kind != FLAG}
    cases = [
        (command.name, _dashed(option), value_kind(option))
        for command in documented_commands()
        for option in command.options
        if option.kind != FLAG or option.name in with_value
    ]
    return cases + [("", _dashed(o), value_kind(o)) for o in GLOBAL_OPTIONS if o.kind != FLAG]


def _dashed(option: Option) -> list[str]:
    return [f"{'-' if len(n) == 1 else '--'}{n}" for n in (option.name, *option.aliases)]
