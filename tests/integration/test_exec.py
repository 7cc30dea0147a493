"""exec: a process more, by command line and by file, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.pty import Terminal
from harness.receiver import Receiver
from harness.runtime import Container, Result, Runtime, reap, wait_until

PROCESS: dict[str, Any] = {"args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"]}
CGROUPS = Path("/sys/fs/cgroup")
MAPS = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def execute(container: Container, *words: str, **rest: Any) -> Result:
    """`exec` in the foreground; `words` are options and the command."""
    options = [*words]
    command = options.index("--") if "--" in options else len(options)
    return container.runtime.call(
        "exec", *options[:command], container.id, *options[command + 1 :], **rest
    )


def sh(container: Container, script: str, *options: str, **rest: Any) -> str:
    """What a shell script that succeeds prints."""
    return execute(container, *options, "--", "/bin/sh", "-c", script, **rest).check().out


def detached(container: Container, *words: str) -> tuple[Result, Path]:
    """`exec --detach`, output in a file, as a pipe would stay open with the process.

    The process is ours to reap: until then the pid namespace of its container cannot end.
    """
    out, pid_file = container.bundle.path / "exec.out", container.bundle.path / "exec.pid"
    if "--pid-file" not in words:
        words = ("--pid-file", str(pid_file), *words)
    command = words.index("--")
    args = container.runtime.command(
        "exec", "--detach", *words[:command], container.id, *words[command + 1 :]
    )
    with out.open("w") as file:
        done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=20)
    return Result(args, done.returncode, "", out.read_text()), out


def end(container: Container) -> int:
    """Kill and reap what detached() left: its exit status."""
    pid = int((container.bundle.path / "exec.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    return reap(pid)


def with_file(container: Container, process: dict[str, Any], *options: str) -> Result:
    """`exec --process`."""
    path = container.bundle.path / "process.json"
    path.write_text(json.dumps(process))
    return execute(container, "--process", str(path), *options)


def in_user_namespace(bundle: Bundle) -> Bundle:
    """With ids of its own, to which the root filesystem belongs."""
    bundle.namespace("user")
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = MAPS
    os.chown(bundle.rootfs, MAPS[0]["hostID"], MAPS[0]["hostID"])
    return bundle


@pytest.fixture
def container(runtime: Runtime, bundle: Bundle) -> Container:
    """A container that runs."""
    return runtime.run_detached(bundle.sleep())


class TestEnd:
    @pytest.mark.parametrize(
        ("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill $$", 143)]
    )
    def test_status(self, container: Container, script: str, status: int) -> None:
        assert execute(container, "--", "sh", "-c", script).status == status

    def test_output_and_input(self, container: Container) -> None:
        done = execute(container, "--", "sh", "-c", "cat; echo e >&2", stdin=b"in")
        assert (done.out, done.err) == ("in", "e\n")

    def test_the_process_is_a_child_of_nobody_inside(self, container: Container) -> None:
        assert sh(container, "echo $PPID") == "0\n"

    @pytest.mark.parametrize("name", ["TERM", "USR1", "HUP", "INT"])
    def test_signals_are_passed_on(self, container: Container, name: str) -> None:
        script = f"trap 'echo got; exit 7' {name}; echo ready; while :; do sleep 0.1; done"
        call = subprocess.Popen(
            container.runtime.command("exec", container.id, "sh", "-c", script),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )  # fmt: skip
        with call:
            assert call.stdout is not None
            assert call.stdout.readline() == b"ready\n"
            call.send_signal(getattr(signal, f"SIG{name}"))
            assert call.stdout.read() == b"got\n"
            assert call.wait(20) == 7

    def test_the_container_ends_meanwhile(self, container: Container) -> None:
        call = subprocess.Popen(
            container.runtime.command("exec", container.id, "sh", "-c", "echo r; sleep 100"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )  # fmt: skip
        with call:
            assert call.stdout is not None
            assert call.stdout.readline() == b"r\n"
            container.kill("KILL")
            assert call.wait(20) == 137


class TestDetached:
    def test_the_pid_is_written_and_the_process_stays(self, container: Container) -> None:
        pid_file = container.bundle.path / "exec.pid"
        done, out = detached(
            container, "--pid-file", str(pid_file), "--", "sh", "-c", "echo $$; sleep 0.3; exit 5"
        )
        assert done.check().text in ("", out.read_text())
        assert pid_file.read_text().isdigit()
        assert reap(int(pid_file.read_text())) == 5
        assert out.read_text().strip().isdigit()

    def test_failure(self, container: Container) -> None:
        pid_file = container.bundle.path / "exec.pid"
        done, _ = detached(container, "--pid-file", str(pid_file), "--", "nonexistent")
        assert done.status == 255
        assert "executable file not found in $PATH" in done.text
        assert not pid_file.exists()

    def test_pid_file_in_a_missing_folder(self, container: Container) -> None:
        """The process does not outlive the failure."""
        done, _ = detached(container, "--pid-file", "/none/pid", "--", "sleep", "1234")
        assert done.status == 255
        assert "1234" not in sh(container, "ps -o args | grep -v grep || true")

    def test_pidfd_socket(self, container: Container) -> None:
        with Receiver() as receiver:
            detached(
                container, "--pidfd-socket", receiver.path, "--", "sh", "-c", "sleep 100"
            )[0].check()  # fmt: skip
            fd = receiver.take()
            assert receiver.payload == b"setns"
            signal.pidfd_send_signal(fd, signal.SIGTERM)
            assert end(container) == 143


class TestWrongMoment:
    def test_absent(self, runtime: Runtime) -> None:
        done = runtime.call("exec", runtime.new_id(), "true")
        assert done.status == 255
        assert "container does not exist" in done.err

    def test_stopped(self, container: Container) -> None:
        container.kill("KILL")
        container.wait()
        done = execute(container, "--", "true")
        assert done.status == 255
        assert "cannot exec in a stopped container" in done.err

    def test_created(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle.sleep())
        assert sh(container, "echo hi; cat /proc/1/comm") == "hi\npyrunc init\n" or (
            runtime.kind != "pyrunc"
        )
        assert container.status == "created"

    def test_paused(self, container: Container) -> None:
        container.runtime.call("pause", container.id).check()
        try:
            done = execute(container, "--", "true")
            assert done.status == 255
            assert "cannot exec in a paused container (use --ignore-paused to override)" in done.err
        finally:
            container.runtime.call("resume", container.id).check()

    @pytest.mark.parametrize("mode", [[], ["--detach"]])
    def test_ignore_paused_goes_on_at_resume(self, container: Container, mode: list[str]) -> None:
        container.runtime.call("pause", container.id).check()
        pid_file = container.bundle.path / "exec.pid"
        call = subprocess.Popen(
            container.runtime.command(
                "exec", "--ignore-paused", *mode, "--pid-file", str(pid_file), container.id, "true"
            ),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            time.sleep(0.3)
            assert call.poll() is None
        finally:
            container.runtime.call("resume", container.id).check()
        assert call.wait(20) == 0
        if mode:
            assert reap(int(pid_file.read_text())) == 0

    @pytest.mark.parametrize(
        ("words", "status"),
        [((), 1), (("--moon", "c", "x"), 1), (("-g", "7,8", "c", "x"), 1), (("c",), 255)],
    )
    def test_usage(self, runtime: Runtime, words: tuple[str, ...], status: int) -> None:
        assert runtime.call("exec", *words).status == status

    def test_no_command(self, container: Container) -> None:
        done = execute(container)
        assert done.status == 255
        assert "args cannot be empty" in done.err


class TestOptions:
    def test_environment(self, container: Container) -> None:
        found = sh(container, "env", "-e", "A=1", "-e", "B=x=y", "-e", "TERM=dumb").splitlines()
        assert {"A=1", "B=x=y", "TERM=dumb", "PATH=/bin:/usr/bin", "HOME=/root"} <= set(found)
        assert not any(line.startswith(("LANG", "USER", "LOGNAME", "PYTHON")) for line in found)

    def test_working_directory(self, container: Container) -> None:
        assert sh(container, "pwd", "--cwd", "/tmp") == "/tmp\n"

    @pytest.mark.parametrize("cwd", ["tmp", "/none"])
    def test_no_working_directory(self, container: Container, cwd: str) -> None:
        done = execute(container, "--cwd", cwd, "--", "true")
        assert done.status == 255
        assert "cwd" in done.err.lower()

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ((), "uid=0(root) gid=0(root)"),
            (("-u", "1000"), "uid=1000 gid=0(root)"),
            (("--user", "1000:7"), "uid=1000 gid=7"),
            (("-u", "1000:7", "-g", "8", "-g", "9"), "uid=1000 gid=7 groups=8,9"),
        ],
    )
    def test_user(self, container: Container, options: tuple[str, ...], text: str) -> None:
        found = sh(container, "id", *options).strip()
        assert found.replace(" groups=0(root)", "").replace("(mail)", "") == text

    @pytest.mark.parametrize("user", ["root", "-1", "4294967295", "4294967296", "1x", "1:x"])
    def test_no_user(self, container: Container, user: str) -> None:
        done = execute(container, "--user", user, "--", "id")
        assert done.status == 255
        assert "id=" not in done.out

    def test_capabilities(self, container: Container) -> None:
        script = "sed -n 's/^Cap...:\\t//p' /proc/self/status"
        own, none = "0000000020000420", "0" * 16  # AUDIT_WRITE, KILL, NET_BIND_SERVICE
        assert sh(container, script).split() == [none, own, own, own, none]
        more = "0000000020000421"  # CHOWN
        found = sh(container, script, "--cap", "CAP_CHOWN").split()
        assert found == [none, more, more, more, none]

    def test_unknown_capability_is_a_warning(self, container: Container) -> None:
        done = execute(container, "--cap", "CAP_MOON", "--", "echo", "hi").check()
        assert done.out == "hi\n"
        assert "ignoring unknown or unavailable capabilities: [CAP_MOON]" in done.err

    @pytest.mark.parametrize(
        ("options", "value"),
        [((), "1"), (("--no-new-privs=false",), "0"), (("--no-new-privs",), "1")],
    )
    def test_no_new_privs(self, container: Container, options: tuple[str, ...], value: str) -> None:
        found = sh(container, "sed -n 's/^NoNewPrivs:\\t//p' /proc/self/status", *options)
        assert found.strip() == value

    def test_preserved_descriptors(self, container: Container) -> None:
        read, write = os.pipe()
        os.write(write, b"hello\n")
        os.close(write)
        call = container.runtime.command(
            "exec", "--preserve-fds", "1", container.id, "sh", "-c", "cat <&3; ls /proc/self/fd"
        )
        done = subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" 3<&0 4</dev/null </dev/null', "sh", *call],
            stdin=read, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        os.close(read)
        assert done.stdout.split() == ["hello", "0", "1", "2", "3", "4"], done  # 4 is ls's own

    def test_preserved_must_be_open(self, container: Container) -> None:
        done = execute(container, "--preserve-fds", "30", "--", "true")
        assert done.status == 255
        assert "unable to stat preserved-fd" in done.err

    def test_config_is_read_again(self, container: Container) -> None:
        """As runc does."""
        container.bundle.process["env"].append("LATE=1")
        container.bundle.process["user"] = {"uid": 7, "gid": 8}
        container.bundle.save()
        assert sh(container, "echo $LATE; id -u; id -g").split() == ["1", "7", "8"]

    def test_bundle_is_gone(self, container: Container) -> None:
        """What create knew is enough."""
        (container.bundle.path / "config.json").unlink()
        assert sh(container, "echo $PATH") == "/bin:/usr/bin\n"

    def test_config_is_broken(self, container: Container) -> None:
        (container.bundle.path / "config.json").write_text("{")
        assert execute(container, "--", "true").status == 255

    def test_limits_and_oom_score(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
        bundle.process["oomScoreAdj"] = 500
        bundle.process["user"]["umask"] = 0o27
        container = runtime.run_detached(bundle.sleep())
        script = "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; umask"
        assert sh(container, script).split() == ["100", "200", "500", "0027"]


class TestFile:
    def test_all_is_of_the_file(self, container: Container) -> None:
        script = "id -u; id -g; pwd; echo $A; umask; sed -n 's/^NoNewPrivs:.//p' /proc/self/status"
        done = with_file(container, {
            **PROCESS, "args": ["sh", "-c", script], "cwd": "/tmp", "env": ["PATH=/bin", "A=5"],
            "user": {"uid": 3, "gid": 4}, "noNewPrivileges": True, "capabilities": {},
        })  # fmt: skip
        assert done.check().out.split() == ["3", "4", "/tmp", "5", "0022", "1"]

    def test_other_options_and_arguments_are_ignored(self, container: Container) -> None:
        path = container.bundle.path / "process.json"
        path.write_text(json.dumps({**PROCESS, "args": ["sh", "-c", "pwd; echo $A"]}))
        done = container.runtime.call(
            "exec", "-p", str(path), "--cwd", "/tmp", "--env", "A=1", container.id, "no", "program"
        )
        assert done.check().out == "/\n\n"

    def test_from_a_pipe(self, container: Container) -> None:
        text = json.dumps({**PROCESS, "args": ["echo", "hi"]}).encode()
        assert execute(container, "-p", "/dev/stdin", stdin=text).check().out == "hi\n"

    def test_capabilities_fall_back_no_new_privs_does_not(self, container: Container) -> None:
        script = "sed -n 's/^NoNewPrivs:.//p;s/^CapBnd:.*\\(........\\)$/\\1/p' /proc/self/status"
        done = with_file(container, {**PROCESS, "args": ["sh", "-c", script]})
        assert set(done.check().out.split()) == {"0", "20000420"}

    @pytest.mark.parametrize(
        ("process", "words"),
        [
            ({"cwd": "/"}, "args must not be empty"),
            ({"args": ["x"]}, "Cwd property must not be empty"),
            ({"args": ["x"], "cwd": "x"}, "Cwd must be an absolute path"),
            ({**PROCESS, "user": {"uid": -1}}, "user.uid"),
            ({**PROCESS, "user": {"uid": 4294967295}}, "user.uid"),
            ({**PROCESS, "env": ["A"]}, "env[0]"),
            ({**PROCESS, "env": 5}, "env"),
            ({**PROCESS, "rlimits": [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]}, "rlimits[0]"),
        ],
    )
    def test_refused(self, container: Container, process: dict[str, Any], words: str) -> None:
        done = with_file(container, process)
        assert done.status == 255
        assert words in done.err
        assert "process.json: " in done.err
        assert done.err.count("\n") == 1

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", "5"])
    def test_no_process(self, container: Container, text: str) -> None:
        path = container.bundle.path / "process.json"
        path.write_text(text)
        done = execute(container, "--process", str(path))
        assert done.status == 255
        assert "process.json" in done.err
        assert done.err.count("\n") == 1

    def test_missing(self, container: Container) -> None:
        done = execute(container, "--process", "/none")
        assert done.status == 255
        assert "no such file or directory" in done.err


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
@pytest.mark.parametrize("keys", ["initial", "final", "initial final"])
def test_affinity(container: Container, keys: str) -> None:
    """The last one stays."""
    cpus = [str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:2]]
    affinity = dict(zip(keys.split(), cpus, strict=False))
    script = "sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status"
    process = {**PROCESS, "args": ["sh", "-c", script], "execCPUAffinity": affinity}
    assert with_file(container, process).check().out.strip() == list(affinity.values())[-1]


class TestProgram:
    @pytest.mark.parametrize(
        ("program", "words"),
        [
            ("none", 'exec: "none": executable file not found in $PATH'),
            ("/none", 'exec: "/none": stat /none: no such file or directory'),
            ("/etc", 'exec: "/etc": is a directory'),
            ("/plain", 'exec: "/plain": permission denied'),
        ],
    )
    def test_not_found(self, container: Container, program: str, words: str) -> None:
        container.bundle.file("plain", "x")
        done = execute(container, "--", program)
        assert done.status == 255
        assert words in done.err.replace('\\"', '"')
        assert done.err.count("\n") == 1

    def test_execve_fails(self, container: Container) -> None:
        """After everything else succeeded: still told by the runtime, and 255."""
        container.bundle.file("garbage", "\x7fELF nonsense", 0o755)
        done = execute(container, "--", "/garbage")
        assert done.status == 255
        assert "exec format error" in done.err

    def test_json_log_is_one_object(self, container: Container) -> None:
        log = container.bundle.path / "log"
        done = container.runtime.call(
            "--log", str(log), "--log-format", "json", "exec", container.id, "none"
        )
        assert done.status == 255
        assert "executable file not found" in json.loads(log.read_text())["msg"]


class TestJoined:
    KINDS = ("pid", "net", "ipc", "uts", "mnt", "cgroup", "user", "time")

    def namespaces(self, pid: int) -> dict[str, str]:
        """Of a process of the host."""
        return {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in self.KINDS}

    def of_exec(self, container: Container) -> dict[str, str]:
        """Of a process that joined."""
        script = f"for k in {' '.join(self.KINDS)}; do readlink /proc/self/ns/$k; done"
        return dict(zip(self.KINDS, sh(container, script).split(), strict=True))

    @pytest.mark.parametrize(
        "bend",
        [
            lambda b: b,
            in_user_namespace,
            lambda b: b.namespace("cgroup"),
            lambda b: b.namespace("time"),
            lambda b: in_user_namespace(b).namespace("cgroup").namespace("time"),
            lambda b: b.without_namespace("network").without_namespace("ipc"),
        ],
        ids=["usual", "user", "cgroup", "time", "all", "some of the host"],
    )
    def test_namespaces(
        self, runtime: Runtime, bundle: Bundle, bend: Callable[[Bundle], Bundle]
    ) -> None:
        container = runtime.run_detached(bend(bundle).sleep())
        assert self.of_exec(container) == self.namespaces(container.pid)

    def test_the_hosts_pid_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        """Nothing has to be forked."""
        container = runtime.run_detached(bundle.without_namespace("pid").sleep())
        own = os.readlink("/proc/self/ns/pid")
        assert sh(container, "readlink /proc/self/ns/pid").strip() == own

    def test_time_goes_on(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.namespace("time").linux["timeOffsets"] = {"boottime": {"secs": 10**6}}
        container = runtime.run_detached(bundle.sleep())
        assert float(sh(container, "cat /proc/uptime").split()[0]) > 10**6

    def test_user_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.run_detached(in_user_namespace(bundle).sleep())
        assert sh(container, "id -u; cut -c-40 /proc/self/uid_map").split() == [
            "0", "0", "100000", "65536",
        ]  # fmt: skip
        assert sh(container, "id -u; id -G", "--user", "5:6", "-g", "7").split() == ["5", "6", "7"]

    def test_pod_member(self, runtime: Runtime, make_bundle: Callable[[], Bundle]) -> None:
        """A container that joined namespaces of another, and that one's user namespace."""
        first = runtime.run_detached(in_user_namespace(make_bundle()).sleep())
        second = in_user_namespace(make_bundle())
        for key in ("uidMappings", "gidMappings"):
            del second.linux[key]
        for kind, file in (("user", "user"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts")):
            second.namespace(kind, f"/proc/{first.pid}/ns/{file}")
        del second.config["hostname"]
        container = runtime.run_detached(second.sleep())
        assert self.of_exec(container) == self.namespaces(container.pid)

    def test_root_without_a_mount_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.without_namespace("mount")
        bundle.config["mounts"] = []
        del bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"]
        bundle.file("marker", "inside")
        container = runtime.run_detached(bundle.sleep())
        outside = f"test ! -e {bundle.rootfs} && test ! -e /..{bundle.rootfs}"
        assert sh(container, f"cat /marker && {outside}") == "inside"

    def test_keyring(self, runtime: Runtime, bundle: Bundle) -> None:
        """The container's own, not a new one."""
        bundle.linux["maskedPaths"].remove("/proc/keys")
        container = runtime.run_detached(bundle.sleep())
        keys = "grep _ses. /proc/keys | cut -d' ' -f1"
        first = sh(container, keys)
        if not first:
            pytest.skip("this kernel shows no keys")
        assert sh(container, keys) == first

    def test_seccomp(self, runtime: Runtime, bundle: Bundle) -> None:
        names = ["mkdir", "mkdirat"]
        bundle.linux["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": 93}],
        }
        container = runtime.run_detached(bundle.sleep())
        script = "sed -n 's/^Seccomp:.//p' /proc/self/status; mkdir /x 2>&1 || true"
        assert "2\n" in sh(container, script)
        assert "Protocol not supported" in sh(container, script)
        loose = ("--no-new-privs=false",)
        assert "Protocol not supported" in sh(container, script, *loose)


