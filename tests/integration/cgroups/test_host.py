"""Cgroups on this host's kernel: made, joined, frozen, killed, removed."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.device_program import attached, device_program, install
from runtime.cgroups.devices import ALL, ANY, MKNOD, READ, DevicePolicy
from runtime.cgroups.make import make
from runtime.cgroups.plan import CgroupPlan, plan_cgroup
from runtime.errors import ConfigError, KernelError, StatusError
from runtime.host.cgroup_layout import CgroupLayout, Hierarchy
from runtime.host.cgroup_probe import read_layout

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

LAYOUT = read_layout()
NAME = f"pyrunc-test-{os.getpid()}"
SYS_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}

Planner = Callable[..., CgroupPlan]


def home(controller: str) -> Hierarchy | None:
    return next((h for h in LAYOUT.hierarchies if controller in h.controllers), None)


def need(controller: str, version: int = 0) -> Hierarchy:
    hierarchy = home(controller)
    if hierarchy is None or version not in (0, hierarchy.version):
        pytest.skip(f"no {controller} controller on cgroup v{version or '1 or v2'} here")
    return hierarchy


def v2_hierarchy() -> Hierarchy:
    hierarchy = next((h for h in LAYOUT.hierarchies if h.version == 2), None)
    if hierarchy is None:
        pytest.skip("no cgroup v2 here")
    return hierarchy


def bpf(command: int, attr: bytearray) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * len(attr)).from_buffer(attr)
    result = libc.syscall(SYS_BPF[platform.machine()], command, buffer, len(attr))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


@pytest.fixture(params=["as here", "v2 alone"])
def layout(request: pytest.FixtureRequest) -> CgroupLayout:
    """This host's hierarchies, and its v2 tree as if there were nothing else."""
    if request.param == "as here":
        return LAYOUT
    if LAYOUT.mode == "unified":
        pytest.skip("v2 is all there is here")
    return CgroupLayout("unified", [v2_hierarchy()])


@pytest.fixture
def planned() -> Iterator[Planner]:
    """Plans below /NAME, which is gone afterwards; so are controllers enabled for it."""
    v2 = next((h for h in LAYOUT.hierarchies if h.version == 2), None)
    control = Path(v2.mountpoint, "cgroup.subtree_control") if v2 else None
    enabled = control.read_text().split() if control else []

    def planner(
        resources: dict[str, Any] | None = None, path: str = "x", layout: CgroupLayout = LAYOUT
    ) -> CgroupPlan:
        return plan_cgroup(f"/{NAME}/{path}", "id", resources, None, layout, rootless=False)

    yield planner
    for hierarchy in LAYOUT.hierarchies:
        top = Path(hierarchy.mountpoint, NAME)
        left = [p for p in sorted(top.rglob("*"), reverse=True) if p.is_dir()]
        for path in [*left, top]:
            if path.is_dir():
                path.rmdir()
    if control:
        for controller in set(control.read_text().split()) - set(enabled):
            control.write_text(f"-{controller}")


class Member:
    """A process in a cgroup that does what it is told; it joins before it is one."""

    def __init__(self, cgroup: Cgroup, work: Callable[[], object]) -> None:
        v2 = cgroup.clone_dir()
        ready, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(ready)
                for file in cgroup.tasks_files():
                    Path(file).write_text("0")
                if v2 is not None:
                    # A test may pay for the lock that a runtime avoids.
                    Path(v2, "cgroup.procs").write_text("0")
                os.write(tell, b"!")
                os.close(tell)
                work()
                status = 0
            finally:
                os._exit(status)
        os.close(tell)
        try:
            joined = os.read(ready, 1)
        finally:
            os.close(ready)
        assert joined == b"!", "the process could not join"

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def sleep() -> None:
    signal.pause()


def read(cgroup: Cgroup, controller: str, file: str) -> str:
    for hierarchy, directory in cgroup.dirs():
        if controller in hierarchy.controllers:
            return Path(directory, file).read_text().strip()
    raise LookupError(controller)


def test_made_and_removed_in_every_hierarchy(planned: Planner, layout: CgroupLayout) -> None:
    cgroup = make(planned(layout=layout), bpf)
    for _, directory in cgroup.dirs():
        assert Path(directory).is_dir()
    assert len(cgroup.dirs()) == len(layout.hierarchies)
    Cgroup.load(cgroup.saved(), layout).remove()
    for _, directory in cgroup.dirs():
        assert not Path(directory).exists()
    cgroup.remove()  # gone already is fine


def test_undo_takes_the_parents_along(planned: Planner, layout: CgroupLayout) -> None:
    cgroup = make(planned(path="a/b/c", layout=layout), bpf)
    cgroup.undo()
    for hierarchy in layout.hierarchies:
        assert not Path(hierarchy.mountpoint, NAME).exists()


