"""debug: tools in a container that has none, and no trace of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Result, Runtime

from runtime.errors import ContainerError
from runtime.host.static_program import find_tools


@pytest.fixture(autouse=True)
def ours(runtime: Runtime) -> None:
    if runtime.kind != "pyrunc":
        pytest.skip("only pyrunc has it")
    try:
        find_tools()
    except ContainerError as error:
        pytest.skip(str(error))


def debug(container: Container, *words: str) -> Result:
    *options, command = words
    return container.runtime.call("debug", *options, container.id, "sh", "-c", command)


def tree(folder: Path) -> dict[str, Any]:
    """Every path with what would change if it were touched."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def test_a_shell_with_tools_leaves_no_trace(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle.sleep())
    for link in (bundle.rootfs / "bin").iterdir():
        link.unlink()
    before = tree(bundle.rootfs)
    result = debug(container, "ls -1 / | head -1; hostname; exit 7")
    assert result.status == 7
    assert len(result.words) == 2
    assert tree(bundle.rootfs) == before


def test_it_joins_all_of_the_container(runtime: Runtime, bundle: Bundle) -> None:
    bundle.namespace("user")
    maps = [{"containerID": 0, "hostID": 200000, "size": 65536}]
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = maps
    container = runtime.run_detached(bundle.sleep())
    out = debug(container, "for f in /proc/self/ns/*; do readlink $f; done; id -u").check().words
    own = [os.readlink(f"/proc/{container.pid}/ns/{name}")
           for name in sorted(os.listdir(f"/proc/{container.pid}/ns"))]  # fmt: skip
    assert out == [*own, "0"]


def test_no_descriptor_of_ours_stays(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle.sleep())
    # 3 is where the program's own was, 4 and on what ours were.
    script = "for n in 3 4 5 6 7 8; do [ ! -e /proc/$$/fd/$n ] || readlink /proc/$$/fd/$n; done"
    assert debug(container, script).check().out == ""


def test_confined(runtime: Runtime, bundle: Bundle) -> None:
    bundle.capabilities("CAP_KILL")
    bundle.process["user"] = {"uid": 5, "gid": 6}
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
    }
    container = runtime.run_detached(bundle.sleep())
    script = "id -u; grep -c 'Seccomp:.*2' /proc/self/status; mkdir /dev/shm/x && rmdir /dev/shm/x"
    free = debug(container, script)
    assert (free.status, free.words) == (0, ["0", "0"])
    confined = debug(container, "--confined", script)
    assert (confined.status, confined.words) == (1, ["5", "1"])
    assert "Operation not permitted" in confined.err


def test_a_program_of_ones_own(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle.sleep())
    tool = find_tools()
    result = runtime.call("debug", "--tool", tool, container.id, "echo", "hello").check()
    assert result.out == "hello\n"
    dynamic = runtime.call("debug", "--tool", sys.executable, container.id)
    assert dynamic.status == 255
    assert "needs a loader and libraries" in dynamic.err


def test_no_container(runtime: Runtime) -> None:
    result = runtime.call("debug", "none")
    assert (result.status, "does not exist" in result.err) == (255, True)
