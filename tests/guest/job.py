"""The job's disk: the tree, built for the guest, what to run; afterwards what came of it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from image import Image, cache, make_file_system

TREE = Path(__file__).parents[2]
SPARE_BYTES = 512 << 20  # for what the tests write next to the tree
RESULT = "result"  # a folder of the job's disk

# The guest has no network: what pip fetches, it fetches here, at the host's speed. The
# root is mounted read-only, so that no job leaves anything for the next.
BUILD = """
    mount --bind "$root" "$root"
    mount -o remount,bind,ro "$root"
    for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs tmpfs "$root/root"
    mount -t tmpfs tmpfs "$root/mnt"
    mkdir -p "$root/root/.cache/pip" "$root/mnt/etc"
    mount --bind "$pip" "$root/root/.cache/pip"
    cp -L /etc/resolv.conf "$root/mnt/etc/resolv.conf"
    mount --bind "$root/mnt/etc/resolv.conf" "$root/etc/resolv.conf"
    mount --bind "$job" "$root/pyrunc"
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        PIP_ROOT_USER_ACTION=ignore $environment sh -c 'cd /pyrunc && exec ./bootstrap build test'
"""
PASSED_ON = ("PIP_CERT", "PIP_INDEX_URL", "http_proxy", "https_proxy")


def make_job(image: Image, folder: Path, arguments: list[str], runtime: str) -> Path:
    """A disk with the tree as it is, committed or not. Under the image's lock."""
    tree = folder / "job"
    tree.mkdir()
    _copy_tree(tree)
    _build(image, tree)
    (tree / RESULT).mkdir()
    (tree / RESULT / "arguments").write_text(
        f"export RUNTIME={shlex.quote(runtime)}\nset -- {shlex.join(arguments)}\n"
    )
    used = int(
        subprocess.run(
            ["du", "-s", "-B1", tree], check=True, stdout=subprocess.PIPE
        ).stdout.split()[0]
    )
    disk = folder / "job.img"
    with disk.open("wb"):
        os.truncate(disk, used + SPARE_BYTES)
    make_file_system(disk, tree)
    shutil.rmtree(tree)
    return disk


def _copy_tree(target: Path) -> None:
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE, check=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    present = [
        name for name in files.split(b"\0") if name and os.path.lexists(TREE / os.fsdecode(name))
    ]
    pack = subprocess.Popen(
        ["tar", "--null", "--no-recursion", "--files-from=-", "-cf", "-"],
        cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    unpack = subprocess.Popen(
        ["tar", "-C", str(target), "--no-same-owner", "-xf", "-"], stdin=pack.stdout
    )
    assert pack.stdin is not None
    pack.stdin.write(b"\0".join(present))
    pack.stdin.close()
    if pack.wait() or unpack.wait():
        raise RuntimeError(f"cannot copy {TREE}")


def _build(image: Image, tree: Path) -> None:
    pip = cache() / "pip"
    pip.mkdir(exist_ok=True)
    (image.root / "pyrunc").mkdir(exist_ok=True)
    passed_on = [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
    environment = {
        **os.environ,
        "root": str(image.root), "job": str(tree), "pip": str(pip),
        "environment": shlex.join(passed_on),
    }  # fmt: skip
    subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-euc", BUILD],
        check=True, env=environment, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def fetch(disk: Path, name: str, target: Path) -> bool:
    """Copy a file of the result out of the disk; False if the job did not come to write it."""
    subprocess.run(
        ["debugfs", "-R", f"dump /{RESULT}/{name} {target}", str(disk)],
        check=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return target.exists() and target.stat().st_size > 0


def count(report: Path) -> dict[str, int]:
    """How many tests passed, failed, were skipped: from pytest's JUnit report."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    numbers = {
        name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
    }
    failed = numbers["failures"] + numbers["errors"]
    return {
        "passed": numbers["tests"] - failed - numbers["skipped"],
        "failed": failed,
        "skipped": numbers["skipped"],
    }