class TestCgroup:
    def paths(self, text: str) -> dict[str, str]:
        """hierarchy -> path, of /proc/PID/cgroup."""
        return {line.split(":")[1]: line.split(":", 2)[2] for line in text.splitlines()}

    def test_is_inits(self, container: Container) -> None:
        init = Path(f"/proc/{container.pid}/cgroup").read_text()
        assert self.paths(sh(container, "cat /proc/self/cgroup")) == self.paths(init)

    def test_last_process_of_a_limit(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["pids"] = {"limit": 2}
        container = runtime.run_detached(bundle.args("/bin/sleep", "1000"))
        assert execute(container, "--", "/bin/true").status == 0
        # On v2 the intermediate counts.
        assert execute(container, "--", "sh", "-c", "sleep 0 & wait").status != 255

    def test_below_the_containers(self, container: Container) -> None:
        if not (CGROUPS / "memory").is_dir():
            pytest.skip("needs cgroup v1")
        own = self.paths(Path(f"/proc/{container.pid}/cgroup").read_text())["memory"]
        init_folder = next(
            p for p in (CGROUPS / "memory").rglob(container.id) if (p / "tasks").exists()
        )
        (init_folder / "sub").mkdir()
        try:
            found = self.paths(sh(container, "cat /proc/self/cgroup", "--cgroup", "memory:sub"))
            assert found["memory"] == f"{own}/sub"
            assert found["pids"] == own or found["pids"].endswith(container.id)
            done = execute(container, "--cgroup", "none", "--", "true")
            assert done.status == 255
            assert "no such file or directory" in done.err
        finally:
            (init_folder / "sub").rmdir()

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--cgroup", ".."), "bad sub cgroup path"),
            (("--cgroup", "moon:x"), "unknown controller moon"),
            (("--cgroup", "a", "--cgroup", "b"), "missing <controller>: prefix"),
            (("--cgroup", ":b"), "empty <controller> prefix"),
            (("--cgroup", "pids:a", "--cgroup", "pids:b"), "controller pids specified multiple"),
        ],
    )
    def test_refused(self, container: Container, options: tuple[str, ...], words: str) -> None:
        done = execute(container, *options, "--", "true")
        assert done.status == 255
        assert words in done.err


