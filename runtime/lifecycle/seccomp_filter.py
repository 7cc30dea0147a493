"""The container's seccomp filter, compiled or from the cache; the log hears of what was odd."""

from __future__ import annotations

from runtime.native.seccomp_cache import load_or_compile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.types import Config
    from runtime.log import Log


def seccomp_filter(config: Config, state_root: str, log: Log) -> tuple[bytes, int] | None:
    """The program for linux.seccomp and the flags of seccomp(2); None where none is asked for.

    Errors:  as load_or_compile().
    """
    profile: Any = config.get("linux", {}).get("seccomp")
    if not profile:
        return None
    warnings: list[str] = []
    debug: list[str] = []
    made = load_or_compile(profile, state_root, warnings=warnings, debug=debug)
    for line in warnings:
        log.warning(line, code="seccomp-cache")
    for line in debug:
        log.debug(line)
    return made
