"""linux.netDevices: the end of a veth pair moves into the container and arrives whole."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime

pytest.importorskip("pyroute2")
MakeBundle = Callable[[], Bundle]
COUNT = itertools.count()


@pytest.fixture(autouse=True)
def known(runtime: Runtime) -> None:
    """Debian's runc 1.1 and crun 1.8 are older than this part of the specification."""
    if runtime.kind != "pyrunc":
        pytest.skip(f"{runtime.kind} knows nothing of it")


def ip(*args: str) -> Any:
    """ip(8), parsed."""
    done = subprocess.run(["ip", "-j", *args], check=True, capture_output=True, text=True)
    return json.loads(done.stdout or "[]")


def device(name: str) -> dict[str, Any] | None:
    """A device of the host with its addresses; None is not there."""
    found = subprocess.run(
        ["ip", "-j", "addr", "show", "dev", name], capture_output=True, text=True
    )
    if found.returncode != 0:
        return None
    answer: dict[str, Any] = json.loads(found.stdout)[0]
    return answer


def addresses(found: dict[str, Any] | None) -> set[str]:
    """Those that are not of the link only, with prefixes."""
    assert found is not None
    return {
        f"{one['local']}/{one['prefixlen']}"
        for one in found["addr_info"]
        if one.get("scope") == "global"
    }


