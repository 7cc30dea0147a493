"""Man pages in section 8, as troff with the man(7) macros: pyrunc(8) and one for each command.

Only macros that every man(1) has, and no argument that would need quotes: text is escaped once,
and fonts are changed in the line.
"""

from __future__ import annotations

from runtime.cli.call import DEFAULT_ROOT
from runtime.cli.manual import (
    INTRODUCTION,
    TITLE,
    documented_commands,
    global_options_of,
    meaning,
    paragraphs,
    shown_options,
    spellings,
    value_name,
    wrapped,
)
from runtime.cli.pages import COMMON_EXIT, page
from runtime.version import SPEC_VERSION, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.cli.options import Command, Option

SECTION = 8
LINE_MOST = 78
# Typed or printed as it is, so that it can be copied: the ASCII character, whatever the device.
LITERAL = str.maketrans(
    {
        "\\": "\\(rs", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti",
        '"': "\\(dq",
    }
)  # fmt: skip
PROSE = str.maketrans({"\\": "\\(rs", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"})
ENVIRONMENT = (
    ("XDG_RUNTIME_DIR", f"""
Without --root, and not as root, the state of containers is kept in `$XDG_RUNTIME_DIR/pyrunc`.
Root ignores the variable and uses `{DEFAULT_ROOT}`.
"""),
    ("LISTEN_FDS, LISTEN_PID", """
Sockets that were passed to pyrunc by socket activation are passed on to the container.
"""),
    ("NOTIFY_SOCKET", """
With it create makes a socket that the program of the container can report to that it is ready;
start and run wait for that, and tell it to the socket of that name.
"""),
    ("PATH", """
Where ps(1), newuidmap(1) and newgidmap(1) are looked for. The environment of pyrunc never gets
into a container.
"""),
)  # fmt: skip
FILES = (
    ("config.json", "The configuration of a container, in its bundle."),
    (f"{DEFAULT_ROOT}/CONTAINER-ID/state.json", "What is known of a container; see --root."),
    (f"{DEFAULT_ROOT}/CONTAINER-ID/exec.fifo", "What a container waits at until it is started."),
)


def page_name(command: str) -> str:
    """``pyrunc-kill``; with "" the name of the page that tells of all."""
    return f"pyrunc-{command}" if command else "pyrunc"


def general_page() -> str:
    """pyrunc(8): the commands, the global options, files and variables."""
    commands = documented_commands()
    statuses = (
        *COMMON_EXIT,
        ("3", "there is no such command"),
        ("N", "`run` and `exec` exit as the program of the container does; see their pages"),
    )
    synopsis = f"{_bold('pyrunc')} [global options] {_italic('COMMAND')} [options] [arguments]"
    rows = [(f"{_bold(page_name(c.name))}({SECTION})", c.summary) for c in commands]
    return "".join(
        (
            _head("", TITLE, synopsis),
            _section("DESCRIPTION", _prose(INTRODUCTION)),
            _section("COMMANDS", _rows(rows)),
            _section("OPTIONS", _options(shown_options(None))),
            _text("Global options may also follow the command."),
            _section("EXIT STATUS", _rows((_escaped(code), text) for code, text in statuses)),
            _section("ENVIRONMENT", _rows((_bold(name), text) for name, text in ENVIRONMENT)),
            _section("FILES", _rows((_italic(name), text) for name, text in FILES)),
            _section("STANDARDS", _prose(f"Open Container Initiative, runtime specification "
                                         f"{SPEC_VERSION}.")),
            _see_also(page_name(command.name) for command in commands),
        )
    )  # fmt: skip


def command_page(command: Command) -> str:
    """The page of one command."""
    own = page(command.name)
    arguments = _italic(command.arguments) if command.arguments else ""
    synopsis = f"{_bold('pyrunc')} [global options] {_bold(command.name)} [options] {arguments}"
    parts = [
        _head(command.name, command.summary, synopsis.rstrip()),
        _section("DESCRIPTION", _prose(f"{command.description}\n\n{own.details}")),
        _section("OPTIONS", _options(shown_options(command))),
    ]
    if others := global_options_of(command):
        names = ", ".join(_bold(f"--{option.name}") for option in others)
        sentence = f"The global options {names} are told of in {_bold('pyrunc')}(8)."
        parts.append(f".PP\n{_lines(sentence)}")
    parts += [
        _section("EXIT STATUS", _rows((_escaped(code), text) for code, text in own.exits)),
        _section("FILES", _rows((_italic(name), text) for name, text in FILES)),
    ]
    if own.examples:
        parts.append(_section("EXAMPLES", ".PP\n".join(map(_example, own.examples))))
    parts.append(_see_also(("pyrunc",)))
    return "".join(parts)


def _head(command: str, summary: str, synopsis: str) -> str:
    name = page_name(command)
    # No date: the same tree makes the same page, whenever it is built.
    return (
        f'.TH {_escaped(name.upper())} {SECTION} "" "pyrunc {VERSION}"\n'
        f".SH NAME\n{_escaped(name)} \\- {_words(summary)}\n"
        f".SH SYNOPSIS\n{synopsis}\n"
    )


def _section(title: str, body: str) -> str:
    return f".SH {title}\n{body}" if body else ""


def _options(options: Iterable[Option]) -> str:
    rows = []
    for option in options:
        names = ", ".join(_bold(name) for name in spellings(option))
        value = value_name(option)
        rows.append((f"{names} {_italic(value)}" if value else names, meaning(option)))
    return _rows(rows)


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    """Tagged paragraphs: the tag is troff already, the text is not."""
    return "".join(f".TP\n{tag}\n{_lines(_words(' '.join(text.split())))}" for tag, text in rows)


def _example(example: tuple[str, str]) -> str:
    caption, lines = example
    body = "".join(f"{_line(_escaped(line))}\n" for line in lines.strip().splitlines())
    return f"{_lines(_words(caption + ':'))}.PP\n.RS 4\n.nf\n{body}.fi\n.RE\n"


def _see_also(names: Iterable[str]) -> str:
    pages = [f"{_bold(name)}({SECTION})" for name in sorted(names)]
    return _section("SEE ALSO", ",\n".join(pages) + "\n")


def _prose(text: str) -> str:
    """Paragraphs, the first directly below its heading."""
    return ".PP\n".join(_lines(_words(part)) for part in paragraphs(text))


def _text(text: str) -> str:
    return f".PP\n{_lines(_words(text))}"


def _words(text: str) -> str:
    """Prose in which options, and what stands between backquotes, are bold."""
    parts = text.split("`")
    marked = [_bold(part) if index % 2 else _plain(part) for index, part in enumerate(parts)]
    return "".join(marked)


def _plain(text: str) -> str:
    """Prose: options are bold, and have dashes that are no hyphens."""
    return " ".join(
        _option_word(word) if word.lstrip("(").startswith("--") else word.translate(PROSE)
        for word in text.split(" ")
    )


def _option_word(word: str) -> str:
    start = word.index("--")
    end = len(word.rstrip(".,;:)"))
    return word[:start] + _bold(word[start:end]) + word[end:]


def _lines(text: str) -> str:
    return "".join(f"{_line(line)}\n" for line in wrapped(text, LINE_MOST))


def _line(text: str) -> str:
    """A line that no dot or quote at its beginning makes a request."""
    return f"\\&{text}" if text[:1] in (".", "'") else text


def _escaped(text: str) -> str:
    return text.translate(LITERAL)


def _bold(text: str) -> str:
    # Never hyphenated: it would be typed with the hyphen.
    return f"\\fB\\%{_escaped(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_escaped(text)}\\fR"
