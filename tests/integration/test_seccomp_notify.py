"""SCMP_ACT_NOTIFY: an agent on the host decides about system calls of the container."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.receiver import Receiver
from harness.runtime import Runtime, wait_until
from harness.seccomp_agent import SeccompAgent, deny, let_pass

pytestmark = pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the numbers in here are those of x86_64"
)
MKDIR = 83


@pytest.fixture(autouse=True)
def pyrunc_only(runtime: Runtime) -> None:
    """runc 1.1 refuses the newer flag, and leaves processes that wait for an agent for ever."""
    if runtime.kind != "pyrunc":
        pytest.skip("runc 1.1 leaves processes behind that wait for the agent")


def ask(bundle: Bundle, agent: SeccompAgent, *names: str, **rest: Any) -> Bundle:
    """The agent is asked about `names`; all else is allowed."""
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": agent.path,
        "syscalls": [{"names": list(names), "action": "SCMP_ACT_NOTIFY"}],
        **rest,
    }
    return bundle


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_the_agent_decides(runtime: Runtime, bundle: Bundle, no_new_privileges: bool) -> None:
    bundle.process["noNewPrivileges"] = no_new_privileges
    bundle.sh("mkdir /tmp/a; mkdir /tmp/b && echo made; grep ^CapEff /proc/self/status")
    answers = [deny(errno.EXDEV), let_pass]

    def decide(number: int) -> tuple[int, int, int]:
        return answers.pop(0)(number)

    with SeccompAgent(decide) as agent:
        result = runtime.run(ask(bundle, agent, "mkdir"))
        assert [number for _, number in agent.asked] == [MKDIR, MKDIR]
    assert "ross-device link" in result.err
    assert result.words == ["made", "CapEff:", "0000000020000420"]


@pytest.mark.spec("linux.seccomp.listenerPath", "linux.seccomp.listenerMetadata")
def test_what_the_agent_is_told_at_create(runtime: Runtime, bundle: Bundle) -> None:
    """At create, not at start: the program must not run before somebody can answer."""
    bundle.config["annotations"] = {"policy": "strict"}
    with SeccompAgent(let_pass) as agent:
        ask(bundle.sleep(), agent, "mkdir", listenerMetadata="m\u00e4")
        container = runtime.create(bundle)
        wait_until(lambda: bool(agent.states), 10)
        (told,) = agent.states
        version = told["ociVersion"]
        assert told == {
            "ociVersion": version,
            "fds": ["seccompFd"],
            "pid": container.pid,
            "metadata": "m\u00e4",
            "state": {
                "ociVersion": version,
                "id": container.id,
                "status": "creating",
                "pid": container.pid,
                "bundle": str(bundle.path),
                "annotations": {"policy": "strict"},
            },
        }
        assert container.status == "created"
        assert "[seccomp notify]" not in str(open_files(container.pid))
        container.start()
        assert container.status == "running"


def open_files(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    return [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]


def test_exec_has_a_listener_of_its_own(runtime: Runtime, bundle: Bundle) -> None:
    with SeccompAgent(deny(errno.EMLINK)) as agent:
        container = runtime.run_detached(ask(bundle.sleep(), agent, "mkdir"))
        result = runtime.call("exec", container.id, "sh", "-c", "mkdir /tmp/a; echo $?")
        assert "Too many links" in result.err
        first, second = agent.states
        assert "metadata" not in second
        assert second["state"]["status"] == "running"
        assert second["state"]["pid"] == container.pid == first["pid"]
        assert second["pid"] not in (0, container.pid)


def test_a_killable_wait(runtime: Runtime, bundle: Bundle) -> None:
    with SeccompAgent(let_pass) as agent:
        flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC"]
        result = runtime.run(ask(bundle.sh("mkdir /tmp/a"), agent, "mkdir", flags=flags))
        assert result.status == 0, result
        assert len(agent.asked) == 1


@pytest.mark.parametrize("name", ["read", "openat", "capset", "close", "execve", "sendmsg"])
def test_calls_that_the_runtime_makes_itself(runtime: Runtime, bundle: Bundle, name: str) -> None:
    """It asks like everybody else, once the agent has the listener."""
    bundle.process["noNewPrivileges"] = False
    with SeccompAgent(let_pass) as agent:
        assert runtime.run(ask(bundle.sh("echo runs"), agent, name)).out == "runs\n"


def test_little_is_needed_of_a_strict_profile(runtime: Runtime, bundle: Bundle) -> None:
    """Nothing of sockets: the listener is fetched, not sent."""
    with SeccompAgent(let_pass) as agent:
        ask(bundle.sh("mkdir /tmp/a && echo made"), agent, "mkdir")
        bundle.linux["seccomp"]["syscalls"].append(
            {
                "names": ["sendmsg", "recvmsg", "sendto", "recvfrom", "socket", "pidfd_getfd"],
                "action": "SCMP_ACT_KILL_PROCESS",
            }
        )
        assert runtime.run(bundle).out == "made\n"


def test_nobody_listens(runtime: Runtime, bundle: Bundle) -> None:
    with Receiver() as gone:
        path = gone.path
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": path,
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
    }
    result = runtime.attempt("create", bundle)
    assert result.status == 1
    assert "no such file or directory" in result.text
    assert runtime.ids() == []


def test_the_agent_ends(runtime: Runtime, bundle: Bundle) -> None:
    """Then calls fail: nobody of us holds the listener open."""
    with SeccompAgent(let_pass) as agent:
        container = runtime.create(ask(bundle.sh("mkdir /tmp/a; exit 3"), agent, "mkdir"))
    container.start()
    assert container.wait() == 3
    assert "not implemented" in container.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"listenerPath": ""}, "listenerPath"),
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "defaultAction|default action"),
        ({"syscalls": [{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]}, "write"),
    ],
)
def test_refused(runtime: Runtime, bundle: Bundle, change: dict[str, Any], words: str) -> None:
    with SeccompAgent(let_pass) as agent:
        result = runtime.run(ask(bundle, agent, "mkdir", **change))
        assert result.status == 1
        assert any(word in result.err for word in words.split("|")), result.err
        assert agent.states == []
    assert runtime.ids() == []
