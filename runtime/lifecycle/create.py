"""create: decide everything, then act, the way back prepared each time."""

from __future__ import annotations

import posix as os
import time

from runtime import bundle as bundles
from runtime.cgroups.make import make as make_cgroup
from runtime.cgroups.plan import plan_cgroup
from runtime.environment import variable
from runtime.errors import ContainerError, HostError, KernelError
from runtime.host.read_facts import read_facts
from runtime.lifecycle import interrupt
from runtime.lifecycle.init_process import InitProcess, check_preserved, open_slot
from runtime.lifecycle.report import last_ops
from runtime.lifecycle.seccomp_filter import seccomp_filter
from runtime.lifecycle.undo import Undo
from runtime.plan import ops
from runtime.plan.make import make_plan
from runtime.plan.rules import check_rules
from runtime.state import VERSION, Container, StateStore, boot_id, check_id, process_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.types import Config
    from runtime.bundle import Bundle
    from runtime.cgroups.cgroup import Cgroup
    from runtime.cgroups.plan import CgroupPlan
    from runtime.host.facts import HostFacts
    from runtime.log import Log
    from runtime.plan.options import CreateOptions, GlobalOptions
    from runtime.plan.plan import Plan
    from runtime.plan.resctrl import GroupPlan


class Created:
    """A container whose init waits at the exec fifo, still our child.

    terminal_fd  our terminal, which is to show the container's; -1 without one
    """

    __slots__ = ("container", "init", "terminal_fd")

    def __init__(self, container: Container, init: InitProcess, terminal_fd: int) -> None:
        self.container = container
        self.init = init
        self.terminal_fd = terminal_fd


class Decision:
    """All that is decided before anything is touched."""

    __slots__ = (
        "bundle", "cgroup", "host", "options", "plan", "resctrl", "seccomp", "terminal_fd",
    )  # fmt: skip

    def __init__(
        self, bundle: Bundle, host: HostFacts, cgroup: CgroupPlan, plan: Plan,
        options: CreateOptions, seccomp: tuple[bytes, int] | None, terminal_fd: int,
        resctrl: GroupPlan | None,
    ) -> None:  # fmt: skip
        self.bundle = bundle
        self.host = host
        self.cgroup = cgroup
        self.plan = plan
        self.options = options
        self.seccomp = seccomp
        self.terminal_fd = terminal_fd
        self.resctrl = resctrl


def create(options: CreateOptions, globals_: GlobalOptions, log: Log) -> None:
    """Make the container of a bundle; its program waits for start.

    Errors:  ContainerError; then nothing is left.
    Source:  runtime-spec runtime.md, Create.
    """
    make_container(options, globals_, log)


def make_container(options: CreateOptions, globals_: GlobalOptions, log: Log) -> Created:
    """What create and run share."""
    interrupt.raise_on_signals()
    interrupt.expect_children()
    check_id(options.container_id)
    store = StateStore(globals_.root)
    decision = decide(options, globals_, log)
    return act(store, decision, log)


def decide(options: CreateOptions, globals_: GlobalOptions, log: Log) -> Decision:
    """Read, check and plan; may refuse, touches nothing but the cache of seccomp filters."""
    bundle = bundles.load(options.bundle, options.config_file)
    os.chdir(bundle.path)
    config = bundle.config
    process = config.get("process", {})
    linux = config.get("linux", {})
    host = read_facts(
        labels=bool(
            process.get("apparmorProfile") or process.get("selinuxLabel") or linux.get("mountLabel")
        ),
        resctrl=bool(linux.get("intelRdt")),
    )
    for warning in check_rules(config, options, host):
        log.warning(warning)
    bundle.check_rootfs()
    cgroup = decide_cgroup(config, options, globals_, host)
    if host.cgroups.mode == "unified":
        from runtime.plan.cgroup_owner import plan_owner

        cgroup.owner = plan_owner(config)
    seccomp = seccomp_filter(config, globals_.root, log)
    listening = _listen_fds()
    dirs = [(one.hierarchy, one.directory) for one in cgroup.dirs]
    home = f"{globals_.root}/{options.container_id}"
    plan = make_plan(
        config, bundle.path, bundle.rootfs, options, host, dirs, seccomp, listen_fds=listening,
        notify_folder=f"{home}/notify" if variable("NOTIFY_SOCKET") else "",
        parent_joins=cgroup.unit is not None and cgroup.unit.attach,
    )  # fmt: skip
    for warning in plan.warnings:
        log.warning(warning)
    check_preserved(listening, options.preserve_fds)
    terminal_fd = _own_terminal(config, options)
    resctrl = _plan_resctrl(config, options, host)
    return Decision(bundle, host, cgroup, plan, options, seccomp, terminal_fd, resctrl)