class TestTerminal:
    def test_foreground(self, container: Container) -> None:
        call = container.runtime.command("exec", "--tty", container.id, "sh", "-c",
                                         "tty; stty size; read x; echo got $x; exit 4")  # fmt: skip
        with Terminal(call, rows=33, columns=77) as terminal:
            terminal.wait_for("33 77")
            terminal.type(b"hello\r")
            terminal.wait_for("got hello")
            assert terminal.wait() == 4
            assert "/dev/pts/" in terminal.text
            assert terminal.attributes() == terminal.before

    def test_console_socket(self, container: Container) -> None:
        with Receiver() as receiver:
            detached(
                container, "--tty", "--console-socket", receiver.path, "--",
                "sh", "-c", "test -t 0 && test -t 1 && echo it is; sleep 100",
            )[0].check()  # fmt: skip
            master = receiver.take()
            assert stat.S_ISCHR(os.fstat(master).st_mode)
            wait_until(lambda: b"it is" in os.read(master, 100), 10)
            assert end(container) == 137

    def test_detached_without_a_socket(self, container: Container) -> None:
        done, _ = detached(container, "--tty", "--", "true")
        assert done.status == 255
        assert "cannot allocate tty if runc will detach without setting console socket" in done.text

    def test_failure_restores_the_terminal(self, container: Container) -> None:
        call = container.runtime.command("exec", "--tty", container.id, "/none")
        with Terminal(call) as terminal:
            assert terminal.wait() == 255
            assert terminal.attributes() == terminal.before
            assert "no such file" in terminal.text
