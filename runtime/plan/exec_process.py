"""The process that exec runs: from a file, or from the container's own and the command line.

Without a file it is the process of the bundle's config.json with another program, bent by the
options. With one the file says nearly all; what confines the process and is missing there is
the container's.
"""

from __future__ import annotations

from runtime.errors import ConfigError
from runtime.plan.process_rules import ID_LAST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Capabilities, Process, User

# What a file may leave out. Source: runc, which takes these from the container then.
FALL_BACK = (
    "rlimits", "apparmorProfile", "selinuxLabel", "scheduler", "ioPriority", "execCPUAffinity",
)  # fmt: skip

# Where a value comes from that an option has set: for messages.
OPTION_OF = {
    "process.cwd": "--cwd",
    "process.user.uid": "--user",
    "process.user.gid": "--user",
    "process.user.additionalGids": "--additional-gids",
    "process.apparmorProfile": "--apparmor",
    "process.selinuxLabel": "--process-label",
    "process.terminal": "--tty",
    "process.capabilities": "--cap",
}


class ExecOptions:
    """What exec takes.

    process_file   "" is none: then `args` and the options below it count
    user           UID[:GID] as given, "" is the container's
    no_new_privs   None is the container's
    cgroup         the values of --cgroup
    tool           path of a program of the host that is brought along; "" is one of the container
    without_filter the container's seccomp filter does not hold for it
    """

    __slots__ = (
        "additional_gids", "apparmor", "args", "caps", "cgroup", "console_socket", "container_id",
        "cwd", "detach", "env", "ignore_paused", "no_new_privs", "pid_file", "pidfd_socket",
        "preserve_fds", "process_file", "process_label", "tool", "tty", "user", "without_filter",
    )  # fmt: skip

    def __init__(self, container_id: str) -> None:
        self.container_id = container_id
        self.args: list[str] = []
        self.process_file = ""
        self.tty = False
        self.cwd = ""
        self.env: list[str] = []
        self.user = ""
        self.additional_gids: list[int] = []
        self.caps: list[str] = []
        self.no_new_privs: bool | None = None
        self.apparmor = ""
        self.process_label = ""
        self.console_socket = ""
        self.pidfd_socket = ""
        self.pid_file = ""
        self.preserve_fds = 0
        self.detach = False
        self.cgroup: list[str] = []
        self.ignore_paused = False
        self.tool = ""
        self.without_filter = False


def process_of_options(bundles: Process, containers: Process, options: ExecOptions) -> Process:
    """The process of the bundle's config.json as it is now, with what the options change.

    `containers` is that of config.json as it was at create: umask and oom score stay so.
    Errors:  ConfigError, in runc's words.
    """
    if not options.args:
        raise ConfigError("exec args cannot be empty", hint="name a program, or use --process")
    process: Process = {**bundles, "args": options.args, "terminal": options.tty}
    if options.cwd:
        process["cwd"] = options.cwd
    if options.env:
        process["env"] = [*process.get("env", ()), *options.env]
    if options.apparmor:
        process["apparmorProfile"] = options.apparmor
    if options.process_label:
        process["selinuxLabel"] = options.process_label
    if options.no_new_privs is not None:
        process["noNewPrivileges"] = options.no_new_privs
    if options.caps:
        process["capabilities"] = _with_caps(process.get("capabilities", {}), options.caps)
    user: User = {**process.get("user", {})}
    user.pop("umask", None)
    process["user"] = user
    if options.user:
        _set_user(user, options.user)
    if options.additional_gids:
        user["additionalGids"] = [*user.get("additionalGids", ()), *options.additional_gids]
    process.pop("oomScoreAdj", None)
    _add_containers(process, containers)
    return process


def process_of_file(given: Process, containers: Process) -> Process:
    """The process of a file, with the container's settings where it is silent about them."""
    process: Process = {**given}
    if "capabilities" not in process and "capabilities" in containers:
        process["capabilities"] = containers["capabilities"]
    for name in FALL_BACK:
        if not process.get(name) and name in containers:
            process[name] = containers[name]  # type: ignore[literal-required]
    process["user"] = {**process.get("user", {})}
    _add_containers(process, containers)
    return process


def _add_containers(process: Process, containers: Process) -> None:
    """What stays the container's where nobody asked for something else."""
    umask = containers.get("user", {}).get("umask")
    if umask is not None:
        process["user"].setdefault("umask", umask)
    if "oomScoreAdj" in containers:
        process.setdefault("oomScoreAdj", containers["oomScoreAdj"])


def _with_caps(capabilities: Capabilities, names: list[str]) -> Capabilities:
    """With more in bounding, effective and permitted; ambient needs inheritable, which only the
    configuration gives."""
    able = [name for name in names if name in capabilities.get("inheritable", ())]
    return {
        **capabilities,
        "bounding": [*capabilities.get("bounding", ()), *names],
        "effective": [*capabilities.get("effective", ()), *names],
        "permitted": [*capabilities.get("permitted", ()), *names],
        "ambient": [*capabilities.get("ambient", ()), *able],
    }


def _set_user(user: User, text: str) -> None:
    """UID[:GID]: numbers, never looked up as names, and none that the kernel reads as "leave it".

    Errors:  ConfigError.
    """
    uid, colon, gid = text.partition(":")
    user["uid"] = _id("uid", uid)
    if colon:
        user["gid"] = _id("gid", gid)


def _id(kind: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= ID_LAST:
        return int(text)
    raise ConfigError(
        f'bad {kind}: "{text}" is no number from 0 to {ID_LAST}', field="--user",
        hint="names are not looked up",
    )  # fmt: skip


def place(field: str, options: ExecOptions) -> str:
    """Where a field of the process stands: ``FILE: user.uid``, ``--cwd``, or itself."""
    if field != "process" and not field.startswith("process."):
        return field
    if options.process_file:
        return f"{options.process_file}: {field[8:]}" if field[8:] else options.process_file
    name = field.partition("[")[0]
    option = OPTION_OF.get(name) or OPTION_OF.get(name.rpartition(".")[0], "")
    given = {
        "--cwd": options.cwd, "--user": options.user, "--tty": options.tty,
        "--additional-gids": options.additional_gids, "--apparmor": options.apparmor,
        "--process-label": options.process_label, "--cap": options.caps,
    }  # fmt: skip
    return option if given.get(option) else field
