"""Which process exec runs: the container's bent by options, or that of a file."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.plan.exec_process import ExecOptions, place, process_of_file, process_of_options

OWN: dict[str, Any] = {
    "args": ["sh"],
    "cwd": "/srv",
    "env": ["PATH=/bin", "A=1"],
    "terminal": True,
    "consoleSize": {"height": 3, "width": 4},
    "user": {"uid": 5, "gid": 6, "additionalGids": [7], "umask": 0o77},
    "capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": []},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 6}],
    "noNewPrivileges": True,
    "oomScoreAdj": 300,
    "apparmorProfile": "p",
    "selinuxLabel": "l",
    "scheduler": {"policy": "SCHED_BATCH"},
    "ioPriority": {"class": "IOPRIO_CLASS_BE"},
    "execCPUAffinity": {"final": "0"},
}


def options(**changed: Any) -> ExecOptions:
    made = ExecOptions("c1")
    made.args = ["ls"]
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def of_options(bundles: dict[str, Any] = OWN, **changed: Any) -> dict[str, Any]:
    return dict(process_of_options(bundles, OWN, options(**changed)))  # type: ignore[arg-type]


def of_file(given: dict[str, Any], own: dict[str, Any] = OWN) -> dict[str, Any]:
    return dict(process_of_file(given, own))  # type: ignore[arg-type]


class TestOptions:
    def test_nothing_but_a_program(self) -> None:
        """All is the container's but the program, and the terminal, which is never inherited."""
        assert of_options() == {**OWN, "args": ["ls"], "terminal": False}

    @pytest.mark.parametrize(
        ("changed", "members"),
        [
            ({"cwd": "/tmp"}, {"cwd": "/tmp"}),
            ({"env": ["A=2", "B="]}, {"env": ["PATH=/bin", "A=1", "A=2", "B="]}),
            ({"tty": True}, {"terminal": True}),
            ({"no_new_privs": False}, {"noNewPrivileges": False}),
            ({"apparmor": "q"}, {"apparmorProfile": "q"}),
            ({"process_label": "m"}, {"selinuxLabel": "m"}),
            ({"user": "1"}, {"user": {**OWN["user"], "uid": 1}}),
            ({"user": "1:2"}, {"user": {**OWN["user"], "uid": 1, "gid": 2}}),
            ({"additional_gids": [7, 8]}, {"user": {**OWN["user"], "additionalGids": [7, 7, 8]}}),
        ],
    )
    def test_each(self, changed: dict[str, Any], members: dict[str, Any]) -> None:
        assert of_options(**changed) == {**OWN, "args": ["ls"], "terminal": False, **members}

    def test_capabilities_are_added(self) -> None:
        assert of_options(caps=["CAP_CHOWN"])["capabilities"] == {
            "bounding": ["CAP_KILL", "CAP_CHOWN"],
            "permitted": ["CAP_KILL", "CAP_CHOWN"],
            "effective": ["CAP_CHOWN"],
            "inheritable": [],
            "ambient": [],
        }

    def test_an_ambient_one_must_be_inheritable(self) -> None:
        bundles = {**OWN, "capabilities": {"inheritable": ["CAP_CHOWN"]}}
        found = of_options(bundles, caps=["CAP_CHOWN", "CAP_KILL"])["capabilities"]
        assert found["ambient"] == ["CAP_CHOWN"]

    def test_without_any_capabilities(self) -> None:
        bundles = {key: value for key, value in OWN.items() if key != "capabilities"}
        found = of_options(bundles, caps=["CAP_CHOWN"])["capabilities"]
        assert found["effective"] == found["permitted"] == found["bounding"] == ["CAP_CHOWN"]

    def test_umask_and_oom_score_stay_as_at_create(self) -> None:
        bundles = {**OWN, "user": {"umask": 0o2}, "oomScoreAdj": -5}
        found = of_options(bundles)
        assert found["user"] == {"umask": 0o77}
        assert found["oomScoreAdj"] == 300

    def test_the_containers_is_left_alone(self) -> None:
        before = repr(OWN)
        of_options(user="1:2", additional_gids=[9], caps=["CAP_CHOWN"], env=["X=1"])
        of_file({"args": ["x"], "cwd": "/"})
        assert repr(OWN) == before

    def test_without_a_program(self) -> None:
        with pytest.raises(ConfigError, match="exec args cannot be empty"):
            of_options(args=[])

    @pytest.mark.parametrize(
        "user",
        [
            "-1", "+1", "4294967295", "4294967296", "99999999999", "1x", ":1", " 1", "1 ", "0x1",
            "true", "1.5", "root", "²", "1:", "1:-1", "1:x", "1:4294967295", "1:2:3",
        ],
    )  # fmt: skip
    def test_no_user(self, user: str) -> None:
        with pytest.raises(ConfigError, match=r"--user: bad [ug]id"):
            of_options(user=user)


class TestFile:
    def test_what_it_says_counts(self) -> None:
        given = {
            "args": ["x"], "cwd": "/", "env": [], "user": {"uid": 1, "umask": 0},
            "capabilities": {}, "rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}],
            "apparmorProfile": "q", "selinuxLabel": "m", "scheduler": {"policy": "SCHED_IDLE"},
            "ioPriority": {"class": "IOPRIO_CLASS_RT"}, "execCPUAffinity": {"initial": "1"},
            "oomScoreAdj": 0, "noNewPrivileges": False,
        }  # fmt: skip
        assert of_file(given) == given

    def test_what_it_does_not_say_is_the_containers(self) -> None:
        fallen_back = (
            "capabilities", "rlimits", "apparmorProfile", "selinuxLabel", "scheduler",
            "ioPriority", "execCPUAffinity", "oomScoreAdj",
        )  # fmt: skip
        found = of_file({"args": ["x"], "cwd": "/"})
        assert found == {
            "args": ["x"], "cwd": "/", "user": {"umask": 0o77},
            **{name: OWN[name] for name in fallen_back},
        }  # fmt: skip

    def test_a_container_without_anything(self) -> None:
        found = of_file({"args": ["x"], "cwd": "/"}, {"args": ["y"], "cwd": "/"})
        assert found == {"args": ["x"], "cwd": "/", "user": {}}


@pytest.mark.parametrize(
    ("field", "changed", "text"),
    [
        ("process.cwd", {}, "process.cwd"),
        ("process.cwd", {"cwd": "x"}, "--cwd"),
        ("process.user.uid", {"user": "1"}, "--user"),
        ("process.user.additionalGids[0]", {"additional_gids": [1]}, "--additional-gids"),
        ("process.user.additionalGids[0]", {"user": "1"}, "process.user.additionalGids[0]"),
        ("process.capabilities.effective", {"caps": ["CAP_KILL"]}, "--cap"),
        ("process.env[3]", {"env": ["A"]}, "process.env[3]"),
        ("process.user.uid", {"process_file": "/p.json"}, "/p.json: user.uid"),
        ("process", {"process_file": "/p.json"}, "/p.json"),
        ("linux.seccomp", {"process_file": "/p.json"}, "linux.seccomp"),
        ("process_label", {"process_file": "/p.json"}, "process_label"),
        ("", {"process_file": "/p.json"}, ""),
    ],
)
def test_place(field: str, changed: dict[str, Any], text: str) -> None:
    assert place(field, options(**changed)) == text
