"""Rules about mounts."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import UNIFIED, facts, minimal, problems_of, warnings_of

UNSUPPORTED = "is not supported by this version of pyrunc"
BIND = {"destination": "/x", "source": "/s"}


def mount(
    destination: str = "/x", kind: str = "tmpfs", *words: str, **members: Any
) -> dict[str, Any]:
    """One entry of mounts."""
    return {"destination": destination, "type": kind, "options": list(words)} | members


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (mount("x"), 'mounts[0].destination: "x" is relative, expected an absolute path'),
        (mount(""), 'mounts[0].destination: "" is relative, expected an absolute path'),
        (mount("/"), "mounts[0].destination: is the root itself, which is mounted already"),
        (mount("/a/.."), "mounts[0].destination: is the root itself, which is mounted already"),
        (
            mount("/proc"),
            "mounts[0].destination: tmpfs on /proc, expected type proc or a bind of it",
        ),
        (
            mount("/x/../proc/"),
            "mounts[0].destination: tmpfs on /proc, expected type proc or a bind of it",
        ),
        (
            mount("/proc/sys", source="/s", options=["bind"]),
            "mounts[0].destination: /proc/sys is inside /proc, where nothing else may be mounted",
        ),
        (
            mount("/proc/1/x"),
            "mounts[0].destination: /proc/1/x is inside /proc, where nothing else may be mounted",
        ),
        (
            BIND | {"source": "", "options": ["bind"]},
            "mounts[0].source: is empty, expected what to bind",
        ),
        (
            BIND | {"options": ["bind", "size=4k", "acl"]},
            'mounts[0].options: a bind mount takes no filesystem options: "size=4k,acl"',
        ),
        (
            BIND | {"options": ["bind", "remount", "ro"]},
            "mounts[0].options: remount and bind exclude each other",
        ),
        ({"destination": "/x"}, "mounts[0].type: is missing, and no option says bind or rbind"),
        (
            mount("/x", "none", "ro"),
            'mounts[0].type: "none" is no filesystem, and no option says bind or rbind',
        ),
        (
            BIND | {"options": ["rbind", "copy-symlink"]},
            f'mounts[0].options[1]: "copy-symlink" {UNSUPPORTED}',
        ),
        (
            mount("/x", "tmpfs", "copy-symlink"),
            f'mounts[0].options[0]: "copy-symlink" {UNSUPPORTED}',
        ),
        (
            mount("/x", "tmpfs", *["private"] * 5),
            "mounts[0].options: more than four changes of propagation",
        ),
    ],
)
def test_entries_that_are_refused(entry: dict[str, Any], problem: str) -> None:
    assert problems_of(minimal(mounts=[entry])) == [problem]


@pytest.mark.parametrize(
    "entry",
    [
        mount("/proc", "proc"),
        mount("/proc", "none", "rbind", source="/proc"),
        mount("/proc/cpuinfo", "bind", source="/lxcfs/cpuinfo"),
        mount("/proc/sys/kernel/ns_last_pid", "none", "bind", source="/dev/null"),
        mount("/procx", "tmpfs"),
        mount("/x", "tmpfs", "defaults", "silent", "loud", "iversion", "noiversion", "uid=5"),
        mount("/x", "none", "remount", "ro"),
        mount(uidMappings=[], gidMappings=[]),
        mount("/x", "bind", source="relative"),
    ],
)
def test_entries_that_are_fine(entry: dict[str, Any]) -> None:
    assert warnings_of(minimal(mounts=[entry])) == []


@pytest.mark.parametrize(
    ("entry", "warning"),
    [
        (
            BIND | {"options": ["bind", "sync", "lazytime"]},
            "sync, lazytime ignored: a bind mount has the filesystem it binds",
        ),
        (
            BIND | {"options": ["bind", "tmpcopyup"]},
            "tmpcopyup only means something to tmpfs, ignored",
        ),
        (mount("/x", "ext4", "tmpcopyup"), "tmpcopyup only means something to tmpfs, ignored"),
        (
            mount("/x", "cgroup", "nsdelegate"),
            "nsdelegate ignored: the hierarchies of cgroup v1 exist already",
        ),
    ],
)
def test_options_without_effect(entry: dict[str, Any], warning: str) -> None:
    assert warnings_of(minimal(mounts=[entry])) == [f"mounts[0].options: {warning} [no-effect]"]


def test_cgroup2_takes_options() -> None:
    config = minimal(mounts=[mount("/x", "cgroup", "nsdelegate")])
    assert warnings_of(config, facts(cgroups=UNIFIED)) == []


def test_mounts_need_a_mount_namespace() -> None:
    config = minimal(mounts=[mount(), mount("/y")], linux={"namespaces": [{"type": "pid"}]})
    assert problems_of(config) == [
        "mounts: needs a mount namespace, the mounts would be made in the host's"
    ]


@pytest.mark.parametrize(
    ("word", "is_fine"),
    [("gid=5", False), ("uid=9", True), ("uid=10", False), ("gid=0", True), ("gid=x", True)],
)
def test_ids_must_be_mapped(word: str, is_fine: bool) -> None:
    uids = [{"containerID": 0, "hostID": 1000, "size": 10}]
    gids = [{"containerID": 0, "hostID": 1000, "size": 1}]
    namespaces = [{"type": "user"}, {"type": "mount"}]
    config = minimal(
        mounts=[mount("/dev/pts", "devpts", word)],
        linux={"namespaces": namespaces, "uidMappings": uids, "gidMappings": gids},
    )
    expected = f'mounts[0].options: "{word}" is in none of the user namespace\'s mappings'
    assert problems_of(config) == ([] if is_fine else [expected])
