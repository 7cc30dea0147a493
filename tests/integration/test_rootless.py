"""An ordinary user as the caller: with one id, with ranges, without a root, in a user namespace."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.leaks import remove_tree
from harness.ordinary_user import COUNT, FIRST, GID, UID, as_user, in_reach, make_home
from harness.runtime import Runtime, kind_of
from harness.seccomp_agent import SeccompAgent, let_pass


@pytest.fixture
def home(base: Path) -> Iterator[Path]:
    """The user's folder."""
    folder = make_home(base / "home")
    yield folder
    remove_tree(folder)


def become(runtime: Runtime, home: Path, before: str = "") -> None:
    """From now on the runtime is called by the user; `before` stands before its command line."""
    runtime.path = str(as_user(home, in_reach(home, runtime.path), before))
    os.chown(runtime.root, UID, GID)


@pytest.fixture
def user(home: Path, runtime: Runtime) -> Runtime:
    """The runtime, called by the user."""
    if kind_of(runtime.path) != "pyrunc":
        pytest.skip("the state of others lies elsewhere")
    become(runtime, home)
    return runtime


@pytest.fixture
def owned(make_bundle: Callable[[], Bundle]) -> Bundle:
    """A bundle of the user, with a user namespace that maps his own id."""
    bundle = make_bundle()
    for path in (bundle.path, *bundle.path.rglob("*")):
        if path.name != "busybox":
            os.chown(path, UID, GID, follow_symlinks=False)
    bundle.namespace("user")
    map_one(bundle, 0)
    mounts = bundle.config["mounts"]
    for mount in mounts:  # of group 5 there is none with a single id
        mount["options"] = [word for word in mount.get("options", ()) if word != "gid=5"]
    del bundle.linux["resources"]
    return bundle


def map_one(bundle: Bundle, inside: int) -> None:
    for key, outside in (("uidMappings", UID), ("gidMappings", GID)):
        bundle.linux[key] = [{"containerID": inside, "hostID": outside, "size": 1}]


def map_ranges(bundle: Bundle) -> None:
    for key, outside in (("uidMappings", UID), ("gidMappings", GID)):
        bundle.linux[key] = [
            {"containerID": 0, "hostID": outside, "size": 1},
            {"containerID": 1, "hostID": FIRST, "size": COUNT},
        ]


def test_a_single_id(user: Runtime, owned: Bundle) -> None:
    owned.sh("id -u; cat /proc/self/uid_map /proc/self/setgroups; touch /tmp/made")
    assert user.run(owned).check().words == ["0", "0", str(UID), "1", "deny"]
    assert (owned.rootfs / "tmp/made").stat().st_uid == UID


def test_ranges(user: Runtime, owned: Bundle) -> None:
    """newuidmap and newgidmap write what the user may not."""
    if shutil.which("newuidmap") is None:
        pytest.skip("needs Debian's package uidmap")
    map_ranges(owned)
    owned.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7]}
    owned.sh("id -u; id -G; cat /proc/self/setgroups")
    assert user.run(owned).check().words == ["1000", "1000", "7", "allow"]


def test_ranges_of_somebody_else(user: Runtime, owned: Bundle) -> None:
    map_ranges(owned)
    owned.linux["uidMappings"][1]["hostID"] += 1
    result = user.run(owned)
    assert result.status == 1
    assert "/etc/subuid" in result.err
    assert user.ids() == []


@pytest.mark.parametrize("number", [1, 1000, 65534])
def test_without_a_root(user: Runtime, owned: Bundle, number: int) -> None:
    """Nobody is 0 inside: the rights to prepare a container come with its user namespace."""
    map_one(owned, number)
    owned.process["user"] = {"uid": number, "gid": number}
    owned.sh("id -u; id -g; grep ^CapEff /proc/self/status; touch /tmp/made; ls /dev/null /proc/1")
    owned.capabilities()
    owned.process["cwd"] = "/new/cwd"
    result = user.run(owned).check()
    assert result.words[:4] == [str(number), str(number), "CapEff:", "0000000000000000"]
    assert (owned.rootfs / "tmp/made").stat().st_uid == UID
    container = user.create(owned.sleep())
    container.start()
    assert user.call("exec", container.id, "id", "-u").check().out == f"{number}\n"
    assert user.call("exec", "--preserve-fds", "0", container.id, "id").status == 0
    assert user.call("exec", "--user", "0", container.id, "id").status != 0


