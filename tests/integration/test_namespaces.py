"""Each kind of namespace: isolated when new, shared when inherited, joined by path."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.leaks import namespaces_of
from harness.rootfs import give_rootfs
from harness.runtime import Container, Runtime

MakeBundle = Callable[[], Bundle]

FILES = {
    "pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user",
    "cgroup": "cgroup", "time": "time",
}  # fmt: skip
MAP = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def map_users(bundle: Bundle) -> Bundle:
    """A user namespace of its own, with the root filesystem given to its root."""
    bundle.namespace("user")
    bundle.linux["uidMappings"] = MAP
    bundle.linux["gidMappings"] = MAP
    give_rootfs(bundle.rootfs, 100000, 100000)
    return bundle


def inside(kind: str) -> str:
    """A command that prints the program's own namespace."""
    return f"readlink /proc/self/ns/{FILES[kind]}"


def ours(kind: str) -> str:
    """The tests' own namespace."""
    return os.readlink(f"/proc/self/ns/{FILES[kind]}")


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.spec("linux.namespaces.type")
def test_new(runtime: Runtime, bundle: Bundle, kind: str) -> None:
    if kind == "user":
        map_users(bundle)
    else:
        bundle.namespace(kind)
    seen = runtime.run(bundle.sh(inside(kind))).check().out.strip()
    assert seen.startswith(f"{FILES[kind]}:[")
    assert seen != ours(kind)


@pytest.mark.parametrize("kind", [k for k in FILES if k != "mount"])
def test_not_listed_is_inherited(runtime: Runtime, bundle: Bundle, kind: str) -> None:
    if kind == "uts":
        del bundle.config["hostname"]
    if kind == "network":
        bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] != "sysfs"]
    bundle.without_namespace(kind).sh(inside(kind))
    assert runtime.run(bundle).check().out.strip() == ours(kind)


