"""/proc/PID/mountinfo, taken apart."""

from __future__ import annotations


class Mount:
    """One line: where, of which type, with which options of the mount and the superblock."""

    def __init__(self, line: str) -> None:
        fields = line.split(" ")  # the source may be empty
        dash = fields.index("-")
        self.root = fields[3]
        self.point = fields[4]
        self.options = set(fields[5].split(","))
        self.propagation = {field.split(":")[0] for field in fields[6:dash]}
        self.fstype = fields[dash + 1]
        self.source = fields[dash + 2]
        self.super_options = set(fields[dash + 3].split(","))


def parse_mountinfo(text: str) -> dict[str, Mount]:
    """The topmost mount of every place."""
    return {mount.point: mount for mount in map(Mount, text.splitlines())}
