"""A container whose program is a system: systemd as pid 1 of a whole Debian, the guest's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.leaks import CGROUP_ROOT
from harness.runtime import SLOWNESS, Container, Runtime, wait_until

BOOT_S = 10.0  # on a machine of ordinary speed

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.cgroup_v2,
    pytest.mark.skipif(not Path("/run/systemd/system").is_dir(), reason="systemd does not run"),
    pytest.mark.skipif(
        not (CGROUP_ROOT / "cgroup.controllers").is_file(), reason="needs cgroup v2 alone"
    ),
]

# As engines give them; systemd makes do without CAP_SYS_ADMIN.
CAPABILITIES = """CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_NET_BIND_SERVICE
    CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT"""


@pytest.fixture
def system(bundle: Bundle) -> Iterator[Bundle]:
    """A bundle whose root is the host's, with a layer of its own above."""
    layer = bundle.path / "layer"
    layer.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", layer], check=True)
    units = layer / "upper/etc/systemd/system"
    units.mkdir(parents=True)
    (layer / "work").mkdir()
    (units / "guest-job.service").symlink_to("/dev/null")
    (layer / "upper/etc/fstab").touch()
    options = f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "o", bundle.rootfs], check=True)
    bundle.args("/lib/systemd/systemd", "--log-target=console", "--log-color=no")
    bundle.process["env"] = ["PATH=/usr/bin:/usr/sbin:/bin:/sbin", "container=oci"]
    bundle.process["noNewPrivileges"] = False
    bundle.capabilities(*CAPABILITIES.split())
    bundle.namespace("cgroup")
    for path in ("/run", "/tmp", "/run/lock"):
        bundle.mount(path, "tmpfs", "tmpfs", "nosuid", "nodev", "mode=755")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "rw")
    yield bundle
    subprocess.run(["umount", bundle.rootfs], check=True)
    subprocess.run(["umount", layer], check=True)


def is_active(container: Container, unit: str) -> bool:
    """Whether the system inside has reached a unit."""
    result = container.runtime.call("exec", container.id, "systemctl", "is-active", unit)
    return result.out == "active\n"


@pytest.mark.parametrize("driver", ["file system", "systemd"])
def test_boots_and_shuts_down(runtime: Runtime, system: Bundle, driver: str) -> None:
    if driver == "systemd":
        runtime.global_options.append("--systemd-cgroup")
    container = runtime.run_detached(system)
    wait_until(lambda: is_active(container, "multi-user.target"), BOOT_S, lambda: container.output)
    path = Path(f"/proc/{container.pid}/cgroup").read_text().strip().removeprefix("0::")
    assert path.endswith("/init.scope")
    container.kill("37")  # SIGRTMIN+3, for systemd: halt
    assert container.wait(BOOT_S * SLOWNESS) in (0, 130, 137), container.output
    assert container.status == "stopped"
    container.delete()
    assert not (CGROUP_ROOT / path.lstrip("/")).parent.exists()