def _plan_resctrl(config: Config, options: CreateOptions, host: HostFacts) -> GroupPlan | None:
    rdt = config.get("linux", {}).get("intelRdt")
    if not rdt or host.resctrl is None:
        return None
    from runtime.plan.resctrl import plan_group

    return plan_group(rdt, options.container_id, host.resctrl)


def decide_cgroup(
    config: Config, options: CreateOptions, globals_: GlobalOptions, host: HostFacts
) -> CgroupPlan:
    """The cgroup by the driver that was asked for.

    Errors:  ConfigError.
    """
    linux = config.get("linux", {})
    rootless = _is_rootless(globals_, host)
    if globals_.systemd_cgroup:
        from runtime.cgroups.systemd import plan_scope

        return plan_scope(
            linux, config.get("annotations", {}), options.container_id, host.cgroups,
            rootless=rootless, in_user_namespace=host.in_user_namespace,
        )  # fmt: skip
    plan = plan_cgroup(
        linux.get("cgroupsPath"), options.container_id, linux.get("resources"),
        linux.get("devices"), host.cgroups,
        rootless=rootless, in_user_namespace=host.in_user_namespace,
    )  # fmt: skip
    if plan.droppable:
        from runtime.cgroups.denied import leave_out_denied

        leave_out_denied(plan)
    return plan


def _own_terminal(config: Config, options: CreateOptions) -> int:
    """Where the container's terminal will be shown; -1 if it has none, or we do not stay."""
    if options.detach or not config["process"].get("terminal", False):
        return -1
    from runtime.lifecycle.host_terminal import find_terminal

    return find_terminal()


def _is_rootless(globals_: GlobalOptions, host: HostFacts) -> bool:
    if globals_.rootless is not None:
        return globals_.rootless
    return host.euid != 0 or host.in_user_namespace


def _listen_fds() -> int:
    """Sockets of socket activation, if they are meant for this very process.

    Source:  sd_listen_fds(3).
    """
    if variable("LISTEN_PID") != str(os.getpid()):
        return 0
    count = variable("LISTEN_FDS")
    return int(count) if count.isascii() and count.isdigit() and len(count) < 5 else 0


def act(store: StateStore, decision: Decision, log: Log) -> Created:
    """Carry the plan out.

    Errors:  ContainerError; what had been done is undone.
    """
    plan, config = decision.plan, decision.bundle.config
    with Undo() as undo:
        interrupt.hold_signals()
        container = _claim(store, decision)
        if config.get("hooks"):
            # Once nothing is left of it, and like runc even if no hook has run before.
            undo.push(lambda: _run_poststop(container, log))
        undo.push(container.remove)
        if plan.notify_folder:
            from runtime.lifecycle.notify import make_folder

            make_folder(plan.notify_folder)
        cgroup = make_cgroup(decision.cgroup)
        undo.push(cgroup.undo)
        for warning in cgroup.warnings:
            log.warning(warning, code="cgroup")
        if decision.resctrl is not None:
            from runtime.lifecycle.resctrl import make_group

            undo.push(make_group(decision.resctrl))
        init = _spawn(decision, container, cgroup)
        undo.push(cgroup.kill_all)
        undo.push(init.kill)
        # Loaded while the child is at work, which takes it longer.
        from runtime.exec_record import save_exec_record
        from runtime.record import save_record

        try:
            _accompany(init, plan, container, cgroup, undo)
            if cgroup.scope is not None:
                cgroup.scope.settle()
            _finish(init, container, cgroup, decision.options)
            save_record(container)
            save_exec_record(container, decision.host, decision.seccomp, decision.bundle.status)
        except ContainerError as error:
            raise _out_of_memory(cgroup, error) or error from None
        init.go_on()
        undo.commit()
    return Created(container, init, decision.terminal_fd)


