"""Rules about the top of the configuration, the process and the hooks."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal, options, problems_of, warnings_of

from runtime.errors import ConfigError
from runtime.host.facts import HostFacts
from runtime.plan.rules import check_rules

UNSUPPORTED = "is not supported by this version of pyrunc"
UTS = {"namespaces": [{"type": "mount"}, {"type": "uts"}]}


@pytest.mark.parametrize(
    "version",
    ["1.0.0", "1.0.2-dev", "1.3.0", "1.3.9", "1.0.0-rc5+dev.abc", "1.2.0+build-1", "1.0.0-0.a-b"],
)
@pytest.mark.spec("ociVersion")
def test_versions_that_are_supported(version: str) -> None:
    assert problems_of(minimal(ociVersion=version)) == []


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0.1.0", "0.1.0 is not supported, 1.0.0 to 1.3.0 are"),
        ("1.4.0", "1.4.0 is not supported"),
        ("2.0.0", "2.0.0 is not supported"),
        ("abc", "is no semantic version"),
        ("", "is no semantic version"),
        ("1.0", "is no semantic version"),
        ("1.0.0.0", "is no semantic version"),
        ("v1.0.0", "is no semantic version"),
        ("01.0.0", "is no semantic version"),
        ("1.0.0-", "is no semantic version"),
        ("1.0.0-a..b", "is no semantic version"),
        ("1.0.0+", "is no semantic version"),
        ("1.0.0+ü", "is no semantic version"),
        ("1.٣.0", "is no semantic version"),
    ],
)
def test_versions_that_are_not(version: str, words: str) -> None:
    (problem,) = problems_of(minimal(ociVersion=version))
    assert problem.startswith("ociVersion: ")
    assert words in problem


@pytest.mark.parametrize(
    ("process", "problem"),
    [
        ({"args": []}, "process.args: is empty, expected the program and its arguments"),
        ({"args": ["", "x"]}, "process.args[0]: is empty, expected a program"),
        ({"cwd": ""}, "process.cwd: is empty, expected an absolute path"),
        ({"cwd": "a/b"}, 'process.cwd: "a/b" is relative, expected an absolute path'),
        ({"env": ["A=1", "B"]}, 'process.env[1]: "B" is not of the form NAME=VALUE'),
        ({"env": ["=1"]}, 'process.env[0]: "=1" is not of the form NAME=VALUE'),
        ({"env": [""]}, 'process.env[0]: "" is not of the form NAME=VALUE'),
        (
            {"user": {"uid": 2**32 - 1}},
            "process.user.uid: 4294967295 is no id, expected 0 to 4294967294",
        ),
        (
            {"user": {"gid": 2**32}},
            "process.user.gid: 4294967296 is no id, expected 0 to 4294967294",
        ),
        ({"user": {"uid": -1}}, "process.user.uid: -1 is no id, expected 0 to 4294967294"),
        (
            {"user": {"additionalGids": [1, 2**32 - 1]}},
            "process.user.additionalGids[1]: 4294967295 is no id, expected 0 to 4294967294",
        ),
        ({"user": {"umask": 512}}, "process.user.umask: 512 is more than 511 (octal 0777)"),
        ({"oomScoreAdj": 1001}, "process.oomScoreAdj: 1001 is not between -1000 and 1000"),
        ({"oomScoreAdj": -1001}, "process.oomScoreAdj: -1001 is not between -1000 and 1000"),
        (
            {"rlimits": [{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}]},
            'process.rlimits[0].type: "RLIMIT_FOO" is no resource limit of Linux',
        ),
        (
            {"rlimits": [{"type": "RLIMIT_AS", "soft": 1, "hard": 1}] * 2},
            "process.rlimits[1].type: RLIMIT_AS is limited twice",
        ),
        (
            {"rlimits": [{"type": "RLIMIT_AS", "soft": 2, "hard": 1}]},
            "process.rlimits[0]: soft 2 is above hard 1",
        ),
        (
            {"capabilities": {"effective": ["CAP_KILL"]}},
            "process.capabilities.effective: CAP_KILL not in permitted",
        ),
        (
            {"terminal": True, "consoleSize": {"height": 65536, "width": 1}},
            "process.consoleSize.height: 65536 is not between 0 and 65535",
        ),
    ],
)
def test_process(process: dict[str, Any], problem: str) -> None:
    assert problems_of(minimal(process=process)) == [problem]


@pytest.mark.parametrize(
    "process",
    [
        {"terminal": False, "apparmorProfile": "", "selinuxLabel": "", "execCPUAffinity": {}},
        {
            "consoleSize": {"height": 1, "width": 65536},
            "commandLine": "x",
            "user": {"username": "u"},
        },
        {"terminal": True, "consoleSize": {"height": 65535, "width": 0}},
        {"env": ["A=", "B==", "A=2"], "rlimits": [], "capabilities": {}},
        {"user": {"uid": 2**32 - 2, "gid": 2**32 - 2, "umask": 0o777}, "oomScoreAdj": -1000},
        {"rlimits": [{"type": "RLIMIT_AS", "soft": 2**64 - 1, "hard": 2**64 - 1}]},
    ],
)
@pytest.mark.spec("process.commandLine", "process.user.username")
def test_what_asks_for_nothing_or_can_be_done(process: dict[str, Any]) -> None:
    assert warnings_of(minimal(process=process)) == []


@pytest.mark.parametrize(
    ("capabilities", "warning"),
    [
        ({"bounding": ["CAP_FOO", "CAP_KILL", "kill"]},
         "process.capabilities.bounding: ignoring unknown or unavailable capabilities:"
         " [CAP_FOO kill] [unknown-capability]"),
        ({"ambient": ["CAP_KILL"]},
         "process.capabilities.ambient: CAP_KILL ignored: not both permitted and inheritable"
         " [powerless-ambient]"),
    ],
)  # fmt: skip
def test_capabilities_that_are_warned_about(
    capabilities: dict[str, list[str]], warning: str
) -> None:
    assert warnings_of(minimal(process={"capabilities": capabilities})) == [warning]


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"hostname": "h"}, "hostname: needs a uts namespace, it would rename the host"),
        ({"domainname": "d"}, "domainname: needs a uts namespace, it would rename the host"),
        ({"hostname": "h" * 65, "linux": UTS}, "hostname: has more than 64 bytes"),
        ({"domainname": "ü" * 33, "linux": UTS}, "domainname: has more than 64 bytes"),
        ({"annotations": {"": "x"}}, "annotations: a key is empty"),
    ],
)
def test_top(sections: dict[str, Any], problem: str) -> None:
    assert problems_of(minimal(**sections)) == [problem]


def test_names_that_are_fine() -> None:
    assert problems_of(minimal(hostname="h" * 64, domainname="", linux=UTS)) == []
    joined = {"namespaces": [{"type": "mount"}, {"type": "uts", "path": "/u"}]}
    assert problems_of(minimal(hostname="h", linux=joined)) == []


@pytest.mark.parametrize("section", ["process", "root"])
def test_what_create_cannot_do_without(section: str) -> None:
    config = minimal()
    del config[section]
    (problem,) = problems_of(config)
    assert problem.startswith(f"{section}: is missing")


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        (
            {"path": "bin/h"},
            'hooks.poststop[0].path: "bin/h" is relative, expected an absolute path',
        ),
        ({"path": ""}, 'hooks.poststop[0].path: "" is relative, expected an absolute path'),
        ({"path": "/h", "timeout": 0}, "hooks.poststop[0].timeout: 0 s, expected more than 0"),
        ({"path": "/h", "timeout": -3}, "hooks.poststop[0].timeout: -3 s, expected more than 0"),
        (
            {"path": "/h", "env": ["X"]},
            'hooks.poststop[0].env[0]: "X" is not of the form NAME=VALUE',
        ),
    ],
)
def test_hooks(hook: dict[str, Any], problem: str) -> None:
    assert problems_of(minimal(hooks={"poststop": [hook]})) == [problem]


@pytest.mark.parametrize(
    ("sections", "field"),
    [
        ({"process": {"args": ["a", "b\0c"]}}, "process.args[1]"),
        ({"process": {"env": ["A=\0"]}}, "process.env[0]"),
        ({"mounts": [{"type": "tmpfs", "destination": "/a\0"}]}, "mounts[0].destination"),
        ({"annotations": {"k\0": "v"}}, "annotations"),
        ({"hooks": {"prestart": [{"path": "/h\0"}]}}, "hooks.prestart[0].path"),
        ({"linux": {"cgroupsPath": "/a\0b"}}, "linux.cgroupsPath"),
    ],
)
def test_no_string_holds_nul(sections: dict[str, Any], field: str) -> None:
    (problem,) = problems_of(minimal(**sections))
    assert problem == f"{field}: holds a NUL character, which no system call can take"


def test_half_a_surrogate_pair() -> None:
    (problem,) = problems_of(minimal(process={"args": ["/x", "\ud800"]}))
    assert problem.startswith("process.args[1]: holds half of a surrogate pair")


@pytest.mark.parametrize("text", ["\\x00", "\\ud800", "\udcff", "😀"])
def test_strings_that_only_look_like_it(text: str) -> None:
    assert problems_of(minimal(process={"args": ["/x", text]})) == []


NO_SOCKET = (
    "process.terminal: cannot allocate tty if runc will detach without setting console socket"
)
NO_USE = "--console-socket: cannot use console socket if runc will not detach or allocate tty"


@pytest.mark.parametrize(
    ("terminal", "detach", "socket", "problems"),
    [
        pytest.param(True, True, "/s", [], id="an engine copies"),
        pytest.param(True, False, "", [], id="we copy"),
        pytest.param(True, True, "", [NO_SOCKET], id="nobody would copy"),
        pytest.param(True, False, "/s", [NO_USE], id="two would copy"),
        pytest.param(False, True, "/s", [NO_USE], id="nothing to copy"),
        pytest.param(False, True, "", [], id="no terminal"),
    ],
)
def test_terminal_and_socket(
    terminal: bool, detach: bool, socket: str, problems: list[str]
) -> None:
    config = minimal(process={"terminal": terminal})
    assert problems_of(config, None, options(detach=detach, console_socket=socket)) == problems


MAPS = [{"containerID": 0, "hostID": 1000, "size": 10}]
USER = {
    "namespaces": [{"type": "user"}, {"type": "mount"}],
    "uidMappings": MAPS,
    "gidMappings": MAPS,
}


@pytest.mark.parametrize(
    ("user", "field"),
    [
        ({"uid": 10}, "process.user.uid"),
        ({"gid": 10}, "process.user.gid"),
        ({"additionalGids": [9, 10]}, "process.user.additionalGids[1]"),
    ],
)
def test_ids_must_be_mapped(user: dict[str, Any], field: str) -> None:
    (problem,) = problems_of(minimal(process={"user": user}, linux=USER))
    assert problem == f"{field}: 10 is in none of the user namespace's mappings"


@pytest.mark.parametrize(
    ("host", "problems", "warnings"),
    [
        pytest.param(facts(), 0, 0, id="root sets them"),
        pytest.param(facts(setgroups_allowed=False), 0, 1, id="denied around us: a warning"),
        pytest.param(facts(euid=1000), 1, 0, id="one group, no privileges: an error"),
    ],
)
def test_additional_groups(host: HostFacts, problems: int, warnings: int) -> None:
    single = [{"containerID": 0, "hostID": 1000, "size": 1}]
    linux = USER | {"uidMappings": single, "gidMappings": single}
    config = minimal(process={"user": {"additionalGids": [0]}}, linux=linux)
    assert len(problems_of(config, host)) == problems
    if not problems:
        assert len(warnings_of(config, host)) == warnings


def test_all_that_is_wrong_is_said_at_once() -> None:
    config = minimal(hostname="h", process={"cwd": "x", "args": []}, ociVersion="9")
    with pytest.raises(ConfigError) as caught:
        check_rules(config, options(), facts())  # type: ignore[arg-type]  # a plain dict
    assert str(caught.value) == (
        'config.json: 4 problems: ociVersion: "9" is no semantic version like 1.3.0;'
        " hostname: needs a uts namespace, it would rename the host;"
        " process.args: is empty, expected the program and its arguments;"
        ' process.cwd: "x" is relative, expected an absolute path'
    )


def test_a_flood_of_problems_ends() -> None:
    config = minimal(process={"env": ["bad"] * 100})
    with pytest.raises(ConfigError, match=r"100 problems: .*; and 80 more"):
        check_rules(config, options(), facts())  # type: ignore[arg-type]  # a plain dict
