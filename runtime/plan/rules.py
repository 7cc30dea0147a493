"""check_rules: what a schema cannot say, because it is about two properties, or the host.

All that is wrong is said at once. A value that cannot be applied is an error where the
specification or runc makes it one; else a warning, which ends in a code that stays the same.
"""

from __future__ import annotations

from runtime.errors import ConfigError
from runtime.plan.capabilities import CapabilitySets, names_of
from runtime.plan.linux_rules import check_linux
from runtime.plan.mount_rules import check_mounts
from runtime.plan.namespaces import NEWUSER, NEWUTS, Namespaces, is_mapped, may_set_groups
from runtime.plan.process import RLIMITS
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config, IDMapping, Process, User
    from runtime.host.facts import HostFacts
    from runtime.plan.options import CreateOptions

UNSUPPORTED = "is not supported by this version of pyrunc"
NAME_BYTES = 64  # of a host or domain name. Source: sethostname(2)
ID_LAST = 2**32 - 2  # (uid_t) -1 means "leave it" to the kernel
SHOWN_MOST = 20


class Findings:
    """What was found: errors as (field, text), warnings as lines."""

    __slots__ = ("errors", "warnings")

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []
        self.warnings: list[str] = []

    def error(self, field: str, text: str) -> None:
        """A reason not to create the container."""
        self.errors.append((field, text))

    def warn(self, field: str, text: str, code: str) -> None:
        """Something that was asked for and will not be, with a code to look for."""
        self.warnings.append(f"{field}: {text} [{code}]")

    def absolute(self, field: str, path: str) -> bool:
        """An error unless `path` starts at the root."""
        if path[:1] == "/":
            return True
        self.error(field, f'"{path}" is relative, expected an absolute path')
        return False

    def unsupported(self, field: str, value: object) -> None:
        """An error unless `value` is one of those that ask for nothing."""
        if value:
            self.error(field, UNSUPPORTED)


def check_rules(config: Config, options: CreateOptions, host: HostFacts) -> list[str]:
    """The warnings about a configuration that the schema has accepted.

    Errors:  one ConfigError that names everything that is wrong.
    """
    found = Findings()
    namespaces = Namespaces(config.get("linux", {}))
    _check_texts(found, config)
    _check_version(found, config["ociVersion"])
    if not config.get("root"):
        found.error("root", "is missing, a container needs a root filesystem")
    _check_names(found, config, namespaces)
    if "process" in config:
        _check_process(found, config, options, namespaces, host)
    else:
        found.error("process", "is missing, create sets up what start will run")
    check_mounts(found, config, namespaces, host)
    if config.get("hooks"):
        _check_hooks(found, config)
    if "" in config.get("annotations", ()):
        found.error("annotations", "a key is empty")
    check_linux(found, config, options, namespaces, host)
    _raise(found)
    return found.warnings


def _raise(found: Findings) -> None:
    if not found.errors:
        return
    if len(found.errors) == 1:
        field, text = found.errors[0]
        raise ConfigError(text, field=field)
    shown = "; ".join(f"{field}: {text}" for field, text in found.errors[:SHOWN_MOST])
    if len(found.errors) > SHOWN_MOST:
        shown += f"; and {len(found.errors) - SHOWN_MOST} more"
    raise ConfigError(f"{len(found.errors)} problems: {shown}", field="config.json")


