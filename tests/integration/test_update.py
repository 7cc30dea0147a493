"""update: other limits for a container that runs, was created or is paused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.leaks import remove_cgroups
from harness.runtime import Container, Result, Runtime

CGROUPS = Path("/sys/fs/cgroup")
MIB = 1 << 20
IS_V1 = (CGROUPS / "memory/memory.limit_in_bytes").exists()
IS_V2 = (CGROUPS / "cgroup.controllers").exists()

pytestmark = pytest.mark.skipif(not (IS_V1 or IS_V2), reason="needs cgroup v1 or v2 alone")
needs_v1 = pytest.mark.skipif(not IS_V1, reason="needs cgroup v1")
needs_v2 = pytest.mark.skipif(not IS_V2, reason="needs cgroup v2 alone")


class Limits:
    """What one container's cgroup says, in the terms of the configuration."""

    def __init__(self, path: str) -> None:
        self.path = path.strip("/")

    def read(self, controller: str, file: str) -> str:
        """A control file."""
        folder = CGROUPS / controller if IS_V1 else CGROUPS
        return (folder / self.path / file).read_text().strip()

    def size(self, v1_file: str, v2_file: str) -> int:
        """Bytes; -1 is no limit."""
        text = self.read("memory", v1_file if IS_V1 else v2_file)
        size = -1 if text == "max" else int(text)
        return -1 if size >= 1 << 62 else size

    def __getitem__(self, name: str) -> int | str:
        found: int | str
        if name == "memory":
            return self.size("memory.limit_in_bytes", "memory.max")
        if name == "reservation":
            return self.size("memory.soft_limit_in_bytes", "memory.low")
        if name == "swap":
            if IS_V1:
                return self.size("memory.memsw.limit_in_bytes", "")
            swap = self.size("", "memory.swap.max")
            memory = self.size("", "memory.max")
            return swap if swap == -1 or memory == -1 else memory + swap
        if name in ("quota", "period") and IS_V2:
            quota, period = self.read("cpu", "cpu.max").split()
            return int(period) if name == "period" else -1 if quota == "max" else int(quota)
        if name == "shares" and IS_V2:
            return weight_to_shares(int(self.read("cpu", "cpu.weight")))
        controller, v1_file, v2_file = FILES[name]
        found = self.read(controller, v1_file if IS_V1 else v2_file)
        return int(found) if name in ("quota", "period", "shares", "burst", "idle") else found

    def all(self, *names: str) -> dict[str, int | str]:
        """Several."""
        return {name: self[name] for name in names}


FILES = {
    "quota": ("cpu", "cpu.cfs_quota_us", ""),
    "period": ("cpu", "cpu.cfs_period_us", ""),
    "burst": ("cpu", "cpu.cfs_burst_us", "cpu.max.burst"),
    "shares": ("cpu", "cpu.shares", ""),
    "idle": ("cpu", "cpu.idle", "cpu.idle"),
    "cpus": ("cpuset", "cpuset.cpus", "cpuset.cpus"),
    "mems": ("cpuset", "cpuset.mems", "cpuset.mems"),
    "pids": ("pids", "pids.max", "pids.max"),
}


def weight_to_shares(weight: int) -> int:
    """The shares of which the weight was made, as far as the tests use them."""
    return {59: 512, 75: 700, 100: 1024}.get(weight, -weight)


@pytest.fixture
def limits(runtime: Runtime, bundle: Bundle) -> Any:
    name = f"{runtime.tag}-u"
    bundle.linux["cgroupsPath"] = f"/{name}/{bundle.path.name}"
    yield Limits(bundle.linux["cgroupsPath"])
    runtime.clean()
    remove_cgroups(name)


@pytest.fixture
def container(runtime: Runtime, bundle: Bundle, limits: Limits) -> Container:
    bundle.linux["resources"]["memory"] = {"limit": 50 * MIB}
    return runtime.run_detached(bundle.sleep())


def update(container: Container, *words: str, **rest: Any) -> Result:
    return container.runtime.call("update", *words, container.id, **rest)


def updated(container: Container, *words: str, **rest: Any) -> None:
    """It succeeds, and prints nothing."""
    assert update(container, *words, **rest).check().text == ""


def stored(container: Container) -> dict[str, Any]:
    """The resources that the runtime remembers."""
    if container.runtime.kind != "pyrunc":
        pytest.skip("looks into pyrunc's state")
    text = (container.runtime.root / container.id / "state.json").read_text()
    resources: dict[str, Any] = json.loads(text)["config"]["linux"]["resources"]
    return resources


