"""mounts[] as operations."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal, ops_named, plan_of

from runtime.plan import ops
from runtime.plan.mount_options import ATIME_MASK, NODEV, NOSUID, RDONLY
from runtime.plan.mounts import clean_path


def op_of(entry: dict[str, Any], **linux: Any) -> ops.Op:
    """The operation of a single mount."""
    config = minimal(mounts=[entry], linux=linux) if linux else minimal(mounts=[entry])
    host = facts()
    (op,) = [op for op in plan_of(config, host).ops if op.origin == "mounts[0]"]
    return op


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/a/b", "/a/b"),
        ("/a//b/./c/", "/a/b/c"),
        ("/a/../../b", "/b"),
        ("/", "/"),
        ("/..", "/"),
        ("a", "/a"),
        ("/.hidden/..x", "/.hidden/..x"),
    ],
)
def test_clean_path(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@pytest.mark.parametrize(
    ("entry", "flags"),
    [
        ({"type": "proc", "destination": "/proc"}, ops.MOUNT_REAL_DIR),
        ({"type": "sysfs", "destination": "/sys"}, ops.MOUNT_REAL_DIR),
        ({"type": "tmpfs", "destination": "/t"}, ops.MOUNT_MODE_OF_TARGET),
        ({"type": "tmpfs", "destination": "/t", "options": ["mode=700"]}, 0),
        ({"type": "tmpfs", "destination": "/t", "options": ["mode=7", "tmpcopyup"]},
         ops.MOUNT_TMPCOPYUP),
        ({"type": "none", "destination": "/t", "options": ["remount", "ro"]}, ops.MOUNT_REMOUNT),
        ({"type": "mqueue", "destination": "/dev/mqueue"}, 0),
    ],
)  # fmt: skip
def test_flags_of_filesystems(entry: dict[str, Any], flags: int) -> None:
    op = op_of(entry)
    assert op.name == "mount"
    assert op.flags == flags


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        pytest.param(["bind"], 0, id="a bare bind keeps what the source has"),
        pytest.param(["rbind"], ops.BIND_RECURSIVE, id="rbind"),
        pytest.param(["bind", "ro"], ops.BIND_REPLACE_ATTRS, id="a set flag replaces all"),
        pytest.param(["bind", "rw"], ops.BIND_REPLACE_ATTRS, id="so does a cleared one"),
        pytest.param(["bind", "rro"], 0, id="a recursive one does not"),
        pytest.param(["bind", "defaults", "silent", "rslave"], 0, id="others do not"),
    ],
)
def test_flags_of_binds(options: list[str], flags: int) -> None:
    op = op_of({"destination": "/x", "source": "/src", "options": options})
    assert (op.name, op.flags) == ("bind", flags)


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        pytest.param({"source": "/src", "options": ["bind"]}, "/src", id="absolute"),
        pytest.param({"source": "vol", "options": ["bind"]}, "/bundle/vol", id="of the bundle"),
        pytest.param({"type": "bind", "source": "/src"}, "/src", id="the type alone says bind"),
        pytest.param(
            {"type": "tmpfs", "source": "/src", "options": ["bind"]}, "/src", id="options win"
        ),
    ],
)
def test_sources_of_binds(entry: dict[str, Any], source: str) -> None:
    op = op_of(entry | {"destination": "/x"})
    assert (op.name, op.strings) == ("bind", (source, "/x"))


def test_numbers_are_in_the_order_of_the_constructor() -> None:
    op = op_of(
        {"destination": "/x", "source": "/s",
         "options": ["bind", "ro", "suid", "relatime", "rnodev", "rdev", "rslave"]}
    )  # fmt: skip
    assert op.numbers == (RDONLY, NOSUID | ATIME_MASK, 0, NODEV, 0x82)


@pytest.mark.parametrize(
    ("entry", "options", "is_late"),
    [
        ({"type": "tmpfs", "destination": "/t"}, [], True),
        ({"type": "devtmpfs", "destination": "/dev/"}, [], True),
        ({"type": "ext4", "destination": "/t"}, ["ro"], False),
        ({"type": "sysfs", "destination": "/sys"}, ["ro"], False),
    ],
)
def test_read_only_waits_where_files_are_made(
    entry: dict[str, Any], options: list[str], is_late: bool
) -> None:
    plan = plan_of(minimal(mounts=[entry | {"options": ["ro"]}]))
    mount = ops_named(plan, "mount")[0]
    assert mount.numbers[0] & RDONLY == (0 if is_late else RDONLY)
    assert mount.strings[3] == options
    late = [op.strings[0] for op in ops_named(plan, "remount_ro")]
    assert late == ([clean_path(entry["destination"])] if is_late else [])


def test_recursive_read_only_waits_as_well() -> None:
    plan = plan_of(minimal(mounts=[{"type": "tmpfs", "destination": "/t", "options": ["rro"]}]))
    assert ops_named(plan, "mount")[0].numbers[2] == 0
    assert len(ops_named(plan, "remount_ro")) == 1


@pytest.mark.parametrize("cover", ["/a/t", "/a"])
def test_a_covered_mount_is_not_remounted(cover: str) -> None:
    mounts = [
        {"type": "tmpfs", "destination": "/a/t", "options": ["ro"]},
        {"source": "/s", "destination": cover, "options": ["bind"]},
    ]
    assert ops_named(plan_of(minimal(mounts=mounts)), "remount_ro") == []


def test_a_read_only_bind_on_dev_does_not_wait() -> None:
    op = op_of({"destination": "/dev", "source": "/dev", "options": ["rbind", "ro"]})
    assert op.numbers[0] == RDONLY


MAPS = [{"containerID": 0, "hostID": 1000, "size": 65536}]
USER = {"uidMappings": MAPS, "gidMappings": MAPS}


@pytest.mark.parametrize(
    ("namespaces", "options", "falls_back"),
    [
        pytest.param(["user", "mount"], ["ro"], True, id="the host's network, read-only"),
        pytest.param(["user", "mount", "network"], ["ro"], False, id="its own network"),
        pytest.param(["user", "mount"], [], False, id="writable it would give the host's away"),
        pytest.param(["mount"], ["ro"], False, id="no user namespace"),
    ],
)
def test_sysfs_in_a_user_namespace(
    namespaces: list[str], options: list[str], falls_back: bool
) -> None:
    entry = {"type": "sysfs", "destination": "/sys", "options": options}
    linux = USER if "user" in namespaces else {}
    op = op_of(entry, namespaces=[{"type": kind} for kind in namespaces], **linux)
    assert bool(op.flags & ops.MOUNT_SYSFS_FALLBACK) == falls_back


def test_the_listed_order_is_kept() -> None:
    targets = ["/z", "/a", "/z/m", "/a"]
    config = minimal(mounts=[{"type": "tmpfs", "destination": target} for target in targets])
    assert [op.strings[1] for op in ops_named(plan_of(config), "mount")] == targets
