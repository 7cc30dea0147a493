"""New, joined and inherited namespaces."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import HOST_NETWORK, facts, minimal, ops_named, plan_of, render_op

from runtime.host.cgroup_layout import CgroupLayout, Hierarchy
from runtime.host.facts import HostFacts
from runtime.plan import ops
from runtime.plan.namespaces import (
    FLAGS,
    NEWCGROUP,
    NEWNET,
    NEWNS,
    NEWPID,
    Namespaces,
    may_set_groups,
    time_offset_lines,
)

RANGE = [{"containerID": 0, "hostID": 100000, "size": 65536}]
SINGLE = [{"containerID": 0, "hostID": 1000, "size": 1}]


def listed(*kinds: str, **joined: str) -> list[dict[str, str]]:
    """linux.namespaces: some new, some with a path."""
    return [{"type": kind} for kind in kinds] + [
        {"type": kind, "path": path} for kind, path in joined.items()
    ]


def stage(config: dict[str, Any], host: HostFacts | None = None) -> list[str]:
    """The operations up to and including the fork; cgroups are not the subject."""
    plan = plan_of(config, host)
    names = [op.name for op in plan.ops]
    return [
        f"{op.name} {op.flags:#x} {'' if op.name == 'become_root' else render_op(op).split()[-1]}"
        for op in plan.ops[: names.index("fork") + 1]
        if op.name != "cgroup_join"
    ]


def test_the_flags_are_the_kernels() -> None:
    assert FLAGS == {
        "ipc": 0x8000000, "uts": 0x4000000, "network": 0x40000000, "pid": 0x20000000,
        "cgroup": 0x2000000, "time": 0x80, "user": 0x10000000, "mount": 0x20000,
    }  # fmt: skip


def test_new_joined_inherited() -> None:
    found = Namespaces({"namespaces": listed("pid", network="/n")})  # type: ignore[typeddict-item]
    assert (found.new, found.joined, found.listed) == (NEWPID, NEWNET, NEWPID | NEWNET)
    assert found.paths == {NEWNET: "/n"}


def test_an_empty_path_is_a_new_namespace() -> None:
    found = Namespaces({"namespaces": [{"type": "pid", "path": ""}]})
    assert (found.new, found.joined) == (NEWPID, 0)


def test_one_clone_makes_all_but_the_cgroup_namespace() -> None:
    kinds = [kind for kind in FLAGS if kind != "user"]
    plan = plan_of(minimal(linux={"namespaces": listed(*kinds)}))
    assert plan.clone_flags == sum(FLAGS[kind] for kind in kinds) - NEWCGROUP
    assert not plan.staged
    names = [op.name for op in plan.ops]
    assert names.index("cgroup_join") < names.index("unshare") < names.index("setsid")


def test_a_new_user_namespace_waits_for_its_maps() -> None:
    plan = plan_of(
        minimal(linux={"namespaces": listed("user", "mount"), "uidMappings": RANGE,
                       "gidMappings": RANGE})
    )  # fmt: skip
    # An execve(2) before the maps are there would cost all capabilities.
    assert (plan.clone_flags, plan.staged) == (0, True)
    names = [op.name for op in plan.ops]
    assert names[:5] == ["unshare", "sync", "become_root", "fork", "cgroup_join"]
    assert [(m.container, m.host, m.size) for m in plan.uid_maps] == [(0, 100000, 65536)]


def test_only_a_new_network_gets_its_loopback_up() -> None:
    new = plan_of(minimal(linux={"namespaces": listed("mount", "network")}))
    joined = plan_of(minimal(linux={"namespaces": listed("mount", network="/n")}))
    assert len(ops_named(new, "link_up")) == 1
    assert ops_named(joined, "link_up") == []


def test_joining_is_staged_and_mount_comes_last() -> None:
    config = minimal(linux={"namespaces": listed("pid", mount="/m", ipc="/i", cgroup="/c")})
    assert stage(config) == [
        "setns 0x0 ipc", "setns 0x0 cgroup", "setns 0x0 mount", "fork 0x0 pid",
    ]  # fmt: skip


def test_with_a_joined_user_namespace_all_is_tried_before_and_after() -> None:
    config = minimal(linux={"namespaces": listed("mount", user="/u", network="/n", pid="/p")})
    assert stage(config) == [
        "setns 0x1 network", "setns 0x1 pid",
        "setns 0x0 user", "become_root 0x1 ",
        "setns 0x2 network", "setns 0x2 pid",
        "fork 0x0 mount",
    ]  # fmt: skip


def test_a_new_user_namespace_after_joining_others() -> None:
    config = minimal(
        linux={"namespaces": listed("mount", "user", network="/n"), "uidMappings": RANGE,
               "gidMappings": RANGE}
    )  # fmt: skip
    assert stage(config) == [
        "setns 0x1 network", "unshare 0x0 user", "sync 0x0 maps", "become_root 0x1 ",
        "setns 0x2 network", "fork 0x0 mount",
    ]  # fmt: skip


def test_time_offsets_are_written_before_anybody_is_inside() -> None:
    config = minimal(
        linux={"namespaces": listed("mount", "time"), "timeOffsets": {"boottime": {"secs": 9}}}
    )
    assert stage(config) == ["unshare 0x0 time", "sync 0x0 offsets", "fork 0x0 mount"]
    assert plan_of(config).time_offsets == ["boottime 9 0"]


@pytest.mark.parametrize("offsets", [{}, {"monotonic": {}}, {"boottime": {"secs": 0}}])
def test_without_offsets_a_time_namespace_is_like_the_others(offsets: dict[str, Any]) -> None:
    config = minimal(linux={"namespaces": listed("mount", "time"), "timeOffsets": offsets})
    plan = plan_of(config)
    assert not plan.staged
    assert plan.clone_flags == FLAGS["time"] | NEWNS


def test_time_offset_lines() -> None:
    linux: Any = {"timeOffsets": {"monotonic": {"secs": -1, "nanosecs": 5}, "boottime": {}}}
    assert time_offset_lines(linux) == ["monotonic -1 5"]


def test_a_network_with_sysctls_must_not_be_the_hosts() -> None:
    linux: dict[str, Any] = {"namespaces": listed("mount", network="/n")}
    plain = plan_of(minimal(linux=linux))
    config = minimal(linux=linux | {"sysctl": {"net.core.somaxconn": "1"}})
    assert [slot.foreign for slot in plain.slots if slot.kind == "namespace"] == [None]
    slots = [slot for slot in plan_of(config).slots if slot.kind == "namespace"]
    assert [slot.foreign for slot in slots] == [HOST_NETWORK]


def test_slots_are_numbered_from_two() -> None:
    plan = plan_of(minimal(linux={"namespaces": listed("mount", ipc="/i", network="/n")}))
    by_number = dict(enumerate(plan.slots, 2))
    for op in ops_named(plan, "setns"):
        assert by_number[op.numbers[0]].path in op.what
        assert by_number[op.numbers[0]].origin == op.origin
    assert by_number[ops_named(plan, "fifo")[0].numbers[0]].kind == "fifo"


@pytest.mark.parametrize(
    ("kinds", "maps", "host", "may"),
    [
        pytest.param(listed(), [], facts(), True, id="root"),
        pytest.param(listed(), [], facts(setgroups_allowed=False), False, id="denied around us"),
        pytest.param(listed("user"), RANGE, facts(), True, id="root's user namespace"),
        pytest.param(listed("user"), SINGLE, facts(), True, id="root may map a single one too"),
        pytest.param(listed("user"), SINGLE, facts(euid=1000), False, id="one id, no privileges"),
        pytest.param(listed("user"), RANGE, facts(euid=1000), True, id="a range by newgidmap"),
        pytest.param(listed("user"), RANGE, facts(setgroups_allowed=False), False, id="inherited"),
        pytest.param(listed(user="/u"), [], facts(euid=1000), False, id="joined without root"),
        pytest.param(listed(user="/u"), [], facts(), True, id="joined by root"),
    ],
)
def test_may_set_groups(
    kinds: list[dict[str, str]], maps: list[dict[str, int]], host: HostFacts, may: bool
) -> None:
    linux: Any = {"namespaces": kinds, "gidMappings": maps}
    assert may_set_groups(linux, Namespaces(linux), host) == may


@pytest.mark.parametrize(
    ("uids", "gids", "ids"),
    [
        ([(0, 1000, 1)], [(0, 1000, 1)], (0, 0)),
        ([(5, 1000, 9), (0, 2000, 1)], [(7, 1000, 1), (3, 1, 1)], (0, 7)),
        ([(1000, 1000, 1)], [(1000, 1000, 1)], (1000, 1000)),
    ],
)
def test_who_prepares_a_container(
    uids: list[tuple[int, int, int]], gids: list[tuple[int, int, int]], ids: tuple[int, int]
) -> None:
    """Root where there is one, else the first who is mapped."""
    keys = ("containerID", "hostID", "size")
    linux = {
        "namespaces": listed("mount", "user"),
        "uidMappings": [dict(zip(keys, entry, strict=True)) for entry in uids],
        "gidMappings": [dict(zip(keys, entry, strict=True)) for entry in gids],
    }
    user = {"uid": uids[0][0], "gid": gids[0][0]}
    plan = plan_of(minimal(linux=linux, process={"user": user}), facts())
    assert [op.numbers[:2] for op in ops_named(plan, "become_root")] == [ids]


def test_groups_are_only_set_where_they_may_be() -> None:
    config = minimal(
        linux={"namespaces": listed("mount", "user"), "uidMappings": SINGLE, "gidMappings": SINGLE}
    )
    plan = plan_of(config, facts(euid=1000))
    assert plan.deny_setgroups
    assert [op.flags for op in ops_named(plan, "become_root", "user")] == [0, 0]
    plan = plan_of(config, facts())
    assert not plan.deny_setgroups
    assert [op.flags for op in ops_named(plan, "become_root", "user")] == [
        ops.BECOME_ROOT_SETGROUPS, ops.USER_SETGROUPS,
    ]  # fmt: skip


V2_ALONE = CgroupLayout("unified", [Hierarchy(("pids",), "/sys/fs/cgroup", "/", "/", 2)])


@pytest.mark.parametrize(
    ("limit", "kinds", "layout", "moved"),
    [
        pytest.param(1, ("user", "pid"), V2_ALONE, True, id="one"),
        pytest.param(0, ("user", "pid"), V2_ALONE, True, id="none"),
        pytest.param(2, ("user", "pid"), V2_ALONE, False, id="room for both"),
        pytest.param(-1, ("user", "pid"), V2_ALONE, False, id="no limit"),
        pytest.param(1, ("pid",), V2_ALONE, False, id="no intermediate"),
        pytest.param(1, ("user", "pid"), facts().cgroups, False, id="v1"),
    ],
)
def test_an_intermediate_that_has_no_room_in_a_v2_cgroup(
    limit: int, kinds: tuple[str, ...], layout: CgroupLayout, moved: bool
) -> None:
    linux: dict[str, Any] = {"namespaces": listed(*kinds), "resources": {"pids": {"limit": limit}}}
    if "user" in kinds:
        linux |= {"uidMappings": RANGE, "gidMappings": RANGE}
    plan = plan_of(minimal(linux=linux), facts(cgroups=layout))
    barriers = [op.numbers for op in plan.ops if op.name == "sync"]
    assert plan.parent_joins == moved
    assert ((ops.BARRIER_CGROUP,) in barriers) == moved
