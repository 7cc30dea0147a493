"""Who we are, for --version, features and every state that is printed."""

from __future__ import annotations

VERSION = "0.1.0"
COMMIT = ""  # a build from a known commit fills it in; "" is left out
SPEC_VERSION = "1.3.0"  # the runtime-spec that is implemented, and the newest accepted
SPEC_VERSION_MIN = "1.0.0"
RUNC_VERSION = "1.5.0"  # the runc whose command line, outputs and texts are spoken

# go-runc (under containerd, docker and BuildKit) understands nothing but a first line that
# starts "runc version "; podman and CRI-O show the whole line to people, who must see what
# they have. This line serves both.
VERSION_LINE = f"runc version {RUNC_VERSION} (pyrunc {VERSION})"


def libseccomp_version() -> str:
    """``2.5.4``; "" where libseccomp, or our door to it, cannot be loaded."""
    try:
        # Loading it takes milliseconds: only --version and features ask.
        from runtime.native.seccomp import library
    except ImportError:
        return ""
    _, version = library()
    return ".".join(map(str, version))
