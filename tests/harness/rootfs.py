"""A root filesystem of busybox, made in a millisecond or two by hard links."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

APPLETS = (
    "arping", "awk", "basename", "cat", "chgrp", "chmod", "chown", "cp", "cut", "date", "dd",
    "df", "dirname", "du", "echo", "env", "false", "find", "grep", "head", "hostname", "id",
    "ifconfig", "ip", "kill", "ln", "ls", "mkdir", "mkfifo", "mknod", "mount", "mountpoint",
    "mv", "nc", "nice", "nproc", "od", "ping", "ps", "pwd", "readlink", "realpath", "rm",
    "rmdir", "sed", "seq", "setsid", "sh", "sleep", "sort", "stat", "stty", "sync", "tail",
    "tee", "test", "timeout", "touch", "tr", "true", "tty", "umount", "uname", "uniq",
    "unshare", "wc", "which", "whoami", "xargs", "yes",
)  # fmt: skip

FOLDERS = (
    "bin", "dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var",
)  # fmt: skip

PASSWD = "root:x:0:0:root:/root:/bin/sh\nmail:x:8:8:mail:/var/mail:/bin/false\n"
GROUP = "root:x:0:\nmail:x:8:\n"


def find_busybox() -> str:
    """The host's static busybox.

    Errors:  FileNotFoundError with the name of Debian's package.
    """
    found = shutil.which("busybox")
    if found is None:
        raise FileNotFoundError("no busybox here; install Debian's package busybox-static")
    return os.path.realpath(found)


def make_template(folder: Path) -> Path:
    """One copy of busybox on the file system of the bundles, so that they can link to it."""
    folder.mkdir(parents=True)
    busybox = folder / "busybox"
    shutil.copyfile(find_busybox(), busybox)
    busybox.chmod(0o755)
    return busybox


def make_rootfs(rootfs: Path, busybox: Path) -> None:
    """A root filesystem of its own at `rootfs`; only busybox itself is shared (a hard link)."""
    rootfs.mkdir(parents=True)
    for name in FOLDERS:
        (rootfs / name).mkdir()
    (rootfs / "tmp").chmod(0o1777)
    os.link(busybox, rootfs / "bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", rootfs / "bin" / applet)
    (rootfs / "etc/passwd").write_text(PASSWD)
    (rootfs / "etc/group").write_text(GROUP)


def give_rootfs(rootfs: Path, uid: int, gid: int) -> None:
    """Hand everything but the shared busybox to another owner, for user namespaces."""
    for folder, _, files in os.walk(rootfs):
        os.lchown(folder, uid, gid)
        for name in files:
            if name != "busybox":
                os.lchown(os.path.join(folder, name), uid, gid)
