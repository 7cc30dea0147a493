"""Descriptors and working directories of the host.

CVE-2024-21626, CVE-2016-8649: a directory of the host that is still open when the working directory
or the program is looked up lets /proc/self/fd/N in either name it. A runtime with the hole finds
the marker, or a descriptor too many is in one of the lists.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime

NUMBERS = [*range(3, 13), 20, 30, 40]


@pytest.fixture(autouse=True)
def careless(runtime: Runtime, folder: Path) -> Iterator[None]:
    """A caller that leaves folders and a file of the host open, at numbers of its own."""
    (folder / "marker").write_text("marker\n")
    wrapper = folder.parent / "careless"
    wrapper.write_text(
        f'#!/bin/bash\nexec {runtime.path} "$@" 7</ 20<{folder} 30<>{folder}/marker 40</etc\n'
    )
    wrapper.chmod(0o755)
    runtime.path, before = str(wrapper), runtime.path
    yield
    runtime.path = before


@pytest.fixture
def folder(bundle: Bundle) -> Path:
    """Of the host."""
    path = bundle.path / "host"
    path.mkdir()
    return path


@pytest.mark.parametrize("what", ["cwd", "args"])
def test_names_of_descriptors(runtime: Runtime, bundle: Bundle, folder: Path, what: str) -> None:
    for number in NUMBERS:
        door = f"/proc/self/fd/{number}"
        if what == "cwd":
            bundle.sh("cat marker; pwd; ls -d etc/hostname").process["cwd"] = door
        else:
            bundle.args(f"{door}/bin/cat", "/etc/hostname")
        result = runtime.run(bundle)
        assert result.status != 0, f"descriptor {number}"
        assert "marker\n" not in result.out


def test_names_of_descriptors_in_exec(runtime: Runtime, bundle: Bundle, folder: Path) -> None:
    container = runtime.run_detached(bundle.sleep())
    for number in NUMBERS:
        door = f"/proc/self/fd/{number}"
        for words in (["--cwd", door, container.id, "cat", "marker"],
                      [container.id, f"{door}/bin/cat", "/etc/passwd"]):  # fmt: skip
            result = runtime.call("exec", *words)
            assert result.status != 0, f"descriptor {number}"
            assert "marker\n" not in result.out


def test_lists_at_every_moment(runtime: Runtime, bundle: Bundle, folder: Path) -> None:
    """Hooks on both sides, the process, and exec: the three streams, whatever the caller leaks."""
    (bundle.rootfs / "lists").mkdir(mode=0o777)
    host = bundle.rootfs / "lists"
    for moment in ("prestart", "createRuntime", "createContainer", "poststart", "poststop"):
        bundle.hook(moment, f"ls -l /proc/self/fd > {host}/{moment}")
    bundle.hook("startContainer", "ls -l /proc/self/fd > /lists/startContainer")
    bundle.sh("ls -l /proc/self/fd > /lists/process; sleep 1000")
    container = runtime.run_detached(bundle)
    runtime.call("exec", container.id, "sh", "-c", "ls -l /proc/self/fd > /lists/exec").check()
    runtime.call("delete", "--force", container.id).check()
    lists = {path.name: path.read_text() for path in host.iterdir()}
    assert set(lists) == {
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
        "process", "exec",
    }  # fmt: skip
    for moment, text in lists.items():
        entries = [line.split(" -> ") for line in text.splitlines() if " -> " in line]
        # Beside the streams only what ls opened for this very list.
        extra = [
            target for name, target in entries
            if int(name.split()[-1]) > 2 and not target.endswith("/fd")
        ]  # fmt: skip
        assert extra == [], f"{moment}:\n{text}"


def test_a_waiting_init_holds_nothing_of_the_host(
    runtime: Runtime, bundle: Bundle, folder: Path
) -> None:
    """No folder at all; its root and working directory are the container's."""
    container = runtime.create(bundle)
    own = Path(f"/proc/{container.pid}")
    of_host = {os.stat("/").st_dev, bundle.rootfs.stat().st_dev, runtime.root.stat().st_dev}
    targets = {entry.name: os.readlink(entry) for entry in (own / "fd").iterdir()}
    for name, target in targets.items():
        assert "marker" not in target
        status = (own / "fd" / name).stat()
        if stat.S_ISDIR(status.st_mode) and status.st_dev in of_host:
            assert os.path.samestat(status, bundle.rootfs.stat()), targets
    assert os.stat(own / "root").st_ino == os.stat(bundle.rootfs).st_ino
    assert os.stat(own / "cwd").st_ino == os.stat(bundle.rootfs).st_ino


def test_preserved_folders_are_no_way_out(runtime: Runtime, bundle: Bundle, folder: Path) -> None:
    """--preserve-fds hands down what it says; a working directory outside is refused even so."""
    bundle.sh("cat marker").process["cwd"] = "/proc/self/fd/7"
    for count in ("5", "20"):
        result = runtime.run(bundle, "--preserve-fds", count)
        assert result.status != 0
        assert "marker\n" not in result.out
