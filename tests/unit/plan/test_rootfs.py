"""The root: propagation, the change of root, closed paths."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import minimal, ops_named, options, plan_of

from runtime.plan import ops

PRIVATE, SLAVE, SHARED, UNBINDABLE, REC = 1 << 18, 1 << 19, 1 << 20, 1 << 17, 0x4000


@pytest.mark.parametrize(
    ("propagation", "before", "after", "root_flags"),
    [
        pytest.param(None, SLAVE | REC, None, 0, id="by default nothing flows out"),
        pytest.param("private", PRIVATE, None, 0, id="private"),
        pytest.param("rprivate", PRIVATE | REC, None, 0, id="rprivate"),
        pytest.param("slave", SLAVE, None, ops.ROOT_SLAVE, id="slave: the root is one too"),
        pytest.param("rslave", SLAVE | REC, None, ops.ROOT_SLAVE, id="rslave"),
        pytest.param("shared", SHARED, SHARED, 0, id="shared: the new root as well"),
        pytest.param("rshared", SHARED | REC, SHARED | REC, 0, id="rshared"),
        pytest.param("unbindable", PRIVATE, UNBINDABLE, 0, id="unbindable after all binds"),
        pytest.param("runbindable", PRIVATE | REC, UNBINDABLE | REC, 0, id="runbindable"),
    ],
)
def test_propagation(
    propagation: str | None, before: int, after: int | None, root_flags: int
) -> None:
    linux = {"rootfsPropagation": propagation} if propagation else {}
    plan = plan_of(minimal(linux=linux))
    names = [op.name for op in plan.ops]
    changes = ops_named(plan, "root_propagation")
    assert [op.numbers[0] for op in changes] == [before] + ([after] if after else [])
    assert ops_named(plan, "root")[0].flags == root_flags
    assert names.index("root_propagation") < names.index("root") < names.index("pivot")


@pytest.mark.parametrize(
    ("kinds", "chosen", "name", "flags"),
    [
        pytest.param(["mount"], options(), "pivot", 0, id="pivot_root"),
        pytest.param(["mount"], options(no_pivot=True), "move_root", 0, id="--no-pivot"),
        pytest.param(["pid"], options(), "move_root", 1, id="chroot without a mount namespace"),
    ],
)
def test_change_of_root(kinds: list[str], chosen: Any, name: str, flags: int) -> None:
    config = minimal(linux={"namespaces": [{"type": kind} for kind in kinds]})
    (op,) = ops_named(plan_of(config, None, chosen), "pivot", "move_root")
    assert (op.name, op.flags) == (name, flags)


def test_a_joined_mount_namespace_counts() -> None:
    config = minimal(linux={"namespaces": [{"type": "mount", "path": "/m"}]})
    assert len(ops_named(plan_of(config), "pivot")) == 1


def test_nothing_is_mounted_on_the_host() -> None:
    config = minimal(linux={"namespaces": [{"type": "pid"}]})
    plan = plan_of(config)
    assert ops_named(plan, "root_propagation", "mount", "bind", "remount_ro") == []
    assert ops_named(plan, "root")[0].flags == ops.ROOT_NO_BIND


def test_read_only_comes_when_all_is_made() -> None:
    config = minimal(
        root={"readonly": True}, process={"cwd": "/work"}, linux={"maskedPaths": ["/m"]}
    )
    names = [op.name for op in plan_of(config).ops]
    assert names.index("pivot") < names.index("mkdir") < names.index("remount_ro")
    assert names.index("remount_ro") < names.index("mask_path")


def test_closed_paths() -> None:
    config = minimal(
        linux={"maskedPaths": ["/a", "/b/", "/a/"], "readonlyPaths": ["/b", "/c", "//c"]}
    )
    found = ops_named(plan_of(config), "readonly_path", "mask_path")
    assert [(op.name, op.origin, op.strings[0]) for op in found] == [
        ("readonly_path", "linux.readonlyPaths[0]", "/b"),
        ("readonly_path", "linux.readonlyPaths[1]", "/c"),
        ("mask_path", "linux.maskedPaths[0]", "/a"),
        ("mask_path", "linux.maskedPaths[1]", "/b"),
    ]
