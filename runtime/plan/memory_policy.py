"""linux.memoryPolicy: from which memory nodes the program gets its memory."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.bit_list import bit_mask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import MemoryPolicy
    from runtime.plan.findings import Findings
    from runtime.plan.ops import Op

# Source: include/uapi/linux/mempolicy.h
MODES = {
    "MPOL_DEFAULT": 0, "MPOL_PREFERRED": 1, "MPOL_BIND": 2, "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4, "MPOL_PREFERRED_MANY": 5, "MPOL_WEIGHTED_INTERLEAVE": 6,
}  # fmt: skip
MODE_FLAGS = {
    "MPOL_F_STATIC_NODES": 1 << 15, "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_NUMA_BALANCING": 1 << 13,
}  # fmt: skip
WITHOUT_NODES = ("MPOL_DEFAULT", "MPOL_LOCAL")
WITH_OR_WITHOUT = ("MPOL_PREFERRED",)

NODES_MOST = 65536  # more than Linux has

FIELD = "linux.memoryPolicy"


def check_memory_policy(found: Findings, policy: MemoryPolicy) -> None:
    """Source:  runtime-spec config-linux.md, Memory policy; set_mempolicy(2)."""
    mode, nodes = policy.get("mode", ""), policy.get("nodes", "").strip()
    if mode not in MODES:
        shown = f'"{mode}" is none' if mode else "is missing"
        found.error(f"{FIELD}.mode", f"{shown}, expected one of {', '.join(MODES)}")
        return
    if nodes:
        try:
            bit_mask(nodes, "node", NODES_MOST)
        except ValueError as error:
            found.error(f"{FIELD}.nodes", str(error))
    if nodes and mode in WITHOUT_NODES:
        found.error(f"{FIELD}.nodes", f"{mode} takes no nodes")
    elif not nodes and mode not in WITHOUT_NODES + WITH_OR_WITHOUT:
        found.error(f"{FIELD}.nodes", f"is empty, {mode} needs nodes")
    flags = policy.get("flags", ())
    for index, flag in enumerate(flags):
        if flag not in MODE_FLAGS:
            found.error(
                f"{FIELD}.flags[{index}]",
                f'"{flag}" is none, expected one of {", ".join(MODE_FLAGS)}',
            )
    if "MPOL_F_STATIC_NODES" in flags and "MPOL_F_RELATIVE_NODES" in flags:
        found.error(
            f"{FIELD}.flags", "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other"
        )


def plan_memory_policy(policy: MemoryPolicy) -> Op:
    """set_mempolicy(2); the program and all its children inherit it."""
    mode, nodes = policy["mode"], policy.get("nodes", "").strip()
    flags = 0
    for flag in policy.get("flags", ()):
        flags |= MODE_FLAGS[flag]
    mask = bit_mask(nodes, "node", NODES_MOST) if nodes else b""
    return ops.memory_policy(mode, nodes, MODES[mode] | flags, mask)