def _claim(store: StateStore, decision: Decision) -> Container:
    """Take the id and write down what is about to be made, before making it."""
    bundle, container_id = decision.bundle, decision.options.container_id
    maker = os.getpid()
    started = process_start(maker)
    paths: dict[str, str] = {}
    for one in decision.cgroup.dirs:
        for key in ("",) if one.hierarchy.version == 2 else one.hierarchy.controllers:
            paths[key] = one.directory
    unit = decision.cgroup.unit
    folder = store.claim(container_id)
    container = Container(
        folder,
        {
            "version": VERSION,
            "id": container_id,
            "pid": 0,
            "pidStart": 0,
            "boot": boot_id(),
            "maker": [maker, started[0] if started else 0],
            "created": "",
            "bundle": bundle.path,
            "rootfs": bundle.rootfs,
            "cgroupPaths": paths,
            "systemdUnit": {"name": unit.name, "user": unit.is_user} if unit else None,
            "lastOps": last_ops(decision.plan.ops),
            "noNewKeyring": decision.options.no_new_keyring,
            "configFile": decision.options.config_file,
            # Beside the configuration, which list does not parse: see StateStore.glance.
            "annotations": bundle.config.get("annotations") or {},
            "config": bundle.config,
        },
        os.geteuid(),
    )
    if bundle.is_as_written:
        container.config_text = bundle.config_text.strip()
    if decision.resctrl is not None:
        from runtime.lifecycle.resctrl import saved

        container.data["resctrl"] = saved(decision.resctrl)
    try:
        container.save()
    except BaseException:
        container.remove()
        raise
    return container


