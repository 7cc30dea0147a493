"""What a configuration may say, and what it will probably regret: dangerous, or without effect.

Every finding has a stable code. Nothing here is a reason not to make the container; `validate`
asks, `create` does not.
"""

from __future__ import annotations

from runtime.plan.capabilities import BITS, CapabilitySets, names_of
from runtime.plan.mounts import mount_requests
from runtime.plan.namespaces import FLAGS, NEWUSER, Namespaces
from runtime.plan.seccomp import PERMISSIVE
from runtime.plan.vocabulary import odd_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config
    from runtime.host.facts import HostFacts

# What sharing a namespace with the host lets the program do.
SHARED = {
    "pid": "the program sees every process of the host, and may signal those of its user",
    "network": "the program has the host's network: its interfaces, its abstract sockets",
    "ipc": "the program shares the host's System V IPC and POSIX message queues",
    "mount": "the program's mounts are the host's",
    "uts": "the program has the host's name",
}
# As good as root on the host when no user namespace is in between.
MIGHTY = (
    "CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_PTRACE", "CAP_SYS_BOOT",
    "CAP_SYS_TIME", "CAP_DAC_READ_SEARCH", "CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_BPF",
    "CAP_PERFMON", "CAP_SYSLOG",
)  # fmt: skip
# A capability that acts on a namespace, which should then be the container's own.
ACTS_ON = {
    "CAP_NET_ADMIN": "network", "CAP_NET_RAW": "network", "CAP_NET_BROADCAST": "network",
    "CAP_IPC_OWNER": "ipc",
}  # fmt: skip
# Files of procfs by which root of a container acts on the host.
DANGEROUS_PROC = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
SECRET_PROC = ("/proc/kcore", "/proc/keys", "/proc/timer_list")
HOST_PATHS = ("/", "/proc", "/sys", "/dev", "/etc", "/boot", "/run", "/var/run", "/root")
SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")


class Hint:
    """One finding: where, what, and the code it is known by."""

    __slots__ = ("code", "field", "text")

    def __init__(self, code: str, field: str, text: str) -> None:
        self.code = code
        self.field = field
        self.text = text


def lint(config: Config, host: HostFacts) -> list[Hint]:
    """All findings about a configuration that the schema and the rules have accepted."""
    namespaces = Namespaces(config.get("linux", {}))
    return [
        *_namespaces(namespaces),
        *_capabilities(config, namespaces, host),
        *_process(config),
        *_procfs(config, namespaces),
        *_mounts(config),
        *_limits(config, namespaces),
        *_seccomp(config),
        *_hooks(config),
    ]


def _namespaces(namespaces: Namespaces) -> list[Hint]:
    return [
        Hint("host-namespace", "linux.namespaces", f"no {name} namespace: {danger}")
        for name, danger in SHARED.items()
        if not namespaces.listed & FLAGS[name]
    ]


def _capabilities(config: Config, namespaces: Namespaces, host: HostFacts) -> list[Hint]:
    process = config["process"]
    field = "process.capabilities"
    sets = CapabilitySets(process.get("capabilities", {}), host.last_cap)
    held = sets.permitted | sets.bounding
    found = []
    if not namespaces.listed & NEWUSER:
        mighty = held & sum(BITS[name] for name in MIGHTY)
        if mighty:
            text = f"{names_of(mighty)} without a user namespace: as good as root on the host"
            found.append(Hint("mighty-capability", field, text))
    for name, kind in ACTS_ON.items():
        if sets.effective & BITS[name] and not namespaces.listed & FLAGS[kind]:
            text = f"{name} acts on the host: there is no {kind} namespace"
            found.append(Hint("capability-on-host", f"{field}.effective", text))
    lost = sets.permitted & ~sets.ambient
    if process.get("user", {}).get("uid", 0) != 0 and lost:
        text = (
            f"{names_of(lost)} will be lost: execve(2) leaves a user that is not root "
            "the ambient ones only, name them in ambient and inheritable too"
        )
        found.append(Hint("capability-lost", f"{field}.permitted", text))
    return found


def _process(config: Config) -> list[Hint]:
    process = config["process"]
    found = []
    if not process.get("noNewPrivileges", False):
        text = "is not set: a set-user-ID program in the image may gain privileges"
        found.append(Hint("new-privileges", "process.noNewPrivileges", text))
    seen: dict[str, int] = {}
    for index, variable in enumerate(process.get("env", ())):
        name = variable.partition("=")[0]
        if name in seen:
            text = f"{name} is set again in process.env[{index}], which counts"
            found.append(Hint("no-effect", f"process.env[{seen[name]}]", text))
        seen[name] = index
    if "PATH" not in seen and "/" not in process["args"][0]:
        text = f'"{process["args"][0]}" has no slash, and process.env no PATH to look it up in'
        found.append(Hint("no-path", "process.args[0]", text))
    if "consoleSize" in process and not process.get("terminal"):
        found.append(Hint("no-effect", "process.consoleSize", "there is no terminal"))
    return found


