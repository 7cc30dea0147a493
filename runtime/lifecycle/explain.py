"""explain: decide as create does, and tell the decision in place of acting on it.

Nothing is needed that only acting needs: no root, no root filesystem, no state root.
"""

from __future__ import annotations

from runtime import bundle as bundles
from runtime.errors import ConfigError, ContainerError
from runtime.lifecycle.create import decide_cgroup
from runtime.lifecycle.validate import facts_for
from runtime.plan.make import make_plan
from runtime.plan.rules import check_rules
from runtime.plan.seccomp import filter_flags, plan_filter
from runtime.plan.story import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.host.facts import HostFacts
    from runtime.plan.options import CreateOptions, GlobalOptions
    from runtime.plan.story import Step


class Explanation:
    """What create would do: stages with their steps; notes are on how it was found out."""

    __slots__ = ("bundle", "container_id", "notes", "stages", "warnings")

    def __init__(self, bundle: str, container_id: str) -> None:
        self.bundle = bundle
        self.container_id = container_id
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.stages: list[tuple[str, list[Step]]] = []


def explain(options: CreateOptions, globals_: GlobalOptions) -> Explanation:
    """The plan for a bundle on this host, as root finds it unless it has a user namespace.

    Errors:  ConfigError and HostError, for the reasons that create has to refuse.
    """
    bundle = bundles.load(options.bundle, options.config_file)
    told = Explanation(bundle.path, options.container_id)
    config: Any = bundle.config
    host = facts_for(config)
    try:
        told.warnings += check_rules(config, options, host)
    except ConfigError as error:
        error.hint = error.hint or "pyrunc validate tells more"
        raise
    cgroup = decide_cgroup(config, options, globals_, host)
    told.warnings += cgroup.warnings
    dirs = [(one.hierarchy, one.directory) for one in cgroup.dirs]
    plan = make_plan(
        config, bundle.path, bundle.rootfs, options, host, dirs, _filter(config, told.notes),
        parent_joins=cgroup.unit is not None and cgroup.unit.attach,
    )  # fmt: skip
    told.warnings += plan.warnings
    told.stages = tell(plan, cgroup, config)
    _note_rootfs(bundle, told.notes)
    _note_user(host, told.notes)
    return told


def _filter(config: Any, notes: list[str]) -> tuple[bytes, int] | None:
    """The compiled filter; without libseccomp an empty one, which is shown all the same."""
    profile = config.get("linux", {}).get("seccomp")
    request = plan_filter(profile) if profile else None
    if request is None:
        return None
    try:
        from runtime.native.seccomp import compile_filter

        return compile_filter(request), filter_flags(profile)
    except (ImportError, ContainerError) as error:
        notes.append(f"the seccomp filter could not be compiled: {error}")
        return b"", filter_flags(profile)


def _note_rootfs(bundle: bundles.Bundle, notes: list[str]) -> None:
    try:
        bundle.check_rootfs()
    except ConfigError as error:
        notes.append(f"create will fail for now: {error}")


def _note_user(host: HostFacts, notes: list[str]) -> None:
    import posix

    if host.euid != posix.geteuid():
        notes.append("this is the plan for root: the container has no user namespace")
