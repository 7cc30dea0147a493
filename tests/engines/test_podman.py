"""podman 4.3 and conmon, on the runtime under test."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.engines import Podman


@pytest.fixture
def name(podman: Podman, request: pytest.FixtureRequest) -> Iterator[str]:
    """A container's name; the container is removed with the test."""
    chosen = f"c{abs(hash(request.node.name)) % 10**8}"
    yield chosen
    podman.attempt("rm", "-f", "-t", "0", "-i", chosen)


class TestRun:
    def test_output_and_status(self, podman: Podman) -> None:
        result = podman.attempt(
            "run", "--rm", podman.image, "sh", "-c", "echo out; echo err >&2; exit 3"
        )
        assert (result.status, result.out, result.err) == (3, "out\n", "err\n")

    def test_standard_input(self, podman: Podman) -> None:
        result = podman.call("run", "--rm", "-i", podman.image, "cat", stdin=b"through\n")
        assert result.out == "through\n"

    @pytest.mark.parametrize(
        ("program", "status"),
        [("nonexist", 127), ("/none/at/all", 127), ("/etc/passwd", 126), ("/etc", 126)],
    )
    def test_programs_that_cannot_run(self, podman: Podman, program: str, status: int) -> None:
        result = podman.attempt("run", "--rm", podman.image, program)
        assert result.status == status, result

    def test_killed_program(self, podman: Podman, name: str) -> None:
        podman.call("run", "-d", "--name", name, podman.image, "sleep", "1000")
        podman.call("kill", "-s", "KILL", name)
        assert podman.call("wait", name).out == "137\n"


class TestDetached:
    def test_stop_and_rm(self, podman: Podman, name: str) -> None:
        script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
        podman.call("run", "-d", "--name", name, podman.image, "sh", "-c", script)
        end = time.monotonic() + 10
        while "up" not in podman.call("logs", name).out:
            assert time.monotonic() < end
        assert state(podman, name)["Status"] == "running"
        podman.call("stop", "-t", "10", name)
        assert state(podman, name)["ExitCode"] == 0
        assert podman.call("logs", name).out == "up\nbye\n"
        podman.call("rm", name)
        assert podman.attempt("inspect", name).status != 0

    def test_stop_of_one_that_ignores_it(self, podman: Podman, name: str) -> None:
        podman.call("run", "-d", "--name", name, podman.image, "sleep", "1000")
        podman.call("stop", "-t", "1", name)
        assert state(podman, name)["ExitCode"] == 137

    def test_start_again(self, podman: Podman, name: str) -> None:
        podman.call("run", "-d", "--name", name, podman.image, "sleep", "1000")
        podman.call("stop", "-t", "0", name)
        podman.call("start", name)
        assert state(podman, name)["Status"] == "running"
        podman.call("rm", "-f", "-t", "0", name)

    def test_create_then_start(self, podman: Podman, name: str) -> None:
        podman.call("create", "--name", name, podman.image, "echo", "hi")
        assert podman.call("start", "--attach", name).out == "hi\n"


def state(podman: Podman, name: str) -> dict[str, object]:
    """The State of ``podman inspect``."""
    (document,) = json.loads(podman.call("inspect", name).out)
    found: dict[str, object] = document["State"]
    return found


