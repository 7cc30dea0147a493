"""Write spec-coverage.md: every field of the Linux specification, where it is done, what proves it.

The fields are those of oci_schema/schema. Where one is done stands in IMPLEMENTED; which test
proves it say the tests themselves, by the marker `spec`. A test holds the file to both:

    python docs/spec_coverage.py
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parents[1]
TARGET = TREE / "docs" / "spec-coverage.md"
SCHEMA = TREE / "oci_schema" / "schema"

FOREIGN = ("vm", "windows", "solaris", "freebsd", "zos")

DEVICE_LISTS = (
    "weightDevice",
    "throttleReadBpsDevice",
    "throttleWriteBpsDevice",
    "throttleReadIOPSDevice",
    "throttleWriteIOPSDevice",
)
BLOCK_DEVICES = (
    "runtime/cgroups/setting.py",
    "runtime/cgroups/resources_v1.py",
    "runtime/cgroups/resources_v2.py",
)
# The beginning of a field -> the modules in which it is done; the longest beginning counts.
IMPLEMENTED: dict[str, tuple[str, ...]] = {
    "ociVersion": ("runtime/plan/rules.py",),
    "annotations": ("runtime/state.py", "runtime/plan/hooks.py"),
    "root": ("runtime/plan/rootfs.py", "runtime/bundle.py"),
    "hostname": ("runtime/plan/make.py",),
    "domainname": ("runtime/plan/make.py",),
    "hooks": ("runtime/plan/hooks.py", "runtime/lifecycle/hooks.py"),
    "mounts": ("runtime/plan/mounts.py", "runtime/plan/mount_options.py"),
    "mounts.uidMappings": (
        "runtime/plan/idmapped.py",
        "runtime/plan/user_maps.py",
        "runtime/lifecycle/idmapped_mount.py",
    ),
    "mounts.gidMappings": (
        "runtime/plan/idmapped.py",
        "runtime/plan/user_maps.py",
        "runtime/lifecycle/idmapped_mount.py",
    ),
    "process": ("runtime/plan/process.py",),
    "process.env": ("runtime/plan/make.py",),
    "process.capabilities": ("runtime/plan/capabilities.py",),
    "process.apparmorProfile": ("runtime/plan/labels.py",),
    "process.selinuxLabel": ("runtime/plan/labels.py",),
    "process.oomScoreAdj": ("runtime/plan/make.py", "runtime/lifecycle/idmaps.py"),
    "process.ioPriority": ("runtime/plan/scheduling.py",),
    "process.scheduler": ("runtime/plan/scheduling.py",),
    "process.execCPUAffinity": ("runtime/plan/scheduling.py",),
    "linux.namespaces": ("runtime/plan/namespaces.py",),
    "linux.uidMappings": ("runtime/plan/namespaces.py", "runtime/lifecycle/idmaps.py"),
    "linux.gidMappings": ("runtime/plan/namespaces.py", "runtime/lifecycle/idmaps.py"),
    "linux.timeOffsets": ("runtime/plan/namespaces.py",),
    "linux.devices": ("runtime/plan/devices.py",),
    "linux.netDevices": ("runtime/plan/net_devices.py", "runtime/lifecycle/net_devices.py"),
    "linux.cgroupsPath": ("runtime/cgroups/plan.py", "runtime/lifecycle/create.py"),
    "linux.resources": ("runtime/cgroups/resources_v1.py", "runtime/cgroups/resources_v2.py"),
    "linux.resources.devices": ("runtime/cgroups/devices.py",),
    "linux.resources.memory.useHierarchy": (
        "runtime/cgroups/setting.py",
        "runtime/cgroups/resources_v1.py",
    ),
    "linux.resources.memory.checkBeforeUpdate": ("runtime/cgroups/update.py",),
    **{f"linux.resources.blockIO.{name}": BLOCK_DEVICES for name in DEVICE_LISTS},
    "linux.resources.hugepageLimits.pageSize": ("runtime/cgroups/setting.py",),
    "linux.resources.pids": ("runtime/cgroups/setting.py",),
    "linux.resources.rdma": ("runtime/cgroups/setting.py",),
    "linux.resources.network": ("runtime/cgroups/resources_v1.py",),
    "linux.resources.unified": ("runtime/cgroups/plan.py", "runtime/cgroups/resources_v2.py"),
    "linux.intelRdt": ("runtime/plan/resctrl.py", "runtime/lifecycle/resctrl.py"),
    "linux.memoryPolicy": ("runtime/plan/memory_policy.py",),
    "linux.sysctl": ("runtime/plan/sysctl.py",),
    "linux.seccomp": ("runtime/plan/seccomp.py", "runtime/native/seccomp.py"),
    "linux.seccomp.syscalls.args": (
        "runtime/plan/seccomp.py",
        "runtime/plan/seccomp_conditions.py",
    ),
    "linux.seccomp.listenerPath": (
        "runtime/plan/seccomp_listener.py",
        "runtime/lifecycle/seccomp_agent.py",
    ),
    "linux.seccomp.listenerMetadata": ("runtime/lifecycle/seccomp_agent.py",),
    "linux.rootfsPropagation": ("runtime/plan/rootfs.py",),
    "linux.maskedPaths": ("runtime/plan/rootfs.py",),
    "linux.readonlyPaths": ("runtime/plan/rootfs.py",),
    "linux.mountLabel": ("runtime/plan/make.py", "runtime/plan/labels.py"),
    "linux.personality": ("runtime/plan/process.py",),
    "linux.personality.flags": ("runtime/plan/linux_rules.py",),
}

# Fields that ask a Linux runtime for nothing, and why.
NOTHING_TO_DO = {
    "process.commandLine": "for Windows; ignored, as config.md says",
    "process.user.username": "for Windows; ignored, as config.md says",
}

HEAD = """\
# The specification, field by field

