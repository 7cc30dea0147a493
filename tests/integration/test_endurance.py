"""Many lives one after another: nothing adds up."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.leaks import Leaks, descriptors, namespaces_in_use, namespaces_of, reap_zombies
from harness.runtime import SLOWNESS, Runtime, wait_until

ROUNDS = round(300 / SLOWNESS)


def open_files() -> int:
    """Open files of the whole machine."""
    return int(Path("/proc/sys/fs/file-nr").read_text().split()[0])


def namespaces_mounted() -> set[str]:
    """Namespaces kept alive by a mount, as lsns lists them beside those of processes."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split()[3] for line in lines if " - nsfs " in line}


def listed_namespaces() -> set[str]:
    """Inode numbers of the namespaces that lsns finds, by whatever means."""
    done = subprocess.run(["lsns", "-rno", "NS"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("way", ["kill", "exit"])
def test_rounds_of_create_start_kill_delete(
    runtime: Runtime, bundle: Bundle, leaks: Leaks, way: str
) -> None:
    """Mounts, cgroups, processes, namespaces, descriptors, state folders: as before."""
    rounds = ROUNDS if way == "kill" else ROUNDS // 10
    bundle.namespace("cgroup").args("/bin/sleep", "1000" if way == "kill" else "0")
    bundle.linux["resources"] |= {"memory": {"limit": 64 << 20}, "pids": {"limit": 16}}
    before = leaks.snapshot()
    files, mounts = open_files(), namespaces_mounted()
    theirs: set[str] = set()
    for _ in range(rounds):
        container = runtime.create(bundle)
        theirs |= namespaces_of(container.pid)
        container.start()
        if way == "kill":
            container.kill("KILL")
        assert container.wait() == (137 if way == "kill" else 0)
        container.delete()
        for path in (*bundle.path.glob("*.out"), *bundle.path.glob("*.pid")):
            path.unlink()
    runtime.pids.clear()
    reap_zombies()
    assert leaks.since(before) == {}
    assert descriptors() == before["descriptors"]
    assert os.listdir(runtime.root) in ([], [".empty-directory"])
    own = namespaces_of(os.getpid())
    assert len(theirs - own) >= 5  # numbers are used again, so it may be few
    wait_until(lambda: not (theirs - own) & namespaces_in_use(), 30)
    assert namespaces_mounted() == mounts
    left = {name.split("[")[1].rstrip("]") for name in theirs - own} & listed_namespaces()
    assert left == set()
    assert open_files() - files < rounds  # one a round would be a leak; others work here too


def test_failures_add_up_to_nothing(runtime: Runtime, bundle: Bundle, leaks: Leaks) -> None:
    """Creates that fail early, late, and by a hook."""
    before = leaks.snapshot()
    for number in range(30):
        broken = Bundle(bundle.path)
        if number % 3 == 0:
            broken.args("/none")
        elif number % 3 == 1:
            broken.mount("/mnt", "moonfs", "x")
        else:
            broken.hook("createRuntime", "exit 1")
        assert runtime.attempt("create", broken).status == 1
        for path in broken.path.glob("*.out"):
            path.unlink()
    assert leaks.since(before) == {}
    assert runtime.ids() == []


def test_health_checks(runtime: Runtime, make_bundle: Callable[[], Bundle], leaks: Leaks) -> None:
    """A check a second on many containers; PYRUNC_ENDURANCE=full is 50 of them for a minute."""
    is_full = os.environ.get("PYRUNC_ENDURANCE") == "full"
    count, seconds = (50, 60) if is_full else (6, 5)
    bundle = make_bundle()
    bundle.args("/bin/sleep", "1000")
    containers = [runtime.run_detached(bundle) for _ in range(count)]
    folders = {c.id: sorted(os.listdir(runtime.root / c.id)) for c in containers}
    before, files = leaks.snapshot(), open_files()
    checks = ["/bin/true", "/bin/false", "/bin/none"]
    statuses = {"/bin/true": 0, "/bin/false": 1, "/bin/none": 255}
    for turn in range(seconds):
        end_of_turn = time.monotonic() + 1
        for number, container in enumerate(containers):
            check = checks[(turn + number) % 3]
            assert runtime.call("exec", container.id, check).status == statuses[check]
        time.sleep(max(end_of_turn - time.monotonic(), 0))
    # No zombie either: to the subreaper they left nothing but the containers.
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert {int(pid) for pid in children} == {c.pid for c in containers}
    assert leaks.since(before) == {}
    for container in containers:
        assert sorted(os.listdir(runtime.root / container.id)) == folders[container.id]
        inside = runtime.call("exec", container.id, "ps", "-o", "pid").check().words
        assert len(inside) == 3  # the heading, init, ps itself
    assert open_files() - files < count * seconds
