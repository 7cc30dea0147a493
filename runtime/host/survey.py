"""What this host can do for containers, as a list of questions with answers: for `doctor`.

Nothing is changed and nothing is tried: the kernel's own files are read. Texts for people.
"""

from __future__ import annotations

import os
import shutil

from runtime.errors import HostError
from runtime.host.cgroup_probe import read_layout
from runtime.host.security_modules import has_apparmor, has_selinux
from runtime.plan.capabilities import BITS, names_of
from runtime.version import libseccomp_version

YES, PARTLY, NO = "yes", "partly", "no"
LEAST_KERNEL = (5, 10)
# Since which release the kernel has what pyrunc uses when it is there.
KERNEL_FEATURES = (
    ((5, 12), "id-mapped mounts", "mounts[].uidMappings"),
    ((5, 14), "cgroup.kill", "ending all processes of a cgroup at once"),
    ((5, 19), "recoverable seccomp notification", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
)
CONTROLLERS = (
    ("memory", "memory"), ("cpu", "cpu"), ("cpuset", "cpuset"), ("pids", "pids"),
    ("blkio", "io"), ("hugetlb", "hugetlb"), ("rdma", "rdma"),
)  # fmt: skip
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
# What making a container takes, if nobody else does it for us.
NEEDED_CAPABILITIES = (
    "CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_CHOWN", "CAP_DAC_OVERRIDE",
    "CAP_FOWNER", "CAP_MKNOD", "CAP_KILL", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_RESOURCE",
    "CAP_SYS_PTRACE",
)  # fmt: skip
ENGINES = ("podman", "containerd", "dockerd", "crio")


class Answer:
    """One row: area, question, answer, what was found, who misses it, how to get it."""

    __slots__ = ("answer", "area", "detail", "needed_by", "question", "remedy")

    def __init__(
        self, area: str, question: str, answer: str, detail: str = "", *,
        needed_by: str = "", remedy: str = "",
    ) -> None:  # fmt: skip
        self.area = area
        self.question = question
        self.answer = answer
        self.detail = detail
        self.needed_by = needed_by
        self.remedy = remedy


def survey(root: str = "") -> list[Answer]:
    """All answers; `root` is put before every path, for tests."""
    return [
        *_kernel(os.uname().release, root),
        *_namespaces(root),
        *_cgroups(root),
        *_security(root),
        *_filesystems(root),
        *_rights(root),
        *_programs(),
    ]


def release_numbers(release: str) -> tuple[int, int]:
    """(6, 18) for ``6.18.5-cloud``; (0, 0) where it makes no sense."""
    parts = release.split("-", maxsplit=1)[0].split(".")
    if len(parts) < 2 or not parts[0].isdigit() or not parts[1].isdigit():
        return 0, 0
    return int(parts[0]), int(parts[1])


def _kernel(release: str, root: str) -> list[Answer]:
    numbers = release_numbers(release)
    found = [
        Answer("kernel", "new enough", YES if numbers >= LEAST_KERNEL else NO, release,
               needed_by="everything", remedy="run Linux 5.10 or newer"),
    ]  # fmt: skip
    for since, what, use in KERNEL_FEATURES:
        remedy = f"run Linux {since[0]}.{since[1]} or newer"
        found.append(
            Answer("kernel", what, YES if numbers >= since else NO, needed_by=use, remedy=remedy)
        )
    return found


def _namespaces(root: str) -> list[Answer]:
    missing = [name for name in NAMESPACES if not os.path.exists(f"{root}/proc/self/ns/{name}")]
    found = [
        Answer("namespaces", "all eight kinds", NO if missing else YES, ", ".join(missing),
               needed_by="what lists them", remedy="a kernel with CONFIG_NAMESPACES and its kinds"),
    ]  # fmt: skip
    most = _read(f"{root}/proc/sys/user/max_user_namespaces")
    found.append(
        Answer("namespaces", "user namespaces", NO if most in ("", "0") else YES,
               f"at most {most}" if most else "", needed_by="rootless engines, podman --userns",
               remedy="sysctl user.max_user_namespaces=15000")
    )  # fmt: skip
    by_users = _read(f"{root}/proc/sys/kernel/unprivileged_userns_clone") != "0"
    restricted = _read(f"{root}/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1"
    remedy = "sysctl kernel.unprivileged_userns_clone=1"
    if restricted:
        remedy = "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile"
    answer = YES if by_users and not restricted else PARTLY if by_users else NO
    found.append(
        Answer("namespaces", "user namespaces made by users", answer,
               needed_by="rootless engines", remedy=remedy)
    )  # fmt: skip
    ranges = [name for name in ("subuid", "subgid") if _read(f"{root}/etc/{name}")]
    found.append(
        Answer("namespaces", "ranges of ids for users", YES if len(ranges) == 2 else NO,
               ", ".join(f"/etc/{name}" for name in ranges), needed_by="rootless engines",
               remedy="usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER")
    )  # fmt: skip
    return found


def _cgroups(root: str) -> list[Answer]:
    try:
        layout = read_layout()
    except HostError as error:
        return [Answer("cgroups", "mounted", NO, str(error), needed_by="everything")]
    if not layout.hierarchies:
        return [Answer("cgroups", "mounted", NO, needed_by="everything",
                       remedy="mount -t cgroup2 cgroup2 /sys/fs/cgroup")]  # fmt: skip
    is_pure = layout.mode == "unified"
    found = [
        Answer("cgroups", "version 2 alone", YES if is_pure else NO, layout.mode,
               needed_by="limits for rootless containers, new Kubernetes",
               remedy="boot with systemd.unified_cgroup_hierarchy=1"),
    ]  # fmt: skip
    have = {name for one in layout.hierarchies for name in one.controllers}
    for v1, v2 in CONTROLLERS:
        is_there = v1 in have or v2 in have
        name = v2 if is_pure else v1
        found.append(
            Answer("cgroups", f"controller {name}", YES if is_there else NO,
                   needed_by=f"limits of {name}",
                   remedy=f"boot without cgroup_disable={name}, or enable it for the parent cgroup")
        )  # fmt: skip
    systemd = os.path.isdir(f"{root}/run/systemd/system")
    found.append(
        Answer("cgroups", "systemd as manager", YES if systemd else NO,
               needed_by="--systemd-cgroup", remedy="run systemd, or leave --systemd-cgroup out")
    )  # fmt: skip
    return found


def _security(root: str) -> list[Answer]:
    actions = _read(f"{root}/proc/sys/kernel/seccomp/actions_avail")
    library = libseccomp_version()
    lsms = _read(f"{root}/sys/kernel/security/lsm")
    return [
        Answer("security", "seccomp filters", YES if actions else NO, actions,
               needed_by="linux.seccomp, every engine's default",
               remedy="a kernel with CONFIG_SECCOMP_FILTER"),
        Answer("security", "libseccomp", YES if library else NO, library,
               needed_by="linux.seccomp, every engine's default", remedy="install libseccomp2"),
        Answer("security", "AppArmor", YES if has_apparmor() else NO, lsms,
               needed_by="process.apparmorProfile", remedy="boot with lsm=...,apparmor"),
        Answer("security", "SELinux", YES if has_selinux() else NO,
               needed_by="process.selinuxLabel", remedy="boot with lsm=...,selinux"),
    ]  # fmt: skip


def _filesystems(root: str) -> list[Answer]:
    known = _read(f"{root}/proc/filesystems").split()
    needs = (
        ("overlay", "images of podman, containerd and Docker"),
        ("mqueue", "/dev/mqueue"),
        ("fuse", "fuse-overlayfs of rootless podman"),
    )
    return [
        Answer("filesystems", name, YES if name in known else NO, needed_by=needed_by,
               remedy=f"modprobe {name}")
        for name, needed_by in needs
    ]  # fmt: skip


def _rights(root: str) -> list[Answer]:
    status = _read(f"{root}/proc/self/status")
    line = next((one for one in status.splitlines() if one.startswith("CapEff:")), "")
    held = int(line.partition(":")[2] or "0", 16)
    lacking = sum(BITS[name] for name in NEEDED_CAPABILITIES) & ~held
    answer = NO if not held else PARTLY if lacking else YES
    remedy = "run as root, or give the container around us these capabilities"
    found = [
        Answer("this process", "capabilities", answer,
               f"lacks {names_of(lacking)}" if lacking else "", needed_by="containers of root",
               remedy=remedy),
    ]  # fmt: skip
    filtered = next((one for one in status.splitlines() if one.startswith("Seccomp:")), "")
    is_free = filtered.split()[-1:] != ["2"]
    found.append(
        Answer("this process", "free of a seccomp filter", YES if is_free else PARTLY,
               needed_by="mounts and namespaces", remedy="loosen the profile of what is around us")
    )  # fmt: skip
    for name, least in (("fs/mount-max", 10000), ("kernel/keys/maxkeys", 200)):
        text = _read(f"{root}/proc/sys/{name}")
        enough = not text.isdigit() or int(text) >= least
        found.append(
            Answer("this process", name.replace("/", "."), YES if enough else PARTLY, text,
                   needed_by="many containers", remedy=f"sysctl {name.replace('/', '.')}={least}")
        )  # fmt: skip
    return found


def _programs() -> list[Answer]:
    needs = (
        ("newuidmap", "rootless engines", "install uidmap (shadow-utils)"),
        ("newgidmap", "rootless engines", "install uidmap (shadow-utils)"),
        ("criu", "checkpoint and restore", "install criu"),
        ("ps", "pyrunc ps", "install procps"),
    )
    found = [
        Answer("programs", name, YES if (path := shutil.which(name)) else NO, path or "",
               needed_by=needed_by, remedy=remedy)
        for name, needed_by, remedy in needs
    ]  # fmt: skip
    engines = [name for name in ENGINES if shutil.which(name)]
    found.append(
        Answer("programs", "engines", YES if engines else NO, ", ".join(engines),
               needed_by="images and networks", remedy="install podman, containerd or Docker")
    )  # fmt: skip
    return found


def _read(path: str) -> str:
    """What the file says; "" where it is not there or not for us: the answer is no then."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
