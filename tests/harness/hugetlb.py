"""Makes a hybrid host acceptable to crun 1.8, which wants no controller at all on v2."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POINT = Path("/sys/fs/cgroup/hugetlb")
UNIFIED = Path("/sys/fs/cgroup/unified/cgroup.controllers")
CONTROL = UNIFIED.with_name("cgroup.subtree_control")


@contextmanager
def hugetlb_on_v1(*, wanted: bool) -> Iterator[None]:
    """While it lasts, hugetlb is a v1 hierarchy; afterwards it is back on v2.

    Does nothing unless `wanted`, and on hosts where v2 does not have it.
    """
    if not wanted or not UNIFIED.is_file() or "hugetlb" not in UNIFIED.read_text().split():
        yield
        return
    mount()
    try:
        yield
    finally:
        unmount()


def mount() -> None:
    """Mount the hierarchy. On v2 nobody may use the controller then."""
    CONTROL.write_text("-hugetlb")
    POINT.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", "-t", "cgroup", "-o", "hugetlb", "cgroup", POINT], check=True)
    except subprocess.CalledProcessError:
        POINT.rmdir()
        raise


def unmount() -> None:
    """Unmount it, and again until the kernel gives it up.

    It does only when the last cgroup has been freed, which may come a second after its
    removal; an earlier unmount leaves the hierarchy alive, out of sight. Containers that
    others have made meanwhile keep it busy.

    Errors:  TimeoutError after half a minute, the mount may be there still.
    """
    for _ in range(30):
        if POINT.is_mount() and subprocess.run(["umount", POINT]).returncode == 0:
            if "hugetlb" in UNIFIED.read_text().split():
                POINT.rmdir()
                return
            mount()
        time.sleep(1)
    raise TimeoutError(f"{POINT} cannot be unmounted: cgroups in it are in use")
