"""Who the program becomes.

CVE-2016-3697: a number is taken for a name of the image. CVE-2026-30892: a user without a group
stays root. CVE-2024-40635: numbers that are too large wrap to 0. CVE-2022-29162 and kin: the
inheritable set is filled by exec. CVE-2022-36109: groups of the caller stay. A runtime with one of
these holes prints uid 0, a capability or a group that nobody asked for.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime

PASSWD = (
    "root:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\nuser:x:0:0::/:\n"
)
OF_EXEC = [
    "-1", "4294967295", "4294967296", "18446744073709551616", "1x", ":1", "true", "1.5", " 1",
    "1 ", "+1", "0x3e8", "1_0", "\u0661", "user", "root:root", "1:", "1:x", "1:-1", "1:4294967296",
    "1:4294967295", "1e3", "", ":",
]  # fmt: skip
OF_JSON: list[Any] = [-1, 4294967295, 4294967296, 1 << 64, "0", "1000", True, 1.5, [], {}]


@pytest.mark.parametrize("user", OF_EXEC, ids=repr)
def test_odd_users_of_exec(runtime: Runtime, bundle: Bundle, user: str) -> None:
    """The container's own user is another: where the value is lost, that shows as well."""
    bundle.file("etc/passwd", PASSWD)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    container = runtime.run_detached(bundle.sleep())
    result = runtime.call("exec", "--user", user, container.id, "id", "-u")
    if user == "":  # nothing asked for, as with runc
        assert result.out in ("", "1000\n")
    else:
        assert result.status != 0, result
        assert result.out == ""


@pytest.mark.parametrize(("user", "ids"), [("1000", "1000 0"), ("1", "1 0"), ("7:8", "7 8")])
def test_numbers_are_numbers(runtime: Runtime, bundle: Bundle, user: str, ids: str) -> None:
    """Whatever the image's passwd says, by Python as by the executable alone."""
    bundle.file("etc/passwd", PASSWD)
    container = runtime.run_detached(bundle.sleep())
    for words in ([], ["--preserve-fds", "0"]):
        result = runtime.call(
            "exec", *words, "--user", user, container.id, "sh", "-c", "echo $(id -u) $(id -g)"
        )
        assert result.out == f"{ids}\n", result


@pytest.mark.parametrize("value", OF_JSON, ids=repr)
@pytest.mark.parametrize("key", ["uid", "gid"])
def test_odd_users_of_the_configuration(
    runtime: Runtime, bundle: Bundle, key: str, value: Any
) -> None:
    bundle.process["user"] = {"uid": 1, "gid": 1, key: value}
    result = runtime.run(bundle.args("/bin/id"))
    assert result.status != 0
    assert result.out == ""


def test_groups_are_the_configured(runtime: Runtime, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 5, "gid": 6}
    extra = {"extra_groups": [0, 4, 2000]}
    script = "grep ^Groups: /proc/self/status"
    assert runtime.run(bundle.sh(script), **extra).words == ["Groups:"]
    container = runtime.run_detached(bundle.sleep(), **extra)
    for words in ([], ["--preserve-fds", "0"], ["--user", "7"]):
        result = runtime.call("exec", *words, container.id, "sh", "-c", script, **extra)
        assert result.words == ["Groups:"]


def sets_of(text: str) -> dict[str, int]:
    """The five sets, as /proc/self/status has them."""
    pairs = (line.split() for line in text.splitlines() if line.startswith("Cap"))
    return {name.rstrip(":"): int(value, 16) for name, value in pairs}


def test_capabilities_after_exec(runtime: Runtime, bundle: Bundle) -> None:
    """Nothing to inherit, nothing ambient; another user has none in effect."""
    kill, net = 1 << 5, 1 << 10
    bundle.capabilities("CAP_KILL")
    container = runtime.run_detached(bundle.sleep())
    show = [container.id, "grep", "^Cap", "/proc/self/status"]
    plain = {"CapInh": 0, "CapPrm": kill, "CapEff": kill, "CapBnd": kill, "CapAmb": 0}
    for words in ([], ["--preserve-fds", "0"]):
        assert sets_of(runtime.call("exec", *words, *show).check().out) == plain
        other = sets_of(runtime.call("exec", *words, "--user", "9", *show).check().out)
        assert other == plain | {"CapPrm": 0, "CapEff": 0}
    more = sets_of(runtime.call("exec", "--cap", "CAP_NET_BIND_SERVICE", *show).check().out)
    assert more["CapInh"] == 0
    assert more["CapAmb"] == 0
    assert more["CapEff"] == kill | net


def test_exec_is_not_weaker_than_the_container(runtime: Runtime, bundle: Bundle) -> None:
    """no_new_privs and the filter hold for what joins."""
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
    }
    container = runtime.run_detached(bundle.sleep())
    for words in ([], ["--preserve-fds", "0"]):
        result = runtime.call(
            "exec",
            *words,
            container.id,
            "grep",
            "-E",
            "^(NoNewPrivs|Seccomp):",
            "/proc/self/status",
        )
        assert result.words == ["NoNewPrivs:", "1", "Seccomp:", "2"]


def test_session_and_terminal_are_not_the_callers(runtime: Runtime, bundle: Bundle) -> None:
    """CVE-2017-5226: who shares the caller's session can type into his terminal (TIOCSTI)."""
    script = "cut -d' ' -f6,7 /proc/self/stat; (: < /dev/tty) 2>/dev/null && echo terminal"
    container = runtime.run_detached(bundle.sleep())
    for words in ([], ["--preserve-fds", "0"]):
        result = runtime.call("exec", *words, container.id, "sh", "-c", script)
        session, terminal = result.words
        assert (session != "0" or words == []) and terminal == "0"
    assert os.getsid(container.pid) == container.pid
