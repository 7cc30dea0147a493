"""podman of an ordinary user: he has ranges of ids, and no cgroups."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.leaks import remove_tree
from harness.ordinary_user import FIRST, UID, as_user, in_reach, make_home
from harness.rootfs import make_rootfs, make_template
from harness.runtime import Result, run

Podman = Callable[..., Result]


@pytest.fixture(scope="module")
def podman(folder: Path, runtime_path: str) -> Iterator[Podman]:
    """Calls it; `busy` is an image of busybox."""
    if shutil.which("podman") is None or shutil.which("newuidmap") is None:
        pytest.skip("needs podman and Debian's package uidmap")
    folder.chmod(0o711)
    home = make_home(folder / "home")
    make_rootfs(folder / "files/rootfs", make_template(folder / "files/template"))
    image = folder / "image.tar"
    subprocess.run(["tar", "-C", folder / "files/rootfs", "-cf", image, "."], check=True)
    script = as_user(home, "podman")

    def call(*args: str) -> Result:
        words = [
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
            "--runtime", in_reach(home, runtime_path), *args,
        ]  # fmt: skip
        return run([str(script), *words], timeout_s=120, cwd=home)

    call("import", str(image), "busy").check()
    yield call
    call("rm", "--all", "--force", "--time", "0")
    call("rmi", "--all", "--force")
    remove_tree(home)


def test_run(podman: Podman) -> None:
    script = "id -u; cat /proc/self/uid_map"
    result = podman("run", "--rm", "--network=none", "busy", "sh", "-c", script).check()
    assert result.words[:4] == ["0", "0", str(UID), "1"]
    assert result.words[4:6] == ["1", str(FIRST)]


def test_run_as_somebody_else(podman: Podman) -> None:
    result = podman("run", "--rm", "--network=none", "--user", "1000", "busy", "id", "-u")
    assert result.check().out == "1000\n"


def test_a_life(podman: Podman) -> None:
    podman("create", "--name", "one", "--network=none", "busy", "sleep", "100").check()
    podman("start", "one").check()
    assert podman("exec", "one", "id", "-u").check().out == "0\n"
    assert podman("rm", "--force", "--time", "0", "one").status == 0
