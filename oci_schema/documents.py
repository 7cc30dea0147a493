"""The schema files as one JSON Schema document for each kind of thing they describe."""

from __future__ import annotations

import json
import os
from typing import Any

KINDS = ("config", "features", "state")
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema")


def document(kind: str) -> dict[str, Any]:
    """The schema of `kind` with every other file below its ``$defs``.

    The files refer to one another by name. Within one document these references are
    pointers, so no validator goes looking for files, or for a network.

    Errors:  KeyError for a kind that is none of KINDS.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    files = {}
    for name in sorted(os.listdir(FOLDER)):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            files[name] = _within(json.load(file), name)
    return {
        "$schema": files[f"{kind}.json"].pop("$schema"),
        "$ref": f"#/$defs/{kind}.json",
        "$defs": files,
    }


def _within(node: Any, name: str) -> Any:
    """`node` of the file `name`, its references made pointers into the whole document."""
    if isinstance(node, list):
        return [_within(item, name) for item in node]
    if not isinstance(node, dict):
        return node
    moved = {key: _within(item, name) for key, item in node.items()}
    if isinstance(node.get("$ref"), str):
        file, _, pointer = node["$ref"].partition("#")
        moved["$ref"] = f"#/$defs/{file or name}{pointer}"
    return moved