def test_nothing(container: Container, limits: Limits) -> None:
    updated(container)
    assert limits["memory"] == 50 * MIB


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--memory", "64m"], {"memory": 64 * MIB}),
        (["--memory", "67108864"], {"memory": 64 * MIB}),
        (["--memory", "0.0625GiB"], {"memory": 64 * MIB}),
        (["--memory=-1"], {"memory": -1, "swap": -1}),
        (["--memory", "64m", "--memory-swap", "96m"], {"memory": 64 * MIB, "swap": 96 * MIB}),
        (["--memory-reservation", "32m"], {"reservation": 32 * MIB}),
        (["--cpu-share", "512"], {"shares": 512}),
        (["--cpu-quota", "50000"], {"quota": 50000, "period": 100000}),
        (["--cpu-period", "50000", "--cpu-quota", "25000"], {"period": 50000, "quota": 25000}),
        (["--cpu-quota", "-1"], {"quota": -1}),
        (["--cpuset-cpus", "0"], {"cpus": "0"}),
        (["--cpuset-mems", "0"], {"mems": "0"}),
        (["--pids-limit", "20"], {"pids": "20"}),
        (["--pids-limit=-1"], {"pids": "max"}),
    ],
)
def test_options(
    container: Container, limits: Limits, words: list[str], expected: dict[str, int | str]
) -> None:
    updated(container, *words)
    assert limits.all(*expected) == expected
    assert container.status == "running"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cpu-quota", "50000", "--cpu-burst", "10000"], {"quota": 50000, "burst": 10000}),
        (["--cpu-idle", "1"], {"idle": 1}),
        (["--pids-limit", "0"], {"pids": "1"}),
    ],
)
def test_options_of_today(
    container: Container, limits: Limits, words: list[str], expected: dict[str, int | str]
) -> None:
    updated(container, *words)
    assert limits.all(*expected) == expected


def test_an_idle_container_has_no_weight(container: Container, limits: Limits) -> None:
    updated(container, "--cpu-share", "512")
    updated(container, "--cpu-idle", "1")
    assert update(container, "--cpu-share", "700").status == 1
    updated(container, "--cpu-idle", "0", "--cpu-share", "700")
    assert limits.all("idle", "shares") == {"idle": 0, "shares": 700}


@pytest.mark.skipif(
    not (CGROUPS / "cpu/cpu.rt_runtime_us").exists(), reason="no group scheduling of real time"
)
def test_real_time(container: Container, limits: Limits) -> None:
    updated(container, "--cpu-rt-period", "900000")
    assert limits.read("cpu", "cpu.rt_period_us") == "900000"
    result = update(container, "--cpu-rt-period", "800000", "--cpu-rt-runtime", "1000")
    assert result.status == 1
    assert "cpu.rt_runtime_us" in result.err  # the parent has none to give
    assert limits.read("cpu", "cpu.rt_period_us") == "900000"


def test_growing_and_shrinking(container: Container, limits: Limits) -> None:
    """The v1 kernel wants limit <= memsw at all times, so the order of the writes depends."""
    for limit, swap in ((64, 96), (128, 160), (100, 100), (50, 60), (60, -1), (-1, -1), (40, 50)):
        size, both = (f"{n}m" if n > 0 else "-1" for n in (limit, swap))
        updated(container, f"--memory={size}", f"--memory-swap={both}")
        expected = {"memory": limit, "swap": swap}
        assert limits.all("memory", "swap") == {
            k: v * MIB if v > 0 else -1 for k, v in expected.items()
        }


class TestStored:
    """What the next update builds on."""

    def test_each_update_adds(self, container: Container) -> None:
        updated(container, "--cpu-share", "512")
        updated(container, "--pids-limit", "9")
        updated(container, "--memory", "64m")
        found = stored(container)
        assert found["memory"] == {"limit": 64 * MIB}
        assert found["cpu"] == {"shares": 512}
        assert found["pids"] == {"limit": 9}
        assert found["devices"] == [{"allow": False, "access": "rwm"}]

    def test_quota_and_period_belong_together(self, container: Container, limits: Limits) -> None:
        updated(container, "--cpu-quota", "20000")
        updated(container, "--memory", "64m")
        updated(container, "--cpu-period", "50000")
        assert limits.all("quota", "period") == {"quota": 20000, "period": 50000}
        assert stored(container)["cpu"] == {"quota": 20000, "period": 50000}

    def test_memory_does_not_fit_the_swap_of_before(self, container: Container) -> None:
        updated(container, "--memory", "64m", "--memory-swap", "96m")
        result = update(container, "--memory", "128m")
        assert result.status == 1
        assert "memory+swap limit should be >= memory limit" in result.err
        updated(container, "--memory=-1")
        updated(container, "--memory", "128m")
        assert stored(container)["memory"] == {"limit": 128 * MIB}


RESOURCES: dict[str, Any] = {
    "memory": {"limit": 64 * MIB, "swap": 96 * MIB},
    "cpu": {"shares": 512, "quota": 20000, "period": 50000, "cpus": "0"},
    "pids": {"limit": 30},
}


