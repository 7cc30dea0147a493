"""A /proc that is not the kernel's.

CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2025-52881, CVE-2025-62596: settings that go
through /proc are lost, or land in another file, where the configuration or the image puts something
else there. A runtime with the hole writes into the made-up files, or believes what they say.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime

FILES = (
    "self/attr/exec", "self/attr/apparmor/exec", "thread-self/attr/exec", "self/oom_score_adj",
    "self/setgroups", "self/uid_map", "self/gid_map", "sys/kernel/shm_rmid_forced",
    "sys/net/ipv4/ip_forward",
)  # fmt: skip


def fake(folder: Path) -> Path:
    """Empty files where a runtime writes."""
    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (folder / "sys/kernel/cap_last_cap").write_text("0\n")
    return folder


def written(folder: Path) -> dict[str, str]:
    """The made-up files that are not empty any more."""
    return {name: text for name in FILES if (text := (folder / name).read_text())}


def without_proc(bundle: Bundle) -> Bundle:
    mounts = bundle.config["mounts"]
    bundle.config["mounts"] = [m for m in mounts if m["destination"] != "/proc"]
    return bundle


def test_a_bound_tree(runtime: Runtime, bundle: Bundle) -> None:
    """Refused or not: nothing is written there."""
    folder = fake(bundle.path / "fake")
    without_proc(bundle).bind(folder, "/proc")
    bundle.process["oomScoreAdj"] = 500
    bundle.linux["sysctl"] = {"kernel.shm_rmid_forced": "1", "net.ipv4.ip_forward": "1"}
    result = runtime.run(bundle)
    assert written(folder) == {}
    assert result.status != 0, "only a procfs may be bound on /proc"


def test_settings_of_an_image_without_a_proc(runtime: Runtime, bundle: Bundle) -> None:
    """The image's own files are not the kernel's: what is asked for comes true nevertheless."""
    folder = fake(bundle.rootfs / "proc")
    without_proc(bundle).linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    bundle.process["oomScoreAdj"] = 500
    container = runtime.create(bundle.sleep())
    own = Path(f"/proc/{container.pid}")
    assert written(folder) == {}
    assert (own / "oom_score_adj").read_text() == "500\n"


def test_the_last_capability_is_the_kernels(runtime: Runtime, bundle: Bundle) -> None:
    """A runtime that reads the image's cap_last_cap drops one capability and keeps the rest."""
    fake(bundle.rootfs / "proc")
    without_proc(bundle).capabilities()
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    container = runtime.run_detached(bundle.sleep())
    status = Path(f"/proc/{container.pid}/status").read_text()
    assert "CapBnd:\t0000000000000000\n" in status


@pytest.mark.parametrize("target", ["tmp/fake", "/tmp/fake", "self/../../tmp/fake"])
def test_proc_is_a_link(runtime: Runtime, bundle: Bundle, target: str) -> None:
    """CVE-2019-19921: mounted elsewhere, with the image's files in its place."""
    folder = fake(bundle.rootfs / "tmp/fake")
    (bundle.rootfs / "proc").rmdir()
    (bundle.rootfs / "proc").symlink_to(target)
    assert runtime.run(bundle).status != 0
    assert written(folder) == {}


@pytest.mark.parametrize("place", ["/proc/self/attr", "/proc/sys/kernel", "/proc/thread-self"])
def test_mounts_over_parts_of_proc(runtime: Runtime, bundle: Bundle, place: str) -> None:
    """CVE-2019-16884: a volume over attr swallows the label."""
    folder = bundle.path / "cover"
    folder.mkdir()
    assert runtime.run(bundle.bind(folder, place)).status != 0
    assert list(folder.iterdir()) == []


def test_one_procfs_file_over_another(runtime: Runtime, bundle: Bundle) -> None:
    """CVE-2025-52881: real procfs, wrong file. Sysctls are written to ours, not to that one."""
    bundle.bind("/proc/sysrq-trigger", "/proc/sys/kernel/shm_rmid_forced")
    bundle.linux["sysctl"] = {"kernel.shm_rmid_forced": "1"}
    assert runtime.run(bundle).status != 0
