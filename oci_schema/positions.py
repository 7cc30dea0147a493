"""Where in a JSON text a value stands. Only for messages: the text was parsed before."""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]

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


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both from 1, the column in characters."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