class TestResources:
    def check(self, limits: Limits) -> None:
        expected = {
            "memory": 64 * MIB, "swap": 96 * MIB, "shares": 512, "quota": 20000, "period": 50000,
            "cpus": "0", "pids": "30",
        }  # fmt: skip
        assert limits.all(*expected) == expected

    @pytest.mark.parametrize("words", [["--resources", "-"], ["-r=-"], ["--resources=-"]])
    def test_standard_input(self, container: Container, limits: Limits, words: list[str]) -> None:
        updated(container, *words, stdin=json.dumps(RESOURCES).encode())
        self.check(limits)

    def test_file(self, container: Container, bundle: Bundle, limits: Limits) -> None:
        path = bundle.path / "resources.json"
        path.write_text(json.dumps(RESOURCES))
        updated(container, "-r", str(path), "--pids-limit", "7")
        self.check(limits)

    def test_unknown_members_and_nulls(self, container: Container, limits: Limits) -> None:
        words = {"pids": {"limit": 30}, "new": {"a": 1}, "memory": None, "cpu": {"quota": None}}
        updated(container, "-r", "-", stdin=json.dumps(words).encode())
        assert limits["pids"] == "30"
        assert limits["memory"] == 50 * MIB

    def test_the_same_devices(self, container: Container) -> None:
        """Engines send all that a container has; no word about what is not changed."""
        resources = stored(container)
        updated(container, "-r", "-", stdin=json.dumps(resources).encode())

    def test_other_devices_are_a_warning(self, container: Container) -> None:
        words = {"devices": [{"allow": True, "access": "rwm"}]}
        result = update(container, "-r", "-", stdin=json.dumps(words).encode()).check()
        assert "linux.resources.devices is not changed by an update" in result.err

    def test_throttles_are_kept_by_device(
        self, container: Container, limits: Limits, a_disk: str
    ) -> None:
        major, minor = map(int, a_disk.split(":"))
        device = {"major": major, "minor": minor}
        for rate in (1000000, 2000000):
            words = {"blockIO": {"throttleReadBpsDevice": [{**device, "rate": rate}]}}
            updated(container, "-r", "-", stdin=json.dumps(words).encode())
            if IS_V1:
                assert limits.read("blkio", "blkio.throttle.read_bps_device") == f"{a_disk} {rate}"
            else:
                found = limits.read("io", "io.max")
                assert found == f"{a_disk} rbps={rate} wbps=max riops=max wiops=max"
        assert stored(container)["blockIO"] == words["blockIO"]

    @pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"memory": {"limit": "5"}}'])
    def test_what_is_no_resources(self, container: Container, text: bytes) -> None:
        assert update(container, "-r", "-", stdin=text).status == 1

    @needs_v2
    @pytest.mark.spec("linux.resources.unified")
    def test_unified(self, container: Container, limits: Limits) -> None:
        for key, value in (("memory.high", "40000000"), ("memory.max", "50000000")):
            words = {"unified": {key: value}}
            updated(container, "-r", "-", stdin=json.dumps(words).encode())
            assert limits.read("", key) == str(int(value) // 4096 * 4096)
        assert stored(container)["unified"] == {"memory.high": "40000000", "memory.max": "50000000"}

    @needs_v2
    @pytest.mark.spec("linux.resources.memory.checkBeforeUpdate")
    def test_check_before_update(self, container: Container, limits: Limits) -> None:
        words = {"memory": {"limit": 4096, "checkBeforeUpdate": True}}
        result = update(container, "-r", "-", stdin=json.dumps(words).encode())
        assert result.status == 1
        assert "rejecting memory limit 4096 <= usage " in result.err
        assert container.status == "running"

    @needs_v1
    def test_unified_on_v1(self, container: Container) -> None:
        words = {"unified": {"memory.max": "5000000"}}
        result = update(container, "-r", "-", stdin=json.dumps(words).encode())
        assert result.status == 1
        assert "cannot use unified on cgroup v1" in result.err


@pytest.fixture
def a_disk() -> str:
    """major:minor of a whole disk here."""
    for folder in sorted(Path("/sys/block").iterdir()):
        if not folder.name.startswith(("loop", "ram", "zram")):
            return (folder / "dev").read_text().strip()
    pytest.skip("no disk here")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--memory", "64x"], "invalid value for memory: invalid suffix: 'x'"),
        (["--cpu-quota", "many"], "invalid value for cpu-quota: "),
        (["--cpu-period", "-5"], "invalid value for cpu-period: "),
        (["--pids-limit", "many"], "for flag -pids-limit"),
        (["--cpu-quota", "5"], "cpu.cfs_quota_us" if IS_V1 else "cpu.max"),
        (["--cpu-period", "5"], "cpu.cfs_period_us" if IS_V1 else "cpu.max"),
        (["--cpuset-cpus", "0-4000"], "cpuset.cpus"),
        (["--cpuset-mems", "900"], "cpuset.mems"),
        (["--memory", "64m", "--memory-swap", "32m"], ""),
        (["--l3-cache-schema", "L3:0=f"], "Intel RDT/CAT: l3 cache schema is not enabled"),
        (["--mem-bw-schema", "MB:0=20"], "Intel RDT/MBA: memory bandwidth schema is not enabled"),
    ],
)
def test_refused(container: Container, limits: Limits, words: list[str], reason: str) -> None:
    result = update(container, *words)
    assert result.status == 1
    assert reason in result.err
    assert limits["memory"] == 50 * MIB


