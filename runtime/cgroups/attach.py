"""Whether a process of ours can be born in a v2 cgroup, or somebody mightier must move it.

A process goes from one cgroup to another if we may write to cgroup.procs of both and of their
nearest common ancestor: an ordinary user's session and his own systemd's tree have none.
"""

from __future__ import annotations

import posix as os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.host.cgroup_layout import Hierarchy


def must_be_attached(hierarchy: Hierarchy, path: str) -> bool:
    """Whether systemd must move a process of ours to `path`, below the mount point.

    Source:  kernel cgroup-v2.rst, Delegation Containment.
    """
    ancestor = common_ancestor(hierarchy.own_below_mountpoint(), path)
    return not os.access(
        f"{hierarchy.mountpoint}{ancestor}/cgroup.procs", os.W_OK, effective_ids=True
    )


def common_ancestor(one: str, other: str) -> str:
    """``/a`` for ``/a/b`` and ``/a/c/d``; "" for the top."""
    shared = ""
    for part, other_part in zip(one.split("/")[1:], other.split("/")[1:], strict=False):
        if part != other_part or not part:
            break
        shared += f"/{part}"
    return shared
