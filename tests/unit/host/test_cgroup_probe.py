"""Layouts as three small files describe them."""

from __future__ import annotations

import os

import pytest

from runtime.host.cgroup_layout import Hierarchy
from runtime.host.cgroup_probe import parse_layout, parse_self_cgroup, read_layout

UNIFIED = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

HYBRID = """\
23 1 0:22 / /sys rw shared:7 - sysfs sysfs rw
30 23 0:27 / /sys/fs/cgroup ro shared:8 - tmpfs tmpfs ro,mode=755
31 30 0:28 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
32 30 0:29 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,xattr,name=systemd
33 30 0:30 / /sys/fs/cgroup/net_cls,net_prio rw - cgroup cgroup rw,net_cls,net_prio
34 30 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 30 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 30 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices
37 30 0:34 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset,noprefix
38 30 0:35 / /sys/fs/cgroup/elogind rw - cgroup cgroup rw,name=elogind
"""

HYBRID_SELF = """\
7:name=systemd:/user.slice
6:net_prio,net_cls:/net
5:cpuacct,cpu:/a:b/c
4:memory:/gone (deleted)
3:devices:/
0::/user.slice/x
"""


def test_unified() -> None:
    layout = parse_layout(UNIFIED, "0::/user.slice\n", "cpuset cpu io memory pids\n")
    assert layout.mode == "unified"
    (only,) = layout.hierarchies
    assert only.controllers == ("cpuset", "cpu", "io", "memory", "pids")
    assert (only.mountpoint, only.root, only.own, only.version) == (
        "/sys/fs/cgroup", "/", "/user.slice", 2,
    )  # fmt: skip
    assert only.device == os.makedev(0, 28)


def test_hybrid_is_ordered_as_runc_joins_and_leaves_strangers_alone() -> None:
    layout = parse_layout(HYBRID, HYBRID_SELF, "hugetlb\n")
    assert layout.mode == "hybrid"
    assert [h.controllers for h in layout.hierarchies] == [
        ("cpuset",),
        ("devices",),
        ("memory",),
        ("cpu", "cpuacct"),
        ("net_cls", "net_prio"),
        ("name=systemd",),
        ("hugetlb",),
    ]


def test_own_cgroups_are_found_whatever_the_order_of_names() -> None:
    layout = parse_layout(HYBRID, HYBRID_SELF, "")
    own = {h.controllers[0] if h.version == 1 else "": h.own for h in layout.hierarchies}
    assert own["cpu"] == "/a:b/c"
    assert own["net_cls"] == "/net"
    assert own["memory"] == "/gone"
    assert own["cpuset"] == "/"
    assert own[""] == "/user.slice/x"


def test_noprefix_is_known() -> None:
    prefixes = {h.controllers[0]: h.prefix for h in parse_layout(HYBRID, "", "x").hierarchies}
    assert prefixes["cpuset"] == ""
    assert prefixes["memory"] == "cpuset."


def test_legacy_ignores_a_private_v2_mount() -> None:
    text = HYBRID.replace("/sys/fs/cgroup/unified", "/mnt/two")
    layout = parse_layout(text, HYBRID_SELF, "")
    assert layout.mode == "legacy"
    assert all(h.version == 1 for h in layout.hierarchies)


def test_no_cgroups_at_all() -> None:
    layout = parse_layout("23 1 0:22 / / rw - ext4 /dev/sda rw\n", "", "")
    assert (layout.mode, layout.hierarchies) == ("legacy", [])


def test_the_usual_place_wins_over_a_second_mount() -> None:
    usual = "40 1 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    other = "39 1 0:32 / /chroot/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    for text in (usual + other, other + usual):
        assert parse_layout(text, "", "").hierarchies[0].mountpoint == "/sys/fs/cgroup/memory"


def test_what_is_mounted_over_does_not_count() -> None:
    over = "50 23 0:50 / /sys/fs/cgroup rw - cgroup2 none rw\n"
    layout = parse_layout(HYBRID + over, "0::/\n", "memory")
    assert layout.mode == "unified"
    assert layout.hierarchies[0].device == os.makedev(0, 50)


def test_escapes_in_mountinfo() -> None:
    text = "40 1 0:32 /a\\040b /mnt/x\\134y rw - cgroup cgroup rw,memory\n"
    (only,) = parse_layout(text, "", "").hierarchies
    assert (only.root, only.mountpoint) == ("/a b", "/mnt/x\\y")


def test_self_cgroup_splits_at_the_first_two_colons_only() -> None:
    assert parse_self_cgroup("1:cpu,cpuacct:/a:b\n0::/c:d\n") == {
        "cpu": "/a:b", "cpuacct": "/a:b", "": "/c:d",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("root", "own", "expected"),
    [
        pytest.param("/", "/a/b", "/a/b", id="the whole tree is mounted"),
        pytest.param("/docker/x", "/docker/x", "/", id="a container without a cgroup namespace"),
        pytest.param("/docker/x", "/docker/x/sub", "/sub", id="below the top of the mount"),
        pytest.param("/docker/x", "/docker/xy", "/", id="a neighbour with a longer name"),
        pytest.param("/", "/../other", "/", id="outside of the cgroup namespace"),
        pytest.param("/", "/", "/", id="the root"),
    ],
)
def test_own_below_mountpoint(root: str, own: str, expected: str) -> None:
    assert Hierarchy(("memory",), "/m", root, own, 1).own_below_mountpoint() == expected


def test_this_host_has_a_layout() -> None:
    layout = read_layout()
    assert layout.mode in ("legacy", "hybrid", "unified")
    for hierarchy in layout.hierarchies:
        assert os.stat(hierarchy.mountpoint).st_dev == hierarchy.device
