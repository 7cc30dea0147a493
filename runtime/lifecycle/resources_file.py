"""linux.resources for an update: read from a file or standard input, checked by the schema."""

from __future__ import annotations

import posix as os

from oci_schema.check import is_valid
from runtime.errors import ConfigError
from runtime.jsonfile import MAX_BYTES, parse
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STDIN = 0
MOST_PROBLEMS = 10


def read_resources(path: str) -> dict[str, Any]:
    """The object in the file `path`; ``-`` is standard input.

    Members that are null are absent: so engines written in Go write them.
    Errors:  ConfigError for what cannot be read, is no JSON or not valid.
    """
    name = "standard input" if path == "-" else path
    try:
        fd = os.dup(STDIN) if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = b""
            while len(data) <= MAX_BYTES and (chunk := os.read(fd, 1 << 20)):
                data += chunk
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"read {name}", field="--resources", errno=getattr(error, "errno", 0) or 0
        ) from error
    return checked(_without_nulls(parse(data, name)), name)


def checked(resources: Any, name: str) -> dict[str, Any]:
    """The resources, if they are valid by the schema.

    Errors:  ConfigError with everything that is wrong.
    """
    document = {"ociVersion": SPEC_VERSION, "linux": {"resources": resources}}
    if is_valid(document):
        valid: dict[str, Any] = resources
        return valid
    try:
        from oci_schema.explain import explain
    except ImportError as error:
        raise ConfigError(
            f"{name} does not follow the schema of the runtime-spec",
            hint=f"what is wrong can be told once {error.name} is installed",
        ) from error
    problems = explain(document)
    if len(problems) == 1:
        raise ConfigError(problems[0].what, field=problems[0].field)
    shown = [str(problem) for problem in problems[:MOST_PROBLEMS]]
    raise ConfigError(f"{len(problems)} problems: {'; '.join(shown)}", field=name)


def _without_nulls(value: Any) -> Any:
    """Without them, and without a section that held nothing else ({"limit": null} of pids)."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return {key: item for key, item in kept.items() if item != {}}
