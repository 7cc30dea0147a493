"""systemd's cgroup driver where controllers are on cgroup v1: GUEST_CGROUPS=hybrid or v1."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.leaks import CGROUP_ROOT
from harness.runtime import Container, Runtime, run, wait_until

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.cgroup_v1,
    pytest.mark.skipif(not Path("/run/systemd/system").is_dir(), reason="systemd does not run"),
    pytest.mark.skipif(
        (CGROUP_ROOT / "cgroup.controllers").is_file(), reason="needs cgroup v1 or hybrid"
    ),
]


@pytest.fixture
def scoped(runtime: Runtime) -> Runtime:
    """The runtime under test with --systemd-cgroup."""
    runtime.global_options.append("--systemd-cgroup")
    return runtime


@pytest.fixture
def container(scoped: Runtime, bundle: Bundle) -> Container:
    """A running container with limits."""
    bundle.linux["resources"]["pids"] = {"limit": 50}
    bundle.linux["resources"]["cpu"] = {"shares": 512, "quota": 50000, "period": 100000}
    made = scoped.run_detached(bundle.sh("echo up; exec sleep 1000"))
    made.wait_for_output("up")
    return made


def unit_of(container: Container) -> str:
    """Its scope, by its id."""
    return f"{container.runtime.kind}-{container.id}.scope"


def show(container: Container, name: str) -> str:
    """A property of its scope."""
    return run(["systemctl", "show", "--value", f"--property={name}", unit_of(container)]).out[:-1]


def folders(container: Container) -> list[Path]:
    """Its directories, one a hierarchy."""
    return sorted(CGROUP_ROOT.glob(f"*/system.slice/{unit_of(container)}"))


def test_is_in_every_hierarchy(container: Container) -> None:
    lines = Path(f"/proc/{container.pid}/cgroup").read_text().splitlines()
    places = {line.split(":", 2)[2] for line in lines}
    assert places == {f"/system.slice/{unit_of(container)}"}
    assert show(container, "ActiveState") == "active"


def test_nobody_else_is_in_it(container: Container) -> None:
    for folder in folders(container):
        assert (folder / "cgroup.procs").read_text() == f"{container.pid}\n", folder


def test_limits(container: Container) -> None:
    for _ in range(2):
        assert show(container, "CPUShares") == "512"
        assert show(container, "TasksMax") == "50"
        assert show(container, "CPUQuotaPerSecUSec") == "500ms"
        for name, value in (("cpu/cpu.shares", "512"), ("pids/pids.max", "50")):
            controller, _, file = name.partition("/")
            path = CGROUP_ROOT / controller / "system.slice" / unit_of(container) / file
            assert path.read_text() == f"{value}\n"
        run(["systemctl", "daemon-reload"]).check()


def test_update(container: Container) -> None:
    container.runtime.call("update", "--cpu-share", "256", "--pids-limit", "40", container.id)
    assert show(container, "CPUShares") == "256"
    assert show(container, "TasksMax") == "40"
    assert container.status == "running"


def test_devices_survive_an_update(scoped: Runtime, bundle: Bundle) -> None:
    """systemd writes the list anew, denying everything first: not while the program runs."""
    script = "echo up; while :; do echo x >/dev/null || echo denied; done"
    made = scoped.run_detached(bundle.sh(script))
    made.wait_for_output("up")
    for limit in ("40", "41", "42"):
        scoped.call("update", "--pids-limit", limit, made.id).check()
    assert "denied" not in made.output


def test_is_gone_after_delete(container: Container) -> None:
    assert len(folders(container)) > 1
    container.delete("--force")
    container.wait()
    wait_until(lambda: show(container, "LoadState") == "not-found", 1)
    wait_until(lambda: not folders(container), 1)
