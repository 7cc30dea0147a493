"""Whatever the schema accepts is planned or refused in words; nothing else happens."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from harness.plans import UNIFIED, facts, options, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_schema.check import is_valid
from runtime.errors import ConfigError

GOLDEN = Path(__file__).parent / "golden"
# The recursive propagations, which engines send, are not in the specification's schema.
CONFIGS = [
    json.loads(path.read_text().replace('"rootfsPropagation": "r', '"rootfsPropagation": "'))
    for path in sorted(GOLDEN.glob("*.json"))
]
HOSTS = [
    facts(),
    facts(cgroups=UNIFIED, kcore=False),
    facts(euid=1000),
    facts(in_user_namespace=True, setgroups_allowed=False, last_cap=20),
]
TEXTS = st.sampled_from(
    ["", "/", "/a", "a", "..", "/proc", "/proc/x", "/dev", "bind", "rbind", "ro", "rro", "a=b",
     "tmpfs", "cgroup", "proc", "sysfs", "remount", "private", "user", "time", "\0", "\ud800",
     "ü", "net.a", "CAP_KILL", "RLIMIT_CPU", "SCMP_ACT_ERRNO", "1.0.0", "rslave", "p", "c"]
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 7, 511, 512, 65536, 2**31, 2**32 - 1, 2**63, 2**64 - 1])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a configuration but the top."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A typical configuration with a few values changed, emptied, doubled or gone."""
    config: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(CONFIGS)))
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(places(config)))
        holder: Any = config
        for step in way:
            holder = holder[step]
        value = holder[last]
        change = draw(st.sampled_from(["other", "other", "gone", "empty", "double"]))
        if change == "gone":
            del holder[last]
        elif isinstance(value, bool):
            holder[last] = not value
        elif isinstance(value, int):
            holder[last] = draw(NUMBERS)
        elif isinstance(value, str):
            holder[last] = draw(TEXTS)
        elif change == "empty":
            holder[last] = type(value)()
        elif isinstance(value, list):
            holder[last] = value * 2
    return config


@given(configurations(), st.sampled_from(HOSTS), st.booleans(), st.booleans())
@settings(max_examples=400, deadline=None)
def test_planned_or_refused(config: dict[str, Any], host: Any, pivot: bool, filters: bool) -> None:
    if not is_valid(config):
        return
    try:
        plan = plan_of(
            config,
            host,
            options(no_pivot=not pivot),
            seccomp=(b"filter..", 0) if filters else None,
        )
    except ConfigError as error:
        assert error.field
        assert str(error).isprintable()
        return
    for op in plan.ops:
        assert op.origin
        assert all(0 <= number < 2**64 for number in op.numbers), op
        for text in op.strings:
            for part in text if isinstance(text, list) else [text]:
                if isinstance(part, str):
                    assert b"\0" not in part.encode("utf-8", "surrogateescape"), op
