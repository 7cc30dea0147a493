"""Completion for fish: one function reads the command line and prints what may come next."""

from __future__ import annotations

from runtime.cli.completion import FLAG_ALONE, argument_kinds, value_cases
from runtime.cli.manual import (
    documented_commands,
    global_options_of,
    meaning,
    shown_options,
    spellings,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.options import Command

HEAD = """\
# Completion of pyrunc in fish. Made from pyrunc's tables of options.
"""
ENGINE = r"""
# The containers that have one of the statuses.
function __pyrunc_containers --argument-names program root
    set -l statuses $argv[3..-1]
    set -l global
    test -n "$root"; and set global --root $root
    type --query -- $program; or return
    for line in (command $program $global list 2>/dev/null)[2..-1]
        set -l cells (string split --no-empty ' ' -- $line)
        contains -- $cells[3] $statuses; and printf '%s\t%s\n' $cells[1] $cells[3]
    end
end

# Candidates for the word of the kind; what belongs to the kind follows.
function __pyrunc_offer --argument-names word program root kind
    switch "$kind"
        case words
            string join -- \n $argv[5..-1]
        case containers
            __pyrunc_containers "$program" "$root" $argv[5..-1]
        case files
            __fish_complete_path $word
        case directories
            __fish_complete_directories $word
    end
end

# An option as the tables have it: one dash is enough for pyrunc, and two for a letter.
function __pyrunc_name --argument-names word
    set -l name (string replace --regex -- '^--?([^=]*).*' '$1' $word)
    if test (string length -- "$name") = 1
        echo -- -$name
    else
        echo -- --$name
    end
end

function __pyrunc_complete
    set -l words (commandline --cut-at-cursor --current-process --tokenize)
    set -l word (commandline --cut-at-cursor --current-token)
    set -l program (string replace --regex -- '^~/' $HOME/ $words[1])
    set -l command ''
    set -l position 1
    set -l pending ''
    set -l ended ''
    set -l root ''
    for one in $words[2..-1]
        if test -n "$pending"
            test $pending = --root; and set root (string replace --regex -- '^~/' $HOME/ $one)
            set pending ''
        else if test -z "$ended" -a x"$one" = x--
            set ended yes
        else if test -z "$ended"; and string match --quiet --regex -- '^-.' $one
            set -l name (__pyrunc_name $one)
            if string match --quiet -- '*=*' $one
                test $name = --root; and set root (string replace --regex -- '^[^=]*=' '' $one)
            else if __pyrunc_value "$command" $name >/dev/null
                set pending $name
            end
        else if test -z "$command"
            set command (string replace --regex -- '^h$' help $one)
        else
            set position (math $position + 1)
            contains -- $command $__pyrunc_in_order; and set ended yes
        end
    end

    if test -n "$pending"
        set -l kind (__pyrunc_value "$command" $pending)
        __pyrunc_offer "$word" "$program" "$root" (string split ' ' -- $kind)
    else if test -z "$ended"; and string match --quiet -- '-*=*' $word
        set -l parts (string split --max 1 = -- $word)
        set -l kind (__pyrunc_value "$command" (__pyrunc_name $word)); or return
        for one in (__pyrunc_offer "$parts[2]" "$program" "$root" (string split ' ' -- $kind))
            echo -- $parts[1]=$one
        end
    else if test -z "$ended"; and string match --quiet -- '-*' $word
        __pyrunc_options "$command"
    else if test -z "$command"
        __pyrunc_commands
    else
        set -l kind (__pyrunc_argument $command $position); or return
        __pyrunc_offer "$word" "$program" "$root" (string split ' ' -- $kind)
    end
end

complete --command pyrunc --no-files --arguments '(__pyrunc_complete)'
"""


def fish_script() -> str:
    """The script, for a directory of $fish_complete_path."""
    commands = documented_commands()
    in_order = " ".join(command.name for command in commands if command.in_order)
    rows = [_row(command.name, command.summary) for command in commands]
    return (
        "\n".join(
            (
                HEAD,
                f"set --global __pyrunc_in_order {in_order}",
                "",
                f"function __pyrunc_commands\n{_indented(rows)}end",
                "",
                "# The kind of value that the option $argv[2] of the command $argv[1] takes.",
                _function("__pyrunc_value", _values()),
                "",
                "# The kind of the argument $argv[2] of the command $argv[1], counted from 1.",
                _function("__pyrunc_argument", _arguments(commands)),
                "",
                "# The options of the command $argv[1].",
                _function("__pyrunc_options", _options(commands)),
            )
        )
        + ENGINE
    )


def _function(name: str, cases: list[tuple[str, list[str]]]) -> str:
    body = "".join(f"        case {pattern}\n{_indented(lines, 12)}" for pattern, lines in cases)
    return (
        f'function {name}\n    switch "$argv"\n{body}'
        "        case '*'\n            return 1\n    end\nend"
    )


def _values() -> list[tuple[str, list[str]]]:
    cases = []
    for command, names, kind in value_cases():
        pattern = " ".join(f"'{command or '*'} {name}'" for name in names)
        action = "return 1" if kind == FLAG_ALONE else f"echo -- {_quoted(kind)}"
        cases.append((pattern, [action]))
    return cases


def _arguments(commands: list[Command]) -> list[tuple[str, list[str]]]:
    cases = []
    for command in commands:
        for position, (name, kind) in enumerate(argument_kinds(command), start=1):
            place = "*" if name[-3:] == "..." else str(position)
            cases.append((f"'{command.name} {place}'", [f"echo -- {_quoted(kind)}"]))
    return cases


def _options(commands: list[Command]) -> list[tuple[str, list[str]]]:
    cases = []
    for command in (None, *commands):
        options = shown_options(command) + (global_options_of(command) if command else [])
        lines = [_row(name, meaning(o)) for o in options for name in spellings(o)]
        cases.append((_quoted(command.name if command else ""), lines))
    return cases


def _row(word: str, explanation: str) -> str:
    return f"printf '%s\\t%s\\n' {word} {_quoted(explanation)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _indented(lines: list[str], width: int = 4) -> str:
    return "".join(f"{' ' * width}{line}\n" for line in lines)
