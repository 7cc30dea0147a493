"""podman with systemd as its cgroup manager: in the guest, where systemd runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.engines import Podman
from harness.leaks import CGROUP_ROOT
from harness.runtime import run, wait_until
from harness.user import User, exists

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.skipif(not Path("/run/systemd/system").is_dir(), reason="systemd does not run"),
]


@pytest.fixture(scope="module")
def scoped_podman(folder: Path, archives: Path, runtime_path: str) -> Iterator[Podman]:
    """podman --cgroup-manager=systemd, its containers in a slice of their own."""
    engine = Podman(folder, runtime_path, manager="systemd")
    engine.call("import", "--change", 'CMD ["/bin/sleep","100000"]', "bb.tar", "localhost/bb:local")
    yield engine
    engine.call("pod", "rm", "-fa", "-t", "0")
    engine.call("rm", "-fa", "-t", "0")
    run(["systemctl", "stop", engine.cgroup_parent])


def show(unit: str, name: str) -> str:
    """A property of a unit."""
    return run(["systemctl", "show", "--value", f"--property={name}", unit]).check().out.strip()


def test_lives_in_a_scope_of_the_slice(scoped_podman: Podman) -> None:
    podman = scoped_podman
    name = podman.call(
        "run", "-d", "--memory", "64m", "--pids-limit", "50", podman.image
    ).out.strip()
    unit = f"libpod-{name}.scope"
    assert show(unit, "Slice") == podman.cgroup_parent
    assert show(unit, "MemoryMax") == str(64 << 20)
    assert show(unit, "TasksMax") == "50"
    folder = CGROUP_ROOT / podman.cgroup_parent / unit
    assert (folder / "memory.max").read_text() == f"{64 << 20}\n"
    podman.call("rm", "-f", "-t", "0", name)
    wait_until(lambda: show(unit, "LoadState") == "not-found", 1)
    assert not folder.exists()


def test_status_and_output(scoped_podman: Podman) -> None:
    result = scoped_podman.attempt(
        "run", "--rm", scoped_podman.image, "sh", "-c", "cat /proc/self/cgroup; exit 3"
    )
    assert (result.status, result.out) == (3, "0::/\n")


def test_update(scoped_podman: Podman) -> None:
    podman = scoped_podman
    name = podman.call("run", "-d", "--memory", "64m", podman.image).out.strip()
    podman.call("update", "--memory", "32m", "--cpu-shares", "512", name)
    unit = f"libpod-{name}.scope"
    assert show(unit, "MemoryMax") == str(32 << 20)
    assert show(unit, "CPUWeight") == "59"
    podman.call("rm", "-f", "-t", "0", name)


def test_pause(scoped_podman: Podman) -> None:
    podman = scoped_podman
    name = podman.call("run", "-d", podman.image).out.strip()
    podman.call("pause", name)
    (inspected,) = json.loads(podman.call("inspect", name).out)
    assert inspected["State"]["Status"] == "paused"
    podman.call("unpause", name)
    assert podman.call("exec", name, "cat", "/proc/self/cgroup").out == "0::/\n"
    podman.call("rm", "-f", "-t", "0", name)


def test_pod(scoped_podman: Podman) -> None:
    podman = scoped_podman
    podman.call("pod", "create", "--name", "scopes", "--infra=false")
    name = podman.call("run", "-d", "--pod", "scopes", podman.image).out.strip()
    assert "libpod_pod" in show(f"libpod-{name}.scope", "Slice")
    podman.call("pod", "rm", "-f", "-t", "0", "scopes")
    wait_until(lambda: show(f"libpod-{name}.scope", "LoadState") == "not-found", 1)


def test_a_writable_cgroup_is_the_containers(scoped_podman: Podman) -> None:
    """As systemd in a container needs it, in a user namespace too."""
    script = "mkdir /sys/fs/cgroup/below && echo $$ >/sys/fs/cgroup/below/cgroup.procs && echo fine"
    maps = ("--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536")
    assert scoped_podman.run("--systemd=always", *maps, script=script).out == "fine\n"


@pytest.mark.skipif(not exists(), reason="there is no user for it")
def test_of_an_ordinary_user(folder: Path, archives: Path, runtime_path: str) -> None:
    """Rootless podman, its containers in scopes of the user's own systemd."""
    user = User()
    podman = Podman(user.make_folder(folder / "his"), runtime_path, manager="systemd")
    user.env["CONTAINERS_CONF"] = podman.env["CONTAINERS_CONF"]
    podman.prefix = [*user.prefix, *podman.prefix]
    podman.cgroup_parent = "user.slice"
    try:
        podman.call("import", str(archives / "bb.tar"), "localhost/bb:local")
        name = podman.call(
            "run", "-d", "--memory", "64m", podman.image, "sleep", "1000"
        ).out.strip()
        assert user.show(f"libpod-{name}.scope", "MemoryMax") == [str(64 << 20)]
        assert podman.call("exec", name, "id", "-u").out == "0\n"
        podman.call("rm", "-f", "-t", "0", name)
        wait_until(lambda: user.show(f"libpod-{name}.scope", "LoadState") == ["not-found"], 1)
        assert podman.attempt("run", "--rm", podman.image, "sh", "-c", "exit 3").status == 3
    finally:
        podman.attempt("rm", "-fa", "-t", "0")
        podman.attempt("system", "reset", "-f")
