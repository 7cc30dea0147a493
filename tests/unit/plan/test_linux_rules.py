"""Rules about the linux section."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal, options, problems_of, warnings_of

ONE = {"containerID": 0, "hostID": 1000, "size": 10}
LOOP = {"type": "b", "path": "/dev/loop", "major": 7, "minor": 0}


def kinds(*names: str, **paths: str) -> dict[str, Any]:
    """A linux section with a mount namespace and others."""
    return {
        "namespaces": [{"type": name} for name in ("mount", *names)]
        + [{"type": name, "path": path} for name, path in paths.items()]
    }


def user(uids: list[dict[str, int]], gids: list[dict[str, int]] | None = None) -> dict[str, Any]:
    """A linux section with a new user namespace."""
    return kinds("user") | {"uidMappings": uids, "gidMappings": [ONE] if gids is None else gids}


def line(inside: int, outside: int, size: int) -> dict[str, int]:
    """One mapping."""
    return {"containerID": inside, "hostID": outside, "size": size}


@pytest.mark.parametrize(
    ("linux", "problem"),
    [
        (kinds("pid", "pid"), "linux.namespaces[2].type: pid is listed twice"),
        (kinds("pid", pid="/p"), "linux.namespaces[2].type: pid is listed twice"),
        (
            kinds("pidd"),
            'linux.namespaces[1].type: "pidd" is no namespace, expected one of'
            " ipc, uts, network, pid, cgroup, time, user, mount",
        ),
        (
            kinds(pid="p/ns"),
            'linux.namespaces[1].path: "p/ns" is relative, expected an absolute path',
        ),
        (user([], [ONE]), "linux.uidMappings: is empty, a new user namespace needs it"),
        (user([ONE], []), "linux.gidMappings: is empty, a new user namespace needs it"),
        (user([ONE, line(10, 1, 0)]), "linux.uidMappings[1].size: is 0, expected at least 1"),
        (user([ONE, line(9, 5000, 1)]), "linux.uidMappings: two entries overlap at containerID 9"),
        (user([ONE, line(10, 1009, 1)]), "linux.uidMappings: two entries overlap at hostID 1009"),
        (
            user([ONE, line(10, 2**32 - 2, 2)]),
            "linux.uidMappings[1]: goes beyond the last id, 4294967294",
        ),
        (
            user([ONE] + [line(100 + n, 5000 + n, 1) for n in range(340)]),
            "linux.uidMappings: has 341 entries, the kernel takes 340",
        ),
        (
            user([ONE], [line(0, 1000, 1), line(1, 1000, 1)]),
            "linux.gidMappings: two entries overlap at hostID 1000",
        ),
        ({"uidMappings": [ONE]}, "linux.uidMappings: needs a user namespace"),
        ({"timeOffsets": {"boottime": {"secs": 1}}}, "linux.timeOffsets: needs a time namespace"),
        (
            kinds(time="/t") | {"timeOffsets": {"boottime": {"secs": 1}}},
            "linux.timeOffsets: cannot be changed in a time namespace that is joined",
        ),
        (
            kinds("time") | {"timeOffsets": {"realtime": {"secs": 1}}},
            "linux.timeOffsets.realtime: is no clock, expected monotonic or boottime",
        ),
        (
            kinds("time") | {"timeOffsets": {"monotonic": {"nanosecs": 10**9}}},
            "linux.timeOffsets.monotonic.nanosecs: 1000000000 is a second or more",
        ),
        (
            {"sysctl": {"net.core.somaxconn": "1"}},
            'linux.sysctl["net.core.somaxconn"]: needs a network namespace',
        ),
        (
            kinds("network") | {"sysctl": {"net.a": "1", "net/a": "2"}},
            'linux.sysctl["net/a"]: is there twice, in two spellings',
        ),
        (
            {"rootfsPropagation": "rshard"},
            'linux.rootfsPropagation: "rshard" is none, expected one of private, rprivate, slave,'
            " rslave, shared, rshared, unbindable, runbindable",
        ),
        (
            {"maskedPaths": ["/a", "b"]},
            'linux.maskedPaths[1]: "b" is relative, expected an absolute path',
        ),
        (
            {"readonlyPaths": ["b"]},
            'linux.readonlyPaths[0]: "b" is relative, expected an absolute path',
        ),
        ({"maskedPaths": ["/."]}, "linux.maskedPaths[0]: is the root itself"),
        (
            {"devices": [LOOP | {"type": "x"}]},
            'linux.devices[0].type: "x" is none, expected c, b, u or p',
        ),
        (
            {"devices": [LOOP | {"path": "loop"}]},
            'linux.devices[0].path: "loop" is relative, expected an absolute path',
        ),
        (
            {"devices": [{"type": "c", "path": "/dev/x", "major": 1}]},
            "linux.devices[0].minor: is missing",
        ),
        (
            {"devices": [LOOP | {"major": -1}]},
            "linux.devices[0].major: -1 is not between 0 and 4095",
        ),
        (
            {"devices": [LOOP, LOOP | {"minor": 1}]},
            "linux.devices[1].path: /dev/loop is another device already",
        ),
        ({"personality": {}, "x": 1}, ""),
        (
            {"personality": {"flags": []}},
            "linux.personality.domain: is missing, expected LINUX or LINUX32",
        ),
    ],
)
def test_linux(linux: dict[str, Any], problem: str) -> None:
    found = problems_of(minimal(linux=linux))
    assert found == ([problem] if problem else [])


def test_zero_need_not_be_mapped() -> None:
    found = problems_of(minimal(linux=user([line(1, 1000, 10)]), process={"user": {"uid": 1}}))
    assert found == []


@pytest.mark.parametrize(
    "linux",
    [
        {"netDevices": {}, "memoryPolicy": {}, "intelRdt": {}, "mountLabel": "", "seccomp": {}},
        {"maskedPaths": [], "readonlyPaths": [], "devices": [], "sysctl": {}, "timeOffsets": {}},
        {"devices": [LOOP, LOOP, {"type": "p", "path": "/p"}]},
        user([line(0, 1000, 1), line(1, 100000, 65535)]),
        kinds(user="/u"),
        {"rootfsPropagation": "rslave"},
        kinds("time") | {"timeOffsets": {"boottime": {"secs": -5, "nanosecs": 999999999}}},
    ],
)
def test_what_asks_for_nothing_or_can_be_done(linux: dict[str, Any]) -> None:
    assert warnings_of(minimal(linux=linux)) == []


@pytest.mark.parametrize(
    ("sections", "field"),
    [
        ({"linux": {"maskedPaths": ["/a"]}}, "linux.maskedPaths"),
        ({"linux": {"readonlyPaths": ["/a"]}}, "linux.readonlyPaths"),
        ({"linux": {"rootfsPropagation": "slave"}}, "linux.rootfsPropagation"),
        ({"root": {"readonly": True}}, "root.readonly"),
    ],
)
def test_without_a_mount_namespace(sections: dict[str, Any], field: str) -> None:
    config = minimal(**sections)
    config["linux"]["namespaces"] = [{"type": "pid"}]
    assert problems_of(config) == [f"{field}: needs a mount namespace"]


@pytest.mark.parametrize(
    ("propagation", "is_fine"),
    [("private", False), ("rprivate", False), ("slave", True), ("rshared", True), ("", True)],
)
def test_no_pivot_and_private(propagation: str, is_fine: bool) -> None:
    config = minimal(linux={"rootfsPropagation": propagation})
    assert bool(problems_of(config, None, options(no_pivot=True))) != is_fine
    assert problems_of(config) == []


def test_seccomp_problems_are_among_the_others() -> None:
    """The rules themselves are tested with the planner of filters."""
    seccomp = {
        "defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 0, "flags": ["X"],
        "syscalls": [{"names": [], "action": "SCMP_ACT_LOG", "errnoRet": 1}],
    }  # fmt: skip
    problems = "; ".join(problems_of(minimal(linux={"seccomp": seccomp})))
    for place in ("defaultErrnoRet", "flags[0]", "syscalls[0].names", "syscalls[0].errnoRet"):
        assert f"linux.seccomp.{place}: " in problems


@pytest.mark.parametrize("action", ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"])
def test_actions_that_return_an_errno(action: str) -> None:
    rule = {"names": ["read"], "action": action, "errnoRet": 0}
    seccomp = {"defaultAction": action, "defaultErrnoRet": 38, "syscalls": [rule]}
    assert problems_of(minimal(linux={"seccomp": seccomp})) == []


def test_without_root_a_user_namespace_is_needed() -> None:
    assert problems_of(minimal(), facts(euid=1000)) == [
        "linux.namespaces: without root a container needs a user namespace"
    ]
    assert problems_of(minimal(linux=user([ONE])), facts(euid=1000)) == []


@pytest.mark.parametrize(
    ("linux", "chosen", "warning"),
    [
        (kinds(user="/u") | {"uidMappings": [ONE], "gidMappings": []}, options(),
         "linux.uidMappings: ignored: the user namespace is joined and has its own [no-effect]"),
        ({"personality": {"domain": "LINUX", "flags": ["X"]}}, options(),
         "linux.personality.flags: X ignored: there are none [no-effect]"),
        ({"namespaces": []}, options(no_pivot=True),
         "--no-pivot: ignored: there is no mount namespace [no-effect]"),
        (user([ONE]) | {"devices": [LOOP | {"uid": 5}]}, options(),
         "linux.devices: in a user namespace the host's nodes are bound, owner and mode are"
            " their own [device-is-bound]"),
    ],
)  # fmt: skip
@pytest.mark.spec("linux.personality.flags")
def test_warnings(linux: dict[str, Any], chosen: Any, warning: str) -> None:
    assert warnings_of(minimal(linux=linux), None, chosen) == [warning]


def test_devices_in_a_user_namespace_without_mounts() -> None:
    linux = user([ONE]) | {"namespaces": [{"type": "user"}], "devices": [LOOP]}
    assert problems_of(minimal(linux=linux)) == [
        "linux.devices: a user namespace needs a mount namespace to bind them in"
    ]
