"""The labels that security modules put on the process: AppArmor's profile, SELinux's label."""

from __future__ import annotations

from runtime.plan import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Process
    from runtime.host.facts import HostFacts
    from runtime.plan.findings import Findings
    from runtime.plan.ops import Op

# Engines know the second by these words.
NO_APPARMOR = "an AppArmor profile is specified, but AppArmor is disabled or not supported"
NO_SELINUX = "selinux label is specified in config, but selinux is disabled or not supported"


def check_labels(found: Findings, process: Process, host: HostFacts) -> None:
    """What was configured to confine the program must not be dropped in silence."""
    if process.get("apparmorProfile") and not host.apparmor:
        found.error("process.apparmorProfile", NO_APPARMOR)
    if process.get("selinuxLabel") and not host.selinux:
        found.error("process.selinuxLabel", NO_SELINUX)


def plan_profile(process: Process) -> list[Op]:
    """The AppArmor profile, taken up by the program's execve(2)."""
    profile = process.get("apparmorProfile")
    return [ops.apparmor(profile)] if profile else []


def plan_label(process: Process) -> list[Op]:
    """The SELinux label, taken up by the program's execve(2)."""
    label = process.get("selinuxLabel")
    return [ops.process_label(label)] if label else []
