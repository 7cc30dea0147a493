"""Ask this machine what the planner wants to know, once."""

from __future__ import annotations

import posix as os

from runtime.errors import HostError
from runtime.host.facts import HostFacts
from runtime.paths import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.host.cgroup_layout import CgroupLayout

# The inode of its file is a constant of the kernel, PROC_USER_INIT_INO.
INITIAL_USER_NAMESPACE = 0xEFFFFFFD
LAST_CAP_OF_5_10 = 40


def read_facts(
    *, labels: bool = False, resctrl: bool = False, cgroups: CgroupLayout | None = None
) -> HostFacts:
    """The facts about this host and process.

    Those about security modules with `labels`, about resctrl with `resctrl`.

    `cgroups` is what stands for the layout where nobody will ask for it; finding it out takes
    longer than all the rest.

    Errors:  HostError when /proc is missing.
    """
    try:
        network = os.stat("/proc/self/ns/net")
        foreign = os.stat("/proc/self/ns/user").st_ino != INITIAL_USER_NAMESPACE
    except OSError as error:
        raise HostError(
            "read the runtime's own namespaces in /proc/self/ns", errno=error.errno or 0,
            hint="mount a procfs on /proc",
        ) from error  # fmt: skip
    apparmor = selinux = False
    if labels:
        from runtime.host.security_modules import has_apparmor, has_selinux

        apparmor, selinux = has_apparmor(), has_selinux()
    shares = None
    if resctrl:
        from runtime.host.resctrl import read_resctrl

        shares = read_resctrl()
    if cgroups is None:
        from runtime.host.cgroup_probe import read_layout

        cgroups = read_layout()
    return HostFacts(
        euid=os.geteuid(),
        in_user_namespace=foreign,
        setgroups_allowed=not foreign or _text("/proc/self/setgroups") != "deny",
        last_cap=int(_text("/proc/sys/kernel/cap_last_cap") or LAST_CAP_OF_5_10),
        network_namespace=(network.st_dev, network.st_ino),
        cgroups=cgroups,
        kcore=is_there("/proc/kcore"),
        apparmor=apparmor,
        selinux=selinux,
        resctrl=shares,
    )


def _text(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""  # a kernel without the file has not the restriction either
    try:
        return os.read(fd, 64).decode().strip()
    finally:
        os.close(fd)