@pytest.mark.parametrize(
    ("resources", "controller", "files"),
    [
        (
            {"memory": {"limit": 100000000, "reservation": 50000000, "swappiness": 10}},
            "memory",
            {
                "memory.limit_in_bytes": "99999744",
                "memory.soft_limit_in_bytes": "49999872",
                "memory.swappiness": "10",
            },
        ),
        (
            {"memory": {"limit": 1 << 24, "swap": 1 << 25}},
            "memory",
            {"memory.limit_in_bytes": "16777216", "memory.memsw.limit_in_bytes": "33554432"},
        ),
        ({"memory": {"disableOOMKiller": True}}, "memory", {}),
        ({"pids": {"limit": 20}}, "pids", {"pids.max": "20"}),
        (
            {"cpu": {"shares": 512, "quota": 50000, "period": 100000, "burst": 1000}},
            "cpu",
            {
                "cpu.shares": "512", "cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000",
                "cpu.cfs_burst_us": "1000",
            },
        ),
        ({"cpu": {"idle": 1}}, "cpu", {"cpu.idle": "1"}),
        ({"cpu": {"cpus": "0"}}, "cpuset", {"cpuset.cpus": "0"}),
    ],
)  # fmt: skip
@pytest.mark.spec("linux.resources")
def test_values_on_v1(
    planned: Planner, resources: dict[str, Any], controller: str, files: dict[str, str]
) -> None:
    need(controller, 1)
    cgroup = make(planned(resources), bpf)
    try:
        assert {file: read(cgroup, controller, file) for file in files} == files
    finally:
        cgroup.remove()


def test_new_values_for_an_old_cgroup_whatever_the_order(planned: Planner) -> None:
    need("memory", 1)
    cgroup = make(planned(), bpf)
    for limit, swap in ((1 << 24, 1 << 25), (1 << 26, 1 << 27), (1 << 22, 1 << 23), (-1, -1)):
        cgroup = make(planned({"memory": {"limit": limit, "swap": swap}}), bpf)
        if limit > 0:
            assert read(cgroup, "memory", "memory.limit_in_bytes") == str(limit)
            assert read(cgroup, "memory", "memory.memsw.limit_in_bytes") == str(swap)
    cgroup.remove()


