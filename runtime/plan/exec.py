"""The plan of exec: into a container that is there, then what every process goes through.

    parent                      child
    lifts limits       <->      before anything else
                                cgroups of version 1, while the process has one thread
                                all namespaces at once, through init's pidfd
                                root of the user namespace
                                fork: a pid namespace takes in children only
                                session, keyring, terminal, attributes, limits, identity
    terminal, sockets  <->      the program is found
                                seccomp filter, execve

Whatever is of the host is closed before the fork: from then on the container can see us.
"""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.namespaces import (
    NEWNS,
    NEWPID,
    NEWTIME,
    NEWUSER,
    Namespaces,
    is_in_user_namespace,
    may_set_groups,
    plan_becoming_root,
)
from runtime.plan.plan import Plan
from runtime.plan.process import (
    Environment,
    plan_attributes,
    plan_becoming,
    plan_program,
    plan_rlimits,
    plan_terminal,
    plan_umask,
)
from runtime.plan.seccomp import NEW_LISTENER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Process
    from runtime.host.facts import HostFacts
    from runtime.plan.ops import Op


class Target:
    """The container as its state describes it.

    container_id, config   at create
    pid            of init
    cgroup_paths   controller -> directory to join, "" for version 2
    keyring        it has a session keyring of its own
    parent_joins   the process is not born in the v2 cgroup, but moved there
    in_group       it is in a resctrl group, which the parent puts the process into
    """

    __slots__ = (
        "cgroup_paths", "config", "container_id", "in_group", "keyring", "parent_joins", "pid",
    )  # fmt: skip

    def __init__(
        self, container_id: str, config: Config, pid: int, cgroup_paths: dict[str, str],
        *, keyring: bool, parent_joins: bool = False, in_group: bool = False,
    ) -> None:  # fmt: skip
        self.container_id = container_id
        self.config = config
        self.pid = pid
        self.cgroup_paths = cgroup_paths
        self.keyring = keyring
        self.parent_joins = parent_joins
        self.in_group = in_group


def make_exec_plan(
    target: Target,
    process: Process,
    host: HostFacts,
    seccomp: tuple[bytes, int] | None,
    *,
    preserve_fds: int,
) -> Plan:
    """All that exec is going to do, for a process that passed the rules."""
    linux = target.config.get("linux", {})
    namespaces = Namespaces(linux)
    set_groups = may_set_groups(linux, namespaces, host)
    environment = Environment(process.get("env", ()))
    plan = Plan()
    plan.rlimits = plan_rlimits(process)
    plan.oom_score_adj = process.get("oomScoreAdj")
    plan.preserved = preserve_fds
    todo = plan.ops

    if plan.rlimits or plan.oom_score_adj is not None or target.in_group:
        todo.append(ops.sync(ops.BARRIER_LIMITS))
    before, after = _affinity(process)
    if before and "" in target.cgroup_paths:
        # It is born in that cgroup, whose CPUs may be others: so it is born on these.
        plan.cpus = bytes(before[0].strings[0] or b"")  # type: ignore[arg-type]
    else:
        todo += before
    _plan_joining(plan, target, namespaces, set_groups=set_groups)
    todo += after

    todo.append(ops.setsid())
    if target.keyring:
        todo.append(
            ops.keyring(
                f"_ses.{target.container_id}",
                in_user_namespace=is_in_user_namespace(namespaces, host),
                label=process.get("selinuxLabel") or None,
            )
        )
    todo += plan_terminal(process, bind=False)
    todo += plan_umask(process)
    if process.get("apparmorProfile"):
        from runtime.plan.labels import plan_profile

        todo += plan_profile(process)
    todo += plan_attributes(target.config, process)
    after_filter = plan_becoming(
        plan, process, environment, host, has_filter=seccomp is not None, set_groups=set_groups
    )
    filtering = [ops.seccomp(*seccomp)] if seccomp is not None else []
    filtering += after_filter
    early = seccomp is not None and seccomp[1] & NEW_LISTENER  # while the parent can take it
    if early:
        todo += filtering
    # The program must not write to its terminal before somebody copies from there.
    todo.append(ops.sync_last(ops.BARRIER_PROGRAM, wait=process.get("terminal", False)))
    if not early:
        todo += filtering
    todo.append(plan_program(process, environment, plan.preserved))
    if target.parent_joins:
        join_late(plan)
    return plan


def join_late(plan: Plan) -> None:
    """Have the process moved into its v2 cgroup by the parent, once there is one of us only."""
    names = [op.name for op in plan.ops]
    at = names.index("fork") + 1 if "fork" in names else 0
    plan.ops.insert(at, ops.sync(ops.BARRIER_CGROUP))
    plan.parent_joins = True


def _plan_joining(plan: Plan, target: Target, namespaces: Namespaces, *, set_groups: bool) -> None:
    """Cgroups, namespaces, root; forked where a namespace takes in children only."""
    forks = bool(namespaces.listed & (NEWPID | NEWTIME))
    late: list[Op] = []
    for path, controllers in cgroup_dirs(target.cgroup_paths):
        slot = plan.add_slot("cgroup", path, "linux.cgroupsPath")
        # There a limit of one process more must do, although two of us are about for a moment.
        waits = forks and "pids" in controllers
        (late if waits else plan.ops).append(ops.cgroup_join("linux.cgroupsPath", slot, path))
    enters = not namespaces.listed & NEWNS
    root_slot = plan.add_slot("root", f"/proc/{target.pid}/root", "root.path") if enters else 0
    if namespaces.listed:
        slot = plan.add_slot("init", "", "linux.namespaces")
        plan.ops.append(ops.join(slot, namespaces.listed))
    if namespaces.listed & NEWUSER:
        # Before the fork: it is a change of ids, at which we might be looked into.
        linux = target.config.get("linux", {})
        plan.ops.append(plan_becoming_root(linux, set_groups=set_groups))
    if enters:
        plan.ops.append(ops.enter_root(root_slot))
    if forks:
        plan.staged = True
        plan.ops.append(ops.fork("linux.namespaces", 0))
    plan.ops += late


def cgroup_dirs(paths: dict[str, str]) -> list[tuple[str, list[str]]]:
    """The directories of version 1, each with its controllers: some share a hierarchy."""
    dirs: dict[str, list[str]] = {}
    for controller, path in paths.items():
        if controller:
            dirs.setdefault(path, []).append(controller)
    return list(dirs.items())


def _affinity(process: Process) -> tuple[list[Op], list[Op]]:
    if not process.get("execCPUAffinity"):
        return [], [ops.every_cpu()]
    from runtime.plan.scheduling import plan_exec_affinity

    return plan_exec_affinity(process)
