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

COMMAND = Command(
    "features", "", "print what this pyrunc can do, as JSON", least=0, most=0,
    description="""
The document says which hooks, namespaces, mount options, capabilities and cgroups pyrunc knows.
""",
)  # fmt: skip


def main(call: Call) -> int:
    """Print the document; 0."""
    write_out(json_text(features_document(), "    ") + "\n")
    return 0


def features_document() -> dict[str, Json]:
    """The document; what is absent or false is not supported yet.

    Source:  runtime-spec features.md, features-linux.md.
    """
    from runtime.plan.hooks import HOOKS

    return {
        "ociVersionMin": SPEC_VERSION_MIN,
        "ociVersionMax": SPEC_VERSION,
        "hooks": [*HOOKS],
        "mountOptions": _sorted(mount_option_words()),
        "linux": linux_features(),
        "annotations": feature_annotations(),
        "potentiallyUnsafeConfigAnnotations": unsafe_annotations(),
    }


def mount_option_words() -> set[str]:
    """The words of mounts[].options that are not left to the filesystem."""
    from runtime.plan import mount_options as table

    return {
        *table.FLAG_WORDS,
        *table.SUPERBLOCK_WORDS,
        *table.IGNORED_WORDS,
        *table.BIND_WORDS,
        *table.PROPAGATION_WORDS,
        *table.RECURSIVE_WORDS,
        *table.RECURSIVE_ATIME_WORDS,
        *table.IDMAP_WORDS,
        "remount",
        "tmpcopyup",
    }


def linux_features() -> dict[str, Json]:
    """The document's `linux`. For engines, `enabled` means built in, not usable here."""
    from runtime.cgroups.plan import CONTROLLERS
    from runtime.plan.capabilities import NAMES
    from runtime.plan.memory_policy import MODE_FLAGS, MODES
    from runtime.plan.mount_options import IDMAP_WORDS
    from runtime.plan.namespaces import FLAGS

    return {
        "namespaces": _sorted(FLAGS),
        "capabilities": [*NAMES],
        "cgroup": {
            "v1": True,
            "v2": True,
            "systemd": True,
            "systemdUser": True,
            "rdma": any(section == "rdma" for section, *_ in CONTROLLERS),
        },
        "seccomp": seccomp_features(),
        "apparmor": {"enabled": True},
        "selinux": {"enabled": True},
        "intelRdt": {"enabled": True, "schemata": True, "monitoring": True},
        "memoryPolicy": {"modes": _sorted(MODES), "flags": _sorted(MODE_FLAGS)},
        "mountExtensions": {"idmap": {"enabled": "idmap" in IDMAP_WORDS}},
        "netDevices": {"enabled": True},
    }


def seccomp_features() -> dict[str, Json]:
    """The document's `linux.seccomp`: not enabled where libseccomp cannot be loaded."""
    if not libseccomp_version():
        return {"enabled": False}
    from runtime.plan.seccomp import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS

    return {
        "enabled": True,
        "actions": _sorted(ACTIONS),
        "operators": _sorted(OPERATORS),
        "archs": _sorted(ARCHITECTURES),
        "knownFlags": _sorted(FLAGS),
        "supportedFlags": _sorted(FLAGS),
    }


def feature_annotations() -> dict[str, Json]:
    """The document's `annotations`: our version, and those keys of runc that engines ask for."""
    from runtime.cli.dispatch import COMMANDS

    found = {
        "io.github.seccomp.libseccomp.version": libseccomp_version(),
        # Also where checkpoint is not there: a key that is missing says nothing.
        "org.opencontainers.runc.checkpoint.enabled": str("checkpoint" in COMMANDS).lower(),
        "org.pyrunc.commit": COMMIT,
        "org.pyrunc.version": VERSION,
    }
    return {key: value for key, value in found.items() if value}


def unsafe_annotations() -> list[Json]:
    """Annotations that change what pyrunc does, which an engine must not take from strangers; a
    dot at the end means all that begin so. Others are only handed on.
    """
    from runtime.cgroups.systemd_annotations import KEY_PREFIX

    return [KEY_PREFIX]


def _sorted(names: Iterable[str]) -> list[Json]:
    return [*sorted(names)]
