"""What is wrong with a configuration is told at once; what Linux must not mind is tolerated."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.refusal import MOST_PROBLEMS, tolerate

MINIMAL: dict[str, Any] = {
    "ociVersion": "1.3.0",
    "process": {"cwd": "/", "args": ["sh"]},
    "root": {"path": "rootfs"},
}


def device(**members: Any) -> dict[str, Any]:
    return {"linux": {"devices": [{"path": "/dev/x", **members}]}, **MINIMAL}


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        tolerate(json.loads(text), text)
    return str(error.value)


@pytest.mark.parametrize(
    ("config", "tolerated"),
    [
        pytest.param({**MINIMAL, "mounts": None, "linux": None}, MINIMAL, id="null is absent"),
        pytest.param(
            {**MINIMAL, "linux": {"resources": {"memory": {"limit": None, "swap": 5}}}},
            {**MINIMAL, "linux": {"resources": {"memory": {"swap": 5}}}},
            id="null inside",
        ),
        pytest.param(
            {**MINIMAL, "mounts": [{"destination": "/", "options": None}]},
            {**MINIMAL, "mounts": [{"destination": "/"}]},
            id="null in an item",
        ),
        pytest.param(
            {**MINIMAL, "windows": {}, "vm": 5, "zos": [], "solaris": "", "freebsd": 1.5},
            MINIMAL,
            id="sections of other platforms",
        ),
        pytest.param(
            device(type="c", fileMode=0o20600),
            device(type="c", fileMode=0o600),
            id="podman's fileMode with a type",
        ),
        pytest.param(
            device(type="b", fileMode=0o60777),
            device(type="b", fileMode=0o777),
            id="of a block device",
        ),
    ],
)
def test_tolerated(config: Any, tolerated: Any) -> None:
    before = json.dumps(config)
    assert tolerate(config, before) == tolerated
    assert json.dumps(config) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("null", "config.json: config cannot be null"),
        ("[]", "config.json: an empty array is not an object (line 1, column 1)"),
        (
            '{"ociVersion": "1.0.0", "root": {"path": ""}}',
            "process: process property must not be empty (line 1, column 1)",
        ),
        (
            '{"ociVersion": "1.0.0", "root": {"path": ""}, "process": null}',
            "process: process property must not be empty (line 1, column 58)",
        ),
        (
            '{"ociVersion": "1.0.0", "root": {"path": ""}, "process": {"args": ["x"]}}',
            "process.cwd: Cwd property must not be empty (line 1, column 58)",
        ),
        (
            '{"ociVersion": "1.0.0", "root": {"path": ""},\n"process": {"args": ["x"], "cwd": ""}}',
            "process.cwd: Cwd property must not be empty (line 2, column 35)",
        ),
        (
            '{"ociVersion": "1.0.0", "root": {"path": ""},\n"process": {"args": ["x"], "cwd":"a"}}',
            'process.cwd: Cwd must be an absolute path, "a" is not (line 2, column 34)',
        ),
        (
            '{"ociVersion": "1.0.0", "root": {"path": ""},\n"process": {"args": [], "cwd": "/"}}',
            "process.args: args must not be empty (line 2, column 21)",
        ),
        (
            '{"ociVersion": "1.0.0",\n"process": {"args": ["x"], "cwd": "/"}}',
            "root: root must be specified (line 1, column 1)",
        ),
        (
            '{"ociVersion": 1, "root": {"path": 2},\n"process": {"args": "sh", "cwd": 3}}',
            "config.json: 4 problems: ociVersion: 1 is not a string (line 1, column 16); "
            "root.path: 2 is not a string (line 1, column 36); "
            'process.args: "sh" is not an array (line 2, column 21); '
            "process.cwd: 3 is not a string (line 2, column 34)",
        ),
        (
            '{"process": {}}',
            "config.json: 4 problems: root: root must be specified (line 1, column 1); "
            "ociVersion: is missing, must be a string (line 1, column 1); "
            "process.cwd: Cwd property must not be empty (line 1, column 13); "
            "process.args: args must not be empty (line 1, column 13)",
        ),
        (
            json.dumps({"annotations": {"a\nb": 5}, **MINIMAL}),
            'annotations["a\\nb"]: 5 is not a string (line 1, column 26)',
        ),
        pytest.param(
            json.dumps({"mounts": [None], **MINIMAL}),
            "mounts[0]: null is not an object (line 1, column 13)",
            id="null for an item is no absence",
        ),
    ],
)
def test_refused(text: str, message: str) -> None:
    assert refused(text) == message


@pytest.mark.parametrize("mode", [0o60600, 0o21777, 0o1777, 1 << 16, -0o20600, 1 << 80, 0o120600])
def test_other_file_modes(mode: int) -> None:
    text = json.dumps(device(type="c", fileMode=mode))
    assert f"fileMode: {mode} is not an integer from 0 to 511" in refused(text)


def test_many_problems() -> None:
    text = json.dumps({**MINIMAL, "mounts": [{}] * 40})
    message = refused(text)
    assert message.startswith("config.json: 40 problems: mounts[0].destination: is missing")
    assert message.count("is missing") == MOST_PROBLEMS
    assert message.endswith("; and 30 more")


def test_without_jsonschema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "oci_schema.explain", raising=False)
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert refused(json.dumps({**MINIMAL, "hostname": 5})) == (
        "config.json does not follow the schema of the runtime-spec; "
        "what is wrong can be told once jsonschema is installed"
    )
