"""update: other limits for a container that is there already."""

from __future__ import annotations

import posix as os

from runtime.cgroups import merge
from runtime.cgroups.cgroup import Cgroup
from runtime.cgroups.update import Change
from runtime.errors import ContainerError, StatusError
from runtime.lifecycle.undo import Undo
from runtime.record import save_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.log import Log
    from runtime.state import StateStore


def update(
    store: StateStore,
    container_id: str,
    request: dict[str, Any],
    log: Log,
    rdt: dict[str, str] | None = None,
) -> None:
    """Change what `request` of linux.resources and `rdt` of linux.intelRdt name; all or nothing.

    The saved configuration becomes what holds now, so the next update builds on this one.
    Errors:  StatusError "container not running"; ConfigError, KernelError: the old values
             are in force again then.
    """
    container, lock = store.locked(container_id)
    try:
        if container.status() in ("creating", "stopped"):
            raise StatusError("container not running", code="not-running")
        linux = container.config.setdefault("linux", {})
        stored = linux.get("resources") or {}
        for warning in merge.warnings(stored, request):
            log.warning(warning, code="cgroup")
        asked = merge.asked(request)
        if not asked and not rdt:
            return
        warnings: list[str] = []
        with Undo() as undo:
            if asked:
                change = Change(Cgroup.load(container.cgroup_paths, unit=container.unit))
                undo.push(lambda: _put_back(change, log))
                change.make(merge.to_write(stored, asked), stored)
                warnings = change.warnings
                linux["resources"] = merge.to_save(stored, asked)
            if rdt:
                from runtime.lifecycle.resctrl import change_schemata

                undo.push(change_schemata(container, rdt))
            container.save()
            save_record(container)
            undo.commit()
            for warning in warnings:
                log.warning(warning, code="cgroup")
    finally:
        os.close(lock)


def _put_back(change: Change, log: Log) -> None:
    try:
        change.put_back()
    except ContainerError as error:
        log.warning(
            f"Setting back cgroup configs failed due to error: {error}, your state.json and"
            " actual configs might be inconsistent.",
            code="cgroup",
        )
