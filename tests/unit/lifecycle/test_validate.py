"""All that is wrong is told at once, whichever layer finds it, each in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness.plans import minimal

from runtime.lifecycle.finding import Finding
from runtime.lifecycle.kept import Kept
from runtime.lifecycle.validate import find_all, validate


def errors(config: Any) -> dict[str, Finding]:
    return {one.field: one for one in find_all(config) if one.level == "error"}


def codes(config: Any) -> set[str]:
    return {one.code for one in find_all(config)}


def test_nothing_wrong() -> None:
    assert errors(minimal()) == {}


def test_layers_do_not_hide_one_another() -> None:
    config = minimal(hostname=5, mounts=[{"destination": "x", "type": 5}, {"destination": "y"}])
    config["process"]["rlimits"] = [
        {"type": 5, "soft": 0, "hard": 0},
        {"type": "RLIMIT_CPU", "soft": 2, "hard": 1},
    ]
    found = errors(config)
    # The first mount's target and the second limit are told by rules, behind what the schema
    # refused and took out; so their numbers are those of the file.
    assert {"hostname", "mounts[0].type", "mounts[0].destination", "mounts[1].destination",
            "process.rlimits[0].type", "process.rlimits[1]"} <= set(found)  # fmt: skip


def test_what_was_taken_out_is_not_missed() -> None:
    config = minimal(linux={"namespaces": [{"type": "user"}], "uidMappings": 5})
    assert errors(config)["linux.uidMappings"].text == "5 is not an array"
    assert len([one for one in find_all(config) if one.field == "linux.uidMappings"]) == 1


@pytest.mark.parametrize("config", [None, 5, [], {}, {"process": 5}, {"root": None, "linux": []}])
def test_any_json_is_answered(config: Any) -> None:
    assert errors(config)


def test_words() -> None:
    config = minimal()
    config["process"]["capabilities"] = {"bounding": ["CAP_KILL", "NET_RAW", "CAP_CHWON"]}
    found = {one.field: one for one in find_all(config)}
    raw, chown = (found[f"process.capabilities.bounding[{n}]"] for n in (1, 2))
    assert (raw.hint, chown.hint) == ("did you mean CAP_NET_RAW?", "did you mean CAP_CHOWN?")
    assert raw.value == '"NET_RAW"'
    assert "CAP_KILL" in raw.allowed
    assert raw.code == "unknown-capability"


def test_unknown_property() -> None:
    config = minimal(process={"noNewPriviledges": True})
    config["$schema"] = "x"
    found = [one for one in find_all(config) if one.code == "unknown-property"]
    assert [one.field for one in found] == ["process.noNewPriviledges"]
    assert found[0].hint == "did you mean noNewPrivileges?"


def test_unknown_system_call() -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["read", "opne"], "action": "SCMP_ACT_ALLOW"}],
    }
    found = [one for one in find_all(minimal(linux={"seccomp": profile}))
             if one.code == "unknown-syscall"]  # fmt: skip
    assert [one.field for one in found] == ["linux.seccomp.syscalls[0].names[1]"]


def test_limit_that_cannot_be_set() -> None:
    config = minimal(linux={"resources": {"memory": {"limit": 5, "swap": 1}}})
    assert "cgroup" in codes(config)


def test_every_finding_of_every_host_is_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posix.geteuid", lambda: 1000)
    assert errors(minimal()) == {}


class TestFile:
    def write(self, folder: Path, text: str) -> str:
        (folder / "rootfs").mkdir()
        (folder / "config.json").write_text(text)
        return str(folder)

    def test_places(self, tmp_path: Path) -> None:
        text = json.dumps(minimal(hostname=5), indent=1).replace("5", " 5", 1)
        report = validate(self.write(tmp_path, text), "")
        found = next(one for one in report.findings if one.field == "hostname")
        line = text.splitlines()[found.line - 1]
        assert line[found.column - 1 :] == "5"
        assert found.document()["pointer"] == "/hostname"
        assert report.file == f"{tmp_path}/config.json"
        lines = [one.line for one in report.findings]
        assert lines == sorted(lines)

    @pytest.mark.parametrize(
        ("text", "place"), [('{"a": 1 2}', (1, 9)), ("{}\n x", (2, 2)), ("", (1, 1))]
    )
    def test_no_json(self, tmp_path: Path, text: str, place: tuple[int, int]) -> None:
        report = validate(self.write(tmp_path, text), "")
        assert [(one.code, one.line, one.column) for one in report.findings] == [("json", *place)]

    def test_no_rootfs(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path, json.dumps(minimal()))
        (tmp_path / "rootfs").rmdir()
        assert "no-rootfs" in [one.code for one in validate(folder, "").findings]
        alone = validate("", f"{folder}/config.json")
        assert "no-rootfs" not in [one.code for one in alone.findings]


def test_kept_knows_where_items_were() -> None:
    kept = Kept({"a": [{"x": 1}, {"y": 2}, {"z": 3}]}, [("a", 0), ("a", 1, "y")])
    assert kept.config["a"] == [{}, {"z": 3}]
    assert kept.original(("a", 1, "z")) == ("a", 2, "z")
    assert kept.original(("b", 1)) == ("b", 1)


@pytest.mark.parametrize(
    ("member", "wrong"), [("cwd", "tmp"), ("cwd", 1), ("cwd", None), ("args", []), ("args", "x")]
)
def test_one_wrong_member_does_not_hide_the_others(member: str, wrong: object) -> None:
    process: dict[str, Any] = {
        "cwd": "/", "args": ["/x"], "noNewPrivileges": True,
        "capabilities": {"bounding": ["CAP_NETRAW"]},
    }  # fmt: skip
    process[member] = wrong
    if wrong is None:
        del process[member]
    found = find_all({"ociVersion": "1.2.0", "root": {"path": "r"}, "process": process})
    said = {finding.code for finding in found}
    assert "unknown-capability" in said and "new-privileges" not in said
    assert any(f.field.startswith(f"process.{member}") and f.level == "error" for f in found)