@needs_v1
def test_memory_below_what_is_in_use(runtime: Runtime, bundle: Bundle, limits: Limits) -> None:
    bundle.mount("/t", "tmpfs", "tmpfs", "size=32m")
    bundle.sh("dd if=/dev/zero of=/t/x bs=1M count=20 2>/dev/null; echo full; exec sleep 100")
    container = runtime.run_detached(bundle)
    container.wait_for_output("full")
    # Without swap for it the kernel has nothing to reclaim.
    result = update(container, "--memory", "10m", "--memory-swap", "10m")
    assert result.status == 1
    assert f"unable to set memory limit to {10 * MIB} (current usage: " in result.err
    assert ", peak usage: " in result.err
    assert limits["memory"] == -1


def test_all_or_nothing(container: Container, limits: Limits) -> None:
    """The last of many is refused: the others are as they were, also in the state."""
    updated(container, "--cpu-share", "512", "--pids-limit", "20", "--cpuset-cpus", "0")
    before = stored(container)
    names = ("memory", "swap", "shares", "quota", "period", "cpus", "pids")
    values = limits.all(*names)
    result = update(
        container, "--memory", "64m", "--memory-swap", "96m", "--cpu-share", "700", "--cpu-quota",
        "30000", "--pids-limit", "30", "--cpuset-cpus", "0-4000",
    )  # fmt: skip
    assert result.status == 1
    assert "Setting back" not in result.err
    assert limits.all(*names) == values
    assert stored(container) == before


def test_many_at_once(container: Container, limits: Limits) -> None:
    """Each builds on the others, in whatever order they come."""
    assert "cpu" not in stored(container)
    each = (
        "--memory=64m", "--cpu-share=512", "--cpu-quota=20000", "--cpu-period=50000",
        "--pids-limit=9", "--cpuset-cpus=0",
    )  # fmt: skip
    with ThreadPoolExecutor(len(each)) as pool:
        results = list(pool.map(lambda word: update(container, word), each))
    assert [result.status for result in results] == [0] * len(each)
    expected = {
        "memory": 64 * MIB, "shares": 512, "quota": 20000, "period": 50000, "cpus": "0",
        "pids": "9",
    }  # fmt: skip
    assert limits.all(*expected) == expected
    found = stored(container)
    assert found["cpu"] == {"shares": 512, "quota": 20000, "period": 50000, "cpus": "0"}
    assert (found["memory"]["limit"], found["pids"]["limit"]) == (64 * MIB, 9)


class TestMoments:
    def test_created(self, runtime: Runtime, bundle: Bundle, limits: Limits) -> None:
        container = runtime.create(bundle.sleep())
        updated(container, "--pids-limit", "9")
        assert limits["pids"] == "9"
        assert container.status == "created"
        container.start()
        assert container.status == "running"

    def test_paused(self, runtime: Runtime, container: Container, limits: Limits) -> None:
        runtime.call("pause", container.id).check()
        updated(container, "--memory", "64m", "--cpu-share", "512", "--pids-limit", "9")
        assert limits["pids"] == "9"
        assert container.status == "paused"

    def test_stopped(self, runtime: Runtime, bundle: Bundle, limits: Limits) -> None:
        container = runtime.run_detached(bundle)
        container.wait()
        result = update(container, "--pids-limit", "9")
        assert result.status == 1
        assert "container not running" in result.err

    def test_absent(self, runtime: Runtime) -> None:
        result = runtime.call("update", "--pids-limit", "9", "none")
        assert result.status == 1
        assert "container does not exist" in result.err


def test_kernel_memory_is_a_warning(container: Container) -> None:
    result = update(container, "--kernel-memory", "5m").check()
    assert "Kernel memory settings are ignored and will be removed" in result.err


@needs_v1
def test_devices_are_not_touched(runtime: Runtime, bundle: Bundle, limits: Limits) -> None:
    bundle.linux["resources"]["devices"].append(
        {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}
    )
    container = runtime.run_detached(bundle.sleep())
    before = limits.read("devices", "devices.list")
    updated(container, "--pids-limit", "9", "--memory", "64m")
    assert limits.read("devices", "devices.list") == before
    assert "c 1:11 r" in before
