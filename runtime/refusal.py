"""A configuration that is not valid as it stands: to be tolerated, or refused with every reason.

Loaded only then: the explanation needs jsonschema, whose import costs 65 ms.
"""

from __future__ import annotations

import stat

from oci_schema.check import is_valid
from runtime.bundle import CONFIG_NAME, unmet_needs
from runtime.errors import ConfigError
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# They mean nothing on this platform, and peers do not look into them.
FOREIGN_SECTIONS = ("vm", "windows", "solaris", "freebsd", "zos")
FILE_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
RECURSIVE_PROPAGATIONS = ("rshared", "rslave", "rprivate", "runbindable")
MOST_PROBLEMS = 10
# What makes a configuration of a process.
AROUND_A_PROCESS = {"ociVersion": SPEC_VERSION, "root": {"path": "/"}}


def tolerate(config: Any, text: str) -> Any:
    """The configuration without what the schema minds and a runtime for Linux must not.

    That is a null in the place of an absent member, as engines written in Go read and
    write it; the sections of other platforms; the type of a device within its fileMode,
    where podman 4 puts it for --device and --privileged; and the recursive words for
    rootfsPropagation ("rslave"), which dockerd sends and all peers know.

    Errors:  ConfigError with all that is wrong beyond that.
    """
    if config is None:
        raise ConfigError("config cannot be null", field=CONFIG_NAME)
    config, checked = tolerated(config)
    if not is_valid(checked) or unmet_needs(checked):
        raise refusal(checked, text)
    return config


def tolerated(config: Any) -> tuple[Any, Any]:
    """The configuration without what is tolerated, and a copy that the schema may look at."""
    config = without_nulls(config)
    if not isinstance(config, dict):
        return config, config
    config = {key: value for key, value in config.items() if key not in FOREIGN_SECTIONS}
    _strip_file_types(config.get("linux"))
    return config, _with_plain_propagation(config)


def tolerate_process(process: Any, text: str, name: str) -> Any:
    """A process alone, which is all of `text`, the file `name`: without its nulls.

    Errors:  ConfigError with all that is wrong beyond that.
    """
    process = without_nulls(process)
    config = {**AROUND_A_PROCESS, "process": process}
    if is_valid(config) and not unmet_needs(config):
        return process
    # As if it stood in a config.json, on lines of its own; said is where it truly stands.
    faults = [
        (line - 1, column, where.removeprefix("process").lstrip("."), what)
        for line, column, where, what in _faults(config, f'{{"process":\n{text}\n}}')
    ]
    error = _as_error(faults, name)
    if error.field != name:
        error.field = f"{name}: {error.field}"
    raise error


def _with_plain_propagation(config: dict[str, Any]) -> dict[str, Any]:
    """A copy for the schema, which has the words for rootfsPropagation without their "r"."""
    linux = config.get("linux")
    if not isinstance(linux, dict):
        return config
    word = linux.get("rootfsPropagation")
    if not isinstance(word, str) or word not in RECURSIVE_PROPAGATIONS:
        return config
    return {**config, "linux": {**linux, "rootfsPropagation": word[1:]}}


def without_nulls(value: Any) -> Any:
    """A copy in which members that are null are absent; items of arrays stay."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _strip_file_types(linux: Any) -> None:
    """Leave the permissions of a fileMode, if its type is the one the device says as well."""
    devices = linux.get("devices") if isinstance(linux, dict) else None
    for device in devices if isinstance(devices, list) else ():
        if not isinstance(device, dict):
            continue
        mode, kind = device.get("fileMode"), device.get("type")
        if type(mode) is int and isinstance(kind, str) and kind in FILE_TYPES:
            permissions = mode - FILE_TYPES[kind]
            if 0 <= permissions <= 0o777:
                device["fileMode"] = permissions


def refusal(config: Any, text: str) -> ConfigError:
    """One error with every problem in the order of `text`, each with field, line and column."""
    return _as_error(_faults(config, text), CONFIG_NAME)


def _faults(config: Any, text: str) -> list[tuple[int, int, str, str]]:
    """(line, column, field, what is wrong), in the order of `text`."""
    try:
        from oci_schema.explain import explain, field
    except ImportError as error:
        raise ConfigError(
            f"{CONFIG_NAME} does not follow the schema of the runtime-spec",
            hint=f"what is wrong can be told once {error.name} is installed",
        ) from error
    from oci_schema.positions import line_and_column, locate

    places = locate(text)
    found = []
    for path, what in unmet_needs(config):
        # What is missing is where the object is that misses it.
        offset = places.get(path, places.get(path[:-1], 0))
        found.append((*line_and_column(text, offset), field(path), what))
    said = {where for *_, where, _ in found}
    for problem in explain(config, text):
        if problem.field not in said:
            found.append((problem.line, problem.column, problem.field, problem.what))
    return sorted(found, key=lambda fault: fault[:2])


def _as_error(found: list[tuple[int, int, str, str]], name: str) -> ConfigError:
    texts = [
        (where, f"{what} (line {line}, column {column})") for line, column, where, what in found
    ]
    if len(texts) == 1:
        where, what = texts[0]
        return ConfigError(what, field=where or name, code="schema")
    shown = [f"{where}: {what}" for where, what in texts[:MOST_PROBLEMS]]
    if len(texts) > MOST_PROBLEMS:
        shown.append(f"and {len(texts) - MOST_PROBLEMS} more")
    return ConfigError(f"{len(texts)} problems: {'; '.join(shown)}", field=name, code="schema")
