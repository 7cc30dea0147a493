"""Observes configurations under two runtimes at the same time, each once."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from differential.configuration import Configuration, Report, Stage
from differential.normalise import Normaliser, namespaces_of
from differential.observe import EXECS, Created, RefusedError, created, list_rootfs, run
from harness.bundle import Bundle
from harness.leaks import remove_tree
from harness.mountinfo import parse_mountinfo
from harness.rootfs import make_rootfs
from harness.runtime import Runtime

WAYS = ("run", "create", *EXECS)

# What was seen, by the way that the program was started in. A refusal is told by "refused".
Observation = dict[str, Report]


def in_its_file_system(path: Path) -> str:
    """`path` as mountinfo shows the root of what is bound from there: /tmp may be a mount."""
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    point = next(p for p in (path, *path.parents) if str(p) in mounts)
    return os.path.join(mounts[str(point)].root, path.relative_to(point))


class Laboratory:
    """Two runtimes, a probe, and what was seen so far."""

    def __init__(
        self,
        base: Path,
        busybox: Path,
        probe: Path,
        runtimes: dict[str, Runtime],
        neighbour: int,
    ) -> None:
        self.base = base
        self.busybox = busybox
        self.probe = probe
        self.runtimes = runtimes
        self.neighbour = neighbour
        self.seen: dict[str, dict[str, Observation]] = {}
        self.keyrings = {self._host_keyring(): "host"}

    def observe(self, wanted: Configuration) -> dict[str, Observation]:
        """What is seen under each runtime that can run it."""
        if wanted.name not in self.seen:
            kinds = [kind for kind in self.runtimes if not (wanted.lacks and kind == "runc")]
            with ThreadPoolExecutor(len(kinds)) as pool:
                found = pool.map(lambda kind: self._observe(kind, wanted), kinds)
            self.seen[wanted.name] = dict(zip(kinds, found, strict=True))
        return self.seen[wanted.name]

    def _observe(self, kind: str, wanted: Configuration) -> Observation:
        runtime = self.runtimes[kind]
        number = len(self.seen) + 1
        folder = self.base / f"{kind}-{number}"
        volume = make_volume(folder / "host")
        try:
            bundle = self._bundle(folder)
            stage = Stage(self.neighbour, f"/{runtime.tag}/{kind}-{number}", volume)
            wanted.change(bundle, stage)
            name = runtime.new_id()
            words = {
                name: "<id>",
                stage.cgroup: "<cgroup>",
                str(runtime.root): "<state>",
            }
            for place in (str(folder), in_its_file_system(folder)):
                words |= {f"{place}/rootfs": "<rootfs>", place: "<bundle>"}
            return self._ways(runtime, bundle, wanted, name, words)
        finally:
            remove_tree(folder)

    def _ways(
        self,
        runtime: Runtime,
        bundle: Bundle,
        wanted: Configuration,
        name: str,
        words: dict[str, str],
    ) -> Observation:
        named = [("host", namespaces_of("self")), ("neighbour", namespaces_of(self.neighbour))]
        normalise = Normaliser(words, named, self.keyrings)
        found: Observation = {}
        found["run"] = attempt(lambda: normalise(run(runtime, bundle, wanted, name)))
        found["run"]["rootfs"] = list_rootfs(bundle.rootfs)
        try:
            with created(runtime, bundle, wanted, name) as made:
                raw = made.start()
                found["create"] = normalise(raw)
                inside = [*named, ("container", namespaces_of(made.container.pid))]
                keyrings = {raw["identity"]["session keyring id"]: "container"} | self.keyrings
                normalise = Normaliser(words, inside, keyrings)
                for way in WAYS[2:]:
                    found[way] = attempt(partial(look_by, way, made, normalise))
        except RefusedError as error:
            for way in WAYS[1:]:  # without a container there is nothing to join
                found[way] = refusal(error)
        return found

    def _bundle(self, folder: Path) -> Bundle:
        make_rootfs(folder / "rootfs", self.busybox)
        os.link(self.probe, folder / "rootfs/bin/probe")
        bundle = Bundle(folder)
        bundle.args("/bin/probe")
        return bundle

    def _host_keyring(self) -> int:
        done = subprocess.run([self.probe], capture_output=True, check=True)
        report: dict[str, Any] = json.loads(done.stdout)
        return int(report["identity"]["session keyring id"])


def look_by(way: str, made: Created, normalise: Normaliser) -> Report:
    """What is seen by a program that joins the container."""
    return normalise(EXECS[way](made))


def attempt(look: Callable[[], Report]) -> Report:
    """The report, or that there was none, and why."""
    try:
        return look()
    except RefusedError as error:
        return refusal(error)


def refusal(error: RefusedError) -> Report:
    """What stands in the place of a report."""
    return {"refused": True, "said": str(error)}


def make_volume(folder: Path) -> Path:
    """A folder of the host with a file and a tmpfs below it.

    It is a mount of its own, shared, so that propagation has something to come from;
    remove_tree() unmounts both.
    """
    volume = folder / "volume"
    volume.mkdir(parents=True)
    mount("--bind", str(volume), str(volume))
    mount("--make-shared", str(volume))
    (volume / "file").write_text("volume\n")
    (volume / "below").mkdir()
    mount("-t", "tmpfs", "-o", "nosuid,noatime", "volume", str(volume / "below"))
    return volume


def mount(*args: str) -> None:
    """mount(8), which must succeed."""
    subprocess.run(["mount", "--no-canonicalize", *args], check=True)
