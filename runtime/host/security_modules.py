"""Which security modules label processes on this host. Asked only when a label is wanted."""

from __future__ import annotations

import posix as os

from runtime.paths import is_there

APPARMOR = "/sys/module/apparmor/parameters/enabled"
SELINUX = "/sys/fs/selinux/enforce"


def has_apparmor(path: str = APPARMOR) -> bool:
    """AppArmor is built in and was not switched off at boot."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, 1) == b"Y"
    finally:
        os.close(fd)


def has_selinux(path: str = SELINUX) -> bool:
    """SELinux is on: like its own library, we ask whether its filesystem is mounted."""
    return is_there(path)
