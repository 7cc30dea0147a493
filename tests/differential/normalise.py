"""From what the probe printed to what has to be the same under every runtime."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from differential.configuration import Report
from harness.mountinfo import Mount

# Of /proc/self/status: what no other section has. The rest are sizes, and times.
STATUS = (
    "Umask", "Seccomp", "Seccomp_filters", "TracerPid", "Threads", "CoreDumping", "ShdPnd",
    "Speculation_Store_Bypass", "SpeculationIndirectBranch", "Cpus_allowed_list",
    "Mems_allowed_list", "THP_enabled",
)  # fmt: skip


def namespaces_of(pid: int | str) -> dict[str, str]:
    """The namespaces of a process: kind to ``net:[4026531840]``."""
    folder = f"/proc/{pid}/ns"
    return {name: os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}


class Normaliser:
    """Knows what only names this run, and the word that stands for it.

    words        text to word: ids, paths of bundles and state roots; the longest first
    namespaces   who lives in which ones; the first that fits gives the name
    keyrings     number of a session keyring to whose it is
    """

    def __init__(
        self,
        words: Mapping[str, str],
        namespaces: Sequence[tuple[str, Mapping[str, str]]],
        keyrings: Mapping[int, str],
    ) -> None:
        self.words = dict(sorted(words.items(), key=lambda item: -len(item[0])))
        self.namespaces = namespaces
        self.keyrings = keyrings

    def __call__(self, raw: Report) -> Report:
        """The comparable report; `raw` is left as it is."""
        report: Report = self._replace(raw)
        report["namespaces"] = {
            kind: self._whose_namespace(kind, found) for kind, found in raw["namespaces"].items()
        }
        number = raw["identity"]["session keyring id"]
        report["identity"]["session keyring id"] = self.keyrings.get(number, "another")
        report["process"] = relate_pids(report["process"])
        report["proc"] = read_proc(report["proc"])
        report["mounts"] = read_mounts(raw["proc"]["self/mountinfo"], self._replace)
        report["kernel"]["sysctl"] = {
            name: lines(text) for name, text in report["kernel"]["sysctl"].items()
        }
        if isinstance(report["paths"]["/proc/self"], dict):
            report["paths"]["/proc/self"]["to"] = "a number"
        forget_the_host(report)
        return report

    def _whose_namespace(self, kind: str, found: str) -> str:
        for name, namespaces in self.namespaces:
            if found == namespaces.get(kind):
                return name
        return found if found.startswith("error") else "new"

    def _replace(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._replace(key): self._replace(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._replace(part) for part in value]
        if isinstance(value, str):
            for text, word in self.words.items():
                value = value.replace(text, word)
        return value


def lines(text: str) -> list[str]:
    """The lines of a file, each with single blanks between its words."""
    return [" ".join(line.split()) for line in text.splitlines()]


def relate_pids(process: Report) -> Report:
    """Process numbers as what they say about one another."""
    own = process["pid"]

    def relate(number: int) -> int | str:
        if number in (0, 1):
            return number
        return "own" if number == own else "another"

    related = {name: relate(process[name]) for name in ("parent", "group", "session")}
    return process | related | {"pid": own if own == 1 else "another"}


def read_proc(proc: Report) -> Report:
    """Files of procfs: lines, the status by its fields, the cgroups by their hierarchies."""
    found: Report = {name: lines(text) for name, text in proc.items() if name != "self/mountinfo"}
    status = dict(line.split(":", 1) for line in found.pop("self/status") if ":" in line)
    for name in STATUS:
        found[f"status {name}"] = status.get(name, "").strip()
    found["status NSpid"] = len(status.get("NSpid", "").split())
    groups = [line.split(":", 2) for line in found.pop("self/cgroup") if line.count(":") > 1]
    return found | {f"cgroup {controller}": path for _, controller, path in groups}


def read_mounts(text: str, replace: Any) -> Report:
    """The mounts by their places; those on the same place from the lowest to the topmost."""
    found: Report = {}
    if text.startswith("error"):
        return found
    for line in text.splitlines():
        mount = Mount(line)
        point = replace(mount.point)
        stack = found.setdefault(point, {})
        stack[f"#{len(stack)}"] = {
            "root": replace(mount.root),
            "options": sorted(mount.options),
            "propagation": sorted(mount.propagation),
            "type": mount.fstype,
            "source": replace(mount.source),
            "super options": sorted(replace(option) for option in mount.super_options),
        }
    return found


def forget_the_host(report: Report) -> None:
    """What belongs to a namespace of the host may change while we look."""
    whose = report["namespaces"]
    if whose["mnt"] == "host":
        report["mounts"] = {}
    if whose["net"] == "host" and isinstance(report["network"], dict):
        report["network"] = {name: v for name, v in report["network"].items() if name == "lo"}
