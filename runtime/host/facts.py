"""What the planner may know about this host: read once, passed along, never asked again."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.host.cgroup_layout import CgroupLayout
    from runtime.host.resctrl import Resctrl


class HostFacts:
    """Answers about this machine and this process, so that planning stays pure.

    euid               effective uid of the runtime
    in_user_namespace  the runtime itself runs in a user namespace other than the initial one
    setgroups_allowed  False where /proc/self/setgroups says deny
    last_cap           highest capability number this kernel knows
    network_namespace  (st_dev, st_ino) of the runtime's own network namespace
    cgroups            the cgroup mounts and the runtime's own cgroups
    kcore              /proc/kcore exists, so /dev/core makes sense
    apparmor, selinux  the security module is on; asked only where a label is wanted
    resctrl            where cache and bandwidth are shared out; asked only where that is wanted
    """

    __slots__ = (
        "apparmor", "cgroups", "euid", "in_user_namespace", "kcore", "last_cap",
        "network_namespace", "resctrl", "selinux", "setgroups_allowed",
    )  # fmt: skip

    def __init__(
        self,
        *,
        euid: int,
        in_user_namespace: bool,
        setgroups_allowed: bool,
        last_cap: int,
        network_namespace: tuple[int, int],
        cgroups: CgroupLayout,
        kcore: bool,
        apparmor: bool = False,
        selinux: bool = False,
        resctrl: Resctrl | None = None,
    ) -> None:
        self.euid = euid
        self.in_user_namespace = in_user_namespace
        self.setgroups_allowed = setgroups_allowed
        self.last_cap = last_cap
        self.network_namespace = network_namespace
        self.cgroups = cgroups
        self.kcore = kcore
        self.apparmor = apparmor
        self.selinux = selinux
        self.resctrl = resctrl
