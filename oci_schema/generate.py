"""Write tables.py, the rules of `check`, from the schema: python -m oci_schema.generate."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from typing import Any

from oci_schema.documents import document

TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables.py")
HEAD = '''\
"""The rules of check.py. Written by `python -m oci_schema.generate`: change the schema instead."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Rule = tuple[Any, ...] | frozenset[str]

ARRAY, OBJECT, PATTERN = 0, 1, 2

# fmt: off
'''
TYPES = {"string": "str", "boolean": "bool", "integer": "int", "object": "dict"}
# Keywords that say nothing about validity.
REMARKS = {"$schema", "$defs", "title", "description", "deprecated"}
# A run of a class of characters, or of one character that means itself.
PART = re.compile(r"(?:\[(\^?)((?:\\.|[^\]\\])+)\]|([A-Za-z0-9_: -]))([*+]?)")
NO_LIMIT = 1 << 32
LINE_LENGTH = 100


class Unsupported(Exception):
    """The schema says something that the fast validator has no rule for."""


class Group:
    """A bracketed list of expressions, each with the key it stands at ("" for none)."""

    def __init__(self, opening: str, items: list[tuple[str, Expression]], closing: str) -> None:
        self.opening = opening
        self.items = items
        self.closing = closing

    def flat(self) -> str:
        """On one line; a tuple of one needs its comma."""
        text = ", ".join(key + flat(item) for key, item in self.items)
        comma = "," if self.opening == "(" and len(self.items) == 1 else ""
        return self.opening + text + comma + self.closing

    def lines(self, margin: str, before: str, after: str) -> list[str]:
        """On one line if it fits, else an item a line."""
        line = margin + before + self.flat() + after
        if len(line) <= LINE_LENGTH:
            return [line]
        text = [margin + before + self.opening]
        inner = margin + "    "
        for key, item in self.items:
            if isinstance(item, str):
                text.append(f"{inner}{key}{item},")
            else:
                text += item.lines(inner, key, ",")
        return [*text, margin + self.closing + after]


Expression = str | Group


class Tables:
    """The text of tables.py as it grows: what has a name in the schema is a constant."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self.whole = whole
        self.lines: list[str] = []
        self.names: dict[str, str] = {}

    def rule(self, node: dict[str, Any]) -> Expression:
        """The expression for a schema.

        Errors:  Unsupported for keywords that check.py knows nothing of.
        """
        said = {key: value for key, value in node.items() if key not in REMARKS}
        if set(said) == {"$ref"}:
            return self.named(said["$ref"])
        if set(said) == {"enum"}:
            return Group("frozenset({", texts(sorted(said["enum"])), "})")
        kind = said.pop("type", None)
        if kind == "object" and said:
            return self.object(said)
        if kind == "array" and set(said) <= {"items", "minItems"}:
            return tuple_of("ARRAY", self.rule(said["items"]), str(said.get("minItems", 0)))
        if kind == "integer" and set(said) == {"minimum", "maximum"}:
            return f"range({said['minimum']}, {said['maximum'] + 1})"
        if kind == "string" and set(said) == {"pattern"}:
            return pattern(said["pattern"])
        if kind in TYPES and not said:
            return TYPES[kind]
        raise Unsupported(f"no rule for {node}")

    def object(self, said: dict[str, Any]) -> Group:
        """The expression for an object with the keywords `said`."""
        if not set(said) <= {"properties", "required", "additionalProperties"}:
            raise Unsupported(f"no rule for an object with {sorted(said)}")
        members = said.get("properties", {}).items()
        others = said.get("additionalProperties")
        return tuple_of(
            "OBJECT",
            Group("{", [(f"{quoted(name)}: ", self.rule(node)) for name, node in members], "}"),
            Group("(", texts(said.get("required", [])), ")"),
            self.rule(others) if others else "None",
        )

    def named(self, reference: str) -> str:
        """The constant of what a reference points at, written down before its first use."""
        if reference not in self.names:
            node = self.whole
            for step in reference.split("/")[1:]:
                node = node[step]
            expression = self.rule(node)
            if isinstance(expression, str) and expression.isidentifier():
                self.names[reference] = expression
                return expression
            name = constant(reference)
            if name in self.names.values():
                raise Unsupported(f"two definitions would be called {name}")
            self.names[reference] = name
            if isinstance(expression, str):
                self.lines.append(f"{name} = {expression}")
            else:
                self.lines += expression.lines("", f"{name}: Rule = ", "")
        return self.names[reference]


def flat(expression: Expression) -> str:
    """An expression on one line."""
    return expression if isinstance(expression, str) else expression.flat()


def quoted(text: str) -> str:
    """A string literal, in the quotes of the house."""
    return json.dumps(text, ensure_ascii=False)


def texts(words: list[str]) -> list[tuple[str, Expression]]:
    """String literals as the items of a group."""
    return [("", quoted(word)) for word in words]


def tuple_of(*items: Expression) -> Group:
    """A tuple display."""
    return Group("(", [("", item) for item in items], ")")


def constant(reference: str) -> str:
    """``#/$defs/common.json/$defs/idMapping`` is ID_MAPPING."""
    word = reference.rpartition("/")[2].removesuffix(".json")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).upper()


def pattern(text: str) -> Group:
    """The rule for a pattern: a literal prefix, then runs of characters up to the end.

    Errors:  Unsupported for other patterns, and for a run that could take characters of
             the next one: the longest run, which check.py takes, need not be right there.
    """
    body = re.fullmatch(r"\^(.*)\$", text)
    if body is None:
        raise Unsupported(f"the pattern {text} is not held at both ends")
    prefix, at = "", 0
    parts: list[tuple[str, bool, int, int]] = []
    while at < len(body[1]):
        found = PART.match(body[1], at)
        if found is None:
            raise Unsupported(f"the pattern {text} from {body[1][at:]} on")
        at = found.end()
        negated, members, single, times = found.groups()
        if single and not times and not parts:
            prefix += single
            continue
        characters = single or class_members(members)
        least = 0 if times == "*" else 1
        parts.append((characters, bool(negated), least, NO_LIMIT if times else 1))
    for (first, is_negated, least, most), following in itertools.pairwise(parts):
        if least != most and (is_negated or following[1] or set(first) & set(following[0])):
            raise Unsupported(f"the pattern {text} has runs that overlap")
    runs = [
        tuple_of(quoted(characters), str(is_negated), str(least), str(most))
        for characters, is_negated, least, most in parts
    ]
    return tuple_of("PATTERN", quoted(prefix), tuple_of(*runs))


def class_members(members: str) -> str:
    """The characters of a [class], its ranges written out."""
    members = members.replace("\\n", "\n")
    if "\\" in members:
        raise Unsupported(f"an escape in [{members}]")
    return re.sub(
        r"(\w)-(\w)",
        lambda ends: "".join(map(chr, range(ord(ends[1]), ord(ends[2]) + 1))),
        members,
    )


def render() -> str:
    """The whole text of tables.py."""
    tables = Tables(document("config"))
    tables.named(tables.whole["$ref"])
    return HEAD + "\n".join(tables.lines) + "\n"


def main() -> int:
    """Write tables.py; 0."""
    with open(TABLES, "w", encoding="utf-8") as file:
        file.write(render())
    return 0


if __name__ == "__main__":
    sys.exit(main())
