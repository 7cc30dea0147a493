"""Cgroups: made where asked, limits in force, gone afterwards."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.leaks import CGROUP_ROOT
from harness.runtime import Container, Runtime, wait_until


def folders(name: str) -> list[str]:
    """The cgroups called `name`, in whatever hierarchy."""
    return sorted(folder for folder, _, _ in os.walk(CGROUP_ROOT) if folder.endswith(f"/{name}"))


def controller(name: str) -> Path:
    """The hierarchy with a controller."""
    if is_v1(name):
        return CGROUP_ROOT / name
    unified = CGROUP_ROOT / "unified"
    return unified if unified.is_dir() else CGROUP_ROOT


def is_v1(name: str) -> bool:
    """Whether a controller is on v1 here: systemd leaves folders without a mount as well."""
    return os.path.ismount(os.path.realpath(CGROUP_ROOT / name))


def cgroup_of(container: Container, name: str) -> Path:
    """The folder of a running container's cgroup in a hierarchy."""
    for line in Path(f"/proc/{container.pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if name in names.split(",") or (not names and not is_v1(name)):
            return controller(name) / path.lstrip("/")
    raise AssertionError(f"no hierarchy with {name}")


def running(runtime: Runtime, bundle: Bundle) -> Container:
    """A container that is up."""
    container = runtime.run_detached(bundle.sh("echo up; exec sleep 100"))
    container.wait_for_output("up")
    return container


@pytest.mark.spec("linux.cgroupsPath")
class TestPath:
    def test_as_asked(self, runtime: Runtime, bundle: Bundle) -> None:
        path = f"/{runtime.tag}-parent/child"
        bundle.linux["cgroupsPath"] = path
        container = running(runtime, bundle)
        own = Path(f"/proc/{container.pid}/cgroup").read_text()
        assert {line.split(":", 2)[2] for line in own.splitlines()} >= {path}
        assert any(":memory:" in line and line.endswith(path) for line in own.splitlines()) or (
            not is_v1("memory")
        )
        container.delete("--force")
        container.wait()
        assert folders("child") == []
        for folder in folders(f"{runtime.tag}-parent"):
            os.rmdir(folder)

    def test_default_has_the_id(self, runtime: Runtime, bundle: Bundle) -> None:
        container = running(runtime, bundle)
        assert container.id in Path(f"/proc/{container.pid}/cgroup").read_text()

    def test_is_final_when_create_returns(self, runtime: Runtime, bundle: Bundle) -> None:
        """Engines look at once."""
        container = runtime.create(bundle.sleep())
        before = Path(f"/proc/{container.pid}/cgroup").read_text()
        assert container.id in before
        container.start()
        assert Path(f"/proc/{container.pid}/cgroup").read_text() == before

    def test_is_gone_after_delete(self, runtime: Runtime, bundle: Bundle) -> None:
        container = running(runtime, bundle)
        assert folders(container.id)
        container.delete("--force")
        container.wait()
        assert folders(container.id) == []

    def test_is_gone_after_run(self, runtime: Runtime, bundle: Bundle) -> None:
        name = runtime.new_id()
        runtime.run(bundle, container_id=name).check()
        assert folders(name) == []

    def test_is_gone_after_a_failure(self, runtime: Runtime, bundle: Bundle) -> None:
        name = runtime.new_id()
        assert runtime.run(bundle.args("/none"), container_id=name).status == 1
        assert folders(name) == []

    def test_folders_made_by_the_container_go_too(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev")
        name = "freezer" if is_v1("freezer") else "."
        if not is_v1("freezer"):
            bundle.namespace("cgroup")  # without one, the host's whole tree would be shown
        bundle.sh(f"mkdir -p /sys/fs/cgroup/{name}/a/b && echo made; exec sleep 100")
        container = runtime.run_detached(bundle)
        container.wait_for_output("made")
        container.delete("--force")
        container.wait()
        assert folders(container.id) == []

    def test_of_another_container_is_refused(self, runtime: Runtime, bundle: Bundle) -> None:
        """Two containers in one cgroup would be killed together."""
        bundle.linux["cgroupsPath"] = f"/{runtime.tag}-shared"
        running(runtime, bundle)
        result = runtime.attempt("create", bundle)
        assert result.status == 1
        assert "cgroup" in result.text


class TestMemory:
    def test_half_a_megabyte_is_enough(self, runtime: Runtime, bundle: Bundle) -> None:
        """Nothing of the runtime is charged to the container."""
        bundle.linux["resources"]["memory"] = {"limit": 512 * 1024}
        result = runtime.run(bundle.args("/bin/true"))
        assert (result.status, result.text) == (0, "")

    def test_limit(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["memory"] = {"limit": 64 << 20, "reservation": 32 << 20}
        container = running(runtime, bundle)
        base = cgroup_of(container, "memory")
        names = (
            ("memory.limit_in_bytes", "memory.soft_limit_in_bytes")
            if is_v1("memory")
            else ("memory.max", "memory.low")
        )
        assert [(base / n).read_text().strip() for n in names] == [str(64 << 20), str(32 << 20)]

    def test_limit_is_in_force(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["memory"] = {"limit": 8 << 20, "swap": 8 << 20}
        bundle.mount("/mnt", "tmpfs", "tmpfs", "size=64m")
        result = runtime.run(
            bundle.args("/bin/dd", "if=/dev/zero", "of=/mnt/x", "bs=1M", "count=32")
        )
        assert result.status == 137


@pytest.mark.spec("linux.resources.pids")
class TestPids:
    def test_limit(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["pids"] = {"limit": 5}
        container = running(runtime, bundle)
        assert (cgroup_of(container, "pids") / "pids.max").read_text() == "5\n"

    def test_limit_is_in_force(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["pids"] = {"limit": 5}
        bundle.sh("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait")
        result = runtime.run(bundle)
        assert "can't fork" in result.err

    def test_unlimited(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["pids"] = {"limit": -1}
        container = running(runtime, bundle)
        assert (cgroup_of(container, "pids") / "pids.max").read_text() == "max\n"


class TestCpu:
    @pytest.mark.parametrize(
        ("cpu", "name", "value"),
        [
            pytest.param({"shares": 512}, "cpu.shares", "512", id="shares"),
            pytest.param({"quota": 50000}, "cpu.cfs_quota_us", "50000", id="quota"),
            pytest.param(
                {"quota": 20000, "period": 40000}, "cpu.cfs_period_us", "40000", id="period"
            ),
            pytest.param({"quota": -1}, "cpu.cfs_quota_us", "-1", id="no quota"),
        ],
    )
    def test_v1(
        self, runtime: Runtime, bundle: Bundle, cpu: dict[str, Any], name: str, value: str
    ) -> None:
        if not is_v1("cpu"):
            pytest.skip("needs cgroup v1 for cpu")
        bundle.linux["resources"]["cpu"] = cpu
        container = running(runtime, bundle)
        assert (cgroup_of(container, "cpu") / name).read_text().strip() == value

    def test_cpuset(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["cpu"] = {"cpus": "0"}
        result = runtime.run(bundle.args("/bin/grep", "Cpus_allowed_list", "/proc/self/status"))
        assert result.check().words == ["Cpus_allowed_list:", "0"]


DENY_ALL: dict[str, Any] = {"allow": False, "access": "rwm"}


@pytest.mark.spec("linux.resources.devices")
class TestDevices:
    def try_device(self, runtime: Runtime, bundle: Bundle, rules: list[dict[str, Any]]) -> str:
        """Whether /dev/mem's neighbour kmsg (1:11) can be opened under these rules."""
        bundle.linux["resources"]["devices"] = rules
        bundle.linux["devices"] = [{"path": "/dev/node", "type": "c", "major": 1, "minor": 11}]
        bundle.capabilities("CAP_SYSLOG", "CAP_SYS_ADMIN")
        bundle.sh("head -c 0 /dev/node && echo open; echo x >/dev/null && echo null")
        return runtime.run(bundle).out

    def test_denied(self, runtime: Runtime, bundle: Bundle) -> None:
        rule = {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "rwm"}
        rules = [DENY_ALL, {**rule, "allow": True}, rule]
        assert self.try_device(runtime, bundle, rules) == "null\n"

    def test_allowed(self, runtime: Runtime, bundle: Bundle) -> None:
        allow = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rwm"}
        assert self.try_device(runtime, bundle, [DENY_ALL, allow]) == "open\nnull\n"

    def test_everything(self, runtime: Runtime, bundle: Bundle) -> None:
        rules = [{"allow": True, "access": "rwm"}]
        assert self.try_device(runtime, bundle, rules) == "open\nnull\n"

    def test_mknod_is_allowed_use_is_not(self, runtime: Runtime, bundle: Bundle) -> None:
        """The default rules of every engine: making a node is harmless."""
        bundle.linux["resources"]["devices"] = [DENY_ALL]
        bundle.capabilities("CAP_MKNOD", "CAP_SYSLOG")
        bundle.sh("mknod /dev/x c 1 11 && echo made; head -c 0 /dev/x && echo open")
        assert runtime.run(bundle).out == "made\n"


class TestSharedPidNamespace:
    def test_all_end_with_the_container(self, runtime: Runtime, bundle: Bundle) -> None:
        """Even those that left session and parent behind."""
        bundle.without_namespace("pid")
        bundle.sh("for i in 1 2 3 4; do setsid sleep 1000 & done; echo up; exec sleep 1000")
        container = runtime.run_detached(bundle)
        container.wait_for_output("up")
        time.sleep(0.05)
        procs = cgroup_of(container, "pids") / "cgroup.procs"
        assert len(procs.read_text().split()) == 5
        pids = [int(p) for p in procs.read_text().split()]
        container.delete("--force")
        wait_until(lambda: folders(container.id) == [], 5)
        for pid in pids:
            assert os.waitpid(pid, 0)[0] == pid


@pytest.mark.skipif(
    not (CGROUP_ROOT / "cgroup.controllers").is_file(), reason="needs cgroup v2 alone"
)
class TestOwnership:
    """Who may write to his cgroup may divide it."""

    @pytest.fixture
    def mapped(self, runtime: Runtime, bundle: Bundle) -> Bundle:
        bundle.namespace("cgroup").namespace("user")
        for name in ("uidMappings", "gidMappings"):
            bundle.linux[name] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        return bundle.sh(
            "cd /sys/fs/cgroup; mkdir below && echo $$ >below/cgroup.procs && echo divided"
        )

    def test_writable(self, runtime: Runtime, mapped: Bundle) -> None:
        mapped.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev")
        assert runtime.run(mapped).out == "divided\n"

    def test_limits_stay_ours(self, runtime: Runtime, mapped: Bundle) -> None:
        mapped.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev")
        mapped.linux["resources"]["pids"] = {"limit": 20}
        result = runtime.run(mapped.sh("echo 30 >/sys/fs/cgroup/pids.max || echo refused"))
        assert result.out == "refused\n"

    def test_read_only(self, runtime: Runtime, mapped: Bundle) -> None:
        mapped.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "ro")
        assert runtime.run(mapped).out == ""
