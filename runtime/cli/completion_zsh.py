"""Completion for zsh, by its function _arguments."""

from __future__ import annotations

from runtime.cli.completion import (
    ANYTHING,
    CONTAINERS,
    DIRECTORIES,
    FILES,
    FLAG_ALONE,
    WORDS,
    argument_kinds,
    value_kind,
)
from runtime.cli.manual import (
    documented_commands,
    global_options_of,
    meaning,
    shown_options,
    spellings,
    value_name,
)
from runtime.cli.options import FLAG, GLOBAL_OPTIONS, LIST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.options import Command, Option

START = r"""#compdef pyrunc
# Completion of pyrunc in zsh. Made from pyrunc's tables of options.

# The containers that have one of the statuses.
_pyrunc_containers() {
  local -a found
  local line
  for line in ${${(f)"$($program $root list 2>/dev/null)"}[2,-1]}; do
    (( $argv[(Ie)${${=line}[3]}] )) && found+=(${${=line}[1]})
  done
  local expl
  _wanted containers expl container compadd -a found
}

_pyrunc() {
  local curcontext=$curcontext program=${(Q)words[1]} state state_descr line
  local -a root global
  local -A opt_args
  local -i at
  program=${program/#\~\//$HOME/}
  for (( at = 2; at < CURRENT; at++ )); do
    case $words[at] in
      (-root|--root) root=(--root ${${(Q)words[at + 1]}/#\~\//$HOME/}) ;;
      (-root=*|--root=*) root=(--root ${${(Q)words[at]}#*=}) ;;
    esac
  done
"""
END = """\
      esac
      ;;
  esac
}

_pyrunc "$@"
"""
INDENT = " " * 10


def zsh_script() -> str:
    """The script, to be found as _pyrunc in $fpath."""
    commands = documented_commands()
    every = [_option(o) for o in GLOBAL_OPTIONS if o.name not in ("help", "version")]
    # One dash is enough for pyrunc; known here, so that the value is not taken for the command.
    every += [_quoted(f"!-{o.name}:{o.metavar}:") for o in GLOBAL_OPTIONS if o.kind != FLAG]
    only = [_option(o) for o in GLOBAL_OPTIONS if o.name in ("help", "version")]
    names = "\n".join(f"        {_quoted(f'{c.name}:{c.summary}')}" for c in commands)
    return (
        f"{START}"
        f"  global=({_listed(every, '    ')}\n  )\n"
        f"  _arguments -C -S $global{_continued(only, '    ')} \\\n"
        "    '(-)1: :->command' '(-)*:: :->argument' && return\n"
        "\n"
        "  case $state in\n"
        "    (command)\n"
        "      local -a commands=(\n"
        f"{names}\n"
        "      )\n"
        "      _describe command commands\n"
        "      ;;\n"
        "    (argument)\n"
        "      case $words[1] in\n"
        f"{''.join(map(_case, commands))}"
        f"{END}"
    )


def _case(command: Command) -> str:
    pattern = "help|h" if command.name == "help" else command.name
    flags = "-S -A '-*'" if command.in_order else "-S"
    inherited = global_options_of(command)
    taken = {option.name for option in command.options}
    hidden = [o.name for o in GLOBAL_OPTIONS if o.name in taken]
    # The command's own option takes the place of the global one.
    array = "$global" if not hidden else " ".join(_option(option) for option in inherited)
    specs = [_option(option) for option in shown_options(command)] + _arguments(command)
    line = f"_arguments {flags} {array}{_continued(specs, INDENT)}"
    return f"        ({pattern})\n          {line}\n          ;;\n"


def _option(option: Option) -> str:
    """One specification of _arguments, or several by the shell's braces."""
    names = spellings(option)
    kind = value_kind(option)
    if kind != FLAG_ALONE:
        # --name=value and --name value; short names take a word of their own only.
        names = [f"{name}=" if name[:2] == "--" else name for name in names]
    text = f"[{_escaped(meaning(option))}]"
    if kind != FLAG_ALONE:
        text += f":{_escaped(value_name(option))}:{_action(kind)}"
    if option.name in ("help", "version"):
        before = "(- *)"
    elif option.kind == LIST:
        before = "*"
    else:
        before = f"({' '.join(spellings(option))})" if len(names) > 1 else ""
    if len(names) == 1:
        return _quoted(f"{before}{names[0]}{text}")
    return f"{_quoted(before)}{{{','.join(names)}}}{_quoted(text)}"


def _arguments(command: Command) -> list[str]:
    specs = []
    for position, (name, kind) in enumerate(argument_kinds(command), start=1):
        place = "*" if name[-3:] == "..." else str(position)
        optional = ":" if place != "*" and f"[{name}" in command.arguments else ""
        specs.append(_quoted(f"{place}:{optional}{name.rstrip('.')}:{_action(kind)}"))
    return specs


def _action(kind: str) -> str:
    name, _, others = kind.partition(" ")
    # With a space before it _arguments calls a function just so, without arguments of its own.
    return {
        FILES: "_files", DIRECTORIES: "_files -/", WORDS: f"({others})", ANYTHING: "",
        CONTAINERS: f" _pyrunc_containers {others}",
    }[name]  # fmt: skip


def _escaped(text: str) -> str:
    for letter in "\\[]:":
        text = text.replace(letter, f"\\{letter}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _listed(specs: list[str], indent: str) -> str:
    return "".join(f"\n{indent}{spec}" for spec in specs)


def _continued(specs: list[str], indent: str) -> str:
    return "".join(f" \\\n{indent}  {spec}" for spec in specs)
