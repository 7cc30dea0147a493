"""What is left behind: mounts, cgroups, processes, state folders, descriptors.

Other programs work on the machine at the same time, so only what can be ours is counted:
what lies below the test folder, carries the session's tag, or descends from this process
(which is a subreaper, so nothing escapes by orphaning itself).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
CGROUP_ROOT = Path("/sys/fs/cgroup")


class Leaks:
    """The counters, for one test folder and tag."""

    def __init__(self, base: Path, tag: str, run_folder: Path) -> None:
        self.base = base
        self.tag = tag
        self.run_folder = run_folder

    def snapshot(self) -> dict[str, set[str]]:
        """Everything of ours that exists now, by kind."""
        return {
            "mounts": self.mounts(),
            "cgroups": self.cgroups(),
            "processes": {f"{pid} {name}" for pid, name in descendants(os.getpid())},
            "state folders": self.state_folders(),
            "descriptors": descriptors(),
        }

    def mounts(self) -> set[str]:
        """Mounts in our own mount namespace that we or our runtime made."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return {line for line in lines if str(self.base) in line or self.tag in line}

    def cgroups(self) -> set[str]:
        """Cgroups with our tag in their path, in every hierarchy."""
        return {folder for folder, _, _ in os.walk(CGROUP_ROOT) if self.tag in folder}

    def state_folders(self) -> set[str]:
        """Folders of containers in the state roots of the tests and in the default one."""
        found = {str(p) for root in self.base.glob("root*") for p in root.iterdir()}
        if self.run_folder.is_dir():
            found |= {str(p) for p in self.run_folder.iterdir() if self.tag in p.name}
        return {path for path in found if not Path(path).name.startswith(".")}

    def since(self, before: dict[str, set[str]], patience_s: float = 3.0) -> dict[str, set[str]]:
        """What is there now and was not `before`, once things had time to settle."""
        end = time.monotonic() + patience_s
        while True:
            reap_zombies()
            now = self.snapshot()
            more = {kind: now[kind] - before[kind] for kind in now if now[kind] - before[kind]}
            if not more or time.monotonic() > end:
                return more
            time.sleep(0.05)


def reap_zombies() -> None:
    """Reap the dead that were left to us; what lives on is a leak."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def become_subreaper() -> None:
    """Let orphans below this process become its children: as with conmon and the shim."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def end_descendants(patience_s: float = 5.0) -> None:
    """End what was left running below us, by pid, and reap it."""
    end = time.monotonic() + patience_s
    while (left := descendants(os.getpid())) and time.monotonic() < end:
        for pid, _ in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)
        reap_zombies()


def remove_cgroups(name: str) -> None:
    """Remove the empty cgroup `name`, and what is below it, in every hierarchy."""
    for hierarchy in (CGROUP_ROOT, *CGROUP_ROOT.iterdir()):
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            os.rmdir(folder)


def descriptors() -> set[str]:
    """Our own open descriptors and what they are."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:  # the listing's own descriptor
            continue
    return {entry for entry in found if "/proc/" not in entry}


def parents() -> Iterator[tuple[int, int, str]]:
    """(pid, parent, name) of every process."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = Path(f"/proc/{entry}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        yield int(entry), int(text[text.rindex(")") + 2 :].split()[1]), name


def descendants(pid: int) -> set[tuple[int, str]]:
    """(pid, name) of every process below `pid`, zombies included."""
    children: dict[int, list[tuple[int, str]]] = {}
    for child, parent, name in parents():
        children.setdefault(parent, []).append((child, name))
    found: set[tuple[int, str]] = set()
    todo = [pid]
    while todo:
        for child, name in children.get(todo.pop(), []):
            found.add((child, name))
            todo.append(child)
    return found


def namespaces_of(pid: int) -> set[str]:
    """The namespaces of a process, ``net:[4026531840]`` and the like."""
    found = set()
    for name in os.listdir(f"/proc/{pid}/ns"):
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/{name}"))
        except FileNotFoundError:  # pid_for_children of a namespace without a process
            continue
    return found


def namespaces_in_use() -> set[str]:
    """Every namespace that a process lives in."""
    found: set[str] = set()
    for pid, _, _ in parents():
        try:
            found |= namespaces_of(pid)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def remove_tree(path: Path) -> None:
    """Remove a folder; what a broken runtime left mounted in it is unmounted, never emptied."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed(points):
        if Path(point).is_relative_to(path):
            subprocess.run(["umount", "--lazy", "--no-canonicalize", point], check=True)
    shutil.rmtree(path)
