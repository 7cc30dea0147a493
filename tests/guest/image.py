"""The guest's disk: a Debian 13 with systemd, engines and what the tests need; made once.

It is kept in ROOTS, where tests/fresh keeps its roots, under a name made from this very
recipe: whoever changes the recipe gets a new image, and the old one is removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "trixie"
DISK_BYTES = 6 << 30  # sparse

SYSTEM = """linux-image-cloud-amd64 initramfs-tools systemd-sysv dbus dbus-user-session udev
    libpam-systemd kmod apparmor apparmor-utils"""
BUILD = """python3 python3-venv python3-dev gcc libc6-dev musl-tools libseccomp-dev pkg-config
    ca-certificates"""
TESTS = """busybox-static runc crun podman containerd conmon catatonit skopeo umoci uidmap passt
    iproute2 iptables procps strace util-linux mount"""

# What starts by itself in a Debian and only takes time from the tests.
MASKED = """serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer
    fstrim.timer e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer containerd.service
    podman.service podman-restart.service podman-auto-update.timer systemd-timesyncd.service
    podman-clean-transient.service systemd-networkd-wait-online.service"""

# The modules that find the disks; a small initial ramdisk is unpacked sooner.
MODULES = "virtio_pci\nvirtio_blk\next4\n"

JOB_NAME = "guest-job.service"
JOB_UNIT = """\
[Unit]
Description=the tests
Wants=systemd-logind.service
After=systemd-logind.service dbus.service

[Service]
Type=exec
ExecStart=/usr/local/sbin/guest-job
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
StandardInput=null
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
"""

# Poweroff whatever happened: the host reads from the job's disk what came of it.
JOB = """\
#!/bin/sh
mkdir -p /pyrunc
mount /dev/vdb /pyrunc && /pyrunc/tests/guest/inside
umount /pyrunc
systemctl poweroff --force
"""

FILES = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost guest\n",
    f"etc/systemd/system/{JOB_NAME}": JOB_UNIT,
}


def cache() -> Path:
    """Where images are kept."""
    path = Path(os.environ.get("ROOTS", "/var/tmp/pyrunc-roots"))
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def lock() -> Iterator[None]:
    """One at a time makes images, or builds in one."""
    with (cache() / "guest.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Image:
    """A root as a folder, to build in, and the same as a disk, to boot from."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.disk = folder / "disk.img"
        self.kernel = folder / "vmlinuz"
        self.ramdisk = folder / "initrd.img"


def get_image() -> Image:
    """The image of today's recipe, made if it is not there. Under the lock."""
    folder = cache() / f"guest-{_recipe()}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        _make(Image(part))
        for old in cache().glob("guest-*"):
            if old != part:
                shutil.rmtree(old)
        part.rename(folder)
    return Image(folder)


def _recipe() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def make_root(root: Path, packages: str, *options: str) -> None:
    """A Debian in a folder."""
    need_program("mmdebstrap", "mmdebstrap")
    print(f"==> making {root} of Debian {SUITE}", flush=True)
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages.split())}",
         *options, SUITE, str(root)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def need_program(name: str, package: str) -> None:
    """Install a Debian package unless its program is there."""
    if shutil.which(name) is None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(["apt-get", "-q", "-q", *arguments], check=True, env=environment)


def _make(image: Image) -> None:
    need_program("mke2fs", "e2fsprogs")
    ramdisk = image.root.parent / "modules"
    ramdisk.write_text(MODULES)
    make_root(
        image.root,
        f"{SYSTEM} {BUILD} {TESTS}",
        '--essential-hook=mkdir -p "$1/etc/initramfs-tools/conf.d"',
        '--essential-hook=echo MODULES=list >"$1/etc/initramfs-tools/conf.d/modules"',
        f"--essential-hook=copy-in {ramdisk} /etc/initramfs-tools",
    )
    _settle(image.root)
    for name, target in (("vmlinuz", image.kernel), ("initrd.img", image.ramdisk)):
        shutil.copyfile((image.root / name).resolve(), target)
    print(f"==> making {image.disk}", flush=True)
    with image.disk.open("wb"):
        os.truncate(image.disk, DISK_BYTES)
    make_file_system(image.disk, image.root)


def make_file_system(disk: Path, folder: Path) -> None:
    """An ext4 with the folder's contents, without mounting anything."""
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder), str(disk)], check=True)


def _settle(root: Path) -> None:
    """Files, units and users of the guest."""
    for name, text in FILES.items():
        (root / name).write_text(text)
    job = root / "usr/local/sbin/guest-job"
    job.write_text(JOB)
    job.chmod(0o755)
    # Certificates that this machine trusts on top of Debian's: a proxy may sign with one.
    for certificate in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy(certificate, root / "usr/local/share/ca-certificates")
    for command in (
        ["update-ca-certificates"],
        ["useradd", "--create-home", "--shell", "/bin/sh", "tester"],
    ):
        subprocess.run(["chroot", str(root), *command], check=True, capture_output=True)
    units = root / "etc/systemd/system"
    for unit in MASKED.split():
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / JOB_NAME).symlink_to(f"../{JOB_NAME}")
    (units / "default.target").unlink(missing_ok=True)
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
