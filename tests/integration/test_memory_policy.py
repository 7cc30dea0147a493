"""linux.memoryPolicy, as /proc/self/numa_maps tells it inside."""

from __future__ import annotations

import os
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/numa_maps"), reason="this kernel knows nothing of memory nodes"
)
SHOW = "cut -d' ' -f2 /proc/self/numa_maps | sort -u"


@pytest.fixture(autouse=True)
def known(runtime: Runtime) -> None:
    """Debian's runc 1.1 and crun 1.8 are older than this part of the specification."""
    if runtime.kind != "pyrunc":
        pytest.skip(f"{runtime.kind} knows nothing of it")


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ({"mode": "MPOL_DEFAULT"}, "default"),
        ({"mode": "MPOL_LOCAL"}, "local"),
        ({"mode": "MPOL_PREFERRED"}, "local"),
        ({"mode": "MPOL_PREFERRED", "nodes": "0"}, "prefer:0"),
        ({"mode": "MPOL_BIND", "nodes": "0"}, "bind:0"),
        ({"mode": "MPOL_INTERLEAVE", "nodes": "0"}, "interleave:0"),
        ({"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "0"}, "weighted interleave:0"),
        ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, "prefer (many):0"),
        (
            {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
            "bind=static:0",
        ),
        (
            {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]},
            "bind=relative:0",
        ),
        (
            {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]},
            "bind=balancing:0",
        ),
    ],
)
@pytest.mark.spec("linux.memoryPolicy")
def test_modes_and_flags(
    runtime: Runtime, bundle: Bundle, policy: dict[str, Any], shown: str
) -> None:
    bundle.linux["memoryPolicy"] = policy
    show = "sed 's/^[0-9a-f]* //; s/:0 .*/:0/; s/^\\([a-z]*\\) [a-z]*[=0].*/\\1/'"
    seen = runtime.run(bundle.sh(f"{show} /proc/self/numa_maps | sort -u")).check().out
    assert shown in seen.splitlines(), seen


def test_a_process_more_has_it_too(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    container = runtime.run_detached(bundle.sleep())
    result = runtime.call("exec", container.id, "/bin/sh", "-c", SHOW).check()
    assert result.words == ["bind:0"]


def test_a_node_that_is_not_there(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "1023"}
    result = runtime.run(bundle)
    assert result.status == 1
    assert (
        "linux.memoryPolicy: set the memory policy MPOL_BIND of the nodes 1023: set_mempolicy: "
        "invalid argument; no such memory node" in result.err
    )
