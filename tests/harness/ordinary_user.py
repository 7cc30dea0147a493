"""An ordinary user of a made-up host, where nobody else sees his entries in /etc."""

from __future__ import annotations

import os
from pathlib import Path

UID, GID = 23456, 23457
FIRST, COUNT = 3000000, 65536

# The entries are bound over those of the host in a mount namespace of the call's own.
AS_USER = """#!/bin/bash
exec unshare -m --propagation private bash -c '
  for name in passwd group subuid subgid; do mount --bind "$0/$name" "/etc/$name" || exit; done
  [ ! -L "$0/behind" ] || mount --bind "$0/behind/" "$0/prefix" || exit
  exec setpriv --reuid={uid} --regid={gid} --clear-groups env -i PATH="$PATH" HOME="$0" \\
    XDG_RUNTIME_DIR="$0/run" {before} {path} "$@"
' "{home}" "$@"
"""


def make_home(folder: Path) -> Path:
    """The user's folder, and what his host says of him."""
    (folder / "run").mkdir(parents=True)
    (folder / "passwd").write_text(f"root:x:0:0::/:/bin/sh\nruth:x:{UID}:{GID}::{folder}:/bin/sh\n")
    (folder / "group").write_text(f"root:x:0:\nruth:x:{GID}:\n")
    for name in ("subuid", "subgid"):
        (folder / name).write_text(f"ruth:{FIRST}:{COUNT}\n")
    (folder / "run").chmod(0o700)
    for path in (folder, folder / "run"):
        os.chown(path, UID, GID)
    return folder


def in_reach(home: Path, program: str) -> str:
    """Where the user finds `program`, which may lie in a checkout that is closed to him.

    Its whole prefix is bound into his folder then: the executable looks there for its code.
    """
    path = Path(program).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in path.parents):
        return program
    prefix = path.parents[1]
    if not (home / "prefix").exists():
        (home / "prefix").mkdir()
        (home / "behind").symlink_to(prefix)
    return str(home / "prefix" / path.relative_to(prefix))


def as_user(home: Path, program: str, before: str = "") -> Path:
    """A script that calls `program` as the user; `before` stands before its command line."""
    script = home / f"as-user-{Path(program).name}"
    script.write_text(AS_USER.format(uid=UID, gid=GID, home=home, path=program, before=before))
    script.chmod(0o755)
    return script
