"""Where exec's process comes from: a file, or the bundle as it is now."""

from __future__ import annotations

import posix as os

from runtime.errors import ConfigError, errno_words
from runtime.jsonfile import MAX_BYTES, parse
from runtime.plan.exec_process import process_of_file, process_of_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.types import Process
    from runtime.plan.exec_process import ExecOptions
    from runtime.state import Container


def read_process(container: Container, options: ExecOptions) -> Process:
    """The process to run, valid by the schema; the rules have not been asked.

    Errors:  ConfigError.
    """
    containers: Process = container.config["process"]
    if options.process_file:
        return process_of_file(_from_file(options.process_file), containers)
    return process_of_options(_from_bundle(container), containers, options)


def _from_file(path: str) -> Process:
    data = _read(path)
    process: Any = parse(data, path)
    # Only here: without a file nothing has to be checked, as a rule.
    from oci_schema.check import is_valid_process

    is_fit = is_valid_process(process) and process.get("args")
    if not (is_fit and process.get("cwd", "")[:1] == "/"):
        from runtime.refusal import tolerate_process

        process = tolerate_process(process, data.decode(), path)
    checked: Process = process
    return checked


def _read(path: str) -> bytes:
    """All of it; may be a pipe.

    Errors:  ConfigError.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            data = b""
            while len(data) <= MAX_BYTES and (chunk := os.read(fd, MAX_BYTES)):
                data += chunk
            return data
        finally:
            os.close(fd)
    except OSError as error:
        raise ConfigError(
            f"open {path}: {errno_words(error.errno or 0)}", field="--process"
        ) from error


def _from_bundle(container: Container) -> Process:
    """The process of the bundle's config.json, which may have changed since create; of the
    container's own if the bundle is gone.

    Errors:  ConfigError for a file that create would not take either.
    Source:  runc's exec reads the file again.
    """
    from runtime import bundle as bundles

    before: Process = container.config["process"]
    bundle = container.bundle
    config_file = str(container.data.get("configFile", ""))
    if not os.access(config_file or f"{bundle}/{bundles.CONFIG_NAME}", os.F_OK):
        return before
    config: Any = parse(
        bundles.read_config(bundle, bundle, config_file), config_file or bundles.CONFIG_NAME
    )
    if type(config) is dict and config.get("process") == before:
        return before  # checked at create
    now: Process = bundles.load(bundle, config_file).config["process"]
    return now
