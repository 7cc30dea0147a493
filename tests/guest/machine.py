"""Boots the guest in QEMU and waits until it has powered off."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

from image import Image, cache, make_root

OLDEST_QEMU = 8  # 7.2 emulates cmpxchg16b wrongly, and Debian 13's kernel crashes of it
MEMORY = "4G"
KVM_PATIENCE_S = 20.0  # for the first sign of life; a guest that runs gives it within two

KERNEL_OPTIONS = "console=ttyS0 root=/dev/vda rw quiet panic=-1 systemd.show_status=false"
LEGACY = "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 systemd.unified_cgroup_hierarchy=0"
# What GUEST_CGROUPS may say.
CGROUPS = {
    "v2": "systemd.unified_cgroup_hierarchy=1",
    "hybrid": f"{LEGACY} systemd.legacy_systemd_cgroup_controller=0",
    "v1": f"{LEGACY} systemd.legacy_systemd_cgroup_controller=1",
}
ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?!]*[A-Za-z]|c)|\r")


class GuestError(Exception):
    """The guest did not come up, or not to its end."""


def boot(image: Image, job: Path, console: Path, timeout_s: float) -> None:
    """Run the guest with the job's disk until it powers off; its console goes to a file too.

    Errors:  GuestError, after it was killed.
    """
    end = time.monotonic() + timeout_s
    if may_have_kvm():
        try:
            _run(image, job, console, end, accel="kvm")
            return
        except SilentGuest:
            _remember_no_kvm()
            print("==> KVM starts no guest here: emulating the processor", flush=True)
    _run(image, job, console, end, accel="tcg,thread=multi")


class SilentGuest(GuestError):
    """Not a word on the console: the virtual processor does not run."""


def may_have_kvm() -> bool:
    """Whether KVM is worth a try: it is there, and did not fail since the host was booted."""
    wanted = os.environ.get("GUEST_ACCEL", "")
    if wanted:
        return wanted == "kvm"
    return os.access("/dev/kvm", os.R_OK | os.W_OK) and not _no_kvm().exists()


def _no_kvm() -> Path:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return cache() / f"no-kvm-{boot_id}"


def _remember_no_kvm() -> None:
    for old in cache().glob("no-kvm-*"):
        old.unlink()
    _no_kvm().touch()


def _command(image: Image, job: Path, accel: str) -> list[str]:
    drives = [
        # What the guest writes to its root goes to a temporary file of QEMU's.
        f"file={image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe",
        f"file={job},format=raw,if=virtio,cache=unsafe",
    ]
    return [
        "setpriv", "--pdeathsig", "KILL",  # it shall not outlive us, whatever ends us
        *qemu(),
        "-accel", accel, "-cpu", "host" if accel == "kvm" else "max",
        "-smp", str(min(os.cpu_count() or 1, 4)), "-m", MEMORY,
        "-nodefaults", "-no-user-config", "-nographic", "-no-reboot",
        "-serial", "stdio", "-monitor", "none",
        "-object", "rng-random,id=random,filename=/dev/urandom",
        "-device", "virtio-rng-pci,rng=random",
        "-kernel", str(image.kernel), "-initrd", str(image.ramdisk),
        "-append", f"{KERNEL_OPTIONS} {CGROUPS[os.environ.get('GUEST_CGROUPS', 'v2')]}",
        *(word for drive in drives for word in ("-drive", drive)),
    ]  # fmt: skip


def qemu() -> list[str]:
    """The command that starts QEMU: the host's, or Debian 13's in a root of its own."""
    if (host := shutil.which("qemu-system-x86_64")) is not None:
        out = subprocess.run([host, "--version"], capture_output=True, text=True).stdout
        found = re.search(r"version (\d+)", out)
        if found and int(found[1]) >= OLDEST_QEMU:
            return [host]
    root = cache() / "qemu"
    if not root.exists():
        part = root.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        make_root(part, "qemu-system-x86")
        part.rename(root)
    # In a mount namespace of its own, in place: what is killed is QEMU itself.
    script = (
        'root=$1 cache=$2; shift 2; mount --rbind /dev "$root/dev"; mkdir -p "$root$cache"; '
        'mount --bind "$cache" "$root$cache"; exec chroot "$root" "$@"'
    )
    return [
        "unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh",
        str(root), str(cache()), "qemu-system-x86_64",
    ]  # fmt: skip


def _run(image: Image, job: Path, console: Path, end: float, accel: str) -> None:
    silent_until = time.monotonic() + KVM_PATIENCE_S if accel == "kvm" else end
    process = subprocess.Popen(
        _command(image, job, accel),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        with console.open("wb") as log:
            _relay(process, log.fileno(), end, silent_until)
        status = process.wait(10)
        if status != 0:
            raise GuestError(f"QEMU ended with status {status}: {console.read_text()[-2000:]}")
    finally:
        process.kill()
        process.wait()


def _relay(process: subprocess.Popen[bytes], log_fd: int, end: float, silent_until: float) -> None:
    """Copy the console to the log and to our output until QEMU closes it."""
    assert process.stdout is not None
    fd = process.stdout.fileno()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    heard = False
    while True:
        limit = end if heard else min(end, silent_until)
        left = limit - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            if not heard:
                raise SilentGuest("the guest said nothing")
            raise GuestError("the guest was not done in time")
        data = os.read(fd, 65536)
        if not data:
            return
        heard = True
        data = ESCAPES.sub(b"", data)
        os.write(log_fd, data)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