class TestIsolation:
    """What the kind of namespace is for, proved from inside."""

    def test_pid(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.sh("echo $$; ls -d /proc/[0-9]* | wc -l; ps | wc -l"))
        pid, processes = result.words[:2]
        assert pid == "1"
        assert int(processes) <= 3  # the shell, ls and wc

    def test_network(self, runtime: Runtime, bundle: Bundle) -> None:
        script = "ls /sys/class/net; ip -o addr show lo; readlink /proc/self/ns/net"
        result = runtime.run(bundle.sh(script))
        assert result.words[0] == "lo"
        assert "127.0.0.1/8" in result.out
        assert result.words[-1] != os.readlink("/proc/self/ns/net")
        lines = [line for line in result.out.splitlines() if "LOOPBACK" in line]
        assert all("UP" in line for line in lines)

    def test_loopback_is_up(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.sh("ip link show lo"))
        assert "LOOPBACK,UP" in result.out

    def test_mount(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.mount("/mnt", "tmpfs", "secret", "size=4k")
        container = runtime.run_detached(bundle.sh("echo up; exec sleep 100"))
        container.wait_for_output("up")
        assert "secret" not in Path("/proc/self/mountinfo").read_text()
        inner = Path(f"/proc/{container.pid}/mountinfo").read_text()
        assert "secret" in inner
        assert "/sys/fs/cgroup/memory" not in inner  # nothing of the old root is left

    def test_ipc(self, runtime: Runtime, bundle: Bundle) -> None:
        name = subprocess.run(["ipcmk", "-M", "4096"], capture_output=True, text=True, check=True)
        shm_id = name.stdout.split()[-1]
        try:
            result = runtime.run(bundle.sh("wc -l </proc/sysvipc/shm; ls /dev/mqueue | wc -l"))
        finally:
            subprocess.run(["ipcrm", "-m", shm_id], check=True)
        assert result.words == ["1", "0"]  # the heading alone

    @pytest.mark.spec("hostname", "domainname")
    def test_uts(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.config["hostname"] = "island"
        bundle.config["domainname"] = "sea"
        bundle.sh("hostname; cat /proc/sys/kernel/domainname")
        assert runtime.run(bundle).words == ["island", "sea"]
        assert os.uname().nodename != "island"

    def test_cgroup(self, runtime: Runtime, bundle: Bundle) -> None:
        """The own cgroup looks like the root of every hierarchy."""
        result = runtime.run(bundle.namespace("cgroup").sh("cut -d: -f3 /proc/self/cgroup"))
        assert set(result.check().words) == {"/"}

    @pytest.mark.spec("linux.uidMappings", "linux.gidMappings")
    def test_user(self, runtime: Runtime, bundle: Bundle) -> None:
        map_users(bundle).sh("id -u; cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/mine")
        result = runtime.run(bundle).check()
        assert result.words == ["0", *["0", "100000", "65536"] * 2]
        assert (bundle.rootfs / "tmp/mine").stat().st_uid == 100000

    def test_user_of_a_running_one_is_unprivileged_outside(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        container = runtime.run_detached(map_users(bundle).sh("echo up; exec sleep 100"))
        container.wait_for_output("up")
        status = Path(f"/proc/{container.pid}/status").read_text()
        assert "Uid:\t100000\t100000\t100000\t100000" in status

    @pytest.mark.spec("linux.timeOffsets")
    def test_time(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.namespace("time")
        bundle.linux["timeOffsets"] = {
            "boottime": {"secs": 864000, "nanosecs": 0},
            "monotonic": {"secs": 432000, "nanosecs": 500},
        }
        result = runtime.run(bundle.sh("cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets"))
        words = result.check().words
        assert abs(int(words[0]) - time.clock_gettime(time.CLOCK_BOOTTIME) - 864000) < 60
        assert words[1:] == ["monotonic", "432000", "500", "boottime", "864000", "0"]


@pytest.fixture
def neighbour(runtime: Runtime, make_bundle: MakeBundle) -> Container:
    """A running container with namespaces of its own, for others to join."""
    bundle = make_bundle().namespace("cgroup")
    bundle.config["hostname"] = "neighbour"
    container = runtime.run_detached(bundle.sh("echo up; exec sleep 100"))
    container.wait_for_output("up")
    return container


@pytest.mark.spec("linux.namespaces.path")
class TestJoined:
    @pytest.mark.parametrize("kind", ["pid", "network", "ipc", "uts", "cgroup"])
    def test_by_path(
        self, runtime: Runtime, bundle: Bundle, neighbour: Container, kind: str
    ) -> None:
        if kind == "uts":
            del bundle.config["hostname"]
        bundle.namespace(kind, f"/proc/{neighbour.pid}/ns/{FILES[kind]}")
        result = runtime.run(bundle.sh(inside(kind))).check()
        assert result.out.strip() == os.readlink(f"/proc/{neighbour.pid}/ns/{FILES[kind]}")

    def test_time_by_path(self, runtime: Runtime, bundle: Bundle, make_bundle: MakeBundle) -> None:
        """The offsets of the neighbour hold; an own path has none to give."""
        first = make_bundle().namespace("time").sh("echo up; exec sleep 100")
        first.linux["timeOffsets"] = {"boottime": {"secs": 777, "nanosecs": 0}}
        neighbour = runtime.run_detached(first)
        neighbour.wait_for_output("up")
        bundle.namespace("time", f"/proc/{neighbour.pid}/ns/time")
        result = runtime.run(bundle.sh(f"{inside('time')}; cat /proc/self/timens_offsets"))
        assert result.check().words == [
            os.readlink(f"/proc/{neighbour.pid}/ns/time"),
            "monotonic", "0", "0", "boottime", "777", "0",
        ]  # fmt: skip

    def test_as_in_a_pod(self, runtime: Runtime, bundle: Bundle, neighbour: Container) -> None:
        """ipc, network and uts joined, pid and mount new."""
        del bundle.config["hostname"]
        for kind in ("ipc", "network", "uts"):
            bundle.namespace(kind, f"/proc/{neighbour.pid}/ns/{FILES[kind]}")
        shared = [inside(kind) for kind in ("ipc", "network", "uts", "pid", "mount")]
        seen = runtime.run(bundle.sh("; ".join([*shared, "hostname", "echo $$"]))).check().words
        theirs = namespaces_of(neighbour.pid)
        assert [name in theirs for name in seen[:5]] == [True, True, True, False, False]
        assert seen[5:] == ["neighbour", "1"]

    def test_pid_namespace_shows_the_neighbours_processes(
        self, runtime: Runtime, bundle: Bundle, neighbour: Container
    ) -> None:
        bundle.namespace("pid", f"/proc/{neighbour.pid}/ns/pid").sh("echo $$; cat /proc/1/cmdline")
        result = runtime.run(bundle).check()
        assert result.words[0] != "1"
        assert "sleep\x00100" in result.out

    def test_a_bound_file(self, runtime: Runtime, bundle: Bundle, bound_network: Path) -> None:
        bundle.namespace("network", str(bound_network))
        result = runtime.run(bundle.sh(inside("network"))).check()
        assert result.out.strip() == f"net:[{bound_network.stat().st_ino}]"

    def test_user_namespace_of_a_neighbour(
        self, runtime: Runtime, bundle: Bundle, make_bundle: MakeBundle
    ) -> None:
        first = runtime.run_detached(map_users(make_bundle()).sh("echo up; exec sleep 100"))
        first.wait_for_output("up")
        for kind in ("user", "ipc", "network"):
            bundle.namespace(kind, f"/proc/{first.pid}/ns/{FILES[kind]}")
        give_rootfs(bundle.rootfs, 100000, 100000)
        result = runtime.run(bundle.sh(f"{inside('user')}; id -u; cat /proc/self/uid_map"))
        assert result.check().words == [
            os.readlink(f"/proc/{first.pid}/ns/user"), "0", "0", "100000", "65536",
        ]  # fmt: skip

    def test_the_neighbour_keeps_its_loopback_and_host_name(
        self, runtime: Runtime, bundle: Bundle, neighbour: Container
    ) -> None:
        bundle.namespace("uts", f"/proc/{neighbour.pid}/ns/uts")
        del bundle.config["hostname"]
        assert runtime.run(bundle.sh("hostname")).check().out == "neighbour\n"


@pytest.fixture
def bound_network(base: Path) -> Iterator[Path]:
    """A network namespace that lives on by a bind mount alone, as /run/netns has them."""
    path = base / "netns"
    path.touch()
    subprocess.run(["unshare", f"--net={path}", "true"], check=True)
    yield path
    subprocess.run(["umount", path], check=True)
    path.unlink()


class TestRefused:
    @pytest.mark.parametrize(
        ("kind", "path", "words"),
        [
            pytest.param("network", "/proc/self/ns/uts", "", id="another kind"),
            pytest.param("network", "/etc/passwd", "", id="no namespace"),
            pytest.param("network", "/none", "no such file or directory", id="missing"),
            pytest.param("moon", None, "moon", id="unknown kind"),
        ],
    )
    def test_entries(
        self, runtime: Runtime, bundle: Bundle, kind: str, path: str | None, words: str
    ) -> None:
        result = runtime.run(bundle.namespace(kind, path))
        assert result.status == 1
        assert words in result.err
        assert runtime.ids() == []

    def test_a_kind_twice(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["namespaces"].append({"type": "uts"})
        result = runtime.run(bundle)
        assert result.status == 1
        assert "uts" in result.err

    def test_mappings_without_a_user_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["uidMappings"] = MAP
        result = runtime.run(bundle)
        assert result.status == 1
        assert "uidMappings" in result.err

    def test_a_user_namespace_without_mappings(self, runtime: Runtime, bundle: Bundle) -> None:
        assert runtime.run(bundle.namespace("user")).status == 1

    def test_time_offsets_without_a_time_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["timeOffsets"] = {"boottime": {"secs": 1}}
        assert runtime.run(bundle).status == 1

    def test_host_name_without_a_uts_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        before = os.uname().nodename
        result = runtime.run(bundle.without_namespace("uts"))
        assert result.status == 1
        assert "hostname" in result.err
        assert os.uname().nodename == before

    def test_mounts_without_a_mount_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.without_namespace("mount"))
        assert result.status == 1
        assert runtime.ids() == []


@pytest.mark.spec("linux.sysctl")
class TestSysctl:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("net.ipv4.ip_forward", "1"),
            ("net/ipv4/ip_forward", "1"),
            ("net.ipv4.conf.lo.forwarding", "1"),
            ("kernel.shm_rmid_forced", "1"),
            ("kernel.msgmax", "4096"),
            ("fs.mqueue.msg_max", "42"),
            ("kernel.domainname", "written"),
        ],
    )
    def test_is_set_inside(self, runtime: Runtime, bundle: Bundle, key: str, value: str) -> None:
        bundle.linux["sysctl"] = {key: value}
        path = f"/proc/sys/{key.replace('.', '/')}"
        assert runtime.run(bundle.sh(f"cat {path}")).check().out.strip() == value

    @pytest.mark.parametrize("key", ["kernel.pid_max", "kernel.hostname", "vm.swappiness"])
    def test_of_the_whole_host_is_refused(self, runtime: Runtime, bundle: Bundle, key: str) -> None:
        bundle.linux["sysctl"] = {key: "1"}
        result = runtime.run(bundle)
        assert result.status == 1
        assert key in result.err

    @pytest.mark.parametrize(
        ("key", "kind"), [("net.ipv4.ip_forward", "network"), ("kernel.msgmax", "ipc")]
    )
    def test_of_an_inherited_namespace_is_refused(
        self, runtime: Runtime, bundle: Bundle, key: str, kind: str
    ) -> None:
        bundle.linux["sysctl"] = {key: "1"}
        result = runtime.run(bundle.without_namespace(kind))
        assert result.status == 1
        assert key in result.err
