"""What the schema knows at a place: names of members, words of values. For messages and lint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oci_schema.tables import ARRAY, CONFIG, OBJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_schema.positions import Path


def unknown_members(config: object) -> list[tuple[Path, tuple[str, ...]]]:
    """Members that no runtime of this version of the specification looks at, each with the names
    that are known in its place. Nothing of the kind is an error: config.md, Extensibility.
    """
    return list(_unknown(CONFIG, config, ()))


def words_at(path: Path) -> tuple[str, ...]:
    """The words that the schema allows at a place, none where it allows any text."""
    rule: Any = CONFIG
    for step in path:
        rule = _below(rule, step)
    return tuple(sorted(rule)) if isinstance(rule, frozenset) else ()


def _below(rule: Any, step: str | int) -> Any:
    if not isinstance(rule, tuple):
        return None
    if rule[0] == OBJECT and isinstance(step, str):
        return rule[1].get(step, rule[3])
    return rule[1] if rule[0] == ARRAY and isinstance(step, int) else None


def _unknown(rule: Any, value: object, path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    if isinstance(value, list) and isinstance(rule, tuple) and rule[0] == ARRAY:
        for index, item in enumerate(value):
            yield from _unknown(rule[1], item, (*path, index))
    if isinstance(value, dict) and isinstance(rule, tuple) and rule[0] == OBJECT:
        for name, item in value.items():
            of_member = rule[1].get(name, rule[3])
            if of_member is None:
                yield (*path, name), tuple(rule[1])
            else:
                yield from _unknown(of_member, item, (*path, name))
