"""Does a configuration follow the runtime-spec's schema? Yes or no, in a tenth of a millisecond.

The hot path asks here and imports nothing for it; who hears "no" asks `explain` why. The
rules are those of schema/config.json, turned into literals by `generate`:

    str, bool, int, dict            a value of exactly this type (True is no int, 1.0 neither)
    range(...)                      an integer in it
    frozenset(...)                  one of these strings
    (ARRAY, rule, least)            an array of at least `least` items, each by `rule`
    (OBJECT, rules, names, others)  an object with all of `names`, each member by its rule, else
                                    by `others`; where that is None, unknown members are ignored
    (PATTERN, prefix, parts)        a string of a prefix, then runs of characters: (characters,
                                    is_negated, least, most), each as long as can be
"""

from __future__ import annotations

from oci_schema.tables import ARRAY, CONFIG, OBJECT, PROCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Parts = tuple[tuple[str, bool, int, int], ...]


def is_valid(config: object) -> bool:
    """Whether the parsed config.json is one by the schema."""
    return _holds(CONFIG, config)


def is_valid_process(process: object) -> bool:
    """Whether the parsed object is a process of config.json by the schema."""
    return _holds(PROCESS, process)


def _holds(rule: Any, value: object) -> bool:
    kind = type(rule)
    if kind is type:
        return type(value) is rule
    if kind is range:
        return type(value) is int and value in rule
    if kind is frozenset:
        return type(value) is str and value in rule
    if rule[0] == OBJECT:
        return type(value) is dict and _members_hold(rule, value)
    if rule[0] == ARRAY:
        return type(value) is list and len(value) >= rule[2] and _items_hold(rule[1], value)
    return type(value) is str and value.startswith(rule[1]) and _parts_hold(rule, value)


def _members_hold(rule: tuple[int, dict[str, Any], tuple[str, ...], Any], value: Any) -> bool:
    _, rules, names, others = rule
    for name in names:
        if name not in value:
            return False
    for name, member in value.items():
        of_member = rules.get(name, others)
        # The comparison of types first, although _holds does it too: most members are
        # strings, and the call would be half of the cost.
        if of_member is None or type(member) is of_member:
            continue
        if not _holds(of_member, member):
            return False
    return True


def _items_hold(rule: Any, value: list[object]) -> bool:
    for item in value:  # noqa: SIM110 - a generator would cost as much as the test itself
        if type(item) is not rule and not _holds(rule, item):
            return False
    return True


def _parts_hold(rule: tuple[int, str, Parts], value: str) -> bool:
    _, prefix, parts = rule
    at = len(prefix)
    for characters, is_negated, least, most in parts:
        end = at
        while end < len(value) and end - at < most and (value[end] in characters) != is_negated:
            end += 1
        if end - at < least:
            return False
        at = end
    return at == len(value)
