"""Where a container's cgroup goes, and on which side each controller is planned."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.plan import CgroupPlan, ancestors, clean_path, plan_cgroup
from runtime.errors import ConfigError
from runtime.host.cgroup_layout import CgroupLayout, Hierarchy


def v1(*controllers: str, own: str = "/", root: str = "/") -> Hierarchy:
    return Hierarchy(controllers, "/cg/" + ",".join(controllers), root, own, 1)


def v2(*controllers: str, own: str = "/", at: str = "/cg") -> Hierarchy:
    return Hierarchy(controllers, at, "/", own, 2)


LEGACY = CgroupLayout(
    "legacy",
    [
        v1("cpuset"), v1("devices"), v1("memory", own="/deep/own"), v1("cpu", "cpuacct"),
        v1("pids"), v1("freezer"),
    ],
)  # fmt: skip
HYBRID = CgroupLayout(
    "hybrid",
    [v1("devices"), v1("cpu"), v1("freezer"), v2("memory", "hugetlb", own="/s/own", at="/cg/u")],
)
UNIFIED = CgroupLayout("unified", [v2("cpuset", "cpu", "io", "memory", "pids", own="/user/own")])


def plan(
    layout: CgroupLayout,
    resources: dict[str, Any] | None = None,
    *,
    path: str | None = "/pod/x",
    rootless: bool = False,
) -> CgroupPlan:
    return plan_cgroup(path, "id", resources, None, layout, rootless=rootless)


def directories(made: CgroupPlan) -> list[str]:
    return [d.directory for d in made.dirs]


def writes(made: CgroupPlan) -> list[str]:
    return [f"{d.directory}/{s.file} = {s.value}" for d in made.dirs for s in d.settings]


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/a/b", "/a/b"), ("a/b", "/a/b"), ("x", "/x"), ("//a//b/", "/a/b"), ("/a/./b", "/a/b"),
        ("../../c", "/c"), ("/../d", "/d"), ("a/../../../b", "/b"), (".", "/"), ("..", "/"),
        ("/", "/"), ("a:b:c", "/a:b:c"), ("/..hidden/x...", "/..hidden/x..."),
    ],
)  # fmt: skip
def test_clean_path_never_escapes(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@pytest.mark.parametrize("path", ["a\0b", "a\nb"])
def test_impossible_characters(path: str) -> None:
    with pytest.raises(ConfigError, match="no cgroup path"):
        clean_path(path)


def test_ancestors() -> None:
    assert ancestors("/a/b/c") == ["/", "/a", "/a/b"]
    assert ancestors("/a") == ["/"]


def test_absolute_path_starts_at_the_mount() -> None:
    assert directories(plan(LEGACY))[2] == "/cg/memory/pod/x"
    assert directories(plan(UNIFIED)) == ["/cg/pod/x"]


@pytest.mark.parametrize("path", [None, "", "id"])
def test_no_path_is_the_id_below_the_own_cgroup(path: str | None) -> None:
    assert directories(plan(LEGACY, path=path))[1:3] == ["/cg/devices/id", "/cg/memory/deep/own/id"]


def test_relative_path_on_v2_starts_at_the_parent() -> None:
    assert directories(plan(UNIFIED, path="a/b")) == ["/cg/user/a/b"]


def test_relative_path_on_hybrid_v2() -> None:
    assert directories(plan(HYBRID, path="a"))[-1] == "/cg/u/s/own/a"
    # The own cgroup has a process, so it cannot hand a controller down.
    limited = plan(HYBRID, {"memory": {"limit": 4096}}, path="a")
    assert directories(limited)[-1] == "/cg/u/s/a"


def test_a_dot_is_the_own_cgroup() -> None:
    assert directories(plan(LEGACY, path="."))[1:3] == ["/cg/devices/", "/cg/memory/deep/own"]


@pytest.mark.parametrize("path", ["/", "/..", "/./"])
def test_the_root_cgroup_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="root cgroup"):
        plan(LEGACY, path=path)


def test_a_container_without_cgroup_namespace_stays_below_its_mount() -> None:
    nested = CgroupLayout("legacy", [v1("devices", own="/docker/c1/sub", root="/docker/c1")])
    assert directories(plan(nested, path="a")) == ["/cg/devices/sub/a"]


LIMITS: dict[str, Any] = {
    "memory": {"limit": 4096},
    "pids": {"limit": 7},
    "cpu": {"shares": 1024, "cpus": "0"},
}


def test_values_on_v1() -> None:
    assert writes(plan(LEGACY, LIMITS)) == [
        "/cg/cpuset/pod/x/cpuset.cpus = 0",
        "/cg/memory/pod/x/memory.limit_in_bytes = 4096",
        "/cg/cpu,cpuacct/pod/x/cpu.shares = 1024",
        "/cg/pids/pod/x/pids.max = 7",
    ]


def test_values_on_v2() -> None:
    made = plan(UNIFIED, LIMITS | {"unified": {"memory.max": "8192"}})
    assert writes(made) == [
        "/cg/pod/x/pids.max = 7",
        "/cg/pod/x/memory.max = 4096",
        "/cg/pod/x/cpu.weight = 100",
        "/cg/pod/x/cpuset.cpus = 0",
        "/cg/pod/x/memory.max = 8192",  # last, so it wins
    ]
    (only,) = made.dirs
    assert only.enable == ("cpuset", "cpu", "io", "memory", "pids")
    assert sorted(only.needed) == ["cpu", "cpuset", "memory", "pids"]


def test_values_on_hybrid_go_where_the_controller_lives() -> None:
    made = plan(HYBRID, {"memory": {"limit": 4096}, "cpu": {"shares": 2}})
    assert writes(made) == ["/cg/cpu/pod/x/cpu.shares = 2", "/cg/u/pod/x/memory.max = 4096"]
    assert made.dirs[-1].enable == ("memory",)
    assert plan(HYBRID).dirs[-1].enable == ()


@pytest.mark.parametrize(
    ("layout", "resources", "field"),
    [
        pytest.param(
            LEGACY, {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}, "hugepageLimits[0]",
            id="no hugetlb",
        ),
        pytest.param(LEGACY, {"blockIO": {"weight": 10}}, "blockIO.weight", id="no blkio"),
        pytest.param(LEGACY, {"network": {"classID": 1}}, "network.classID", id="no net_cls"),
        pytest.param(LEGACY, {"unified": {"memory.max": "1"}}, "unified.memory.max", id="no v2"),
        pytest.param(HYBRID, {"unified": {"cpu.max": "1"}}, "unified.cpu.max", id="cpu is on v1"),
        pytest.param(HYBRID, {"pids": {"limit": 5}}, "pids.limit", id="pids nowhere"),
        pytest.param(UNIFIED, {"network": {"classID": 1}}, "network.classID", id="v1 only"),
        pytest.param(
            UNIFIED, {"network": {"priorities": [{"name": "lo", "priority": 1}]}},
            "network.priorities[0]", id="v1 only, priorities",
        ),
        pytest.param(UNIFIED, {"memory": {"swappiness": 1}}, "memory.swappiness", id="swappiness"),
        pytest.param(
            LEGACY, {"devices": [{"allow": True, "type": "u", "access": "r"}]}, "devices[0].type",
            id="device type",
        ),
    ],
)  # fmt: skip
def test_refused(layout: CgroupLayout, resources: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(layout, resources)
    assert caught.value.field == f"linux.resources.{field}"


@pytest.mark.parametrize(
    "resources",
    [
        {"network": {"classID": 0, "priorities": []}},
        {"blockIO": {}},
        {"hugepageLimits": []},
        {"unified": {}},
        {"rdma": None},
    ],
)
def test_nothing_asked_of_an_absent_controller(resources: dict[str, Any]) -> None:
    assert writes(plan(LEGACY, resources)) == []


def test_no_limit_needs_no_controller() -> None:
    assert writes(plan(HYBRID, {"pids": {"limit": -1}})) == []


def test_unified_is_fine_for_a_controller_on_v2_of_a_hybrid_host() -> None:
    made = plan(HYBRID, {"unified": {"memory.high": "4096"}})
    assert writes(made) == ["/cg/u/pod/x/memory.high = 4096"]
    assert made.dirs[-1].enable == ("memory",)


def test_devices_go_to_v1_where_it_is_mounted() -> None:
    on = plan(HYBRID).devices_on
    assert on is not None and on.directory == "/cg/devices/pod/x"
    on = plan(UNIFIED).devices_on
    assert on is not None and on.hierarchy.version == 2
    no_v1_devices = CgroupLayout("hybrid", [v1("cpu"), v2(at="/cg/u")])
    on = plan(no_v1_devices).devices_on
    assert on is not None and on.directory == "/cg/u/pod/x"


def test_a_host_that_cannot_restrict_devices_is_refused() -> None:
    with pytest.raises(ConfigError, match="no devices cgroup"):
        plan(CgroupLayout("legacy", [v1("memory")]))


def test_rootless_leaves_devices_alone_and_may_go_without() -> None:
    made = plan(UNIFIED, path=None, rootless=True)
    assert made.devices is None
    assert made.droppable
    assert not plan(UNIFIED, path="/a", rootless=True).droppable
    assert not plan(UNIFIED, path=None).droppable


def test_the_freezer_is_v1s_where_it_is_mounted() -> None:
    on = plan(HYBRID).freezer_on
    assert on is not None and on.directory == "/cg/freezer/pod/x"
    on = plan(UNIFIED).freezer_on
    assert on is not None and on.directory == "/cg/pod/x"


def test_warnings_reach_the_plan() -> None:
    assert len(plan(LEGACY, {"memory": {"kernel": 5}}).warnings) == 1
    assert len(plan(UNIFIED, {"cpu": {"idle": 1, "shares": 9}}).warnings) == 1