def test_without_a_root_but_with_all_rights(runtime: Runtime, bundle: Bundle) -> None:
    """The machine's root maps a range that does not begin with 0."""
    if kind_of(runtime.path) == "runc":
        pytest.skip("runc wants a root: an issue open since 2018")
    bundle.namespace("user")
    mapping = [{"containerID": 1000, "hostID": 100000, "size": 1000}]
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = mapping
    for path in (bundle.rootfs, *bundle.rootfs.rglob("*")):
        if path.name != "busybox":
            os.chown(path, 100000, 100000, follow_symlinks=False)
    for mount in bundle.config["mounts"]:
        mount["options"] = [word for word in mount.get("options", ()) if word != "gid=5"]
    bundle.process["user"] = {"uid": 1500, "gid": 1500}
    assert runtime.run(bundle.args("/bin/id", "-u")).check().out == "1500\n"


def test_a_life(user: Runtime, owned: Bundle) -> None:
    container = user.create(owned.sleep())
    assert container.status == "created"
    container.start()
    assert container.status == "running"
    assert user.call("exec", container.id, "sh", "-c", "echo $(id -u)").check().out == "0\n"
    assert [entry["id"] for entry in user_list(user)] == [container.id]
    container.kill("TERM")
    assert container.wait() == 143
    container.delete()
    assert user.ids() == []


def user_list(user: Runtime) -> list[dict[str, Any]]:
    import json

    found: list[dict[str, Any]] = json.loads(user.call("list", "-f", "json").check().out)
    return found


def test_the_state_lies_in_the_runtime_dir(home: Path, user: Runtime, owned: Bundle) -> None:
    """Without --root: below XDG_RUNTIME_DIR, for nobody else."""
    user.root = home / "run/pyrunc"
    user.command = lambda *args: [user.path, *args]  # type: ignore[method-assign]
    container = user.create(owned.sleep())
    state = user.root / container.id
    assert state.stat().st_uid == UID
    assert state.stat().st_mode & 0o077 == 0
    os.kill(container.pid, signal.SIGKILL)
    container.wait()
    container.delete()


def test_inside_a_user_namespace(home: Path, runtime: Runtime, owned: Bundle) -> None:
    """Root there and nowhere else, as engines call it for ordinary users."""
    if kind_of(runtime.path) != "pyrunc":
        pytest.skip("the state of others lies elsewhere")
    become(runtime, home, "unshare -Urm")
    for key in ("uidMappings", "gidMappings"):
        owned.linux[key] = [{"containerID": 0, "hostID": 0, "size": 1}]
    owned.sh("id -u; cat /proc/self/uid_map")
    assert runtime.run(owned).check().words == ["0", "0", "0", "1"]


def test_needs_a_user_namespace(user: Runtime, owned: Bundle) -> None:
    owned.without_namespace("user")
    del owned.linux["uidMappings"], owned.linux["gidMappings"]
    result = user.run(owned)
    assert result.status == 1
    assert "needs a user namespace" in result.err


@pytest.mark.parametrize(
    ("before", "words"), [("", "CAP_SYS_PTRACE"), ("unshare -Urm", "made")], ids=["user", "nested"]
)
def test_a_seccomp_agent(
    home: Path, runtime: Runtime, owned: Bundle, before: str, words: str
) -> None:
    """Root of a user namespace may take the listener; an ordinary user is told what he lacks."""
    if kind_of(runtime.path) != "pyrunc":
        pytest.skip("the state of others lies elsewhere")
    become(runtime, home, before)
    if before:
        for key in ("uidMappings", "gidMappings"):
            owned.linux[key] = [{"containerID": 0, "hostID": 0, "size": 1}]
    with SeccompAgent(let_pass) as agent:
        for path in (agent.path, os.path.dirname(agent.path)):
            os.chown(path, UID, GID)
        owned.linux["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": agent.path,
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
        }
        result = runtime.run(owned.sh("mkdir /tmp/a && echo made"))
    assert words in result.text
    assert runtime.ids() == []
