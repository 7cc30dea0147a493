"""validate: everything that is wrong or unwise about a configuration, at once, each in its place.

The same code decides as in `create`. But create may stop at the first layer that refuses; here
what one layer refuses is taken out, and the next looks at the rest.
"""

from __future__ import annotations

import copy
import json
import os

from oci_schema.explain import explain, field
from oci_schema.members import unknown_members, words_at
from oci_schema.positions import line_and_column, locate, nearest
from runtime import bundle as bundles
from runtime.cgroups.plan import plan_cgroup
from runtime.errors import ConfigError, ContainerError, errno_words
from runtime.host.read_facts import read_facts
from runtime.jsonfault import JsonError
from runtime.jsonfile import parse
from runtime.lifecycle.finding import ERROR, WARNING, Finding
from runtime.lifecycle.kept import Kept
from runtime.native.seccomp import compile_filter
from runtime.plan.lint import lint
from runtime.plan.namespaces import NEWUSER, Namespaces
from runtime.plan.options import CreateOptions
from runtime.plan.rules import find_faults
from runtime.plan.seccomp import plan_filter
from runtime.plan.vocabulary import known_words, suggestion
from runtime.refusal import tolerated
from runtime.suggest import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.positions import Path
    from runtime.host.facts import HostFacts

SHOWN_VALUE = 60  # characters


class Report:
    """All findings, in the order of the file."""

    __slots__ = ("file", "findings")

    def __init__(self, file: str, findings: list[Finding]) -> None:
        self.file = file
        self.findings = findings

    def count(self, level: str) -> int:
        """How many there are of a level."""
        return sum(finding.level == level for finding in self.findings)


def validate(directory: str, config_file: str) -> Report:
    """All there is to say about the bundle in `directory`, or the configuration in a file.

    It is judged for root on this host, whoever asks. Nothing is changed.
    Errors:  ConfigError when there is nothing to read.
    """
    path = bundles.resolve(directory)
    data = bundles.read_config(path, directory, config_file)
    file = config_file or f"{directory.rstrip('/')}/{bundles.CONFIG_NAME}".lstrip("/")
    if directory.startswith("/"):
        file = "/" + file
    report = Report(file, [])
    try:
        config: Any = parse(data, bundles.CONFIG_NAME)
    except ConfigError as error:
        report.findings.append(_syntax(error))
        return report
    if not config_file:
        report.findings += _missing_rootfs(path, config)
    report.findings += find_all(config)
    text = data.decode()
    _place(report.findings, text)
    report.findings.sort(key=lambda finding: (finding.line, finding.column))
    return report


def find_all(config: Any) -> list[Finding]:
    """The findings about a parsed configuration, without positions."""
    config, checked = tolerated(copy.deepcopy(config))
    found = _by_schema(checked)
    refused = [finding.path for finding in found]
    if isinstance(config, dict):
        kept = Kept(config, refused)
        found += [f for f in _by_rules(kept) if not _touches(f.path, refused)]
        found += _unknown(config)
    found = [one for finding in found for one in _each_word(finding, config)]
    for finding in found:
        _add_words(finding, config)
    return found


def _syntax(error: ConfigError) -> Finding:
    if not isinstance(error, JsonError):
        return Finding(ERROR, "json", "", str(error))
    finding = Finding(ERROR, "json", "", error.words)
    finding.line, finding.column = error.line, error.column
    return finding


def _missing_rootfs(path: str, config: Any) -> list[Finding]:
    root = config.get("root") if isinstance(config, dict) else None
    rootfs = root.get("path") if isinstance(root, dict) else None
    if not isinstance(rootfs, str) or os.path.isdir(os.path.join(path, rootfs)):
        return []
    text = f"there is no directory {os.path.join(path, rootfs)}"
    return [Finding(ERROR, "no-rootfs", "root.path", text, "unpack the image there")]


def _by_schema(config: Any) -> list[Finding]:
    found = []
    needs = bundles.unmet_needs(config)
    for path, text in needs:
        found.append(Finding(ERROR, "missing", field(path), text))
    said = {field(path) for path, _ in needs}
    for problem in explain(config):
        if problem.field not in said:
            code = "schema" if problem.value else "missing"
            found.append(Finding(ERROR, code, problem.field, problem.what))
    return found


