"""The TypedDicts say what the schema says."""

from __future__ import annotations

import types as python_types
import typing
from typing import Any

from oci_schema import types
from oci_schema.documents import document

# Looked into by nobody: their members have no types.
FOREIGN = {"vm", "windows", "solaris", "freebsd", "zos"}
SCALARS = {"string": str, "integer": int, "boolean": bool}


def test_config() -> None:
    whole = document("config")
    seen: set[type] = set()
    compare(types.Config, {"$ref": whole["$ref"]}, whole, "config", seen)
    defined = {value for value in vars(types).values() if typing.is_typeddict(value)}
    assert defined == seen


def required(hint: Any) -> set[str]:
    """The members marked Required; all where the class is total."""
    marks = typing.get_type_hints(hint, include_extras=True)
    return {
        name for name, mark in marks.items()
        if hint.__total__ or typing.get_origin(mark) is typing.Required
    }  # fmt: skip


def compare(hint: Any, node: dict[str, Any], whole: Any, place: str, seen: set[type]) -> None:
    while "$ref" in node:
        reference, node = node["$ref"], whole
        for step in reference.split("/")[1:]:
            node = node[step]
    if typing.is_typeddict(hint):
        seen.add(hint)
        hints = typing.get_type_hints(hint)
        assert list(hints) == list(node["properties"]), place
        assert required(hint) == set(node.get("required", ())), place
        for name, of_member in hints.items():
            if name in FOREIGN:
                assert of_member == dict[str, object]
                continue
            compare(of_member, node["properties"][name], whole, f"{place}.{name}", seen)
    elif isinstance(hint, python_types.GenericAlias) and hint.__origin__ is list:
        assert node["type"] == "array", place
        compare(hint.__args__[0], node["items"], whole, f"{place}[]", seen)
    elif isinstance(hint, python_types.GenericAlias):
        assert node["type"] == "object", place
        assert hint.__args__[0] is str
        compare(hint.__args__[1], node["additionalProperties"], whole, f"{place}{{}}", seen)
    else:
        assert hint is SCALARS["string" if "enum" in node else node["type"]], place
