"""A resctrl filesystem of plain files, and what the kernel would do when groups are made.

This file is also a runtime under test: the installed pyrunc that finds such a tree on its
host. Run as ``python -I -S ... resctrl.py TREE SITE ARGV...`` by the script that
`Tree.runtime` writes.
"""

from __future__ import annotations

import os
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

FILES = ("tasks", "schemata")
DEFAULT = "    MB:0=100;1=100\n    L3:0=fffff;1=fffff\n"


class Kernel:
    """The module posix, but a new directory has the files of a group, and can be removed."""

    def __init__(self, full: bool = False) -> None:
        self.full = full

    def __getattr__(self, name: str) -> Any:
        return getattr(posix, name)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        """A group, or a monitoring group in one."""
        if self.full:
            raise OSError(28, "no more")
        posix.mkdir(path, mode)
        is_monitor = path.rsplit("/", 2)[-2] == "mon_groups"
        for name in FILES[: 1 if is_monitor else 2]:
            with open(f"{path}/{name}", "w") as file:
                file.write(DEFAULT if name == "schemata" else "")
        if not is_monitor:
            posix.mkdir(f"{path}/mon_groups")

    def rmdir(self, path: str) -> None:
        """Groups go with the monitoring groups that are in them."""
        monitors = f"{path}/mon_groups"
        if os.path.isdir(monitors):
            for name in posix.listdir(monitors):
                self.rmdir(f"{monitors}/{name}")
            posix.rmdir(monitors)
        for name in FILES:
            if os.path.exists(f"{path}/{name}"):
                posix.unlink(f"{path}/{name}")
        posix.rmdir(path)


class Tree:
    """Two domains of cache and bandwidth, mounted as `mountinfo` says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "resctrl"
        for name in ("info/L3", "info/MB", "mon_groups"):
            (self.root / name).mkdir(parents=True)
        (self.root / "info" / "last_cmd_status").write_text("ok\n")
        for name in FILES:
            (self.root / name).write_text(DEFAULT if name == "schemata" else "")
        self.mountinfo = folder / "mountinfo"
        self.mountinfo.write_text(f"1 2 0:9 / {self.root} rw shared:3 - resctrl resctrl rw\n")

    def group(self, name: str, schemata: str = DEFAULT) -> Path:
        """A group that somebody has made before."""
        Kernel().mkdir(str(self.root / name))
        (self.root / name / "schemata").write_text(schemata)
        return self.root / name

    def groups(self) -> set[str]:
        """The names of all groups."""
        return {path.name for path in self.root.iterdir() if path.is_dir()} - {
            "info", "mon_groups",
        }  # fmt: skip

    def runtime(self, installed: Path) -> Path:
        """The installed pyrunc on a host with this tree."""
        (site,) = installed.parent.parent.glob("lib/python*/site-packages")
        script = self.folder / "pyrunc"
        script.write_text(
            f"#!/bin/sh\nexec {sys.executable} -I -S -B -X utf8 -X pyrunc={installed} "
            f'{__file__} {self.folder} {site} "$@"\n'
        )
        script.chmod(0o755)
        return script


def main() -> None:
    """pyrunc, as runtime/__main__.py starts it, with the kernel's part played."""
    folder, site = sys.argv[1:3]
    del sys.argv[1:3]
    sys.path[0] = site
    from runtime.host import resctrl as host

    host.MOUNTINFO = f"{folder}/mountinfo"
    from runtime.lifecycle import resctrl as groups

    groups.os = Kernel()  # type: ignore[assignment]
    from runtime.launch import main as launch

    launch(site)


if __name__ == "__main__":
    main()
