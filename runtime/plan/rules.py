"""check_rules: what a schema cannot say, because it is about two properties, or the host.

All that is wrong is said at once. A value that cannot be applied is an error where the
specification or runc makes it one; else a warning, which ends in a code that stays the same.
"""

from __future__ import annotations

from runtime.plan.findings import Findings, check_texts, raise_errors
from runtime.plan.linux_rules import check_linux
from runtime.plan.mount_rules import check_mounts
from runtime.plan.namespaces import NEWUTS, Namespaces
from runtime.plan.process_rules import check_environment, check_process, check_terminal
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Config
    from runtime.host.facts import HostFacts
    from runtime.plan.options import CreateOptions

NAME_BYTES = 64  # of a host or domain name. Source: sethostname(2)


def check_rules(config: Config, options: CreateOptions, host: HostFacts) -> list[str]:
    """The warnings about a configuration that the schema has accepted.

    Errors:  one ConfigError that names everything that is wrong.
    """
    found = find_faults(config, options, host)
    raise_errors(found, "config.json")
    return found.warnings


def find_faults(config: Config, options: CreateOptions, host: HostFacts) -> Findings:
    """All that the rules have to say."""
    found = Findings()
    linux = config.get("linux", {})
    namespaces = Namespaces(linux)
    # The filter is large, and none of it gets to the kernel as text.
    texts = {key: value for key, value in linux.items() if key != "seccomp"}
    check_texts(found, {**config, "linux": texts})
    _check_version(found, config["ociVersion"])
    if not config.get("root"):
        found.error("root", "is missing, a container needs a root filesystem")
    _check_names(found, config, namespaces)
    if "process" in config:
        check_process(found, config["process"], linux, namespaces, host)
        check_terminal(found, config["process"], options.console_socket, detached=options.detach)
    else:
        found.error("process", "is missing, create sets up what start will run")
    check_mounts(found, config, namespaces, host)
    if config.get("hooks"):
        _check_hooks(found, config)
    if "" in config.get("annotations", ()):
        found.error("annotations", "a key is empty")
    check_linux(found, config, options, namespaces, host)
    return found


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


def _check_hooks(found: Findings, config: Config) -> None:
    from runtime.plan.hooks import HOOKS, hook_list

    for name in HOOKS:
        for index, hook in enumerate(hook_list(config, name)):
            field = f"hooks.{name}[{index}]"
            found.absolute(f"{field}.path", hook["path"])
            check_environment(found, f"{field}.env", hook.get("env", ()))
            if hook.get("timeout", 1) <= 0:
                found.error(f"{field}.timeout", f"{hook['timeout']} s, expected more than 0")
