"""Where in a JSON text a value stands. Only for messages: the text was parsed before."""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]

STEP = re.compile(r'\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.\[]+)')
TOKEN = re.compile(r'[{}\[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+', re.DOTALL)


def locate(text: str) -> dict[Path, int]:
    """The offset of every value, by the keys and indexes that lead to it.

    Of a member that is there twice, the last counts, as it does for the parser. Without
    recursion, so that no text is too deep.
    """
    places: dict[Path, int] = {}
    path: list[str | int] = []
    brackets: list[str] = []
    is_key = False
    for token in TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            places[tuple(path)] = token.start()
            brackets.append(mark)
            path.append("" if mark == "{" else 0)
            is_key = mark == "{"
        elif mark in "}]":
            brackets.pop()
            path.pop()
        elif mark == ",":
            is_key = brackets[-1] == "{"
            path[-1] = "" if is_key else int(path[-1]) + 1
        elif mark == ":":
            is_key = False
        elif is_key:
            path[-1] = json.loads(mark)
        else:
            places[tuple(path)] = token.start()
    return places


def path_of(field: str) -> Path:
    """The keys and indexes of a place as errors spell it: ``mounts[3].options[1]``."""
    steps: list[str | int] = []
    for index, quoted, plain in STEP.findall(field):
        steps.append(int(index) if index else json.loads(quoted) if quoted else plain)
    return tuple(steps)


def nearest(places: dict[Path, int], path: Path) -> int:
    """The offset of the value at `path`, or of what surrounds the place where it is missing."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path, 0)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both from 1, the column in characters."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
