"""The labels of security modules: AppArmor's profile, SELinux's of the process and of mounts."""

from __future__ import annotations

from runtime.plan import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Process
    from runtime.host.facts import HostFacts
    from runtime.plan.findings import Findings
    from runtime.plan.mounts import MountRequest
    from runtime.plan.ops import Op

# Engines know the last by these words.
NO_APPARMOR = "an AppArmor profile is specified, but AppArmor is disabled or not supported"
LABEL_THEMSELVES = ("proc", "sysfs", "cgroup2")
NO_SELINUX = "selinux label is specified in config, but selinux is disabled or not supported"


def check_labels(found: Findings, process: Process, host: HostFacts) -> None:
    """What was configured to confine the program must not be dropped in silence."""
    if process.get("apparmorProfile") and not host.apparmor:
        found.error("process.apparmorProfile", NO_APPARMOR)
    if process.get("selinuxLabel") and not host.selinux:
        found.error("process.selinuxLabel", NO_SELINUX)


def check_mount_label(found: Findings, label: str, host: HostFacts) -> None:
    """A kernel without SELinux would refuse the option, mount by mount."""
    if not host.selinux:
        found.error("linux.mountLabel", NO_SELINUX)
    if '"' in label:
        found.error("linux.mountLabel", "has a quote in it, which no SELinux label has")


def mount_context(label: str) -> str:
    """The option that labels a filesystem; quoted, as categories are separated by commas."""
    return f'context="{label}"'


def plan_mount_label(request: MountRequest, options: list[str], label: str) -> list[Op]:
    """Label a new filesystem: by one more of its `options`, or by what follows the mount.

    proc and sysfs label their files themselves.
    Source:  runtime-spec config-linux.md, Mount label.
    """
    if request.fstype == "mqueue":
        return [ops.file_label("linux.mountLabel", request.target, label)]
    has_own = any(word.startswith("context=") for word in options)
    if request.fstype not in LABEL_THEMSELVES and not has_own:
        options.append(mount_context(label))
    return []


def plan_profile(process: Process) -> list[Op]:
    """The AppArmor profile, taken up by the program's execve(2)."""
    profile = process.get("apparmorProfile")
    return [ops.apparmor(profile)] if profile else []


def plan_label(process: Process) -> list[Op]:
    """The SELinux label, taken up by the program's execve(2)."""
    label = process.get("selinuxLabel")
    return [ops.process_label(label)] if label else []
