"""The process section: identity, privileges, limits, environment and the program itself."""

from __future__ import annotations

from runtime.plan import ops
from runtime.plan.capabilities import SYS_ADMIN, CapabilitySets
from runtime.plan.plan import RlimitRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, Process, User
    from runtime.host.facts import HostFacts
    from runtime.plan.ops import Op
    from runtime.plan.plan import Plan

# asm-generic/resource.h; all the architectures that we build for share it.
RLIMITS = {
    "RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3,
    "RLIMIT_CORE": 4, "RLIMIT_RSS": 5, "RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7,
    "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10, "RLIMIT_SIGPENDING": 11,
    "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15,
}  # fmt: skip
PERSONALITIES = {"LINUX": 0, "LINUX32": 8}
DEFAULT_UMASK = 0o022


class Environment:
    """The environment as execve(2) will get it.

    variables      NAME=VALUE; of a name given twice the last one stays, where it stands
    search_path    the value of PATH, None where there is none
    default_home   HOME is absent or empty: the executor looks it up
    """

    __slots__ = ("default_home", "search_path", "variables")

    def __init__(self, variables: list[str] | tuple[str, ...]) -> None:
        values: dict[str, str] = {}
        for variable in variables:
            name, _, _ = variable.partition("=")
            # Taken out first: a dict would keep the place of the earlier one.
            values.pop(name, None)
            values[name] = variable
        self.default_home = values.get("HOME", "HOME=") == "HOME="
        if self.default_home:
            values.pop("HOME", None)
        path = values.get("PATH")
        self.search_path = None if path is None else path[len("PATH=") :]
        self.variables = list(values.values())


def plan_rlimits(process: Process) -> list[RlimitRequest]:
    """process.rlimits, in order."""
    return [
        RlimitRequest(
            RLIMITS[limit["type"]], limit["soft"], limit["hard"], f"process.rlimits[{index}]"
        )
        for index, limit in enumerate(process.get("rlimits", ()))
    ]


def plan_working_directory(process: Process) -> list[Op]:
    """Made where the image lacks it, before the root turns read-only."""
    if process["cwd"] == "/":
        return []
    return [ops.mkdir("process.cwd", process["cwd"])]


def plan_terminal(process: Process, *, bind: bool) -> list[Op]:
    """A terminal where one is asked for; `bind` shows it as /dev/console, too."""
    if not process.get("terminal", False):
        return []
    size = process.get("consoleSize", {})
    return [ops.console(size.get("height", 0), size.get("width", 0), bind=bind)]


def plan_umask(process: Process) -> list[Op]:
    """Set also when nothing is asked: the runtime's own must not decide."""
    return [ops.umask("process.user.umask", process.get("user", {}).get("umask", DEFAULT_UMASK))]


def plan_attributes(config: Config, process: Process) -> list[Op]:
    """no_new_privs, scheduler, I/O priority, personality, memory policy."""
    planned = []
    if process.get("noNewPrivileges", False):
        planned.append(ops.no_new_privs())
    if process.get("scheduler") or process.get("ioPriority"):
        from runtime.plan.scheduling import plan_priorities

        planned += plan_priorities(process)
    domain = config.get("linux", {}).get("personality", {}).get("domain")
    if domain is not None:
        planned.append(ops.personality(PERSONALITIES[domain]))
    policy = config.get("linux", {}).get("memoryPolicy")
    if policy:
        from runtime.plan.memory_policy import plan_memory_policy

        planned.append(plan_memory_policy(policy))
    return planned


def plan_becoming(
    plan: Plan,
    process: Process,
    environment: Environment,
    host: HostFacts,
    *,
    has_filter: bool,
    set_groups: bool,
) -> list[Op]:
    """Limits, label, identity: the last rights are given up. Returned is what must wait until
    the seccomp filter is in."""
    for limit, asked in zip(plan.rlimits, process.get("rlimits", ()), strict=True):
        plan.ops.append(
            ops.rlimit(limit.origin, asked["type"], limit.resource, limit.soft, limit.hard)
        )
    if process.get("selinuxLabel"):
        from runtime.plan.labels import plan_label

        plan.ops += plan_label(process)
    identity, after_filter = plan_identity(
        process, environment, host, set_groups=set_groups,
        keeps_sys_admin=has_filter and not process.get("noNewPrivileges", False),
    )  # fmt: skip
    plan.ops += identity
    return after_filter


def plan_identity(
    process: Process,
    environment: Environment,
    host: HostFacts,
    *,
    set_groups: bool,
    keeps_sys_admin: bool,
) -> tuple[list[Op], list[Op]]:
    """Who the process becomes, then what is left to do after the seccomp filter.

    Without no_new_privs the kernel takes a filter only from CAP_SYS_ADMIN, so that one is
    kept until the filter, which comes last, is in: `keeps_sys_admin`.
    """
    user: User = process.get("user", {})
    uid, gid = user.get("uid", 0), user.get("gid", 0)
    cwd = process["cwd"]
    sets = CapabilitySets(process.get("capabilities", {}), host.last_cap)
    final = ops.caps(sets.effective, sets.permitted, sets.inheritable, sets.ambient)
    extra = SYS_ADMIN if keeps_sys_admin else 0
    needs_second = bool(extra & ~sets.effective)
    first = final
    if needs_second:
        first = ops.caps(
            sets.effective | extra, sets.permitted | extra, sets.inheritable, sets.ambient
        )
    planned = [
        ops.bounding(sets.bounding),
        ops.stdio_owner(uid),
        # As root it reaches what the user cannot; as the user, what NFS denies to root.
        ops.chdir(cwd, ops.CHDIR_TRY),
        ops.user(
            "process.user", uid, gid, list(user.get("additionalGids", ())),
            setgroups=set_groups,
        ),
        first,
        ops.chdir(cwd, ops.CHDIR_AGAIN),
        ops.executable(process["args"][0], environment.search_path),
    ]  # fmt: skip
    return planned, [final] if needs_second else []


def plan_program(process: Process, environment: Environment, preserved: int) -> Op:
    """The end: the program with its descriptors."""
    return ops.execute(
        process["args"], environment.variables, preserved, process.get("user", {}).get("uid", 0),
        default_home=environment.default_home,
    )  # fmt: skip
