"""SCMP_ACT_NOTIFY: when a profile that leaves system calls to an agent cannot work."""

from __future__ import annotations

from runtime.plan.seccomp import NOTIFY, WAIT_KILLABLE, wants_listener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Problem = tuple[str, str]  # a field of the configuration, what is wrong with it

# By this call the runtime learns of the listener: before, there is no agent to permit it.
NEEDED = "write"


def check_listener(seccomp: Mapping[str, Any]) -> list[Problem]:
    """Every problem of a profile that has to do with the agent, as (field, text).

    Source:  runtime-spec config-linux.md, Seccomp; seccomp_unotify(2).
    """
    where = "linux.seccomp"
    problems: list[Problem] = []
    if seccomp.get("defaultAction") == NOTIFY:
        problems.append((f"{where}.defaultAction", f"{NOTIFY} cannot be the default action"))
    flags = seccomp.get("flags") or ()
    if not wants_listener(seccomp):
        if WAIT_KILLABLE in flags:
            i = list(flags).index(WAIT_KILLABLE)
            problems.append((f"{where}.flags[{i}]", f"{WAIT_KILLABLE} needs a rule with {NOTIFY}"))
        return problems
    for i, entry in enumerate(seccomp["syscalls"]):
        if entry.get("action") == NOTIFY and NEEDED in (entry.get("names") or ()):
            field = f"{where}.syscalls[{i}].action"
            problems.append((field, f"{NOTIFY} cannot be used for the {NEEDED} system call"))
    path = seccomp.get("listenerPath")
    if not path:
        problems.append((f"{where}.listenerPath", f"missing: a rule says {NOTIFY}"))
    elif path[0] != "/" or "\0" in path:
        problems.append((f"{where}.listenerPath", f"{path!r} is no absolute path"))
    return problems
