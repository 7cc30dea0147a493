"""What /proc says of one process, taken apart: for those who look at a running container."""

from __future__ import annotations

import os

from runtime.errors import HostError

CAPABILITY_LINES = {
    "effective": "CapEff", "permitted": "CapPrm", "inheritable": "CapInh", "bounding": "CapBnd",
    "ambient": "CapAmb",
}  # fmt: skip
# The names in /proc/PID/limits. Source: fs/proc/base.c, lnames.
LIMIT_NAMES = {
    "RLIMIT_CPU": "Max cpu time", "RLIMIT_FSIZE": "Max file size", "RLIMIT_DATA": "Max data size",
    "RLIMIT_STACK": "Max stack size", "RLIMIT_CORE": "Max core file size",
    "RLIMIT_RSS": "Max resident set", "RLIMIT_NPROC": "Max processes",
    "RLIMIT_NOFILE": "Max open files", "RLIMIT_MEMLOCK": "Max locked memory",
    "RLIMIT_AS": "Max address space", "RLIMIT_LOCKS": "Max file locks",
    "RLIMIT_SIGPENDING": "Max pending signals", "RLIMIT_MSGQUEUE": "Max msgqueue size",
    "RLIMIT_NICE": "Max nice priority", "RLIMIT_RTPRIO": "Max realtime priority",
    "RLIMIT_RTTIME": "Max realtime timeout",
}  # fmt: skip
NAMESPACE_FILES = {
    "ipc": "ipc", "uts": "uts", "network": "net", "pid": "pid", "cgroup": "cgroup",
    "time": "time", "user": "user", "mount": "mnt",
}  # fmt: skip
ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


class MountLine:
    """One line of mountinfo: where it is mounted, what, whether read-only."""

    __slots__ = ("fstype", "is_readonly", "target")

    def __init__(self, line: str) -> None:
        before, _, after = line.partition(" - ")
        words = before.split(" ")
        self.target = words[4]
        for escape, character in ESCAPES:
            self.target = self.target.replace(escape, character)
        filesystem = after.split(" ")
        self.fstype = filesystem[0]
        superblock = filesystem[2].split(",") if len(filesystem) > 2 else []
        self.is_readonly = "ro" in words[5].split(",") or "ro" in superblock


class ProcessFiles:
    """The files of one process, read when asked for.

    Errors:  HostError from every method when the process is gone, or not for us to look at.
    """

    def __init__(self, pid: int) -> None:
        self._folder = f"/proc/{pid}"
        self._status: dict[str, str] = {}

    def text(self, name: str) -> str:
        """A file whole."""
        try:
            with open(f"{self._folder}/{name}", encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError as error:
            raise HostError(f"read {self._folder}/{name}", errno=error.errno or 0) from error

    def status(self, name: str) -> str:
        """A line of the file status, ``Seccomp``."""
        if not self._status:
            lines = self.text("status").splitlines()
            self._status = {key: rest.strip() for key, _, rest in (x.partition(":") for x in lines)}
        return self._status.get(name, "")

    def capabilities(self, kind: str) -> int:
        """One of the five sets, as a mask."""
        return int(self.status(CAPABILITY_LINES[kind]) or "0", 16)

    def ids(self) -> tuple[int, int, list[int]]:
        """Effective uid and gid, and the groups, as our user namespace has them."""
        uid, gid = self.status("Uid").split()[1], self.status("Gid").split()[1]
        return int(uid), int(gid), [int(word) for word in self.status("Groups").split()]

    def namespace(self, kind: str) -> tuple[int, int]:
        """(st_dev, st_ino) of the namespace, by its name in the specification."""
        path = f"{self._folder}/ns/{NAMESPACE_FILES[kind]}"
        try:
            found = os.stat(path)
        except OSError as error:
            raise HostError(f"look at {path}", errno=error.errno or 0) from error
        return found.st_dev, found.st_ino

    def limit(self, kind: str) -> tuple[str, str]:
        """Soft and hard, digits or ``unlimited``."""
        name = LIMIT_NAMES[kind]
        for line in self.text("limits").splitlines():
            if line.startswith(name):
                words = line[len(name) :].split()
                return words[0], words[1]
        return "", ""

    def mounts(self) -> list[MountLine]:
        """Its mounts, in the order of mounting."""
        return [MountLine(line) for line in self.text("mountinfo").splitlines()]
