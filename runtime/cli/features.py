"""features: print what this build can do, as the runtime-spec's features document.

Every list comes from the table that the code works by, so the document cannot promise what
the code does not do, nor forget what it learned.
"""

from __future__ import annotations

from runtime.cli.call import json_text, write_out
from runtime.cli.options import Command
from runtime.version import (
    COMMIT,
    SPEC_VERSION,
    SPEC_VERSION_MIN,
    VERSION,
    libseccomp_version,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.cli.call import Call, Json

COMMAND = Command("features", "", "print what this pyrunc can do, as JSON", least=0, most=0)


def main(call: Call) -> int:
    """Print the document; 0."""
    write_out(json_text(features_document(), "    ") + "\n")
    return 0


def features_document() -> dict[str, Json]:
    """The document; what is absent or false is not supported yet.

    Source:  runtime-spec features.md, features-linux.md.
    """
    from runtime.plan.hooks import HOOK_NAMES
    from runtime.plan.mount_options import MOUNT_OPTION_NAMES

    return {
        "ociVersionMin": SPEC_VERSION_MIN,
        "ociVersionMax": SPEC_VERSION,
        "hooks": [*HOOK_NAMES],
        "mountOptions": _sorted(MOUNT_OPTION_NAMES),
        "linux": linux_features(),
        "annotations": feature_annotations(),
    }


def linux_features() -> dict[str, Json]:
    """The document's `linux`. For engines, `enabled` means built in, not usable here."""
    from runtime.plan.capabilities import CAPABILITIES
    from runtime.plan.namespaces import NAMESPACES

    return {
        "namespaces": _sorted(NAMESPACES),
        "capabilities": [*CAPABILITIES],
        # rdma: its limits are not written yet.
        "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": False},
        "seccomp": seccomp_features(),
        "apparmor": {"enabled": False},
        "selinux": {"enabled": False},
        "intelRdt": {"enabled": False},
        "mountExtensions": {"idmap": {"enabled": False}},
        "netDevices": {"enabled": False},
    }


def seccomp_features() -> dict[str, Json]:
    """The document's `linux.seccomp`."""
    from runtime.plan.seccomp import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS

    return {
        "enabled": libseccomp_version() != "",
        "actions": _sorted(ACTIONS),
        "operators": _sorted(OPERATORS),
        "archs": _sorted(ARCHITECTURES),
        "knownFlags": _sorted(FLAGS),
        "supportedFlags": _sorted(FLAGS),
    }


def feature_annotations() -> dict[str, Json]:
    """The document's `annotations`: our version, and those keys of runc that engines ask for."""
    found = {
        "io.github.seccomp.libseccomp.version": libseccomp_version(),
        "org.opencontainers.runc.checkpoint.enabled": "false",
        "org.pyrunc.commit": COMMIT,
        "org.pyrunc.version": VERSION,
    }
    return {key: value for key, value in found.items() if value}


def _sorted(names: Iterable[str]) -> list[Json]:
    return [*sorted(names)]
