"""The environment that the runtime was started with."""

from __future__ import annotations

import posix


def variable(name: str) -> str:
    """The value of a variable, empty where it is not set: no caller of ours tells them apart."""
    return posix.environ.get(name.encode(), b"").decode("utf-8", "surrogateescape")
