"""exec: one process more in a container that is there."""

from __future__ import annotations

import errno
import posix as os
import sys

from runtime.errors import ContainerError, HostError, KernelError, StatusError
from runtime.host.cgroup_layout import CgroupLayout
from runtime.host.read_facts import read_facts
from runtime.lifecycle import interrupt
from runtime.lifecycle.foreground import hold_signals, wait_for_end
from runtime.lifecycle.init_process import InitProcess, check_preserved, open_slot
from runtime.lifecycle.kill import open_init
from runtime.lifecycle.read_process import read_process
from runtime.lifecycle.seccomp_filter import seccomp_filter
from runtime.plan import ops
from runtime.plan.exec import Target, join_late, make_exec_plan
from runtime.plan.exec_process import place
from runtime.plan.findings import Findings, check_texts, raise_errors
from runtime.plan.namespaces import Namespaces
from runtime.plan.process_rules import check_process, check_terminal
from runtime.state import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from oci_schema.types import Process
    from runtime.host.facts import HostFacts
    from runtime.lifecycle.terminal import Relay
    from runtime.log import Log
    from runtime.plan.exec_process import ExecOptions
    from runtime.plan.options import GlobalOptions
    from runtime.plan.plan import Plan
    from runtime.state import Container
else:
    import _signal

# Engines know the first two by these words.
WRONG_MOMENT = {
    "stopped": "cannot exec in a stopped container",
    "paused": "cannot exec in a paused container (use --ignore-paused to override)",
    "creating": "cannot exec in a container that is still being created",
}
# A v2 cgroup that takes in no process: it was given controllers or threads inside, or is gone.
CANNOT_BE_JOINED = (errno.EBUSY, errno.EOPNOTSUPP, errno.ENOENT, errno.ENODEV)


class Decision:
    """All that is decided before anything is touched.

    terminal_fd  where the process's terminal is shown; -1 if it has none, or we do not stay
    """

    __slots__ = ("cgroup_paths", "plan", "terminal_fd")

    def __init__(self, plan: Plan, cgroup_paths: dict[str, str], terminal_fd: int) -> None:
        self.plan = plan
        self.cgroup_paths = cgroup_paths
        self.terminal_fd = terminal_fd


def execute(options: ExecOptions, globals_: GlobalOptions, log: Log) -> int:
    """Run a process in a container: 0 when detached, else its status, 128 + N for a signal.

    Errors:  StatusError, in the words that engines know; ContainerError. The process is gone
             then, or never was.
    """
    interrupt.raise_on_signals()
    interrupt.expect_children()
    container = StateStore(globals_.root).load(options.container_id)
    init_fd = _open_running(container, options)
    try:
        decision = decide(container, options, globals_, log)
        process = _start_or_join_late(container, decision, options, init_fd)
    except ContainerError as error:
        error.field = place(error.field, options)
        raise
    finally:
        os.close(init_fd)
    try:
        return _accompany(process, decision, options, log)
    except BaseException as error:
        if isinstance(error, ContainerError):
            error.field = place(error.field, options)
        process.kill()
        raise


def _open_running(container: Container, options: ExecOptions) -> int:
    """A pidfd of the init that is to be joined.

    Errors:  StatusError.
    """
    status = container.status()
    if status == "paused" and options.ignore_paused:
        status = "running"
    if status in WRONG_MOMENT:
        code = "paused" if status == "paused" else "not-running"
        raise StatusError(WRONG_MOMENT[status], code=code)
    try:
        return open_init(container)
    except StatusError as error:
        raise StatusError(WRONG_MOMENT["stopped"], code="not-running") from error


def decide(
    container: Container, options: ExecOptions, globals_: GlobalOptions, log: Log
) -> Decision:
    """Read, check and plan; may refuse, touches nothing but the cache of seccomp filters."""
    config: Any = container.config
    process = read_process(container, options)
    host = read_facts(
        labels=bool(process.get("apparmorProfile") or process.get("selinuxLabel")),
        cgroups=CgroupLayout("", []),  # which ones the container has is in its state
    )
    _check(process, config, options, host, log)
    cgroup_paths = container.cgroup_paths
    if options.cgroup:
        cgroup_paths = _sub_cgroups(cgroup_paths, options)
    target = Target(
        container.id, config, container.pid, cgroup_paths,
        keyring=not container.data.get("noNewKeyring", False),
        parent_joins=_must_be_attached(container, options),
        in_group="resctrl" in container.data,
    )  # fmt: skip
    seccomp = None if options.without_filter else seccomp_filter(config, globals_.root, log)
    plan = make_exec_plan(target, process, host, seccomp, preserve_fds=options.preserve_fds)
    if options.tool:
        from runtime.plan.tool import bring_tool

        bring_tool(plan, options.tool)
    check_preserved(0, options.preserve_fds)
    return Decision(plan, cgroup_paths, _own_terminal(process, options))


