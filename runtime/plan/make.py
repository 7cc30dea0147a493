"""make_plan: a configuration, options and facts become the list of operations.

The order in which the container comes to be is all in here, and read from top to bottom it
is the story of `create`. Nothing in it touches the machine. What could be wrong with the
configuration was said before, by `rules.check_rules`.
"""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.devices import has_own_dev, plan_devices
from runtime.plan.mounts import mount_requests, plan_late_readonly, plan_mounts
from runtime.plan.namespaces import (
    NEWNET,
    NEWNS,
    Namespaces,
    is_in_user_namespace,
    may_set_groups,
    plan_namespaces,
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
    plan_working_directory,
)
from runtime.plan.rootfs import (
    plan_change_root,
    plan_closed_paths,
    plan_readonly_root,
    plan_root,
)
from runtime.plan.seccomp import NEW_LISTENER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config
    from runtime.host.cgroup_layout import Hierarchy
    from runtime.host.facts import HostFacts
    from runtime.plan.options import CreateOptions

FIFO_NAME = "exec.fifo"  # in the container's folder of the state root


def make_plan(
    config: Config,
    bundle_path: str,
    rootfs: str,
    options: CreateOptions,
    host: HostFacts,
    cgroup_dirs: list[tuple[Hierarchy, str]],
    seccomp: tuple[bytes, int] | None,
    *,
    listen_fds: int = 0,
    notify_folder: str = "",
    parent_joins: bool = False,
) -> Plan:
    """All that create is going to do, for a configuration that passed check_rules.

    `bundle_path` and `rootfs` are absolute; `cgroup_dirs` pairs each hierarchy with the
    container's directory in it; `seccomp` is a compiled filter and seccomp(2)'s flags;
    `listen_fds` sockets of socket activation are handed down from descriptor 3 on;
    `notify_folder` of the host will hold the socket that a service manager hears of, by way of
    start or run; with `parent_joins` the process waits to be moved into its cgroup.
    """
    linux, process = config.get("linux", {}), config["process"]
    namespaces = Namespaces(linux)
    requests = mount_requests(config)
    own_dev = has_own_dev(requests)
    environment = _environment(config, listen_fds, notify_folder)

    plan = Plan()
    plan.rlimits = plan_rlimits(process)
    plan.oom_score_adj = process.get("oomScoreAdj")
    plan.preserved = listen_fds + options.preserve_fds
    plan.notify_folder = notify_folder
    plan_namespaces(plan, config, namespaces, host, cgroup_dirs, parent_joins=parent_joins)
    todo = plan.ops
    if plan.staged and not plan.uid_maps and (plan.rlimits or plan.oom_score_adj is not None):
        # The parent sets them on the intermediate, for the process that it has not forked yet.
        todo.insert(0, ops.sync(ops.BARRIER_LIMITS))

    if linux.get("netDevices"):
        todo.append(ops.sync(ops.BARRIER_NETWORK))
    todo.append(ops.every_cpu())
    todo.append(ops.setsid())
    if not options.no_new_keyring:
        todo.append(
            ops.keyring(
                f"_ses.{options.container_id}",
                in_user_namespace=is_in_user_namespace(namespaces, host),
                label=process.get("selinuxLabel") or None,
            )
        )
    if namespaces.new & NEWNET:
        todo.append(ops.link_up("lo"))
    _plan_names(config, todo)
    if linux.get("sysctl"):
        from runtime.plan.sysctl import plan_sysctls

        todo += plan_sysctls(linux)

    todo += plan_root(linux, rootfs, namespaces)
    if any(request.is_idmapped for request in requests):
        from runtime.plan.idmapped import plan_idmapped

        plan_idmapped(plan, config, requests, namespaces, bundle_path)
    todo += plan_mounts(
        requests, bundle_path, namespaces, host, cgroup_dirs, linux.get("mountLabel", "")
    )
    if notify_folder:
        from runtime.plan.notify import plan_notify

        todo.append(plan_notify(notify_folder, namespaces))
    if own_dev:
        todo += plan_devices(config, namespaces, host)
    todo += _create_hooks(config, bundle_path, options)
    todo += plan_change_root(linux, options, namespaces)
    if own_dev:
        todo.append(ops.stdio_null())
    todo += plan_working_directory(process)
    # Without a mount namespace /dev/console would appear on the host.
    todo += plan_terminal(process, bind=bool(namespaces.listed & NEWNS))
    todo += plan_late_readonly(requests)
    todo += plan_readonly_root(config)
    todo += plan_umask(process)
    if process.get("apparmorProfile"):
        from runtime.plan.labels import plan_profile

        todo += plan_profile(process)
    todo += plan_closed_paths(linux)
    todo += plan_attributes(config, process)

    after_filter = plan_becoming(
        plan, process, environment, host, has_filter=seccomp is not None,
        set_groups=may_set_groups(linux, namespaces, host),
    )  # fmt: skip
    filtering = [ops.seccomp(*seccomp)] if seccomp is not None else []
    filtering += after_filter
    # An agent must have the listener before create returns: from then on it is asked.
    early = seccomp is not None and seccomp[1] & NEW_LISTENER
    if early:
        todo += filtering
    todo.append(ops.sync(ops.BARRIER_CREATED))
    todo.append(ops.fifo(plan.add_slot("fifo", FIFO_NAME, "exec fifo")))
    if not early:
        todo += filtering
    todo += _start_hooks(config, bundle_path, options, environment)
    todo.append(plan_program(process, environment, plan.preserved))
    return plan


def _environment(config: Config, listen_fds: int, notify_folder: str) -> Environment:
    variables = list(config["process"].get("env", ()))
    if listen_fds:
        # The program will be pid 1: a container with activated sockets has a pid namespace
        # of its own, or the program would not know them for its own. Source: sd_listen_fds(3).
        variables += [f"LISTEN_FDS={listen_fds}", "LISTEN_PID=1"]
    if notify_folder:
        from runtime.plan.notify import notify_variable

        variables.append(notify_variable())
    return Environment(variables)


def _plan_names(config: Config, todo: list[ops.Op]) -> None:
    if config.get("hostname"):
        todo.append(ops.hostname(config["hostname"]))
    if config.get("domainname"):
        todo.append(ops.domainname(config["domainname"]))


def _create_hooks(config: Config, bundle_path: str, options: CreateOptions) -> list[ops.Op]:
    """The barrier at which the parent runs its hooks, then those inside."""
    if not config.get("hooks"):
        return []
    from runtime.plan.hooks import container_hooks, hook_list, state_halves

    planned = []
    if hook_list(config, "prestart") or hook_list(config, "createRuntime"):
        planned.append(ops.sync(ops.BARRIER_HOOKS))
    state = state_halves(
        options.container_id, "creating", bundle_path, config.get("annotations", {})
    )
    return planned + container_hooks(config, "createContainer", state, [])


def _start_hooks(
    config: Config, bundle_path: str, options: CreateOptions, environment: Environment
) -> list[ops.Op]:
    if not config.get("hooks"):
        return []
    from runtime.plan.hooks import container_hooks, state_halves

    state = state_halves(
        options.container_id, "created", bundle_path, config.get("annotations", {})
    )
    return container_hooks(config, "startContainer", state, environment.variables)
