"""Everything that is wrong with a document by its schema, each fault with its place, in words."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from oci_schema.documents import document as schema_document
from oci_schema.positions import Path, line_and_column, locate

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_VALUE = 60
PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TYPE_WORDS = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "an integer",
    "object": "an object",
    "string": "a string",
}


@dataclass(frozen=True)
class Problem:
    """One fault of a document.

    pointer   JSON pointer (RFC 6901) of the value, or of the place where it is missing
    field     the same as errors spell it: ``mounts[3].options[1]``; "" is the whole document
    value     what is there, as JSON, shortened; "" if nothing is
    expected  what should be there: "an integer"
    line, column  of the value, or of the object where one is missing; 0 without the text
    """

    pointer: str
    field: str
    value: str
    expected: str
    line: int = 0
    column: int = 0

    @property
    def what(self) -> str:
        """``"5" is not an integer``: the fault without its place."""
        if not self.value:
            return f"is missing, must be {self.expected}"
        return f"{self.value} is not {self.expected}"

    def __str__(self) -> str:
        text = f"{self.field}: {self.what}" if self.field else self.what
        return f"{text} (line {self.line}, column {self.column})" if self.line else text


def explain(document: object, text: str | None = None, kind: str = "config") -> list[Problem]:
    """Every problem, in the order of the text; none if the document is valid.

    `text` is what the document was parsed from; without it problems have no line. It may
    hold more than the document: members that were taken out are not looked at.
    """
    places = locate(text) if text is not None else {}
    problems = []
    for error in _one_for_each_value(_validator(kind).iter_errors(document)):
        path = tuple(error.absolute_path)
        is_missing = error.validator == "required"
        place = places.get(path[:-1] if is_missing else path)
        line, column = (0, 0) if text is None or place is None else line_and_column(text, place)
        value = "" if is_missing else _shortened(error.instance)
        expected = _expected(error, _whole(kind))
        problems.append(Problem(pointer(path), field(path), value, expected, line, column))
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def pointer(path: Path) -> str:
    """``/mounts/3/options/1``."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def field(path: Path) -> str:
    """``mounts[3].options[1]``; a key that is no plain word stands in brackets and quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def _is_integer(_checker: object, value: object) -> bool:
    """As draft 4 counts, the official schema's, and as Go does: 1.0 is none, True neither."""
    return type(value) is int


def _check_pattern(
    _validator: object, pattern: str, value: object, _schema: object
) -> Iterator[ValidationError]:
    """JSON Schema's patterns are those of ECMA-262: $ is the end, not the last newline too."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _check_required(
    _validator: object, names: list[str], value: object, _schema: object
) -> Iterator[ValidationError]:
    """An error for each missing member, at the place where it should be."""
    if isinstance(value, dict):
        for name in names:
            if name not in value:
                yield ValidationError(f"{name!r} is missing", path=[name])


@functools.cache
def _whole(kind: str) -> dict[str, Any]:
    return schema_document(kind)


@functools.cache
def _validator(kind: str) -> Draft202012Validator:
    strict = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        {"pattern": _check_pattern, "required": _check_required},
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
    )
    made: Draft202012Validator = strict(_whole(kind))
    return made


def _one_for_each_value(errors: Iterator[ValidationError]) -> list[ValidationError]:
    """The errors; where the type is wrong, no word on the range or pattern as well."""
    found = list(errors)
    mistyped = {tuple(e.absolute_path) for e in found if e.validator == "type"}
    return [e for e in found if e.validator == "type" or tuple(e.absolute_path) not in mistyped]


def _expected(error: ValidationError, whole: dict[str, Any]) -> str:
    schema = cast("dict[str, Any]", error.schema)
    if error.validator == "type":
        return TYPE_WORDS[schema["type"]]
    if error.validator == "required":
        return _described(schema["properties"][error.path[-1]], whole)
    return _described(schema, whole)


def _described(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    """A value of this schema, in words."""
    while "$ref" in schema:
        reference, schema = schema["$ref"], whole
        for step in reference.split("/")[1:]:
            schema = schema[step]
    if "enum" in schema:
        words = [json.dumps(word) for word in schema["enum"]]
        return words[0] if len(words) == 1 else f"one of {', '.join(words)}"
    if "pattern" in schema:
        return str(schema["description"])
    if "minItems" in schema:
        return f"an array of at least {schema['minItems']} item"
    if "maximum" in schema:
        return f"an integer from {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"an integer from {schema['minimum']} on"
    return TYPE_WORDS[schema["type"]]


def _shortened(value: object) -> str:
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
