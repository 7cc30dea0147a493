"""The container's half of NOTIFY_SOCKET in the plan."""

from __future__ import annotations

import pytest
from harness.plans import facts, minimal, ops_named, options

from runtime.errors import ConfigError
from runtime.plan import ops
from runtime.plan.make import make_plan
from runtime.plan.plan import Plan

FOLDER = "/run/pyrunc/c1/notify"


def plan_of(config: dict[str, object], folder: str) -> Plan:
    return make_plan(
        config,  # type: ignore[arg-type]  # a plain dict
        "/bundle", "/bundle/rootfs", options(), facts(), [], None, notify_folder=folder,
    )  # fmt: skip


def test_bound_after_the_mounts_and_named_last() -> None:
    mounts = [{"destination": "/run", "type": "tmpfs", "source": "tmpfs"}]
    env = ["NOTIFY_SOCKET=/x", "A=b"]
    config = minimal(mounts=mounts, process={"env": env, "args": ["/x"], "cwd": "/"})
    plan = plan_of(config, FOLDER)
    run, bind = ops_named(plan, "mount", "bind")
    assert (run.strings[1], bind.strings) == ("/run", (FOLDER, "/run/notify"))
    assert bind.flags == ops.BIND_REPLACE_ATTRS
    assert bind.numbers[0] == 0xF, "ro, nosuid, nodev, noexec"
    assert plan.notify_folder == FOLDER
    (program,) = ops_named(plan, "exec")
    assert program.strings[1] == ["A=b", "NOTIFY_SOCKET=/run/notify/notify.sock"]


def test_nobody_asks() -> None:
    plan = plan_of(minimal(), "")
    assert plan.notify_folder == ""
    assert ops_named(plan, "bind") == []


def test_without_a_mount_namespace_it_would_be_the_hosts() -> None:
    with pytest.raises(ConfigError, match="NOTIFY_SOCKET: needs a mount namespace"):
        plan_of(minimal(linux={"namespaces": []}), FOLDER)
