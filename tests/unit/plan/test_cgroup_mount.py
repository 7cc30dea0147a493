"""Mounts of type cgroup on the three kinds of host."""

from __future__ import annotations

from harness.plans import CGROUPS, HYBRID, UNIFIED, facts, minimal, render_op

from runtime.host.cgroup_layout import CgroupLayout, Hierarchy
from runtime.plan import ops
from runtime.plan.cgroup_mount import plan_cgroup_mount
from runtime.plan.mounts import mount_requests
from runtime.plan.namespaces import Namespaces


def planned(
    layout: CgroupLayout, options: list[str], *namespaces: str, dirs: bool = True
) -> list[str]:
    """The operations of a cgroup mount, as text without their place."""
    entry = {"type": "cgroup", "source": "cgroup", "destination": "/cg", "options": options}
    config = minimal(
        mounts=[entry], linux={"namespaces": [{"type": kind} for kind in ("mount", *namespaces)]}
    )
    found = plan_cgroup_mount(
        mount_requests(config)[0],  # type: ignore[arg-type]  # a plain dict
        Namespaces(config["linux"]),
        facts(cgroups=layout),
        [(item, f"{item.mountpoint}/c1") for item in layout.hierarchies] if dirs else [],
    )
    return [render_op(op).replace(" (mounts[0])", "") for op in found]


def test_v2_is_one_filesystem() -> None:
    flags = ops.MOUNT_CGROUP_FALLBACK
    assert planned(UNIFIED, ["ro", "nsdelegate"], "cgroup") == [
        f"mount flags={flags:#x} set=0x1 '{CGROUPS}/c1' '/cg' 'cgroup2' ['ro', 'nsdelegate']"
    ]


def test_v2_without_a_cgroup_namespace_falls_back_to_all_of_it() -> None:
    assert f"'{CGROUPS}' '/cg' 'cgroup2' []" in planned(UNIFIED, [])[0]


def test_v1_without_a_cgroup_namespace_binds_the_containers_own() -> None:
    assert planned(HYBRID, ["ro"]) == [
        "mount set=0xe 'tmpfs' '/cg' 'tmpfs' ['mode=755']",
        f"bind flags=0x3 set=0x1 '{CGROUPS}/cpu,cpuacct/c1' '/cg/cpu,cpuacct'",
        "symlink 'cpu,cpuacct' '/cg/cpu'",
        "symlink 'cpu,cpuacct' '/cg/cpuacct'",
        f"bind flags=0x3 set=0x1 '{CGROUPS}/memory/c1' '/cg/memory'",
        f"bind flags=0x3 set=0x1 '{CGROUPS}/systemd/c1' '/cg/systemd'",
    ]


def test_v1_with_a_cgroup_namespace_mounts_the_hierarchies() -> None:
    assert planned(HYBRID, ["ro", "rslave"], "cgroup") == [
        "mount set=0xe propagation=0x82 'tmpfs' '/cg' 'tmpfs' ['mode=755']",
        "mkdir 0o755 '/cg/cpu,cpuacct'",
        "mount set=0xf propagation=0x82 'cgroup' '/cg/cpu,cpuacct' 'cgroup'"
        " ['ro', 'cpu', 'cpuacct']",
        "symlink 'cpu,cpuacct' '/cg/cpu'",
        "symlink 'cpu,cpuacct' '/cg/cpuacct'",
        "mkdir 0o755 '/cg/memory'",
        "mount set=0xf propagation=0x82 'cgroup' '/cg/memory' 'cgroup' ['ro', 'memory']",
        "mkdir 0o755 '/cg/systemd'",
        "mount set=0xf propagation=0x82 'systemd' '/cg/systemd' 'cgroup' ['ro', 'name=systemd']",
    ]


def test_a_hierarchy_without_a_cgroup_of_ours_shows_the_runtimes_own() -> None:
    text = "\n".join(planned(HYBRID, [], dirs=False))
    assert f"'{CGROUPS}/memory/user' '/cg/memory'" in text
    assert f"'{CGROUPS}/cpu,cpuacct' '/cg/cpu,cpuacct'" in text


def test_the_name_of_the_mount_point_needs_no_link() -> None:
    layout = CgroupLayout("legacy", [Hierarchy(("cpu", "cpuacct"), "/c/cpu", "/", "/", 1)])
    assert [line for line in planned(layout, []) if "symlink" in line] == [
        "symlink 'cpu' '/cg/cpuacct'"
    ]
