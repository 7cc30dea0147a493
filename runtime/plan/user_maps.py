"""The rules for mappings of ids: of a user namespace, of a mount."""

from __future__ import annotations

from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import IDMapping
    from runtime.plan.findings import Findings

MAP_LINES_MOST = 340  # Source: user_namespaces(7)


def check_map(found: Findings, field: str, maps: list[IDMapping] | tuple[IDMapping, ...]) -> None:
    """What the kernel would say only "invalid argument" to.

    Source:  user_namespaces(7), "Defining user and group ID mappings".
    """
    if len(maps) > MAP_LINES_MOST:
        found.error(field, f"has {len(maps)} entries, the kernel takes {MAP_LINES_MOST}")
    for index, entry in enumerate(maps):
        if entry["size"] == 0:
            found.error(f"{field}[{index}].size", "is 0, expected at least 1")
        if max(entry["containerID"], entry["hostID"]) + entry["size"] >= 2**32:
            found.error(f"{field}[{index}]", "goes beyond the last id, 4294967294")
    for side in ("containerID", "hostID"):
        ranges = sorted(
            (entry["containerID"] if side == "containerID" else entry["hostID"], entry["size"])
            for entry in maps
        )
        for (first, size), (second, _) in pairwise(ranges):
            if first + size > second:
                found.error(field, f"two entries overlap at {side} {second}")
                break
