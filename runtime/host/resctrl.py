"""Where this host's resctrl filesystem is, and what it can share out. Asked only when wanted."""

from __future__ import annotations

import posix as os

from runtime.paths import is_there

MOUNTINFO = "/proc/self/mountinfo"
USUAL = "/sys/fs/resctrl"


class Resctrl:
    """The filesystem through which a processor's cache and memory bandwidth are shared out.

    root      where it is mounted
    has_l3    shares of the third-level cache
    has_mb    shares of the memory bandwidth
    """

    __slots__ = ("has_l3", "has_mb", "root")

    def __init__(self, root: str, *, has_l3: bool, has_mb: bool) -> None:
        self.root = root
        self.has_l3 = has_l3
        self.has_mb = has_mb


def read_resctrl() -> Resctrl | None:
    """This host's; None where the processor or the kernel has none, or it is not mounted.

    Source:  kernel resctrl.rst.
    """
    try:
        with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as file:
            root = find_mount(file.read())
    except OSError:
        return None
    if not root:
        return None
    # With code and data apart (mount option cdp) there are two of it.
    has_l3 = is_there(f"{root}/info/L3") or is_there(f"{root}/info/L3CODE")
    return Resctrl(root, has_l3=has_l3, has_mb=is_there(f"{root}/info/MB"))


def find_mount(mountinfo: str) -> str:
    """The mount point of type resctrl, the usual one if there are several; "" is none."""
    found = ""
    for line in mountinfo.splitlines():
        front, _, rest = line.partition(" - ")
        if rest.split(" ", 1)[0] != "resctrl":
            continue
        point = front.split(" ")[4].replace("\\040", " ")
        if point == USUAL:
            return point
        found = found or point
    return found


def last_words(root: str) -> str:
    """What the kernel says about the command that failed last."""
    try:
        fd = os.open(f"{root}/info/last_cmd_status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        words = os.read(fd, 512).decode("utf-8", "replace").strip()
    finally:
        os.close(fd)
    return "" if words == "ok" else words
