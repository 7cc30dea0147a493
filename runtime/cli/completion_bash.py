"""Completion for bash, without the library of the package bash-completion."""

from __future__ import annotations

from runtime.cli.completion import FLAG_ALONE, argument_kinds, value_cases
from runtime.cli.manual import documented_commands, global_options_of, shown_options, spellings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.options import Command

HEAD = """\
# Completion of pyrunc in bash 4 or newer. Made from pyrunc's tables of options.
"""
# REPLY is what these functions answer. `candidates`, `program` and `root` are _pyrunc's.
ENGINE = r"""
# The containers that have one of the statuses.
_pyrunc_containers() {
    local id pid status others
    {
        read -r others
        while read -r id pid status others; do
            if [[ " $* " == *" $status "* ]]; then candidates+=("$id"); fi
        done
    } < <("$program" "${root[@]}" list 2>/dev/null)
}

# Candidates for the word $1 of the kind $2; what belongs to the kind follows.
_pyrunc_offer() {
    local word=$1 kind=$2
    local -a candidates=()
    shift 2
    case $kind in
    words) candidates=("$@") ;;
    containers) _pyrunc_containers "$@" ;;
    files | directories)
        # Fails where no completion is going on, as in a test.
        compopt -o filenames 2>/dev/null
        [[ $kind = files ]] && set -- -f || set -- -d
        mapfile -t COMPREPLY < <(compgen "$1" -- "$word")
        return
        ;;
    esac
    # Not compgen -W, which runs what it finds between backquotes.
    for kind in "${candidates[@]}"; do
        if [[ $kind == "$word"* ]]; then COMPREPLY+=("$kind"); fi
    done
}

# An option as the tables have it: one dash is enough for pyrunc, and two for a letter.
_pyrunc_name() {
    REPLY=${1%%=*}
    case $REPLY in
    --?) REPLY=${REPLY#-} ;;
    --*) ;;
    -??*) REPLY=-$REPLY ;;
    esac
}

_pyrunc() {
    local -a words=() root=()
    local word name REPLY program command='' pending='' ended='' prefix=''
    local -i i position=1
    COMPREPLY=()

    # bash parts --root=DIR at the sign.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == = && i -gt 0 ]]; then
            words[${#words[@]} - 1]+==
        elif [[ i -gt 1 && ${COMP_WORDS[i - 1]} == = ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    program=${words[0]/#\~\//$HOME/}

    for word in "${words[@]:1:${#words[@]}-2}"; do
        if [[ $pending ]]; then
            if [[ $pending == --root ]]; then root=(--root "${word/#\~\//$HOME/}"); fi
            pending=''
        elif [[ $word == -- && ! $ended ]]; then
            ended=1
        elif [[ $word == -?* && ! $ended ]]; then
            _pyrunc_name "$word"
            name=$REPLY
            if [[ $name == --root && $word == *=* ]]; then
                root=(--root "${word#*=}")
            elif [[ $word != *=* ]] && _pyrunc_value "$command" "$name"; then
                pending=$name
            fi
        elif [[ ! $command ]]; then
            command=${word/#%h/help}
        else
            position+=1
            if [[ " $_pyrunc_in_order " == *" $command "* ]]; then ended=1; fi
        fi
    done

    word=${words[-1]}
    if [[ $pending ]]; then
        _pyrunc_value "$command" "$pending"
        _pyrunc_offer "$word" $REPLY
    elif [[ $word == -*=* && ! $ended ]]; then
        _pyrunc_name "$word"
        _pyrunc_value "$command" "$REPLY" || return 0
        if [[ $COMP_WORDBREAKS != *=* ]]; then prefix=${word%%=*}=; fi
        _pyrunc_offer "${word#*=}" $REPLY
        COMPREPLY=("${COMPREPLY[@]/#/"$prefix"}")
    elif [[ $word == -* && ! $ended ]]; then
        _pyrunc_options "$command"
        _pyrunc_offer "$word" words $REPLY
    elif [[ ! $command ]]; then
        _pyrunc_offer "$word" words $_pyrunc_commands
    elif _pyrunc_argument "$command" "$position"; then
        _pyrunc_offer "$word" $REPLY
    fi
}

complete -F _pyrunc pyrunc
"""


def bash_script() -> str:
    """The script, to be sourced."""
    commands = documented_commands()
    in_order = " ".join(command.name for command in commands if command.in_order)
    parts = (
        HEAD,
        f"_pyrunc_commands='{' '.join(command.name for command in commands)}'",
        f"_pyrunc_in_order='{in_order}'",
        "",
        "# The kind of value that the option $2 of the command $1 takes; fails for a flag.",
        _function("_pyrunc_value", "$1 $2", _values()),
        "",
        "# The kind of the argument $2 of the command $1, counted from 1.",
        _function("_pyrunc_argument", "$1 $2", _arguments(commands)),
        "",
        "# The options of the command $1.",
        _function("_pyrunc_options", "$1", _options(commands)),
    )
    return "\n".join(parts) + ENGINE


def _function(name: str, subject: str, cases: list[tuple[str, str]]) -> str:
    lines = [f"    {pattern}) {action} ;;" for pattern, action in cases]
    return "\n".join(
        (f"{name}() {{", f'    case "{subject}" in', *lines, "    *) return 1 ;;", "    esac", "}")
    )


def _values() -> list[tuple[str, str]]:
    cases = []
    for command, names, kind in value_cases():
        before = f"'{command} " if command else "*' "
        action = "return 1" if kind == FLAG_ALONE else f"REPLY='{kind}'"
        cases.append((" | ".join(f"{before}{name}'" for name in names), action))
    return cases


def _arguments(commands: list[Command]) -> list[tuple[str, str]]:
    cases = []
    for command in commands:
        for position, (name, kind) in enumerate(argument_kinds(command), start=1):
            pattern = (
                f"'{command.name} '*" if name[-3:] == "..." else f"'{command.name} {position}'"
            )
            cases.append((pattern, f"REPLY='{kind}'"))
    return cases


def _options(commands: list[Command]) -> list[tuple[str, str]]:
    cases = []
    for command in (None, *commands):
        options = shown_options(command) + (global_options_of(command) if command else [])
        words = [name for option in options for name in spellings(option)]
        cases.append((f"'{command.name if command else ''}'", f"REPLY='{' '.join(words)}'"))
    return cases
