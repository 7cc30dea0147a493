"""Namespaces: new, joined and the host's."""

from __future__ import annotations

from differential.changes import (
    user_namespace,
)
from differential.configuration import Stage, configuration
from harness.bundle import Bundle


@configuration()
def all_namespaces(bundle: Bundle, stage: Stage) -> None:
    bundle.namespace("cgroup")
    bundle.linux["cgroupsPath"] = stage.cgroup
    user_namespace(bundle)


@configuration()
def cgroup_namespace(bundle: Bundle, stage: Stage) -> None:
    bundle.namespace("cgroup")


@configuration()
def host_network(bundle: Bundle, stage: Stage) -> None:
    bundle.without_namespace("network")


@configuration()
def host_network_in_a_user_namespace(bundle: Bundle, stage: Stage) -> None:
    """Which may not mount a sysfs of its own."""
    user_namespace(bundle)
    bundle.without_namespace("network")


@configuration()
def host_pid(bundle: Bundle, stage: Stage) -> None:
    bundle.without_namespace("pid")


@configuration()
def host_ipc_and_uts(bundle: Bundle, stage: Stage) -> None:
    del bundle.config["hostname"]
    bundle.without_namespace("ipc").without_namespace("uts")


@configuration()
def joined_pid_namespace(bundle: Bundle, stage: Stage) -> None:
    bundle.namespace("pid", f"/proc/{stage.neighbour}/ns/pid")


@configuration()
def joined_network_named(bundle: Bundle, stage: Stage) -> None:
    bundle.namespace("network", f"/proc/{stage.neighbour}/ns/net")
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "0"}


@configuration(
    lacks="1.1 knows no time namespaces",
    expected={
        "namespaces:time": "new",
        "namespaces:time_for_children": "new",
        "proc:self/timens_offsets": ["monotonic 7 0", "boottime 100 5"],
    },
)
def time_namespace(bundle: Bundle, stage: Stage) -> None:
    bundle.namespace("time")
    bundle.linux["timeOffsets"] = {
        "monotonic": {"secs": 7},
        "boottime": {"secs": 100, "nanosecs": 5},
    }
