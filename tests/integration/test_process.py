"""The process section: who the program is, what it may do, where it starts."""

from __future__ import annotations

import os
import resource
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime

CAPABILITY_SETS = {
    "inheritable": "CapInh", "permitted": "CapPrm", "effective": "CapEff", "bounding": "CapBnd",
    "ambient": "CapAmb",
}  # fmt: skip
KILL, CHOWN, NET_RAW, SYS_CHROOT = 1 << 5, 1 << 0, 1 << 13, 1 << 18


def status_of(runtime: Runtime, bundle: Bundle) -> dict[str, str]:
    """/proc/self/status of a program that was executed directly, not by a shell."""
    out = runtime.run(bundle.args("/bin/cat", "/proc/self/status")).check().out
    return {k: v.strip() for k, v in (line.split(":", 1) for line in out.splitlines())}


class TestUser:
    @pytest.mark.spec("process.user.uid", "process.user.gid")
    def test_uid_and_gid(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["user"] = {"uid": 1000, "gid": 2000}
        status = status_of(runtime, bundle)
        assert status["Uid"].split() == ["1000"] * 4
        assert status["Gid"].split() == ["2000"] * 4
        assert status["Groups"] == ""

    @pytest.mark.spec("process.user.additionalGids")
    def test_additional_groups(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [5, 4294967, 10]}
        assert status_of(runtime, bundle)["Groups"].split() == ["5", "10", "4294967"]

    def test_groups_of_the_caller_are_dropped(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.args("/bin/cat", "/proc/self/status")
        result = runtime.run(bundle, extra_groups=[4242])
        assert "4242" not in result.check().out

    def test_it_owns_its_streams(self, runtime: Runtime, bundle: Bundle) -> None:
        """So that it can open /dev/stdout again."""
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        result = runtime.run(bundle.sh("echo again >/dev/stdout; echo error >/dev/stderr"))
        assert (result.out, result.err) == ("again\n", "error\n")

    @pytest.mark.parametrize(
        ("umask", "expected"), [(None, "0022"), (0o077, "0077"), (0, "0000"), (0o27, "0027")]
    )
    @pytest.mark.spec("process.user.umask")
    def test_umask(
        self, runtime: Runtime, bundle: Bundle, umask: int | None, expected: str
    ) -> None:
        if umask is not None:
            bundle.process["user"]["umask"] = umask
        assert status_of(runtime, bundle)["Umask"] == expected

    def test_umask_of_the_caller_does_not_matter(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.mount("/made", "tmpfs", "tmpfs").sh("stat -c %a /dev /dev/null")
        assert runtime.run(bundle, umask=0o077).check().words == ["755", "666"]
        assert (bundle.rootfs / "made").stat().st_mode & 0o777 == 0o755


@pytest.mark.spec("process.capabilities")
class TestCapabilities:
    def test_five_sets_are_independent(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        bundle.process["capabilities"] = {
            "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW", "CAP_SYS_CHROOT"],
            "permitted": ["CAP_KILL", "CAP_CHOWN"],
            "effective": ["CAP_KILL"],
            "inheritable": ["CAP_KILL", "CAP_NET_RAW"],
            "ambient": ["CAP_KILL"],
        }
        status = status_of(runtime, bundle)
        found = {name: int(status[line], 16) for name, line in CAPABILITY_SETS.items()}
        assert found == {
            "bounding": KILL | CHOWN | NET_RAW | SYS_CHROOT,
            "inheritable": KILL | NET_RAW,
            "ambient": KILL,
            # Those of an ordinary user after execve(2): the ambient ones alone.
            "permitted": KILL,
            "effective": KILL,
        }

    def test_root_gets_the_bounding_set(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["noNewPrivileges"] = False
        bundle.capabilities("CAP_KILL", "CAP_CHOWN", kinds="bounding")
        status = status_of(runtime, bundle)
        assert {int(status[f"Cap{n}"], 16) for n in ("Prm", "Eff", "Bnd")} == {KILL | CHOWN}

    def test_no_new_privileges_keeps_root_small(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["capabilities"] = {
            "bounding": ["CAP_KILL", "CAP_CHOWN"],
            "permitted": ["CAP_KILL"],
            "effective": ["CAP_KILL"],
        }
        status = status_of(runtime, bundle)
        assert int(status["CapEff"], 16) == KILL

    @pytest.mark.parametrize("value", [{}, None], ids=["empty", "absent"])
    def test_none(self, runtime: Runtime, bundle: Bundle, value: dict[str, Any] | None) -> None:
        if value is None:
            del bundle.process["capabilities"]
        else:
            bundle.process["capabilities"] = value
        status = status_of(runtime, bundle)
        assert {int(status[line], 16) for line in CAPABILITY_SETS.values()} == {0}

    def test_unknown_name_is_a_warning(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["capabilities"]["bounding"].append("CAP_MOON")
        result = runtime.run(bundle.args("/bin/echo", "runs"))
        assert (result.status, result.out) == (0, "runs\n")
        assert "CAP_MOON" in result.err

    def test_they_count(self, runtime: Runtime, bundle: Bundle) -> None:
        script = "chown 8 /etc/group && echo changed"
        assert "changed" not in runtime.run(bundle.sh(script)).out
        assert runtime.run(bundle.capabilities("CAP_CHOWN").sh(script)).out == "changed\n"


@pytest.mark.spec("process.noNewPrivileges")
class TestNoNewPrivileges:
    @pytest.mark.parametrize(("wanted", "seen"), [(True, "1"), (False, "0")])
    def test_flag(self, runtime: Runtime, bundle: Bundle, wanted: bool, seen: str) -> None:
        bundle.process["noNewPrivileges"] = wanted
        assert status_of(runtime, bundle)["NoNewPrivs"] == seen

    def test_absent_is_off(self, runtime: Runtime, bundle: Bundle) -> None:
        del bundle.process["noNewPrivileges"]
        assert status_of(runtime, bundle)["NoNewPrivs"] == "0"


@pytest.mark.spec("process.rlimits")
class TestRlimits:
    @pytest.mark.parametrize(
        ("kind", "soft", "hard", "line"),
        [
            ("RLIMIT_NOFILE", 100, 200, "Max open files"),
            ("RLIMIT_CORE", 0, 0, "Max core file size"),
            ("RLIMIT_NPROC", 50, 60, "Max processes"),
            ("RLIMIT_STACK", 1 << 20, 2 << 20, "Max stack size"),
            ("RLIMIT_FSIZE", 4096, 8192, "Max file size"),
            ("RLIMIT_CPU", 10, 20, "Max cpu time"),
            ("RLIMIT_MSGQUEUE", 1000, 2000, "Max msgqueue size"),
            ("RLIMIT_SIGPENDING", 7, 8, "Max pending signals"),
            ("RLIMIT_RTTIME", 9, 10, "Max realtime timeout"),
        ],
    )
    def test_is_set(
        self, runtime: Runtime, bundle: Bundle, kind: str, soft: int, hard: int, line: str
    ) -> None:
        bundle.process["rlimits"] = [{"type": kind, "soft": soft, "hard": hard}]
        out = runtime.run(bundle.args("/bin/cat", "/proc/self/limits")).check().out
        (found,) = (text for text in out.splitlines() if text.startswith(line))
        assert found.removeprefix(line).split()[:2] == [str(soft), str(hard)]

    def test_of_an_ordinary_user(self, runtime: Runtime, bundle: Bundle) -> None:
        """Whoever sets them may lack CAP_SYS_RESOURCE, which prlimit(2) on another's asks for."""
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 199}]
        assert runtime.run(bundle.sh("ulimit -n; ulimit -Hn")).check().words == ["99", "199"]

    def test_others_are_inherited(self, runtime: Runtime, bundle: Bundle) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        out = runtime.run(bundle.sh("ulimit -u; ulimit -Hu")).check().words
        assert out == [str(soft), str(hard)]

    def test_open_files_are_those_of_the_caller(self, runtime: Runtime, bundle: Bundle) -> None:
        out = runtime.run(bundle.sh("ulimit -n; ulimit -Hn")).check().words
        assert out == [str(n) for n in resource.getrlimit(resource.RLIMIT_NOFILE)]

    @pytest.mark.parametrize(
        "rlimits",
        [
            pytest.param([{"type": "RLIMIT_MOON", "soft": 1, "hard": 1}], id="unknown"),
            pytest.param([{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2, id="twice"),
            pytest.param([{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 100}], id="soft > hard"),
        ],
    )
    def test_refused(self, runtime: Runtime, bundle: Bundle, rlimits: list[Any]) -> None:
        bundle.process["rlimits"] = rlimits
        result = runtime.run(bundle)
        assert result.status == 1
        assert rlimits[0]["type"] in result.err or "rlimit" in result.err
        assert runtime.ids() == []


@pytest.mark.spec("process.oomScoreAdj")
class TestOomScoreAdj:
    @pytest.mark.parametrize("value", [500, 1000])
    def test_raised(self, runtime: Runtime, bundle: Bundle, value: int) -> None:
        bundle.process["oomScoreAdj"] = value
        result = runtime.run(bundle.args("/bin/cat", "/proc/self/oom_score_adj"))
        assert result.check().words == [str(value)]

    def test_absent_is_inherited(self, runtime: Runtime, bundle: Bundle) -> None:
        with open("/proc/self/oom_score_adj") as own:
            expected = own.read()
        result = runtime.run(bundle.args("/bin/cat", "/proc/self/oom_score_adj"))
        assert result.check().out == expected


@pytest.mark.spec("process.cwd")
class TestWorkingDirectory:
    def test_is_entered(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["cwd"] = "/etc"
        assert runtime.run(bundle.args("/bin/pwd")).check().out == "/etc\n"

    def test_is_made(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["cwd"] = "/made/deep"
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        assert runtime.run(bundle.args("/bin/pwd")).check().out == "/made/deep\n"
        made = (bundle.rootfs / "made/deep").stat()
        assert (made.st_mode & 0o777, made.st_uid) == (0o755, 0)

    def test_only_the_user_may_enter(self, runtime: Runtime, bundle: Bundle) -> None:
        (bundle.rootfs / "home/own").mkdir(mode=0o700)
        os.chown(bundle.rootfs / "home/own", 1000, 1000)
        bundle.process.update({"cwd": "/home/own", "user": {"uid": 1000, "gid": 1000}})
        assert runtime.run(bundle.args("/bin/pwd")).check().out == "/home/own\n"

    @pytest.mark.parametrize(
        ("cwd", "words"),
        [
            pytest.param("relative", "absolute", id="relative"),
            pytest.param("", "", id="empty"),
            pytest.param("/etc/passwd", "not a directory", id="a file"),
            pytest.param("/proc/self/fd/7", "", id="a descriptor"),
        ],
    )
    def test_refused(self, runtime: Runtime, bundle: Bundle, cwd: str, words: str) -> None:
        bundle.process["cwd"] = cwd
        result = runtime.run(bundle)
        assert result.status == 1
        assert words in result.err
        assert runtime.ids() == []


@pytest.mark.spec("process.env")
class TestEnvironment:
    def environment(self, runtime: Runtime, bundle: Bundle) -> list[str]:
        """What the program was given."""
        return runtime.run(bundle.args("/bin/env")).check().out.splitlines()

    def test_is_the_configured_one(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["env"] = ["PATH=/bin", "A=1", "HOME=/opt", "EMPTY="]
        assert self.environment(runtime, bundle) == ["PATH=/bin", "A=1", "HOME=/opt", "EMPTY="]

    def test_what_is_added_comes_last(self, runtime: Runtime, bundle: Bundle) -> None:
        assert self.environment(runtime, bundle) == [*bundle.process["env"], "HOME=/root"]

    def test_last_duplicate_wins(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["env"] = ["A=1", "B=2", "HOME=/", "A=3"]
        assert [e for e in self.environment(runtime, bundle) if e[0] == "A"] == ["A=3"]

    @pytest.mark.parametrize(
        ("uid", "env", "home"),
        [
            pytest.param(0, [], "/root", id="of root"),
            pytest.param(8, [], "/var/mail", id="of another user"),
            pytest.param(777, [], "/", id="unknown user"),
            pytest.param(0, ["HOME="], "/root", id="empty counts as unset"),
            pytest.param(0, ["HOME=/opt"], "/opt", id="as said"),
        ],
    )
    def test_home(
        self, runtime: Runtime, bundle: Bundle, uid: int, env: list[str], home: str
    ) -> None:
        bundle.process["env"] += env
        bundle.process["user"]["uid"] = uid
        assert f"HOME={home}" in self.environment(runtime, bundle)

    @pytest.mark.parametrize("env", [["NOEQUALS"], ["=1"]])
    def test_refused(self, runtime: Runtime, bundle: Bundle, env: list[str]) -> None:
        bundle.process["env"] = env
        result = runtime.run(bundle)
        assert result.status == 1
        assert "env" in result.err

    def test_nothing_of_the_callers(self, runtime: Runtime, bundle: Bundle) -> None:
        env = dict(os.environ) | {"SECRET": "1"}
        result = runtime.run(bundle.args("/bin/env"), env=env)
        assert "SECRET" not in result.check().out


@pytest.mark.spec("process.args")
class TestFindingTheProgram:
    @pytest.mark.parametrize(
        ("name", "path", "cwd"),
        [
            pytest.param("echo", "/usr/bin:/bin", "/", id="in PATH"),
            pytest.param("/bin/echo", "/none", "/", id="absolute"),
            pytest.param("./echo", "/none", "/bin", id="from cwd"),
            pytest.param("bin/echo", "/none", "/", id="below cwd"),
        ],
    )
    def test_found(self, runtime: Runtime, bundle: Bundle, name: str, path: str, cwd: str) -> None:
        bundle.process.update({"env": [f"PATH={path}"], "cwd": cwd, "args": [name, "found"]})
        assert runtime.run(bundle).check().out == "found\n"

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            pytest.param("none", 'exec: "none": executable file not found in $PATH', id="PATH"),
            pytest.param("/none", "no such file or directory", id="path"),
            pytest.param("/etc/passwd", 'exec: "/etc/passwd": permission denied', id="no x bit"),
            pytest.param("/etc", "permission denied", id="directory"),
        ],
    )
    def test_reported_by_create(
        self, runtime: Runtime, bundle: Bundle, name: str, words: str
    ) -> None:
        result = runtime.attempt("create", bundle.args(name))
        assert result.status == 1
        assert words in result.text.replace('\\"', '"')
        assert runtime.ids() == []

    def test_as_the_containers_user(self, runtime: Runtime, bundle: Bundle) -> None:
        (bundle.rootfs / "opt").chmod(0o700)
        bundle.file("opt/program", "#!/bin/sh\n", 0o755)
        bundle.process.update({"user": {"uid": 1000, "gid": 1000}, "args": ["/opt/program"]})
        result = runtime.attempt("create", bundle)
        assert result.status == 1
        assert "permission denied" in result.text

    def test_without_a_path_only_slashes(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.process["env"] = ["A=1"]
        assert "executable file not found in $PATH" in runtime.run(bundle.args("echo")).err
        assert runtime.run(bundle.args("/bin/echo", "found")).out == "found\n"

    def test_script(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("opt/script", "#!/bin/sh\necho script $1\n", 0o755)
        assert runtime.run(bundle.args("/opt/script", "x")).check().out == "script x\n"

    def test_arguments_are_verbatim(self, runtime: Runtime, bundle: Bundle) -> None:
        words = ["", "a b", "$HOME", "é", "-x", "--", "'\"\\"]
        bundle.args("/bin/sh", "-c", 'for a in "$@"; do echo "[$a]"; done', "sh", *words)
        assert runtime.run(bundle).check().out == "".join(f"[{w}]\n" for w in words)


@pytest.mark.spec("linux.personality.domain")
class TestPersonality:
    def test_linux32(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["personality"] = {"domain": "LINUX32"}
        assert runtime.run(bundle.args("/bin/uname", "-m")).check().out == "i686\n"

    def test_linux(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["personality"] = {"domain": "LINUX"}
        result = runtime.run(bundle.args("/bin/uname", "-m"))
        assert result.check().out.strip() == os.uname().machine

    def test_unknown(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["personality"] = {"domain": "MINIX"}
        assert runtime.run(bundle).status == 1


class TestKeyring:
    @pytest.mark.parametrize(("options", "own"), [([], True), (["--no-new-keyring"], False)])
    def test_of_its_own(
        self, runtime: Runtime, bundle: Bundle, options: list[str], own: bool
    ) -> None:
        """/proc/keys may show those of others too, so the name counts."""
        bundle.linux["maskedPaths"] = []
        name = runtime.new_id()
        bundle.args("/bin/cat", "/proc/keys")
        result = runtime.run(bundle, *options, container_id=name)
        assert (f"_ses.{name}" in result.check().out) is own


def test_session_of_its_own(runtime: Runtime, bundle: Bundle) -> None:
    """Neither the caller's terminal nor its process group can be reached."""
    out = runtime.run(bundle.args("/bin/cat", "/proc/self/stat")).check().out
    fields = out[out.rindex(")") + 2 :].split()
    process_group, session, terminal = (int(fields[i]) for i in (2, 3, 4))
    assert (process_group, session, terminal) == (1, 1, 0)
