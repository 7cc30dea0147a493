"""Two containers joined by a veth pair reach each other, and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from harness.bundle import Bundle
from harness.runtime import Container, Runtime

pyroute2 = pytest.importorskip("pyroute2")

MakeBundle = Callable[[], Bundle]
ADDRESSES = ("10.231.78.1", "10.231.78.2")


@pytest.fixture
def pair(runtime: Runtime, make_bundle: MakeBundle) -> Iterator[tuple[Container, Container]]:
    """Two running containers with the ends of one veth pair as eth0."""
    containers: list[Container] = []
    for _ in ADDRESSES:
        bundle = make_bundle().capabilities("CAP_NET_RAW", "CAP_NET_BIND_SERVICE")
        bundle.sh(
            "while [ ! -e /sys/class/net/eth0 ]; do sleep 0.02; done; "
            "while ! ip addr show eth0 | grep -q 10.231; do sleep 0.02; done; "
            "echo up; while :; do echo hello from $(hostname) | nc -l -p 7000; done"
        )
        bundle.config["hostname"] = f"host{len(containers) + 1}"
        containers.append(runtime.run_detached(bundle))
    connect(*(container.pid for container in containers))
    for container in containers:
        container.wait_for_output("up")
    first, second = containers
    yield first, second


def connect(*pids: int) -> None:
    """A veth pair between the network namespaces of two processes, up and with addresses."""
    names = [f"pt{pid}" for pid in pids]
    with pyroute2.IPRoute() as host:
        host.link("add", ifname=names[0], kind="veth", peer=names[1])
        for name, pid in zip(names, pids, strict=True):
            (index,) = host.link_lookup(ifname=name)
            host.link("set", index=index, net_ns_pid=pid)
    for name, pid, address in zip(names, pids, ADDRESSES, strict=True):
        with pyroute2.NetNS(f"/proc/{pid}/ns/net") as inside:
            (index,) = inside.link_lookup(ifname=name)
            inside.link("set", index=index, ifname="eth0")
            inside.addr("add", index=index, address=address, prefixlen=24)
            inside.link("set", index=index, state="up")


def beside(runtime: Runtime, bundle: Bundle, container: Container, script: str) -> str:
    """The output of a script in a third container that shares the network of `container`."""
    bundle.namespace("network", f"/proc/{container.pid}/ns/net")
    bundle.capabilities("CAP_NET_RAW")
    return runtime.run(bundle.sh(script)).out


@pytest.mark.parametrize(("here", "there"), [(0, 1), (1, 0)])
def test_they_reach_each_other(
    runtime: Runtime, bundle: Bundle, pair: tuple[Container, Container], here: int, there: int
) -> None:
    out = beside(
        runtime, bundle, pair[here],
        f"ping -c 1 -W 5 {ADDRESSES[there]} && nc -w 5 {ADDRESSES[there]} 7000 </dev/null",
    )  # fmt: skip
    assert "1 packets received" in out
    assert f"hello from host{there + 1}" in out


def test_a_third_does_not(
    runtime: Runtime, bundle: Bundle, pair: tuple[Container, Container]
) -> None:
    bundle.capabilities("CAP_NET_RAW").sh(f"ping -c 1 -W 1 {ADDRESSES[0]} || echo unreachable")
    result = runtime.run(bundle)
    assert "unreachable" in result.out