def _procfs(config: Config, namespaces: Namespaces) -> list[Hint]:
    """Only root of the host can do harm there: in a user namespace the kernel says no."""
    linux = config.get("linux", {})
    has_proc = any(request.target == "/proc" for request in mount_requests(config))
    if not has_proc or namespaces.listed & NEWUSER:
        return []
    closed = (*linux.get("readonlyPaths", ()), *linux.get("maskedPaths", ()))
    found = []
    if writable := [path for path in DANGEROUS_PROC if not _is_below(path, closed)]:
        text = f"{', '.join(writable)} can be written to: the host's settings"
        found.append(Hint("writable-proc", "linux.readonlyPaths", text))
    masked = linux.get("maskedPaths", ())
    if shown := [path for path in SECRET_PROC if not _is_below(path, masked)]:
        text = f"{', '.join(shown)} can be read: the host's memory and keys"
        found.append(Hint("readable-proc", "linux.maskedPaths", text))
    return found


def _mounts(config: Config) -> list[Hint]:
    found = []
    requests = mount_requests(config)
    for index, request in enumerate(requests):
        for later in requests[index + 1 :]:
            if not later.options.is_remount and _is_below(request.target, (later.target,)):
                text = f"{request.target} is hidden by {later.origin} on {later.target}"
                found.append(Hint("hidden-mount", request.origin, text))
                break
        if request.is_bind:
            found += _bind(request.source, request.origin)
        else:
            words = config["mounts"][index].get("options", [])
            for number, question in odd_options(words):
                text = f'"{words[number]}" is left to {request.fstype}; {question}'
                found.append(Hint("odd-option", f"{request.origin}.options[{number}]", text))
    return found


def _bind(source: str, origin: str) -> list[Hint]:
    path = source.rstrip("/") or "/"
    if path.rpartition("/")[2] in SOCKETS:
        text = f"{source} commands a container engine: as good as root on the host"
    elif path in HOST_PATHS:
        text = f"{source} of the host is in the container"
    else:
        return []
    return [Hint("host-path", f"{origin}.source", text)]


def _limits(config: Config, namespaces: Namespaces) -> list[Hint]:
    resources = config.get("linux", {}).get("resources", {})
    found = []
    if not namespaces.listed & NEWUSER and not _denies_devices(resources.get("devices", ())):
        text = "the last word on all devices is not a denial: the program may use the host's"
        found.append(Hint("all-devices", "linux.resources.devices", text))
    if resources.get("pids", {}).get("limit", 0) <= 0:
        text = "no limit: a program that forks without end takes the host along"
        found.append(Hint("no-limit", "linux.resources.pids.limit", text))
    if resources.get("memory", {}).get("limit", 0) <= 0:
        text = "no limit: the program may take all memory of the host"
        found.append(Hint("no-limit", "linux.resources.memory.limit", text))
    return found


def _denies_devices(rules: object) -> bool:
    """The last rule for all devices; without any, those that runtimes allow by default count."""
    for rule in reversed(list(rules)):  # type: ignore[call-overload]  # a list by the schema
        if rule.get("type", "a") == "a" and rule.get("major", -1) < 0 and rule.get("minor", -1) < 0:
            return not rule.get("allow", False)
    return True


def _seccomp(config: Config) -> list[Hint]:
    profile = config.get("linux", {}).get("seccomp")
    if not profile:
        text = "no filter: every system call of the host's kernel is within reach"
        return [Hint("no-seccomp", "linux.seccomp", text)]
    action = profile["defaultAction"]
    if action in PERMISSIVE:
        text = f"{action}: what the profile does not name is allowed, new system calls too"
        return [Hint("permissive-seccomp", "linux.seccomp.defaultAction", text)]
    return []


def _hooks(config: Config) -> list[Hint]:
    if not config.get("hooks", {}).get("prestart"):
        return []
    text = "deprecated, use createRuntime, createContainer or startContainer"
    return [Hint("deprecated", "hooks.prestart", text)]


def _is_below(path: str, places: tuple[str, ...] | list[str]) -> bool:
    """`path` is one of the places, or lies in one."""
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)
