"""Kernel parameters."""

from __future__ import annotations

import pytest
from harness.plans import minimal, ops_named, plan_of

from runtime.plan.namespaces import NEWIPC, NEWNET, NEWUSER, NEWUTS
from runtime.plan.sysctl import sysctl_path, sysctl_problem

ALL = NEWIPC | NEWNET | NEWUSER | NEWUTS


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("plain", "plain"),
    ],
)
def test_the_first_separator_is_the_separator(key: str, path: str) -> None:
    assert sysctl_path(key) == path


@pytest.mark.parametrize(
    ("key", "needs"),
    [
        ("kernel.msgmax", NEWIPC),
        ("kernel.shm_rmid_forced", NEWIPC),
        ("kernel/sem", NEWIPC),
        ("fs.mqueue.msg_max", NEWIPC),
        ("net.core.somaxconn", NEWNET),
        ("net/ipv4/conf/eth0.1/forwarding", NEWNET),
        ("user.max_user_namespaces", NEWUSER),
        ("kernel.domainname", NEWUTS),
    ],
)
def test_a_parameter_belongs_to_a_namespace(key: str, needs: int) -> None:
    assert sysctl_problem(key, needs) == ""
    assert sysctl_problem(key, ALL & ~needs).startswith("needs a")


@pytest.mark.parametrize(
    "key",
    [
        "vm.swappiness", "kernel.hostname", "kernel.pid_max", "fs.file-max", "fs.mqueuex",
        "netx.core", "kernel.shm_rmid_forced.x", "", ".", "net..core", "net/../kernel/core_pattern",
        "net./.core", "/net/core", "kernel.msgmax.", "user",
    ],
)  # fmt: skip
def test_all_others_are_refused(key: str) -> None:
    assert sysctl_problem(key, ALL)


def test_values_are_verbatim_and_in_order() -> None:
    sysctl = {"net.b": " 1\t2 ", "kernel.sem": "1 2 3 4"}
    namespaces = [{"type": kind} for kind in ("mount", "network", "ipc")]
    plan = plan_of(minimal(linux={"namespaces": namespaces, "sysctl": sysctl}))
    assert [(op.origin, op.strings) for op in ops_named(plan, "sysctl")] == [
        ('linux.sysctl["net.b"]', ("net/b", " 1\t2 ")),
        ('linux.sysctl["kernel.sem"]', ("kernel/sem", "1 2 3 4")),
    ]
