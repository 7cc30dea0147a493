"""What is legal and unwise is told, once and in its place; what is well done is not."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal

from runtime.plan.lint import lint

PROC = {"destination": "/proc", "type": "proc", "source": "proc"}
SAFE: dict[str, Any] = {
    "process": {"noNewPrivileges": True},
    "linux": {
        "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")],
        "resources": {
            "devices": [{"allow": False, "access": "rwm"}],
            "memory": {"limit": 1 << 20},
            "pids": {"limit": 10},
        },
        "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
    },
}


def findings(**sections: Any) -> list[tuple[str, str]]:
    """(code, field) of each finding about a safe configuration with changed sections."""
    config = minimal(**SAFE)
    for name, section in sections.items():
        config[name] = {**config.get(name, {}), **section} if isinstance(section, dict) else section
    return [(hint.code, hint.field) for hint in lint(config, facts())]  # type: ignore[arg-type]


def process(**members: Any) -> dict[str, Any]:
    return {"noNewPrivileges": True, **members}


def test_a_careful_configuration() -> None:
    assert findings() == []


@pytest.mark.parametrize("missing", ["pid", "network", "ipc", "uts", "mount"])
def test_namespaces_of_the_host(missing: str) -> None:
    kept = [one for one in SAFE["linux"]["namespaces"] if one["type"] != missing]
    assert findings(linux={"namespaces": kept}) == [("host-namespace", "linux.namespaces")]


CAPABILITIES = "process.capabilities"


@pytest.mark.parametrize(
    ("capabilities", "user", "found"),
    [
        ({"bounding": ["CAP_SYS_ADMIN"]}, {}, [("mighty-capability", CAPABILITIES)]),
        ({"permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}, {}, []),
        (
            {"permitted": ["CAP_KILL"]},
            {"uid": 5},
            [("capability-lost", f"{CAPABILITIES}.permitted")],
        ),
        (
            {name: ["CAP_KILL"] for name in ("permitted", "inheritable", "ambient")},
            {"uid": 5},
            [],
        ),
    ],
)  # fmt: skip
def test_capabilities(
    capabilities: dict[str, list[str]], user: dict[str, int], found: list[tuple[str, str]]
) -> None:
    assert findings(process=process(capabilities=capabilities, user=user)) == found


def test_a_user_namespace_makes_capabilities_harmless() -> None:
    linux = {"namespaces": [*SAFE["linux"]["namespaces"], {"type": "user"}]}
    all_of_them = {"bounding": ["CAP_SYS_ADMIN"]}
    assert findings(process=process(capabilities=all_of_them), linux=linux) == []


def test_a_capability_that_acts_on_the_host() -> None:
    kept = [one for one in SAFE["linux"]["namespaces"] if one["type"] != "network"]
    sets = {"permitted": ["CAP_NET_ADMIN"], "effective": ["CAP_NET_ADMIN"]}
    found = findings(process=process(capabilities=sets), linux={"namespaces": kept})
    assert ("capability-on-host", f"{CAPABILITIES}.effective") in found


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"noNewPrivileges": False}, [("new-privileges", "process.noNewPrivileges")]),
        ({"env": ["A=1", "B=2", "A=3"]}, [("no-effect", "process.env[0]")]),
        ({"args": ["sh"]}, [("no-path", "process.args[0]")]),
        ({"args": ["sh"], "env": ["PATH=/bin"]}, []),
        ({"consoleSize": {"height": 1, "width": 1}}, [("no-effect", "process.consoleSize")]),
    ],
)
def test_process(members: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert findings(process=process(**members)) == found


@pytest.mark.parametrize(
    ("linux", "found"),
    [
        ({}, ["writable-proc", "readable-proc"]),
        ({"readonlyPaths": ["/proc"]}, ["readable-proc"]),
        ({"maskedPaths": ["/proc"]}, []),
    ],
)
def test_procfs(linux: dict[str, Any], found: list[str]) -> None:
    assert [code for code, _ in findings(mounts=[PROC], linux=linux)] == found


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        pytest.param(
            [("/a/b", "tmpfs", []), ("/a", "tmpfs", [])], [("hidden-mount", "mounts[0]")],
            id="hidden by its parent",
        ),
        pytest.param([("/a", "tmpfs", []), ("/a/b", "tmpfs", [])], [], id="parent first"),
        pytest.param([("/ab", "tmpfs", []), ("/a", "tmpfs", [])], [], id="a name that begins so"),
        pytest.param(
            [("/a", "tmpfs", ["size=5", "nosiud"])], [("odd-option", "mounts[0].options[1]")],
            id="a slip",
        ),
        pytest.param([("/a", "9p", ["version=9p2000.L", "nosuid", "defaults"])], [], id="no slip"),
    ],
)  # fmt: skip
def test_mounts(mounts: list[tuple[str, str, list[str]]], found: list[tuple[str, str]]) -> None:
    entries = [
        {"destination": where, "type": kind, "source": "x", "options": options}
        for where, kind, options in mounts
    ]
    assert findings(mounts=entries) == found


@pytest.mark.parametrize("source", ["/", "/etc/", "/run/docker.sock", "/srv/containerd.sock"])
def test_paths_of_the_host(source: str) -> None:
    bind = {"destination": "/x", "source": source, "options": ["bind"]}
    assert findings(mounts=[bind]) == [("host-path", "mounts[0].source")]


@pytest.mark.parametrize(
    ("rules", "is_told"),
    [
        ([], False),
        ([{"allow": True, "access": "rwm"}], True),
        ([{"allow": True}, {"allow": False}], False),
        ([{"allow": False}, {"allow": True, "type": "c", "major": 1, "minor": 3}], False),
    ],
)
def test_devices(rules: list[dict[str, Any]], is_told: bool) -> None:
    resources = {**SAFE["linux"]["resources"], "devices": rules}
    found = findings(linux={"resources": resources})
    assert found == ([("all-devices", "linux.resources.devices")] if is_told else [])


def test_limits() -> None:
    assert findings(linux={"resources": {}}) == [
        ("no-limit", "linux.resources.pids.limit"),
        ("no-limit", "linux.resources.memory.limit"),
    ]


def test_seccomp() -> None:
    assert findings(linux={"seccomp": None}) == [("no-seccomp", "linux.seccomp")]
    allowing = {"defaultAction": "SCMP_ACT_ALLOW"}
    found = findings(linux={"seccomp": allowing})
    assert found == [("permissive-seccomp", "linux.seccomp.defaultAction")]


def test_hooks() -> None:
    hooks = {"prestart": [{"path": "/x"}]}
    assert findings(hooks={}) == []
    config = minimal(**SAFE, hooks=hooks)
    assert [h.code for h in lint(config, facts())] == ["deprecated"]  # type: ignore[arg-type]
