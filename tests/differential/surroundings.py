"""Sets the laboratory up, and takes it down again: folders, the probe, runtimes, a neighbour."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from differential.laboratory import Laboratory
from harness.leaks import (
    Leaks,
    become_subreaper,
    descendants,
    end_descendants,
    remove_cgroups,
    remove_tree,
)
from harness.locate import RUN_FOLDERS, TREE
from harness.rootfs import make_template
from harness.runtime import Runtime, wait_until

SOURCES = sorted((Path(__file__).parent / "probe").glob("*.c"))
FLAGS = ["-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-static"]
NEIGHBOUR = "hostname neighbour; ip link set lo up; exec sleep 1000"


@contextmanager
def open_laboratory() -> Iterator[Laboratory]:
    """A laboratory, of which nothing may be left afterwards.

    Errors:  LookupError without a runc to compare with.
    """
    tag = f"pd{os.getpid()}"
    become_subreaper()
    base = Path(tempfile.mkdtemp(prefix=f"{tag}-"))
    base.chmod(0o711)
    leaks = Leaks(base, tag, Path(RUN_FOLDERS["pyrunc"]))
    try:
        runtimes = make_runtimes(base, tag)
        probe = compile_probe(base / "probe")
        busybox = make_template(base / "template")
        before = leaks.snapshot()
        with living_neighbour() as neighbour:
            yield Laboratory(base, busybox, probe, runtimes, neighbour)
        for runtime in runtimes.values():
            runtime.clean()
        remove_cgroups(tag)
        left = leaks.since(before)
        assert left == {}, left
    finally:
        end_descendants()
        remove_tree(base)


def compile_probe(path: Path) -> Path:
    """The probe; by the compiler of the static executable where there is one."""
    compiler = shutil.which("musl-gcc") or "cc"
    done = subprocess.run([compiler, *FLAGS, "-o", path, *SOURCES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path


def make_runtimes(base: Path, tag: str) -> dict[str, Runtime]:
    """Ours, and Debian's runc, each with a state root of its own."""
    theirs = shutil.which("runc")
    if theirs is None:
        raise LookupError("no runc here to compare with")
    found = {}
    for kind, path in {"pyrunc": str(TREE / ".venv/bin/pyrunc"), "runc": theirs}.items():
        root = base / f"root-{kind}"
        root.mkdir(mode=0o700)
        found[kind] = Runtime(path, root, tag)
    return found


@contextmanager
def living_neighbour() -> Iterator[int]:
    """A process in network, ipc, uts and pid namespaces of its own, named "neighbour"."""
    process = subprocess.Popen(
        ["unshare", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c",
         NEIGHBOUR]
    )  # fmt: skip

    def sleeper() -> list[int]:
        return [pid for pid, name in descendants(process.pid) if name == "sleep"]

    try:
        wait_until(lambda: bool(sleeper()), 10.0, lambda: "the neighbour")
        yield sleeper()[0]
    finally:
        process.kill()
        process.wait()