def _spawn(decision: Decision, container: Container, cgroup: Cgroup) -> InitProcess:
    """Open what the child needs and start it, with the rootfs as working directory: that
    survives into its mount namespace even where its path may not be walked there."""
    plan = decision.plan
    opened: list[int] = []
    user_namespaces: dict[str, int] = {}  # of id-mapped mounts
    try:
        _make_fifo(container, plan)
        for slot in plan.slots:
            if slot.idmap is None:
                opened.append(open_slot(slot, container.folder))
            else:
                from runtime.lifecycle.idmapped_mount import open_idmapped

                opened.append(open_idmapped(slot, user_namespaces))
        born_in = None if plan.parent_joins else cgroup.clone_dir()
        cgroup_fd = -1
        if born_in is not None:
            cgroup_fd = os.open(born_in, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.append(cgroup_fd)
        os.chdir(decision.bundle.rootfs)
        try:
            init = InitProcess.spawn(plan, container.config, opened[: len(plan.slots)], cgroup_fd)
        finally:
            os.chdir(decision.bundle.path)
    finally:
        for fd in (*opened, *user_namespaces.values()):
            os.close(fd)
    try:
        init.lift_limits()
    except BaseException:
        init.kill()
        raise
    return init


def _make_fifo(container: Container, plan: Plan) -> None:
    try:
        os.mkfifo(container.fifo, 0o600)
        os.chmod(container.fifo, 0o622)  # whatever the umask says
        # Of its own where it is root there; else the mode lets it write.
        root = next((m.host for m in plan.uid_maps if m.container == 0), None)
        if root:
            group = next((m.host for m in plan.gid_maps if m.container == 0), 0)
            if os.geteuid() == 0:
                os.chown(container.fifo, root, group)
    except OSError as error:
        raise HostError(f"make {container.fifo}", errno=error.errno or 0) from error


def _accompany(
    init: InitProcess, plan: Plan, container: Container, cgroup: Cgroup, undo: Undo
) -> None:
    """Meet the child at its barriers up to the last."""

    def at_barrier(barrier: int) -> None:
        if barrier == ops.BARRIER_MAPS:
            from runtime.lifecycle.idmaps import write_maps

            write_maps(init.pid, plan)
        elif barrier == ops.BARRIER_TIME:
            from runtime.lifecycle.idmaps import write_time_offsets

            write_time_offsets(init.pid, plan)
        elif barrier == ops.BARRIER_CGROUP:
            cgroup.attach(init.pid)
        elif barrier == ops.BARRIER_NETWORK:
            _move_devices(init, container, undo)
        elif barrier == ops.BARRIER_HOOKS:
            _run_create_hooks(container, init.pid)
        elif barrier == ops.BARRIER_LISTENER:
            from runtime.lifecycle.seccomp_agent import hand_listener

            state = container.oci_state("creating", pid=init.pid)
            hand_listener(container.config, state, init.pid, init.listener_fd)

    init.run_to_end_of_plan(at_barrier, ops.BARRIER_CREATED)


def _move_devices(init: InitProcess, container: Container, undo: Undo) -> None:
    from runtime.lifecycle.net_devices import move_devices, open_network

    network_fd = open_network(init.pid)
    undo.at_end(lambda: os.close(network_fd))
    undo.push(move_devices(container.config["linux"]["netDevices"], network_fd))


def _run_create_hooks(container: Container, pid: int) -> None:
    """Namespaces exist, pivot_root has not happened: runtime-spec config.md, Prestart."""
    from runtime.lifecycle.hooks import run_hooks
    from runtime.plan.hooks import runtime_hooks

    config: Any = container.config
    state = container.oci_state("creating", pid=pid)
    for name in ("prestart", "createRuntime"):
        run_hooks(runtime_hooks(config, name), state)


def _run_poststop(container: Container, log: Log) -> None:
    from runtime.lifecycle.delete import run_poststop

    run_poststop(container, log)


def _finish(
    init: InitProcess, container: Container, cgroup: Cgroup, options: CreateOptions
) -> None:
    """The child waits at the last barrier: state, descriptors for others, pid file."""
    started = process_start(init.pid)
    if started is None:
        raise ContainerError("the container's first process died unexpectedly", code="init-died")
    container.data["pid"] = init.pid
    container.data["pidStart"] = started[0]
    container.data["created"] = rfc3339_nanoseconds(time.time_ns())
    container.data["cgroupPaths"] = cgroup.saved()
    if "resctrl" in container.data:
        from runtime.lifecycle.resctrl import join

        join(container.data["resctrl"], init.pid)
    container.save()
    if options.console_socket or options.pidfd_socket:
        _hand_over(init, options)
    if options.pid_file:
        from runtime.lifecycle.pid_file import write_pid_file

        write_pid_file(options.pid_file, init.pid)


def _hand_over(init: InitProcess, options: CreateOptions) -> None:
    """The descriptors that an engine waits for, each at a socket of its own."""
    from runtime.lifecycle.handover import hand_over

    if options.console_socket:
        hand_over(options.console_socket, b"/dev/pts/ptmx", init.master_fd, "--console-socket")
        os.close(init.take_master())
    if options.pidfd_socket:
        hand_over(options.pidfd_socket, b"standard", init.pid_fd, "--pidfd-socket")


def _out_of_memory(cgroup: Cgroup, error: ContainerError) -> ContainerError | None:
    """A better reason than the one the child gave, if it was killed for want of memory."""
    if type(error) is not ContainerError or cgroup.oom_kills() == 0:
        return None
    return KernelError(
        "container init was OOM-killed (memory limit too low?)",
        code="out-of-memory",
        field="linux.resources.memory.limit",
    )


def rfc3339_nanoseconds(nanoseconds: int) -> str:
    """UTC, without trailing zeros in the fraction, as Go's RFC3339Nano prints it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    fraction = f"{rest:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"
