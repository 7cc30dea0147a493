"""The root filesystem, mounts, devices and masked paths."""

from __future__ import annotations

import os

from differential.changes import (
    TIGHT,
    mount,
    user_namespace,
    without_mount,
)
from differential.configuration import Stage, configuration
from harness.bundle import Bundle


@configuration()
def read_only_root(bundle: Bundle, stage: Stage) -> None:
    bundle.config["root"]["readonly"] = True
    bundle.mount("/run", "tmpfs", "tmpfs", "rw", "nosuid", "nodev")


@configuration(options=("--no-pivot",))
def no_pivot(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["rootfsPropagation"] = "rslave"


@configuration()
def root_propagation_slave(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["rootfsPropagation"] = "slave"
    bundle.bind(stage.volume, "/volume", "rbind")


@configuration()
def root_propagation_private(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["rootfsPropagation"] = "rprivate"
    bundle.bind(stage.volume, "/volume", "rbind", "rslave")


@configuration()
def tmpfs_mounts(bundle: Bundle, stage: Stage) -> None:
    (bundle.rootfs / "data").mkdir(mode=0o750)
    (bundle.rootfs / "data").chmod(0o3750)
    bundle.mount("/data", "tmpfs", "tmpfs", "size=1m")
    bundle.mount("/data/inner", "tmpfs", "tmpfs", "mode=1700", "uid=7", "gid=8", *TIGHT)
    bundle.mount("/made", "tmpfs", "tmpfs", "ro", "noatime", "nr_inodes=99")
    bundle.mount("/made-too", "tmpfs", "tmpfs", "rw", "nodiratime", "sync", "dirsync")
    bundle.mount("/mnt", "tmpfs", "tmpfs", "strictatime", "noswap")


@configuration()
def tmpfs_copied_up(bundle: Bundle, stage: Stage) -> None:
    bundle.file("data/inner/file", "x", 0o640)
    (bundle.rootfs / "data").chmod(0o1751)
    os.chown(bundle.rootfs / "data/inner", 7, 8)
    os.symlink("inner", bundle.rootfs / "data/link")
    bundle.mount("/data", "tmpfs", "tmpfs", "tmpcopyup", "nodev")


@configuration()
def bind_options(bundle: Bundle, stage: Stage) -> None:
    kinds = {
        "ro": ["ro"],
        "rw": ["rw"],
        "tight": TIGHT,
        "loose": ["suid", "exec", "dev"],
        "noatime": ["noatime"],
        "relatime": ["relatime"],
        "strictatime": ["strictatime"],
        "nodiratime": ["nodiratime", "ro"],
        "last": ["ro", "rw", "noexec", "exec", "nosuid"],
    }
    for name, options in kinds.items():
        bundle.bind(stage.volume, f"/bound/{name}", *options)
        bundle.bind(stage.volume, f"/rbound/{name}", "rbind", *options)


@configuration()
def root_propagation_shared(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["rootfsPropagation"] = "rshared"
    bundle.bind(stage.volume, "/volume", "rbind", "rslave")


@configuration()
def bind_propagation(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["rootfsPropagation"] = "rslave"
    for word in ("private", "slave", "shared", "unbindable"):
        bundle.bind(stage.volume, f"/one/{word}", word)
        bundle.bind(stage.volume, f"/all/{word}", "rbind", f"r{word}")


@configuration()
def bind_recursive(bundle: Bundle, stage: Stage) -> None:
    for number, options in enumerate(
        [["rro"], ["rro", "rw"], ["ro", "rrw"], ["rnosuid", "rnoexec"], ["rnoatime"], ["rnodev"]]
    ):
        bundle.bind(stage.volume, f"/r{number}", "rbind", *options)


@configuration()
def bind_files(bundle: Bundle, stage: Stage) -> None:
    """Onto files that are there, that are not, and that a link names."""
    bundle.file("etc/hosts", "image")
    os.symlink("../opt/linked", bundle.rootfs / "etc/resolv.conf")
    os.symlink("/data", bundle.rootfs / "made")
    (bundle.rootfs / "data").mkdir()
    for target in ("/etc/hosts", "/etc/resolv.conf", "/made/deep/file", "/run/a/b/c"):
        bundle.bind(stage.volume / "file", target, "ro")
    bundle.bind("/dev/null", "/etc/passwd")
    bundle.bind(stage.volume, "/made/deeper/folder")


@configuration()
def binds_over_system_folders(bundle: Bundle, stage: Stage) -> None:
    bundle.bind("/dev", "/dev", "rbind", "rslave")
    bundle.bind("/sys", "/sys", "rbind", "ro")
    without_mount(bundle, "/dev/pts", "/dev/shm", "/dev/mqueue")
    bundle.config["mounts"] = [
        m for m in bundle.config["mounts"] if m["type"] not in ("tmpfs", "sysfs")
    ]


@configuration()
def nested_mounts(bundle: Bundle, stage: Stage) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    bundle.bind(stage.volume, "/mnt/a/b", "rbind")
    bundle.mount("/mnt/a/b/inner", "tmpfs", "tmpfs", "ro")
    bundle.mount("/mnt", "tmpfs", "over", "mode=700")


@configuration()
def system_mounts_bare(bundle: Bundle, stage: Stage) -> None:
    """The usual ones without any option."""
    for entry in bundle.config["mounts"]:
        entry.pop("options", None)


@configuration()
def read_only_dev(bundle: Bundle, stage: Stage) -> None:
    mount(bundle, "/dev")["options"].append("ro")
    bundle.mount("/dev/more", "tmpfs", "tmpfs", "ro")


@configuration()
def no_procfs(bundle: Bundle, stage: Stage) -> None:
    without_mount(bundle, "/proc")
    bundle.linux["maskedPaths"] = []
    bundle.linux["readonlyPaths"] = []


@configuration()
def procfs_hidden(bundle: Bundle, stage: Stage) -> None:
    mount(bundle, "/proc")["options"] = ["hidepid=2", *TIGHT]


@configuration()
def no_dev(bundle: Bundle, stage: Stage) -> None:
    """No mount on /dev: nodes are made in the image."""
    without_mount(bundle, "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")


@configuration()
def cgroup_mount(bundle: Bundle, stage: Stage) -> None:
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", *TIGHT)
    bundle.linux["cgroupsPath"] = stage.cgroup


@configuration()
def cgroup_mount_writable(bundle: Bundle, stage: Stage) -> None:
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "rw", "relatime")
    bundle.linux["cgroupsPath"] = stage.cgroup


@configuration()
def cgroup_mount_and_namespace(bundle: Bundle, stage: Stage) -> None:
    bundle.namespace("cgroup")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", *TIGHT)
    bundle.linux["cgroupsPath"] = stage.cgroup


@configuration()
def devices(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["devices"] = [
        {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640},
        {"path": "/dev/deep/disk", "type": "b", "major": 7, "minor": 0, "uid": 5, "gid": 6},
        {"path": "/dev/fifo", "type": "p", "fileMode": 0o622, "uid": 1000, "gid": 1000},
        {"path": "/opt/tun", "type": "u", "major": 10, "minor": 200, "fileMode": 0o600},
        {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 3},
    ]
    bundle.linux["resources"] = {
        "devices": [
            {"allow": False, "access": "rwm"},
            {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
        ]
    }


@configuration()
def devices_in_a_user_namespace(bundle: Bundle, stage: Stage) -> None:
    user_namespace(bundle)
    bundle.linux["devices"] = [
        {"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200},
    ]


@configuration()
def masked_paths(bundle: Bundle, stage: Stage) -> None:
    bundle.file("masked/file", "secret")
    os.symlink("masked", bundle.rootfs / "data")
    bundle.linux["maskedPaths"] = [
        "/masked/file", "/readonly", "/proc/sys/net", "/proc/keys", "/etc", "/none", "/sys/dev",
        "/data/file", "/proc/keys",
    ]  # fmt: skip
    bundle.file("readonly/file", "x")


@configuration()
def masked_paths_of_a_user(bundle: Bundle, stage: Stage) -> None:
    masked_paths(bundle, stage)
    bundle.config["root"]["readonly"] = True
    bundle.process["user"] = {"uid": 1000, "gid": 1000}


@configuration()
def readonly_paths(bundle: Bundle, stage: Stage) -> None:
    bundle.file("readonly/file", "x")
    bundle.bind(stage.volume, "/volume", "rbind", "nosuid", "noexec")
    bundle.mount("/mnt", "tmpfs", "tmpfs", "noatime", "nodev")
    bundle.linux["readonlyPaths"] = ["/readonly", "/volume", "/mnt", "/none", "/proc/sys", "/proc"]
