"""Which cgroups an ordinary user may not make: a container that asks for none goes without."""

from __future__ import annotations

import posix as os

from runtime.cgroups.plan import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.plan import CgroupPlan, DirPlan


def leave_out_denied(plan: CgroupPlan) -> None:
    """Take out of a droppable plan what permissions deny, before anything relies on it.

    What has a limit to set stays: making it tells what is denied.
    """
    plan.dirs = [one for one in plan.dirs if one.settings or _may_make(one)]


def _may_make(directory: DirPlan) -> bool:
    """Whether the deepest directory that is there, itself or one above, may be written."""
    for path in (directory.path, *reversed(ancestors(directory.path))):
        place = directory.hierarchy.mountpoint + path
        if os.access(place, os.F_OK):
            return os.access(place, os.W_OK | os.X_OK, effective_ids=True)
    return False
