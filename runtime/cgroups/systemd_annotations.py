"""``org.systemd.property.NAME`` annotations: properties for the container's scope; pure."""

from __future__ import annotations

from runtime.cgroups.gvariant import parse
from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups.systemd_plan import Property

KEY_PREFIX = "org.systemd.property."
SECOND_US = 1_000_000


def annotated_properties(annotations: Mapping[str, str]) -> list[Property]:
    """The properties, in the order of their names.

    ``TimeoutStopSec`` and its like are those of unit files; over D-Bus they are called
    ``TimeoutStopUSec`` and count microseconds, and are converted.
    Errors:  ConfigError naming the annotation, in runc's words.
    Source:  runc's documentation, docs/systemd.md; cri-o and podman write them.
    """
    found: list[Property] = []
    for key in sorted(annotations):
        if not key.startswith(KEY_PREFIX):
            continue
        name, text = key[len(KEY_PREFIX) :], annotations[key]
        if len(name) < 3 or not (name.isascii() and name.isalpha()):
            raise ConfigError(
                f"annotation {key} name incorrect: expected three or more ASCII letters",
                field="annotations",
            )
        try:
            signature, value = parse(text)
            if name.endswith("Sec") and name[-4:-3].islower():
                name = f"{name[:-3]}USec"
                signature, value = "t", _microseconds(signature, value)
        except ValueError as error:
            raise ConfigError(
                f"annotation {key}={text} value parse error: {error}", field="annotations"
            ) from error
        found.append((name, (signature, value)))
    return found


def _microseconds(signature: str, value: Any) -> int:
    if signature not in ("n", "q", "i", "u", "x", "t", "d"):
        raise ValueError("not a number of seconds")
    number = int(value * SECOND_US)
    if not 0 <= number < 2**64:
        raise ValueError(f"{value} s is out of range")
    return number