class TestOptions:
    def test_read_only(self, podman: Podman) -> None:
        script = "touch /x 2>/dev/null || echo refused; touch /run/x && echo fine"
        assert podman.run("--read-only", script=script).words == ["refused", "fine"]

    def test_tmpfs(self, podman: Podman) -> None:
        script = "touch /t/x && grep ' /t ' /proc/mounts"
        out = podman.run("--tmpfs", "/t:size=1m,noexec", script=script).out
        assert out.startswith("tmpfs /t tmpfs")
        assert "size=1024k" in out
        assert "noexec" in out

    def test_volumes(self, podman: Podman, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("shared\n")
        script = "cat /m/file; touch /m/x 2>/dev/null || echo refused; echo kept >/v/x"
        out = podman.run("-v", f"{tmp_path}:/m:ro", "-v", "vol1:/v", script=script).out
        assert out == "shared\nrefused\n"
        assert podman.run("-v", "vol1:/v", script="cat /v/x").out == "kept\n"
        podman.call("volume", "rm", "vol1")

    def test_volume_for_writing(self, podman: Podman, tmp_path: Path) -> None:
        podman.run("-v", f"{tmp_path}:/m:rw,rslave", script="echo written >/m/x")
        assert (tmp_path / "x").read_text() == "written\n"

    def test_user(self, podman: Podman) -> None:
        assert podman.run("--user", "1000:2000", script="id -u; id -g").words == ["1000", "2000"]
        assert podman.run("--user", "mail", script="whoami").words == ["mail"]

    def test_cap_drop(self, podman: Podman) -> None:
        script = "grep -E 'Cap(Eff|Bnd)' /proc/self/status; chown 8 /etc/group || echo refused"
        out = podman.run("--cap-drop", "ALL", script=script).out
        assert out.split() == ["CapEff:", "0" * 16, "CapBnd:", "0" * 16, "refused"]

    def test_cap_drop_of_one(self, podman: Podman) -> None:
        script = "chown 8 /etc/group || echo refused"
        assert podman.run(script=script).out == ""
        assert podman.run("--cap-drop", "CHOWN", script=script).out == "refused\n"

    def test_memory(self, podman: Podman) -> None:
        result = podman.attempt(
            "run", "--rm", "--memory", "16m", "--memory-swap", "16m", "--tmpfs", "/t:size=64m",
            podman.image, "dd", "if=/dev/zero", "of=/t/x", "bs=1M", "count=32",
        )  # fmt: skip
        assert result.status == 137
        assert podman.run("--memory", "16m", script="echo fine").out == "fine\n"

    def test_pids_limit(self, podman: Podman) -> None:
        script = "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait"
        result = podman.attempt(
            "run", "--rm", "--pids-limit", "5", podman.image, "sh", "-c", script
        )
        assert "can't fork" in result.err

    def test_hostname(self, podman: Podman) -> None:
        assert podman.run("--hostname", "island", script="hostname").out == "island\n"

    def test_environment_and_working_directory(self, podman: Podman) -> None:
        out = podman.run("-e", "A=1", "-w", "/etc", script="echo $A; pwd").words
        assert out == ["1", "/etc"]

    def test_ulimit(self, podman: Podman) -> None:
        options = ("--ulimit", "nofile=99:199", "--ulimit", "nproc=77:88")
        assert podman.run(*options, script="ulimit -n; ulimit -Hn").words == ["99", "199"]

    def test_sysctl(self, podman: Podman) -> None:
        options = ("--sysctl", "kernel.msgmax=4096")
        assert podman.run(*options, script="cat /proc/sys/kernel/msgmax").words == ["4096"]

    def test_device(self, podman: Podman) -> None:
        options = ("--device", "/dev/null:/dev/mine")
        assert podman.run(*options, script="stat -c %t:%T /dev/mine").words == ["1:3"]

    def test_init(self, podman: Podman) -> None:
        assert podman.run("--init", script="cat /proc/1/comm").words == ["podman-init"]

    def test_user_namespace(self, podman: Podman) -> None:
        options = ("--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536")
        out = podman.run(*options, script="id -u; cat /proc/self/uid_map; echo x >/dev/null")
        assert out.words == ["0", "0", "100000", "65536"]

    @pytest.mark.parametrize("kind", ["pid", "ipc", "uts", "network"])
    def test_host_namespaces(self, podman: Podman, kind: str) -> None:
        file = {"network": "net"}.get(kind, kind)
        out = podman.run(f"--{kind}", "host", script=f"readlink /proc/self/ns/{file}").out
        assert out.strip() == str(Path(f"/proc/self/ns/{file}").readlink())

    def test_privileged(self, podman: Podman) -> None:
        script = "mount -t tmpfs x /mnt && echo mounted; ls /dev | wc -l"
        out = podman.run("--privileged", script=script).words
        assert out[0] == "mounted"
        assert int(out[1]) > 20

    def test_preserve_fds(self, podman: Podman, tmp_path: Path) -> None:
        path = tmp_path / "message"
        path.write_text("handed over\n")
        words = [*podman.prefix, "run", "--rm", "--preserve-fds", "1", podman.image]
        command = " ".join([*words, "cat", "/proc/self/fd/3", f"3<{path}"])
        done = subprocess.run(
            ["sh", "-c", command], env=podman.env, cwd=podman.folder, timeout=60,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert done.stdout == "handed over\n"


# sethostname(2) by root of a user namespace of its own: the kernel would allow it, the
# default profile does not.
RENAME = "unshare -U -r -u hostname renamed 2>/dev/null"


class TestDefaultSeccomp:
    """The profile that podman brings is in force."""

    def test_is_installed(self, podman: Podman) -> None:
        assert podman.run(script="grep Seccomp: /proc/self/status").words == ["Seccomp:", "2"]

    def test_denies(self, podman: Podman) -> None:
        assert podman.run(script=f"{RENAME} || echo refused").out == "refused\n"

    def test_can_be_switched_off(self, podman: Podman) -> None:
        options = ("--security-opt", "seccomp=unconfined")
        script = f"grep Seccomp: /proc/self/status; {RENAME} && echo done"
        assert podman.run(*options, script=script).words == ["Seccomp:", "0", "done"]


class TestPod:
    @pytest.fixture
    def pod(self, podman: Podman) -> Iterator[str]:
        """A pod with a container in it."""
        podman.call("pod", "create", "--name", "pd", "--hostname", "thepod")
        podman.call("run", "-d", "--pod", "pd", "--name", "pd1", podman.image, "sleep", "1000")
        yield "pd"
        podman.call("pod", "rm", "-f", "-t", "0", "pd")

    def test_namespaces_are_shared(self, podman: Podman, pod: str) -> None:
        pids = {
            name: podman.call("inspect", "-f", "{{.State.Pid}}", name).out.strip()
            for name in podman.call("ps", "-q", "--no-trunc", "--filter", "pod=pd").words
        }
        infra = podman.call("pod", "inspect", "-f", "{{.InfraContainerID}}", pod).out.strip()
        pids[infra] = podman.call("inspect", "-f", "{{.State.Pid}}", infra).out.strip()
        assert len(pids) == 2
        for kind, shared in (("net", True), ("ipc", True), ("uts", True), ("pid", False)):
            found = {Path(f"/proc/{pid}/ns/{kind}").readlink() for pid in pids.values()}
            assert (len(found) == 1) is shared, kind

    def test_another_member_sees_the_name(self, podman: Podman, pod: str) -> None:
        out = podman.call("run", "--rm", "--pod", pod, podman.image, "hostname").out
        assert out == "thepod\n"

    def test_stop_and_start(self, podman: Podman, pod: str) -> None:
        podman.call("pod", "stop", "-t", "0", pod)
        assert state(podman, "pd1")["Status"] == "exited"
        podman.call("pod", "start", pod)
        assert state(podman, "pd1")["Status"] == "running"


def test_stats(podman: Podman, name: str) -> None:
    """podman reads the cgroup that the runtime made."""
    options = ("--name", name, "--memory", "16m")
    podman.call("run", "-d", *options, podman.image, "sh", "-c", "while :; do :; done")
    (row,) = json.loads(podman.call("stats", "--no-stream", "--format", "json", name).out)
    assert row["name"] == name
    assert row["pids"] == "1"
    assert float(row["cpu_percent"].rstrip("%")) > 0
    assert row["mem_usage"].endswith(" / 16.78MB")


def test_many_at_once(podman: Podman) -> None:
    """Four detached containers, one after the other removed by force."""
    names = [f"many{i}" for i in range(4)]
    for name in names:
        podman.call("run", "-d", "--name", name, podman.image, "sleep", "1000")
    assert set(podman.call("ps", "--format", "{{.Names}}").words) >= set(names)
    podman.call("rm", "-f", "-t", "0", *names)
    assert not set(podman.call("ps", "-a", "--format", "{{.Names}}").words) & set(names)