def _check(process: Process, config: Any, options: ExecOptions, host: HostFacts, log: Log) -> None:
    found = Findings()
    linux = config.get("linux", {})
    check_texts(found, {"process": process})
    check_process(found, process, linux, Namespaces(linux), host)
    check_terminal(found, process, options.console_socket, detached=options.detach)
    for warning in found.warnings:
        log.warning(warning)
    found.errors = [(place(field, options), text) for field, text in found.errors]
    raise_errors(found, options.process_file or "process")


def _must_be_attached(container: Container, options: ExecOptions) -> bool:
    """Whether the user's systemd must move the process into the container's scope.

    Below the scope it moves nobody: there the kernel has the word.
    """
    if container.unit is None or not container.unit["user"] or options.cgroup:
        return False
    from runtime.cgroups.attach import must_be_attached
    from runtime.host.cgroup_probe import read_layout

    v2 = read_layout().hierarchies[-1]
    return must_be_attached(v2, container.cgroup_paths[""].removeprefix(v2.mountpoint))


def _sub_cgroups(cgroup_paths: dict[str, str], options: ExecOptions) -> dict[str, str]:
    from runtime.plan.sub_cgroup import below, parse_sub_cgroups

    wanted = parse_sub_cgroups(options.cgroup)
    paths = below(cgroup_paths, wanted)
    is_hybrid = len(paths) > 1 and "" in paths
    if is_hybrid and not os.access(paths[""], os.F_OK):
        # The limits are those of version 1: who made the cgroup there need not have made it here.
        paths[""] = cgroup_paths[""]
    return paths


def _own_terminal(process: Process, options: ExecOptions) -> int:
    if options.detach or not process.get("terminal", False):
        return -1
    from runtime.lifecycle.host_terminal import find_terminal

    return find_terminal()


def _start_or_join_late(
    container: Container, decision: Decision, options: ExecOptions, init_fd: int
) -> InitProcess:
    """On v2 who is born in a cgroup counts against its limit of processes, twice where we fork."""
    try:
        return _start(container, decision, options, init_fd)
    except KernelError as error:
        if error.errno != errno.EAGAIN or decision.plan.parent_joins:
            raise
    join_late(decision.plan)
    return _start(container, decision, options, init_fd)


def _start(
    container: Container, decision: Decision, options: ExecOptions, init_fd: int
) -> InitProcess:
    """The process at its last barrier: all done but the seccomp filter and execve."""
    interrupt.hold_signals()
    if not options.detach:
        hold_signals(with_terminal=decision.terminal_fd >= 0)
    plan = decision.plan
    opened: list[int] = []
    try:
        slots = []
        for slot in plan.slots:
            fd = init_fd if slot.kind == "init" else open_slot(slot, container.folder)
            if slot.kind != "init":
                opened.append(fd)
            slots.append(fd)
        # What was opened by the pid's number is init's, if init still has it.
        _check_alive(init_fd)
        process = _spawn(container, decision, slots, may_fall_back=not options.cgroup)
    finally:
        for fd in opened:
            os.close(fd)
    try:
        process.run_to_end_of_plan(
            lambda barrier: _at_barrier(barrier, process, container, decision),
            ops.BARRIER_PROGRAM,
        )
    except BaseException:
        process.kill()
        raise
    return process


def _at_barrier(
    barrier: int, process: InitProcess, container: Container, decision: Decision
) -> None:
    if barrier == ops.BARRIER_LIMITS:
        process.lift_limits()
        if "resctrl" in container.data:
            from runtime.lifecycle.resctrl import join

            join(container.data["resctrl"], process.pid)
    elif barrier == ops.BARRIER_CGROUP:
        from runtime.cgroups.cgroup import Cgroup

        is_user = container.unit is not None and container.unit["user"]
        v2 = {"": decision.cgroup_paths.get("", "")}
        Cgroup.load(v2, unit=container.unit if is_user else None).attach(process.pid)
    elif barrier == ops.BARRIER_LISTENER:
        from runtime.lifecycle.seccomp_agent import hand_listener

        state = container.oci_state("running")
        hand_listener(container.config, state, process.pid, process.listener_fd)