@pytest.mark.spec("linux.resources")
def test_a_controller_on_the_v2_side(planned: Planner) -> None:
    need("hugetlb", 2)
    sizes = [f.name for f in Path("/sys/kernel/mm/hugepages").glob("hugepages-2048kB")]
    if not sizes:
        pytest.skip("no huge pages of 2 MB here")
    cgroup = make(planned({"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}), bpf)
    assert read(cgroup, "hugetlb", "hugetlb.2MB.max") == "4194304"
    cgroup.remove()


@pytest.mark.parametrize(
    ("resources", "field", "words"),
    [
        ({"cpu": {"cpus": "999"}}, "cpu.cpus", "no such CPU"),
        ({"cpu": {"quota": 1}}, "cpu.quota", "at least 1000 us"),
        ({"cpu": {"quota": 5000, "burst": 9000}}, "cpu.", "invalid argument"),
        ({"hugepageLimits": [{"pageSize": "3MB", "limit": 5}]}, "hugepageLimits[0]", "no such"),
        ({"blockIO": {"throttleReadBpsDevice": [{"major": 999, "minor": 9, "rate": 5}]}},
         "blockIO.throttleReadBpsDevice[0]", "no such device"),
    ],
)  # fmt: skip
def test_refusals_are_told_and_leave_nothing(
    planned: Planner, resources: dict[str, Any], field: str, words: str
) -> None:
    try:
        plan = planned(resources)
    except ConfigError:
        pytest.skip("no such controller here")
    with pytest.raises(KernelError, match=words) as caught:
        make(plan, bpf)
    assert caught.value.field.startswith(f"linux.resources.{field}")
    for hierarchy in LAYOUT.hierarchies:
        assert not Path(hierarchy.mountpoint, NAME).exists()


def test_processes_join_themselves(planned: Planner, layout: CgroupLayout) -> None:
    cgroup = make(planned(layout=layout), bpf)
    member = Member(cgroup, sleep)
    assert cgroup.pids() == [member.pid]
    mine = Path(f"/proc/{member.pid}/cgroup").read_text()
    assert mine.count(f"/{NAME}/x") == len(layout.hierarchies)
    with pytest.raises(StatusError, match=r"cgroup is not empty: 1 process\(es\) found"):
        make(planned(layout=layout), bpf)
    cgroup.kill_all()
    assert member.wait() == -signal.SIGKILL
    cgroup.remove()


def test_kill_reaches_children_in_cgroups_of_their_own(
    planned: Planner, layout: CgroupLayout
) -> None:
    cgroup = make(planned(layout=layout), bpf)
    for _, directory in cgroup.dirs():
        Path(directory, "sub").mkdir()
        Path(directory, "sub/deeper").mkdir()
        if "cpuset" in directory:
            for file in ("cpuset.cpus", "cpuset.mems"):
                value = Path(directory, file).read_text()
                Path(directory, "sub", file).write_text(value)
                Path(directory, "sub/deeper", file).write_text(value)
    deeper = Cgroup([(h, d + "/sub/deeper") for h, d in cgroup.dirs()])
    members = [Member(cgroup, sleep), Member(deeper, sleep)]
    assert sorted(cgroup.pids()) == sorted(m.pid for m in members)
    cgroup.kill_all()
    assert [m.wait() for m in members] == [-signal.SIGKILL] * 2
    cgroup.remove()


def test_kill_ends_a_fork_bomb_without_cgroup_kill(
    planned: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("pids")
    need("freezer", 1)
    monkeypatch.setattr(Cgroup, "_kill_v2", lambda self, v2: False)
    cgroup = make(planned({"pids": {"limit": 20}}), bpf)

    def bomb() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if os.fork() == 0:
                    continue
            except OSError:
                time.sleep(0.001)

    member = Member(cgroup, bomb)
    time.sleep(0.05)
    cgroup.kill_all()
    assert member.wait() == -signal.SIGKILL
    assert cgroup.pids() == []
    cgroup.remove()


def test_freeze_and_thaw(planned: Planner, layout: CgroupLayout) -> None:
    cgroup = make(planned(layout=layout), bpf)
    member = Member(cgroup, sleep)
    assert not cgroup.is_frozen()
    cgroup.freeze()
    assert cgroup.is_frozen()
    assert Cgroup.load(cgroup.saved(), layout).is_frozen()
    with pytest.raises(StatusError):
        make(planned(layout=layout), bpf)
    cgroup.thaw()
    assert not cgroup.is_frozen()
    cgroup.freeze()
    cgroup.kill_all()  # the frozen die too
    assert member.wait() == -signal.SIGKILL
    cgroup.remove()


def test_below_a_frozen_parent_nothing_is_made(planned: Planner, layout: CgroupLayout) -> None:
    parent = make(planned(path="p", layout=layout), bpf)
    parent.freeze()
    try:
        with pytest.raises(StatusError, match="unexpectedly frozen"):
            make(planned(path="p/c", layout=layout), bpf)
    finally:
        parent.thaw()
    parent.remove()


def test_remove_waits_for_the_dying(planned: Planner, layout: CgroupLayout) -> None:
    cgroup = make(planned(layout=layout), bpf)
    member = Member(cgroup, sleep)
    cgroup.kill_all()
    cgroup.remove()
    assert member.wait() == -signal.SIGKILL
    for _, directory in cgroup.dirs():
        assert not Path(directory).exists()


def test_remove_says_who_is_left(planned: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.cgroups.files.RMDIR_PAUSES_S", (0.001, 0.001))
    cgroup = make(planned(), bpf)
    member = Member(cgroup, sleep)
    try:
        with pytest.raises(KernelError, match="processes are left in it") as caught:
            cgroup.remove()
        assert caught.value.errno == errno.EBUSY
    finally:
        cgroup.kill_all()
        member.wait()
    cgroup.remove()


def test_oom_kills_are_counted(planned: Planner) -> None:
    need("memory")
    cgroup = make(planned({"memory": {"limit": 1 << 23, "swap": 1 << 23}}), bpf)
    assert cgroup.oom_kills() == 0
    member = Member(cgroup, lambda: bytearray(1 << 26))
    assert member.wait() == -signal.SIGKILL
    assert cgroup.oom_kills() >= 1
    cgroup.remove()


def probe_devices(tmp: Path) -> Callable[[], None]:
    """Exit status of a member: which of four accesses the kernel allowed, as bits."""

    def probe() -> None:
        def allowed(action: Callable[[], object]) -> bool:
            try:
                action()
            except PermissionError:
                return False
            return True

        node = tmp / f"node{os.getpid()}"
        bits = 0
        bits |= allowed(lambda: os.open("/dev/null", os.O_RDWR)) << 0
        bits |= allowed(lambda: os.open("/dev/kmsg", os.O_RDONLY)) << 1
        bits |= allowed(lambda: os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(7, 7))) << 2
        os._exit(bits)

    return probe


DEVICE_CASES: list[Any] = [
    pytest.param([], 0b101, id="the defaults"),
    pytest.param([{"allow": True, "access": "rwm"}], 0b111, id="all"),
    pytest.param(
        [{"allow": False, "access": "rwm"},
         {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}],
        0b111, id="one more",
    ),
    pytest.param(
        [{"allow": True, "access": "rwm"},
         {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "r"}],
        0b101, id="all but one",
    ),
]  # fmt: skip


@pytest.mark.parametrize("on_v2", [False, True], ids=["as here", "by program"])
@pytest.mark.parametrize(("rules", "bits"), DEVICE_CASES)
def test_devices(
    planned: Planner, tmp_path: Path, rules: list[dict[str, Any]], bits: int, on_v2: bool
) -> None:
    layout = LAYOUT
    if on_v2:
        v2_hierarchy()
        others = [h for h in LAYOUT.hierarchies if "devices" not in h.controllers]
        layout = CgroupLayout(LAYOUT.mode, others)
    cgroup = make(planned({"devices": rules}, layout=layout), bpf)
    member = Member(cgroup, probe_devices(tmp_path))
    assert member.wait() == bits
    cgroup.remove()


def test_a_program_is_replaced_not_added(planned: Planner) -> None:
    hierarchy = v2_hierarchy()
    cgroup = make(planned(layout=CgroupLayout("unified", [hierarchy])), bpf)
    directory = cgroup.clone_dir()
    assert directory is not None
    fd = os.open(directory, os.O_RDONLY)
    try:
        (first,) = attached(fd, bpf)
        policy = DevicePolicy(allows=False, exceptions={("c", 1, ANY): READ, ("b", 8, 0): ALL})
        install(device_program(policy), directory, fd, bpf)
        (second,) = attached(fd, bpf)
        assert first != second
    finally:
        os.close(fd)
        cgroup.remove()


def test_the_verifier_accepts_large_policies(planned: Planner) -> None:
    hierarchy = v2_hierarchy()
    cgroup = make(planned(layout=CgroupLayout("unified", [hierarchy])), bpf)
    directory = cgroup.clone_dir()
    assert directory is not None
    fd = os.open(directory, os.O_RDONLY)
    try:
        for allows in (False, True):
            rules: dict[Any, int] = {("c", n, n): 1 + n % 7 for n in range(1000)}
            rules |= {("b", 8, n): 1 + n % 7 for n in range(1000)}
            rules |= {("b", ANY, ANY): MKNOD, ("c", 0xFFFFFFFF, ANY): ALL}
            policy = DevicePolicy(allows=allows, exceptions=rules)
            install(device_program(policy), directory, fd, bpf)
        assert len(attached(fd, bpf)) == 1
    finally:
        os.close(fd)
        cgroup.remove()


def test_a_refused_program_brings_the_verifiers_words() -> None:
    with pytest.raises(KernelError, match="R0 !read_ok"):
        install(b"\x95" + bytes(7), "/cg", 0, bpf)


def as_nobody(work: Callable[[], object]) -> int:
    """The exit status of `work`, done by an ordinary user."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            work()
            status = 0
        except KernelError as error:
            status = 1 if error.field == "linux.resources.pids.limit" else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize(
    ("path", "resources", "status"),
    [
        pytest.param(None, None, 0, id="goes without"),
        pytest.param(None, {"pids": {"limit": 5}}, 1, id="a limit that cannot be had"),
        pytest.param("/a", None, 2, id="a path that cannot be had"),
    ],
)
def test_rootless(path: str | None, resources: dict[str, Any] | None, status: int) -> None:
    need("pids")
    plan = plan_cgroup(path, NAME, resources, None, LAYOUT, rootless=True)

    def work() -> None:
        cgroup = make(plan)
        assert cgroup.saved() == {}
        cgroup.kill_all()
        cgroup.remove()

    assert as_nobody(work) == status


def test_two_at_a_time_share_a_parent(planned: Planner) -> None:
    """One fails and undoes, the other keeps the parent that both wanted."""
    first = make(planned(path="shared/one"), bpf)
    second = make(planned(path="shared/two"), bpf)
    first.undo()
    for _, directory in second.dirs():
        assert Path(directory).is_dir()
    second.remove()


def test_what_was_made_survives_a_limit_of_half_a_megabyte(planned: Planner) -> None:
    """Nothing of the one who makes it is charged to the cgroup."""
    need("memory", 1)
    cgroup = make(planned({"memory": {"limit": 524288}}), bpf)
    assert int(read(cgroup, "memory", "memory.usage_in_bytes")) < 65536
    cgroup.remove()
