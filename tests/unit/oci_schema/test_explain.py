"""Every fault is told: where, what is there, what should be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from oci_schema.documents import KINDS, document
from oci_schema.explain import Problem, explain, field, pointer

BASE: dict[str, Any] = {"ociVersion": "1.3.0"}
SECCOMP = {"defaultAction": "SCMP_ACT_LOG"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_one(kind: str) -> None:
    Draft202012Validator.check_schema(document(kind))


def test_unknown_kind() -> None:
    with pytest.raises(KeyError):
        document("common")


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({**BASE, "hostname": 5}, "hostname: 5 is not a string"),
        ({**BASE, "hostname": True}, "hostname: true is not a string"),
        ({**BASE, "hostname": None}, "hostname: null is not a string"),
        ({**BASE, "mounts": {}}, "mounts: an empty object is not an array"),
        ({**BASE, "linux": [1]}, "linux: an array is not an object"),
        (
            {**BASE, "root": {"path": "/", "readonly": "x"}},
            'root.readonly: "x" is not true or false',
        ),
        ({**BASE, "root": {}}, "root.path: is missing, must be a string"),
        (
            {**BASE, "mounts": [{"destination": "/", "options": ["ro", 1]}]},
            "mounts[0].options[1]: 1 is not a string",
        ),
        (
            {**BASE, "linux": {"resources": {"memory": {"limit": "64M"}}}},
            'linux.resources.memory.limit: "64M" is not an integer',
        ),
        (
            {**BASE, "linux": {"resources": {"memory": {"limit": -0.5}}}},
            "linux.resources.memory.limit: -0.5 is not an integer",
        ),
        (
            {**BASE, "process": {"cwd": "/", "user": {"uid": -1}}},
            "process.user.uid: -1 is not an integer from 0 to 4294967295",
        ),
        (
            {**BASE, "process": {"cwd": "/", "rlimits": [{"type": "core", "soft": 1, "hard": 1}]}},
            'process.rlimits[0].type: "core" is not the name of a limit such as RLIMIT_NOFILE',
        ),
        (
            {**BASE, "linux": {"personality": {"domain": "linux"}}},
            'linux.personality.domain: "linux" is not one of "LINUX", "LINUX32"',
        ),
        (
            {**BASE, "windows": {"layerFolders": ["x"], "devices": [{"id": "x", "idType": "y"}]}},
            'windows.devices[0].idType: "y" is not "class"',
        ),
        (
            {**BASE, "linux": {"seccomp": {**SECCOMP, "syscalls": [
                {"names": [], "action": "SCMP_ACT_LOG"}]}}},
            "linux.seccomp.syscalls[0].names: an empty array is not an array of at least 1 item",
        ),
        ({**BASE, "annotations": {"a.b/c": 1}}, 'annotations["a.b/c"]: 1 is not a string'),
        ({**BASE, "hostname": ["x" * 99]}, "hostname: an array is not a string"),
        ({**BASE, "process": "x" * 99}, f'process: "{"x" * 56}... is not an object'),
        ([], "an empty array is not an object"),
    ],
)  # fmt: skip
def test_in_words(config: object, line: str) -> None:
    assert [str(problem) for problem in explain(config)] == [line]


def test_all_at_once_in_the_order_of_the_text() -> None:
    text = """{
    "root": {"readonly": 1},
    "linux": {
        "rootfsPropagation": "none",
        "namespaces": [{"type": "pid"}, {"path": "/proc/1/ns/net"}]
    },
\t"ociVersion": 1
}
"""
    assert explain(json.loads(text), text) == [
        Problem("/root/path", "root.path", "", "a string", 2, 13),
        Problem("/root/readonly", "root.readonly", "1", "true or false", 2, 26),
        Problem(
            "/linux/rootfsPropagation", "linux.rootfsPropagation", '"none"',
            'one of "shared", "slave", "private", "unbindable"', 4, 30,
        ),
        Problem(
            "/linux/namespaces/1/type", "linux.namespaces[1].type", "",
            'one of "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"', 5, 41,
        ),
        Problem("/ociVersion", "ociVersion", "1", "a string", 7, 16),
    ]  # fmt: skip


def test_with_line_and_column_in_words() -> None:
    text = '{"ociVersion":\n  7}'
    (problem,) = explain(json.loads(text), text)
    assert str(problem) == "ociVersion: 7 is not a string (line 2, column 3)"


def test_other_kinds() -> None:
    state = {"ociVersion": "1.3.0", "id": "x", "status": "paused", "bundle": "/", "pid": -1}
    assert [str(problem) for problem in explain(state, kind="state")] == [
        'status: "paused" is not one of "creating", "created", "running", "stopped"',
        "pid: -1 is not an integer from 0 on",
    ]
    features = {"ociVersionMin": "1.0.0", "linux": {"capabilities": ["chown"]}}
    assert [str(problem) for problem in explain(features, kind="features")] == [
        'linux.capabilities[0]: "chown" is not the name of a capability such as CAP_CHOWN',
        "ociVersionMax: is missing, must be a string",
    ]


@pytest.mark.parametrize(
    ("path", "as_pointer", "as_field"),
    [
        ((), "", ""),
        (("mounts", 3, "options", 1), "/mounts/3/options/1", "mounts[3].options[1]"),
        (("a/b~c",), "/a~1b~0c", '["a/b~c"]'),
        (("linux", "sysctl", "kernel.shmmax"), "/linux/sysctl/kernel.shmmax",
         'linux.sysctl["kernel.shmmax"]'),
        (("annotations", ""), "/annotations/", 'annotations[""]'),
    ],
)  # fmt: skip
def test_places(path: tuple[str | int, ...], as_pointer: str, as_field: str) -> None:
    assert pointer(path) == as_pointer
    assert field(path) == as_field
