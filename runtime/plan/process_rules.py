"""The rules for a process: that of the configuration, and those that exec brings along."""

from __future__ import annotations

from runtime.plan.capabilities import CapabilitySets, names_of
from runtime.plan.namespaces import NEWUSER, is_mapped, may_set_groups
from runtime.plan.process import RLIMITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import IDMapping, Linux, Process, User
    from runtime.host.facts import HostFacts
    from runtime.plan.findings import Findings
    from runtime.plan.namespaces import Namespaces

CONSOLE_SIDE_MOST = 2**16 - 1  # rows or columns. Source: struct winsize, ioctl_tty(2)
ID_LAST = 2**32 - 2  # (uid_t) -1 means "leave it" to the kernel


def check_process(
    found: Findings, process: Process, linux: Linux, namespaces: Namespaces, host: HostFacts
) -> None:
    """A process that will run in a container with this linux section."""
    args = process.get("args", ())
    if not args:
        found.error("process.args", "is empty, expected the program and its arguments")
    elif not args[0]:
        found.error("process.args[0]", "is empty, expected a program")
    if not process["cwd"]:
        found.error("process.cwd", "is empty, expected an absolute path")
    else:
        found.absolute("process.cwd", process["cwd"])
    check_environment(found, "process.env", process.get("env", ()))
    _check_user(found, process, linux, namespaces, host)
    _check_rlimits(found, process)
    _check_capabilities(found, process, host)
    score = process.get("oomScoreAdj", 0)
    if not -1000 <= score <= 1000:
        found.error("process.oomScoreAdj", f"{score} is not between -1000 and 1000")
    _check_attributes(found, process, host)


def _check_attributes(found: Findings, process: Process, host: HostFacts) -> None:
    """Labels, scheduling: what few ask for, so the rules about it are loaded on need."""
    if process.get("apparmorProfile") or process.get("selinuxLabel"):
        from runtime.plan.labels import check_labels

        check_labels(found, process, host)
    if process.get("scheduler") or process.get("ioPriority") or process.get("execCPUAffinity"):
        from runtime.plan.scheduling_rules import check_scheduling

        check_scheduling(found, process)


def check_terminal(
    found: Findings, process: Process, console_socket: str, *, detached: bool
) -> None:
    """Who is detached cannot copy: the terminal's other end must go to a socket, in runc's words.

    Who is not does copy, and a socket would be of no use.
    """
    has_terminal = process.get("terminal", False)
    if has_terminal and detached and not console_socket:
        found.error(
            "process.terminal",
            "cannot allocate tty if runc will detach without setting console socket",
        )
    if console_socket and not (has_terminal and detached):
        found.error(
            "--console-socket",
            "cannot use console socket if runc will not detach or allocate tty",
        )
    size = process.get("consoleSize", {}) if has_terminal else {}
    for side, cells in (("height", size.get("height", 0)), ("width", size.get("width", 0))):
        if not 0 <= cells <= CONSOLE_SIDE_MOST:
            found.error(
                f"process.consoleSize.{side}", f"{cells} is not between 0 and {CONSOLE_SIDE_MOST}"
            )


def check_environment(found: Findings, field: str, variables: list[str] | tuple[str, ...]) -> None:
    """NAME=VALUE each; the value may be empty, the name not."""
    for index, variable in enumerate(variables):
        if variable.find("=") <= 0:
            found.error(f"{field}[{index}]", f'"{variable}" is not of the form NAME=VALUE')


def _check_user(
    found: Findings, process: Process, linux: Linux, namespaces: Namespaces, host: HostFacts
) -> None:
    user: User = process.get("user", {})
    uid_maps = linux.get("uidMappings", ()) if namespaces.new & NEWUSER else None
    gid_maps = linux.get("gidMappings", ()) if namespaces.new & NEWUSER else None
    _check_id(found, "process.user.uid", user.get("uid", 0), uid_maps)
    _check_id(found, "process.user.gid", user.get("gid", 0), gid_maps)
    groups = user.get("additionalGids", ())
    for index, gid in enumerate(groups):
        _check_id(found, f"process.user.additionalGids[{index}]", gid, gid_maps)
    if groups and not may_set_groups(linux, namespaces, host):
        if host.euid == 0:
            found.warn(
                "process.user.additionalGids",
                "setgroups is denied in the user namespace around us, ignored",
                "groups-denied",
            )
        else:
            found.error(
                "process.user.additionalGids", "cannot be set without root or more mapped groups"
            )
    if user.get("umask", 0) > 0o777:
        found.error("process.user.umask", f"{user['umask']} is more than 511 (octal 0777)")


def _check_id(
    found: Findings,
    field: str,
    number: int,
    maps: list[IDMapping] | tuple[IDMapping, ...] | None,
) -> None:
    if not 0 <= number <= ID_LAST:
        found.error(field, f"{number} is no id, expected 0 to {ID_LAST}")
    elif maps and not is_mapped(maps, number):
        found.error(field, f"{number} is in none of the user namespace's mappings")


def _check_rlimits(found: Findings, process: Process) -> None:
    seen = set()
    for index, limit in enumerate(process.get("rlimits", ())):
        field, kind = f"process.rlimits[{index}]", limit["type"]
        if kind not in RLIMITS:
            found.error(f"{field}.type", f'"{kind}" is no resource limit of Linux')
        if kind in seen:
            found.error(f"{field}.type", f"{kind} is limited twice")
        seen.add(kind)
        if limit["soft"] > limit["hard"]:
            found.error(field, f"soft {limit['soft']} is above hard {limit['hard']}")


def _check_capabilities(found: Findings, process: Process, host: HostFacts) -> None:
    field = "process.capabilities"
    sets = CapabilitySets(process.get("capabilities", {}), host.last_cap)
    for name, words in sets.unknown.items():
        found.warn(
            f"{field}.{name}",
            f"ignoring unknown or unavailable capabilities: [{' '.join(words)}]",
            "unknown-capability",
        )
    if sets.excess:
        found.error(f"{field}.effective", f"{names_of(sets.excess)} not in permitted")
    if sets.powerless:
        found.warn(
            f"{field}.ambient",
            f"{names_of(sets.powerless)} ignored: not both permitted and inheritable",
            "powerless-ambient",
        )