def _by_rules(kept: Kept) -> list[Finding]:
    if not kept.is_usable:
        return []
    config: Any = kept.config
    host = facts_for(config)
    faults = find_faults(config, CreateOptions("container"), host)
    found = [Finding(ERROR, "rule", where, text) for where, text in faults.errors]
    found += [Finding(WARNING, code, where, text) for where, text, code in faults.warned]
    found += _by_cgroups(config, host)
    if not any(where.startswith("linux.seccomp") for where, _ in faults.errors):
        found += _by_libseccomp(config)
    found += [Finding(WARNING, hint.code, hint.field, hint.text) for hint in lint(config, host)]
    for finding in found:
        finding.path = kept.original(finding.path)
        if finding.path and not finding.field.startswith("-"):
            finding.field = field(finding.path)
    return found


def facts_for(config: Any) -> HostFacts:
    """This host as root would find it; a user is asked for where the container is a user's."""
    process = config.get("process", {})
    linux = config.get("linux", {})
    host = read_facts(
        labels=bool(
            process.get("apparmorProfile") or process.get("selinuxLabel") or linux.get("mountLabel")
        ),
        resctrl=bool(linux.get("intelRdt")),
    )
    if not Namespaces(linux).listed & NEWUSER:
        host.euid = 0
    return host


def _by_cgroups(config: Any, host: HostFacts) -> list[Finding]:
    """A limit that cannot be set here is told by the conversion, one at a time."""
    linux = config.get("linux", {})
    found = []
    for section, value in linux.get("resources", {"": {}}).items():
        try:
            plan = plan_cgroup(
                linux.get("cgroupsPath"), "container", {section: value}, linux.get("devices"),
                host.cgroups, rootless=host.euid != 0, in_user_namespace=host.in_user_namespace,
            )  # fmt: skip
        except ContainerError as error:
            words = f": {errno_words(error.errno)}" if error.errno else ""
            code = error.code if error.code == "no-controller" else "cgroup"
            found.append(Finding(ERROR, code, error.field, error.what + words, error.hint))
        else:
            place = f"linux.resources.{section}"
            found += [Finding(WARNING, "cgroup", place, line) for line in plan.warnings]
    return found


def _by_libseccomp(config: Any) -> list[Finding]:
    """Compile the filter: who knows which system calls there are is libseccomp."""
    profile = config.get("linux", {}).get("seccomp")
    request = plan_filter(profile) if profile else None
    if request is None:
        return []
    skipped: list[str] = []
    try:
        compile_filter(request, skipped)
    except ContainerError as error:
        return [Finding(ERROR, "seccomp", error.field or "linux.seccomp", error.what, error.hint)]
    found = []
    for number, entry in enumerate(profile.get("syscalls", ())):
        for index, name in enumerate(entry["names"]):
            if name in skipped:
                place = f"linux.seccomp.syscalls[{number}].names[{index}]"
                text = f'"{name}" is no system call that this libseccomp knows: no effect'
                found.append(Finding(WARNING, "unknown-syscall", place, text))
    return found


def _unknown(config: dict[str, Any]) -> list[Finding]:
    found = []
    for path, names in unknown_members(config):
        if path == ("$schema",):
            continue
        text = "is no property of the specification, and ignored"
        hint = did_you_mean(str(path[-1]), names)
        found.append(Finding(WARNING, "unknown-property", field(path), text, hint))
    return found


def _touches(path: Path, refused: list[Path]) -> bool:
    """A rule complains of what is missing only because it was taken out."""
    return any(path[: len(one)] == one or one[: len(path)] == path for one in refused)


def _each_word(finding: Finding, config: Any) -> list[Finding]:
    """A finding about a list of words is one about each word that is not known."""
    value = _value_at(config, finding.path)
    words = known_words(finding.path)
    if not words or not isinstance(value, list):
        return [finding]
    found = []
    for index, word in enumerate(value):
        if word not in words:
            place = field((*finding.path, index))
            text = f'"{word}" is unknown' + (", ignored" if finding.level == WARNING else "")
            found.append(Finding(finding.level, finding.code, place, text))
    return found or [finding]


def _add_words(finding: Finding, config: Any) -> None:
    """The value, what could be there instead, and what may have been meant."""
    value = _value_at(config, finding.path)
    words = words_at(finding.path) or known_words(finding.path)
    if isinstance(value, (str, int)):
        text = json.dumps(value, ensure_ascii=False)
        finding.value = text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 3] + "..."
    if value in words:
        return
    finding.allowed = words
    if isinstance(value, str) and not finding.hint:
        finding.hint = suggestion(value, words)


def _value_at(config: Any, path: Path) -> Any:
    for step in path:
        try:
            config = config[step]
        except (KeyError, IndexError, TypeError):
            return None
    return config


def _place(findings: list[Finding], text: str) -> None:
    places = locate(text)
    for finding in findings:
        if not finding.field.startswith("-"):
            at = nearest(places, finding.path)
            finding.line, finding.column = line_and_column(text, at)