@pytest.fixture
def veth() -> Iterator[str]:
    """One end of a pair on the host: up, of a size and with addresses of its own."""
    name = f"t{os.getpid() % 100000}n{next(COUNT)}"
    made = subprocess.run(
        ["ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p"],
        capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip(f"no veth here: {made.stderr.strip()}")
    ip("link", "set", name, "address", "02:00:00:00:00:07", "mtu", "1380")
    ip("addr", "add", "10.231.79.1/24", "dev", name)
    ip("addr", "add", "10.231.80.1", "peer", "10.231.80.2/32", "dev", name)
    ip("link", "set", name, "up")
    ip("link", "set", f"{name}p", "up")
    if has_ipv6():
        ip("addr", "add", "fd00:79::1/64", "dev", name, "nodad")
    yield name
    subprocess.run(["ip", "link", "del", f"{name}p"], check=False, capture_output=True)


def has_ipv6() -> bool:
    return os.path.exists("/proc/sys/net/ipv6/conf/lo")


def inside(pid: int) -> dict[str, dict[str, Any]]:
    """All devices that a process sees, by name."""
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-j", "addr"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {one["ifname"]: one for one in json.loads(done.stdout) if one.get("ifname")}


@pytest.mark.spec("linux.netDevices")
def test_it_arrives_whole(runtime: Runtime, bundle: Bundle, veth: str) -> None:
    before = addresses(device(veth))
    assert len(before) == (3 if has_ipv6() else 2)
    bundle.linux["netDevices"] = {veth: {"name": "eth0"}}
    container = runtime.create(bundle.sleep())
    assert device(veth) is None
    found = inside(container.pid)
    assert set(found) >= {"lo", "eth0"}
    eth0 = found["eth0"]
    assert addresses(eth0) == before
    assert (eth0["mtu"], eth0["address"]) == (1380, "02:00:00:00:00:07")
    assert "UP" in eth0["flags"]
    peers = {one.get("address") for one in eth0["addr_info"]}
    assert "10.231.80.2" in peers


def test_it_keeps_its_name(runtime: Runtime, bundle: Bundle, veth: str) -> None:
    bundle.linux["netDevices"] = {veth: {}}
    assert veth in inside(runtime.create(bundle).pid)


@pytest.mark.spec("linux.netDevices")
def test_a_template(runtime: Runtime, bundle: Bundle, veth: str) -> None:
    bundle.linux["netDevices"] = {veth: {"name": "eth%d"}, f"{veth}p": {"name": "eth%d"}}
    found = inside(runtime.create(bundle).pid)
    arrived = [name for name in found if name.startswith("eth")]
    assert len(arrived) == 2
    assert sorted(len(addresses(found[name])) for name in arrived)[0] == 0
    assert all("UP" in found[name]["flags"] for name in arrived)


def test_it_carries_packets(runtime: Runtime, make_bundle: MakeBundle, veth: str) -> None:
    """Two containers, one end each, and a namespace that is joined."""
    ip("addr", "add", "10.231.79.2/24", "dev", f"{veth}p")
    first, second = make_bundle(), make_bundle().capabilities("CAP_NET_RAW")
    first.linux["netDevices"] = {veth: {"name": "eth0"}}
    runtime.run_detached(first.sleep())
    second.linux["netDevices"] = {f"{veth}p": {"name": "eth0"}}
    second.sh("ping -c 1 -W 5 10.231.79.1 > /dev/null && echo yes")
    assert runtime.run(second).check().out == "yes\n"


def test_createruntime_hooks_find_it_inside(runtime: Runtime, bundle: Bundle, veth: str) -> None:
    bundle.linux["netDevices"] = {veth: {"name": "eth0"}}
    bundle.hook("createContainer", "exec ls /sys/class/net > devices")
    bundle.hook("startContainer", "exit 0")
    bundle.sh("ls /sys/class/net")
    assert "eth0" in runtime.run(bundle).check().words


def test_a_user_namespace(runtime: Runtime, bundle: Bundle, veth: str) -> None:
    bundle.namespace("user")
    bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    bundle.linux["gidMappings"] = bundle.linux["uidMappings"]
    bundle.linux["netDevices"] = {veth: {"name": "eth0"}}
    bundle.capabilities("CAP_NET_ADMIN")
    bundle.sh("cat /sys/class/net/eth0/mtu; ip link set eth0 mtu 1300; cat /sys/class/net/eth0/mtu")
    bundle.path.chmod(0o711)
    assert runtime.run(bundle).words == ["1380", "1300"]


def test_it_is_gone_with_the_container(runtime: Runtime, bundle: Bundle, veth: str) -> None:
    """A virtual device: hardware would be the host's again."""
    bundle.linux["netDevices"] = {veth: {}}
    runtime.run(bundle).check()
    end = subprocess.run(
        ["timeout", "10", "sh", "-c", f"while ip link show {veth}p; do sleep 0.1; done"],
        capture_output=True,
    )  # fmt: skip
    assert end.returncode == 0
    assert device(veth) is None


class TestFailure:
    """Devices are on the host again, as they were."""

    def refused(self, runtime: Runtime, bundle: Bundle, veth: str, words: str) -> None:
        before = device(veth)
        assert before is not None
        result = runtime.attempt("create", bundle)
        assert result.status == 1
        assert words in result.err.replace('\\"', '"'), result
        after = device(veth)
        assert after is not None
        assert addresses(after) == addresses(before)
        assert ("UP" in after["flags"]) == ("UP" in before["flags"])
        assert after["mtu"] == before["mtu"]

    def test_of_a_later_step(self, runtime: Runtime, bundle: Bundle, veth: str) -> None:
        bundle.linux["netDevices"] = {veth: {"name": "eth0"}}
        self.refused(runtime, bundle.args("/none"), veth, "/none")

    def test_of_a_hook(self, runtime: Runtime, bundle: Bundle, veth: str) -> None:
        bundle.linux["netDevices"] = {veth: {"name": "eth0"}}
        bundle.hook("createRuntime", "exit 3")
        self.refused(runtime, bundle, veth, "createRuntime hook #0")

    def test_one_that_was_down(self, runtime: Runtime, bundle: Bundle, veth: str) -> None:
        ip("link", "set", veth, "down")
        bundle.linux["netDevices"] = {veth: {}}
        self.refused(runtime, bundle.args("/none"), veth, "/none")

    def test_another_is_missing(self, runtime: Runtime, bundle: Bundle, veth: str) -> None:
        bundle.linux["netDevices"] = {veth: {}, "none0": {}}
        words = 'linux.netDevices["none0"]: there is no such network device on the host'
        self.refused(runtime, bundle, veth, words)

    def test_a_name_that_is_taken(self, runtime: Runtime, bundle: Bundle, veth: str) -> None:
        bundle.linux["netDevices"] = {veth: {"name": "lo"}}
        words = (
            f'linux.netDevices["{veth}"]: move it to the container: rtnetlink: file exists; '
            "a device of that name is there already"
        )
        self.refused(runtime, bundle, veth, words)

    def test_the_second_cannot(self, runtime: Runtime, bundle: Bundle, veth: str) -> None:
        bundle.linux["netDevices"] = {veth: {"name": "eth0"}, "lo": {"name": "eth1"}}
        words = (
            'linux.netDevices["lo"]: move it to the container: rtnetlink: invalid argument; '
            "some devices cannot leave their network namespace"
        )
        self.refused(runtime, bundle, veth, words)