Made by `python docs/spec_coverage.py` from the schema (`oci_schema/schema`), the table in that
script and the tests' `spec` markers; `tests/unit/test_spec_coverage.py` says when it is not
current. Runtime-spec 1.3; `[]` is each of a list, `*` each key of a map.

The sections of other platforms ({foreign}) are ignored, as config.md says.

| field | done in | proved by |
| --- | --- | --- |
"""


def schema_fields() -> list[str]:
    """Every field that holds a value, in the schema's order, without other platforms'."""
    documents = {path.name: json.loads(path.read_text()) for path in SCHEMA.glob("*.json")}
    found: list[str] = []

    def walk(node: dict[str, Any], path: str, file: str) -> None:
        if "$ref" in node:
            name, _, fragment = node["$ref"].partition("#")
            target = documents[name or file]
            for part in fragment.strip("/").split("/"):
                target = target[part] if part else target
            walk(target, path, name or file)
        elif node.get("type") == "array":
            walk(node["items"], f"{path}[]", file)
        elif members := members_of(node):
            for name, member in members:
                walk(member, f"{path}.{name}".lstrip("."), file)
        else:
            found.append(path)

    walk(documents["config.json"], "", "config.json")
    return [field for field in found if field.split(".")[0] not in FOREIGN]


def members_of(node: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The members of an object, "*" for those of any name."""
    members = list(node.get("properties", {}).items())
    if isinstance(node.get("additionalProperties"), dict):
        members.append(("*", node["additionalProperties"]))
    return members


def plain(field: str) -> str:
    """A field without what says list or map."""
    return field.replace("[]", "").replace(".*", "")


def leaf(field: str) -> str:
    """The last name in a field."""
    return plain(field).rpartition(".")[2]


def is_below(field: str, beginning: str) -> bool:
    """A field is what a beginning names, or a part of it."""
    return plain(field) == beginning or plain(field).startswith(beginning + ".")


def places_of(field: str) -> tuple[str, ...]:
    """The modules in which a field is done."""
    fitting = [beginning for beginning in IMPLEMENTED if is_below(field, beginning)]
    return IMPLEMENTED[max(fitting, key=len)] if fitting else ()


def marked_tests() -> list[tuple[str, str]]:
    """(field or its beginning, file::test) for every marker `spec`."""
    return [
        (field, f"{path.relative_to(TREE)}::{name}")
        for path in sorted((TREE / "tests").rglob("test_*.py"))
        for name, field in markers_in(ast.parse(path.read_text()))
    ]


def markers_in(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(test or class, field) for the markers on them."""
    for node in module.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        yield from ((node.name, field) for field in fields_marked(node))
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef):
                    name = f"{node.name}::{member.name}"
                    yield from ((name, field) for field in fields_marked(member))


def fields_marked(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    """The fields named by `@pytest.mark.spec(...)`."""
    return [
        str(argument.value)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.spec"
        for argument in decorator.args
        if isinstance(argument, ast.Constant)
    ]


def tests_of(field: str, marked: list[tuple[str, str]]) -> list[str]:
    """The tests whose marker names a field, or failing that its nearest beginning."""
    fitting = [beginning for beginning, _ in marked if is_below(field, beginning)]
    nearest = max(fitting, key=len, default="")
    return sorted({test for beginning, test in marked if beginning == nearest and nearest})


def document() -> str:
    """The page."""
    marked = marked_tests()
    rows = []
    for field in schema_fields():
        places = NOTHING_TO_DO.get(field) or "<br>".join(f"`{path}`" for path in places_of(field))
        tests = "<br>".join(f"`{test}`" for test in tests_of(field, marked))
        rows.append(f"| `{field}` | {places} | {tests} |\n")
    return HEAD.format(foreign=", ".join(f"`{name}`" for name in FOREIGN)) + "".join(rows)


if __name__ == "__main__":
    TARGET.write_text(document())