def _check_texts(found: Findings, config: Config) -> None:
    """No string may hold what a system call cannot take: NUL, half of a surrogate pair."""
    # One repr() in C instead of a walk: it shows both, at the price of false alarms.
    linux = dict(config.get("linux", {}))
    linux.pop("seccomp", None)  # large, and none of it gets to the kernel as text
    parts = {**config, "linux": linux}
    shown = repr(parts)
    if "\\x00" not in shown and "\\ud" not in shown:
        return
    waiting: list[tuple[str, object]] = [("", parts)]
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value:
                found.error(field, "holds a NUL character, which no system call can take")
            elif not _is_encodable(value):
                found.error(field, "holds half of a surrogate pair, expected Unicode text")
        elif isinstance(value, dict):
            waiting += [(f"{field}.{key}".lstrip("."), item) for key, item in value.items()]
            waiting += [(field, key) for key in value]
        elif isinstance(value, list):
            waiting += [(f"{field}[{index}]", item) for index, item in enumerate(value)]


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _check_version(found: Findings, version: str) -> None:
    """Source: runtime-spec config.md, Specification version; semver.org."""
    main, _, build = version.partition("+")
    core, _, pre = main.partition("-")
    numbers = core.split(".")
    is_semver = (
        len(numbers) == 3
        and all(_is_number(number) for number in numbers)
        and (main == core or all(_is_word(part) for part in pre.split(".")))
        and (version == main or all(_is_word(part) for part in build.split(".")))
    )
    if not is_semver:
        found.error("ociVersion", f'"{version}" is no semantic version like {SPEC_VERSION}')
        return
    major, minor = SPEC_VERSION.split(".")[:2]
    if numbers[0] != major or int(numbers[1]) > int(minor):
        found.error("ociVersion", f"{version} is not supported, 1.0.0 to {SPEC_VERSION} are")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


def _is_word(text: str) -> bool:
    bare = text.replace("-", "0")
    return bare.isascii() and bare.isalnum()


def _check_names(found: Findings, config: Config, namespaces: Namespaces) -> None:
    for field, name in (
        ("hostname", config.get("hostname", "")),
        ("domainname", config.get("domainname", "")),
    ):
        if not name:
            continue
        if not namespaces.listed & NEWUTS:
            found.error(field, "needs a uts namespace, it would rename the host")
        if len(name.encode("utf-8", "replace")) > NAME_BYTES:
            found.error(field, f"has more than {NAME_BYTES} bytes")


def _check_process(
    found: Findings,
    config: Config,
    options: CreateOptions,
    namespaces: Namespaces,
    host: HostFacts,
) -> None:
    process = config["process"]
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
    _check_user(found, config, namespaces, host)
    _check_rlimits(found, process)
    _check_capabilities(found, process, host)
    score = process.get("oomScoreAdj", 0)
    if not -1000 <= score <= 1000:
        found.error("process.oomScoreAdj", f"{score} is not between -1000 and 1000")
    found.unsupported("process.terminal", process.get("terminal"))
    if options.console_socket and not process.get("terminal"):
        found.error("--console-socket", "is of no use without process.terminal")
    check_attributes(found, process, host)


def check_attributes(found: Findings, process: Process, host: HostFacts) -> None:
    """Labels, scheduling: what few ask for, so the rules about it are loaded on need."""
    if process.get("apparmorProfile") or process.get("selinuxLabel"):
        from runtime.plan.labels import check_labels

        check_labels(found, process, host)
    if process.get("scheduler") or process.get("ioPriority") or process.get("execCPUAffinity"):
        from runtime.plan.scheduling_rules import check_scheduling

        check_scheduling(found, process)


def check_environment(found: Findings, field: str, variables: list[str] | tuple[str, ...]) -> None:
    """NAME=VALUE each; the value may be empty, the name not."""
    for index, variable in enumerate(variables):
        if variable.find("=") <= 0:
            found.error(f"{field}[{index}]", f'"{variable}" is not of the form NAME=VALUE')


def _check_user(found: Findings, config: Config, namespaces: Namespaces, host: HostFacts) -> None:
    linux = config.get("linux", {})
    user: User = config["process"].get("user", {})
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


def _check_hooks(found: Findings, config: Config) -> None:
    from runtime.plan.hooks import HOOKS, hook_list

    for name in HOOKS:
        for index, hook in enumerate(hook_list(config, name)):
            field = f"hooks.{name}[{index}]"
            found.absolute(f"{field}.path", hook["path"])
            check_environment(found, f"{field}.env", hook.get("env", ()))
            if hook.get("timeout", 1) <= 0:
                found.error(f"{field}.timeout", f"{hook['timeout']} s, expected more than 0")
