"""Device nodes and links of /dev."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal, ops_named, plan_of

from runtime.plan import ops
from runtime.plan.devices import DEFAULT_DEVICES

MAPS = [{"containerID": 0, "hostID": 1000, "size": 65536}]
USER = {
    "namespaces": [{"type": "user"}, {"type": "mount"}],
    "uidMappings": MAPS,
    "gidMappings": MAPS,
}
FUSE = {"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229}


def nodes(host: Any = None, **linux: Any) -> dict[str, ops.Op]:
    """mknod operations by path."""
    plan = plan_of(minimal(linux=linux), host)
    return {str(op.strings[0]): op for op in ops_named(plan, "mknod")}


def test_the_default_devices() -> None:
    found = nodes()
    assert list(found) == list(DEFAULT_DEVICES)
    assert {path: op.numbers for path, op in found.items()} == {
        "/dev/null": (0o20666, 1, 3, 0, 0),
        "/dev/zero": (0o20666, 1, 5, 0, 0),
        "/dev/full": (0o20666, 1, 7, 0, 0),
        "/dev/random": (0o20666, 1, 8, 0, 0),
        "/dev/urandom": (0o20666, 1, 9, 0, 0),
        "/dev/tty": (0o20666, 5, 0, 0, 0),
    }


@pytest.mark.parametrize(
    ("device", "numbers"),
    [
        pytest.param(FUSE, (0o20666, 10, 229, 0, 0), id="mode and owner by default"),
        pytest.param(FUSE | {"type": "u"}, (0o20666, 10, 229, 0, 0), id="unbuffered"),
        pytest.param(FUSE | {"type": "b", "fileMode": 0o600, "uid": 7, "gid": 8},
                     (0o60600, 10, 229, 7, 8), id="block, mode and owner"),
        pytest.param(FUSE | {"fileMode": 0o60640}, (0o20640, 10, 229, 0, 0), id="type bits go"),
        pytest.param({"type": "p", "path": "/dev/fuse"}, (0o10666, 0, 0, 0, 0), id="fifo"),
    ],
)  # fmt: skip
def test_configured_devices(device: dict[str, Any], numbers: tuple[int, ...]) -> None:
    op = nodes(devices=[device])["/dev/fuse"]
    assert (op.origin, op.numbers) == ("linux.devices[0]", numbers)


def test_a_configured_device_replaces_the_default_one() -> None:
    found = nodes(devices=[{"type": "c", "path": "/dev//null", "major": 1, "minor": 3, "uid": 5}])
    assert len(found) == len(DEFAULT_DEVICES)
    assert found["/dev/null"].origin == "linux.devices[0]"


def test_ptmx_is_always_a_link() -> None:
    plan = plan_of(minimal(linux={"devices": [FUSE | {"path": "/dev/ptmx"}]}))
    assert "/dev/ptmx" not in [op.strings[0] for op in ops_named(plan, "mknod")]
    last = ops_named(plan, "symlink")[-1]
    assert (last.strings, last.flags) == (("pts/ptmx", "/dev/ptmx"), ops.SYMLINK_REPLACE)
    assert "/dev/ptmx" in plan.warnings[0]


@pytest.mark.parametrize(
    ("host", "linux", "flags"),
    [
        pytest.param(facts(), {}, ops.MKNOD_BIND_ON_EPERM, id="made, or bound"),
        pytest.param(facts(), USER, ops.MKNOD_BIND, id="bound in a new user namespace"),
        pytest.param(facts(in_user_namespace=True), {}, ops.MKNOD_BIND, id="and inside of one"),
        pytest.param(facts(), {"namespaces": [{"type": "pid"}]}, 0, id="the host gets no mount"),
    ],
)
def test_how_nodes_are_made(host: Any, linux: dict[str, Any], flags: int) -> None:
    found = nodes(host, **linux, devices=[FUSE, {"type": "p", "path": "/dev/pipe"}])
    assert found.pop("/dev/pipe").flags == 0
    assert {op.flags for op in found.values()} == {flags}


def test_nothing_can_be_made_without_both() -> None:
    linux = USER | {"namespaces": [{"type": "user"}]}
    assert nodes(**linux) == {}


@pytest.mark.parametrize("kcore", [True, False])
def test_links(kcore: bool) -> None:
    links = [op.strings for op in ops_named(plan_of(minimal(), facts(kcore=kcore)), "symlink")]
    assert links == [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
        *([("/proc/kcore", "/dev/core")] if kcore else []),
        ("pts/ptmx", "/dev/ptmx"),
    ]


def test_a_dev_that_is_bound_is_left_alone() -> None:
    config = minimal(
        mounts=[{"destination": "/dev/", "source": "/dev", "options": ["rbind"]}],
        linux={"devices": [FUSE]},
    )
    plan = plan_of(config)
    assert ops_named(plan, "mknod", "symlink", "stdio_null") == []
    assert plan.warnings == ["linux.devices: ignored: /dev is a bind mount [no-effect]"]