def _check_alive(init_fd: int) -> None:
    try:
        _signal.pidfd_send_signal(init_fd, 0)
    except ProcessLookupError as error:
        raise StatusError(WRONG_MOMENT["stopped"], code="not-running") from error


def _spawn(
    container: Container, decision: Decision, slots: list[int], *, may_fall_back: bool
) -> InitProcess:
    """Born in the container's cgroup of version 2; where that takes in nobody, in init's own."""
    v2 = decision.cgroup_paths.get("", "")
    if not v2 or decision.plan.parent_joins:
        return InitProcess.spawn(decision.plan, {}, slots, -1)
    try:
        return _spawn_in(v2, decision.plan, slots)
    except KernelError as error:
        if not may_fall_back or error.errno not in CANNOT_BE_JOINED:
            raise
        return _spawn_in(_cgroup_of_init(container), decision.plan, slots)


def _spawn_in(directory: str, plan: Plan, slots: list[int]) -> InitProcess:
    try:
        cgroup_fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(
            f"open {directory}", field="linux.cgroupsPath", syscall="open", errno=error.errno or 0
        ) from error
    own = _move_to(plan.cpus) if plan.cpus else None
    try:
        return InitProcess.spawn(plan, {}, slots, cgroup_fd)
    finally:
        os.close(cgroup_fd)
        if own is not None:
            os.sched_setaffinity(0, own)


def _move_to(mask: bytes) -> set[int]:
    """Run on these CPUs, for a child to be born there: those that we ran on before.

    Errors:  KernelError.
    """
    own = os.sched_getaffinity(0)
    bits = int.from_bytes(mask, sys.byteorder)
    try:
        os.sched_setaffinity(0, {cpu for cpu in range(len(mask) * 8) if bits >> cpu & 1})
    except OSError as error:
        raise KernelError(
            "run on the CPUs asked for", field="process.execCPUAffinity.initial",
            syscall="sched_setaffinity", errno=error.errno or 0,
        ) from error  # fmt: skip
    return own


def _cgroup_of_init(container: Container) -> str:
    """Where init is now: a container that makes cgroups of its own moves it.

    Errors:  HostError.
    """
    from runtime.host.cgroup_probe import parse_self_cgroup, read_layout

    try:
        with open(f"/proc/{container.pid}/cgroup", encoding="utf-8") as file:
            path = parse_self_cgroup(file.read())[""]
    except (OSError, KeyError) as error:
        raise HostError("find the cgroup of the container's init") from error
    v2 = next(one for one in read_layout().hierarchies if one.version == 2)
    return v2.mountpoint + path.removeprefix(v2.root.rstrip("/"))


def _accompany(process: InitProcess, decision: Decision, options: ExecOptions, log: Log) -> int:
    """See it run; unless detached stay until its end: its status."""
    if decision.terminal_fd < 0:
        return _run(process, options, log, None)
    from runtime.lifecycle.terminal import Relay

    with Relay(decision.terminal_fd, process.take_master(), log) as relay:
        return _run(process, options, log, relay)


def _run(process: InitProcess, options: ExecOptions, log: Log, relay: Relay | None) -> int:
    has_terminal = relay is not None or process.master_fd >= 0
    if options.console_socket or options.pidfd_socket:
        _hand_over(process, options)
    process.see_program_run(waits=has_terminal)
    if options.pid_file:
        from runtime.lifecycle.pid_file import write_pid_file

        write_pid_file(options.pid_file, process.pid)
    log.release()
    return 0 if options.detach else wait_for_end(process, relay)


def _hand_over(process: InitProcess, options: ExecOptions) -> None:
    """The descriptors that an engine waits for, each at a socket of its own."""
    from runtime.lifecycle.handover import hand_over

    if options.console_socket:
        hand_over(options.console_socket, b"/dev/pts/ptmx", process.master_fd, "--console-socket")
        os.close(process.take_master())
    if options.pidfd_socket:
        hand_over(options.pidfd_socket, b"setns", process.pid_fd, "--pidfd-socket")
