"""What is wrong is said in one clear line, with the right status, and nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.leaks import CGROUP_ROOT
from harness.runtime import Result, Runtime


def one_line(result: Result, *words: str, status: int = 1) -> str:
    """The message, one line on standard error, with all of `words` in it."""
    assert result.status == status, result
    assert len(result.err.splitlines()) == 1, result
    for word in words:
        assert word in result.err.replace('\\"', '"'), result
    assert "Traceback" not in result.err
    return result.err


def nothing_left(runtime: Runtime, name: str | None = None) -> None:
    """No state folder and no cgroup of the container."""
    assert runtime.ids() == []
    if name is not None and name.strip(".") and len(name) < 200:
        for hierarchy in CGROUP_ROOT.iterdir():
            assert not (hierarchy / name).exists()


@pytest.fixture(params=["create", "run"])
def verb(request: pytest.FixtureRequest) -> str:
    """The commands that read a bundle."""
    return str(request.param)


class TestBundle:
    def test_no_config(self, runtime: Runtime, bundle: Bundle, verb: str) -> None:
        result = runtime.attempt(verb, bundle, save=False)
        one_line(result, "JSON specification file config.json not found")
        nothing_left(runtime)

    def test_no_bundle(self, runtime: Runtime, verb: str) -> None:
        result = runtime.call(verb, "-b", "/none/bundle", runtime.new_id())
        one_line(result, "/none/bundle", "no such file or directory")
        nothing_left(runtime)

    def test_no_rootfs(self, runtime: Runtime, bundle: Bundle, verb: str) -> None:
        shutil.rmtree(bundle.rootfs)
        result = runtime.attempt(verb, bundle)
        one_line(result, str(bundle.rootfs), "no such file or directory")
        nothing_left(runtime)

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            pytest.param("", "line 1", id="empty"),
            pytest.param("{", "line 1", id="unfinished"),
            pytest.param(
                '{\n  "ociVersion": "1.0.2",\n  "process": }\n', "line 3, column 14", id="no value"
            ),
            pytest.param('{\n "a": 1\n "b": 2\n}', "line 3, column 2", id="no comma"),
            pytest.param('{"a": "\x01"}', "line 1", id="control character"),
            pytest.param("nonsense", "line 1, column 1", id="nonsense"),
        ],
    )
    def test_broken_json(
        self, runtime: Runtime, bundle: Bundle, verb: str, text: str, place: str
    ) -> None:
        (bundle.path / "config.json").write_text(text)
        result = runtime.attempt(verb, bundle, save=False)
        one_line(result, "config.json", place)
        nothing_left(runtime)

    @pytest.mark.parametrize("text", ["null", "[]", "1", '"x"'])
    def test_no_object(self, runtime: Runtime, bundle: Bundle, verb: str, text: str) -> None:
        (bundle.path / "config.json").write_text(text)
        one_line(runtime.attempt(verb, bundle, save=False))
        nothing_left(runtime)


def put(config: dict[str, Any], path: str, value: Any) -> None:
    """Set ``a.b.c`` to a value; None as value removes it."""
    *way, last = path.split(".")
    for name in way:
        config = config[name]
    if value is None:
        config.pop(last)
    else:
        config[last] = value


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        pytest.param("process.args", "sh", ["args"], id="type"),
        pytest.param("process.args", [], ["args"], id="no args"),
        pytest.param("process", None, ["process"], id="no process"),
        pytest.param("root", None, ["root"], id="no root"),
        pytest.param("ociVersion", "abc", ["ociVersion"], id="version is none"),
        pytest.param("ociVersion", "2.0.0", ["ociVersion", "2.0.0"], id="version 2"),
        pytest.param("process.user.uid", -1, ["uid"], id="negative uid"),
        pytest.param("process.user.uid", "root", ["uid"], id="uid by name"),
        pytest.param("process.user.uid", 2**32, ["uid"], id="large uid"),
        pytest.param("process.cwd", "tmp", ["cwd", "absolute"], id="relative cwd"),
        pytest.param("mounts", [{"type": "tmpfs"}], ["destination"], id="no destination"),
        pytest.param("mounts", {}, ["mounts"], id="mounts is an object"),
        pytest.param("linux.maskedPaths", ["relative"], ["maskedPaths"], id="relative mask"),
        pytest.param("linux.readonlyPaths", ["x"], ["readonlyPaths"], id="relative read-only"),
        pytest.param("linux.namespaces", [{"type": "moon"}], ["moon"], id="namespace"),
        pytest.param("linux.resources.memory", {"limit": "1M"}, ["limit"], id="memory as text"),
        pytest.param("linux.rootfsPropagation", "up", ["rootfsPropagation"], id="propagation"),
        pytest.param("process.noNewPrivileges", "yes", ["noNewPrivileges"], id="boolean"),
        pytest.param("process.env", ["A=\0"], ["NUL"], id="NUL in env"),
        pytest.param("hostname", "x" * 65, ["hostname"], id="long host name"),
        pytest.param("process.oomScoreAdj", 1001, ["oomScoreAdj"], id="oomScoreAdj"),
    ],
)
def test_schema(
    runtime: Runtime, bundle: Bundle, verb: str, path: str, value: Any, words: list[str]
) -> None:
    """The field and what is wrong with it, before anything is touched."""
    put(bundle.config, path, value)
    name = runtime.new_id()
    result = runtime.attempt(verb, bundle, container_id=name)
    assert result.status == 1, result
    for word in words:
        assert word.lower() in result.err.lower()
    assert "Traceback" not in result.err
    nothing_left(runtime, name)


def test_every_mistake_is_told(runtime: Runtime, bundle: Bundle) -> None:
    put(bundle.config, "process.args", "sh")
    put(bundle.config, "process.user.uid", "root")
    put(bundle.config, "linux.maskedPaths", [1])
    result = runtime.run(bundle)
    assert result.status == 1
    for word in ("args", "uid", "maskedPaths"):
        assert word in result.err


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        pytest.param("process.apparmorProfile", "p", ["apparmor"], id="AppArmor"),
        pytest.param("process.selinuxLabel", "l", ["selinux"], id="SELinux"),
        pytest.param("process.scheduler", {"policy": "SCHED_MOON"}, ["scheduler"], id="scheduler"),
        pytest.param("linux.intelRdt", {"closID": "x"}, [], id="RDT"),
    ],
)
def test_what_cannot_be_applied_is_an_error(
    runtime: Runtime, bundle: Bundle, path: str, value: Any, words: list[str]
) -> None:
    put(bundle.config, path, value)
    result = runtime.attempt("create", bundle)
    assert result.status == 1
    for word in words:
        assert word.lower() in result.err.lower()
    nothing_left(runtime)


class TestId:
    @pytest.mark.parametrize(
        "name",
        [
            pytest.param("../x", id="up"),
            pytest.param("", id="empty"),
            pytest.param(".", id="dot"),
            pytest.param("..", id="dots"),
            pytest.param("a/b", id="slash"),
            pytest.param("a b", id="blank"),
            pytest.param("a\nb", id="newline"),
            pytest.param("ä", id="no ASCII"),
            pytest.param("x" * 2000, id="2000 characters"),
        ],
    )
    def test_invalid(self, runtime: Runtime, bundle: Bundle, verb: str, name: str) -> None:
        result = runtime.attempt(verb, bundle, container_id=name)
        one_line(result)
        nothing_left(runtime, name)
        assert not (runtime.root.parent / "x").exists()

    @pytest.mark.parametrize("command", ["state", "start", "kill", "delete"])
    def test_invalid_for_others(self, runtime: Runtime, command: str) -> None:
        assert runtime.call(command, "../x").status == 1

    @pytest.mark.parametrize("name", ["a", "A_b-c.d+e", "0", "x" * 200])
    def test_valid(self, runtime: Runtime, bundle: Bundle, name: str) -> None:
        bundle.linux["cgroupsPath"] = f"/{runtime.tag}-{name}"
        assert runtime.run(bundle.args("/bin/echo", "fine"), container_id=name).out == "fine\n"


class TestRoot:
    def test_is_a_file(self, runtime: Runtime, bundle: Bundle) -> None:
        path = bundle.path / "file"
        path.touch()
        driver = Runtime(runtime.path, path, runtime.tag)
        result = driver.attempt("create", bundle)
        one_line(result, str(path), "not a directory")

    def test_is_not_writable(self, runtime: Runtime, bundle: Bundle) -> None:
        driver = Runtime(runtime.path, Path("/proc/none"), runtime.tag)
        one_line(driver.attempt("create", bundle), "/proc/none")

    def test_is_the_root(self, runtime: Runtime) -> None:
        driver = Runtime(runtime.path, Path("/"), runtime.tag)
        one_line(driver.call("list"), "--root")


class TestProgram:
    """What the kernel calls ENOENT may be another file than the one that was named."""

    def test_missing_elf_interpreter(self, runtime: Runtime, bundle: Bundle) -> None:
        dynamic = bundle.rootfs / "opt/dynamic"
        shutil.copyfile(os.path.realpath("/bin/ls"), dynamic)
        dynamic.chmod(0o755)
        result = runtime.run(bundle.args("/opt/dynamic"))
        assert result.status in (1, 255)
        assert "/opt/dynamic" in result.err
        assert "interpreter" in result.err
        assert "ld-linux" in result.err
        nothing_left(runtime)

    def test_missing_script_interpreter(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("opt/script", "#!/usr/bin/no-such-thing -x\n", 0o755)
        result = runtime.run(bundle.args("/opt/script"))
        assert result.status in (1, 255)
        assert "/opt/script" in result.err
        assert "/usr/bin/no-such-thing" in result.err
        nothing_left(runtime)

    def test_not_executable(self, runtime: Runtime, bundle: Bundle, verb: str) -> None:
        bundle.file("opt/data", "data", 0o644)
        bundle.args("/opt/data").save()
        result = runtime.attempt(verb, bundle, save=False)
        one_line(result, 'exec: "/opt/data": permission denied')
        nothing_left(runtime)

    def test_no_format(self, runtime: Runtime, bundle: Bundle) -> None:
        """Known only at execve(2), by then the container has started."""
        bundle.file("opt/text", "just text\n", 0o755)
        result = runtime.run(bundle.args("/opt/text"))
        assert result.status in (1, 255)
        assert "exec format error" in result.err
        nothing_left(runtime)


class TestMountOption:
    """The kernel's own words, with the place in config.json."""

    @pytest.mark.parametrize(
        ("kind", "option", "words"),
        [
            pytest.param("tmpfs", "size=64Q", ["size"], id="value"),
            pytest.param("tmpfs", "moon=1", ["moon"], id="unknown"),
            pytest.param("overlay", "lowerdir=/none/at/all", ["/none/at/all"], id="overlay"),
        ],
    )
    def test_refused_by_the_kernel(
        self, runtime: Runtime, bundle: Bundle, kind: str, option: str, words: list[str]
    ) -> None:
        number = len(bundle.config["mounts"])
        bundle.mount("/mnt", kind, kind, "nosuid", option).save()
        result = runtime.attempt("run", bundle)
        one_line(result, f"mounts[{number}]", *words)
        nothing_left(runtime)


class TestFailureLeavesNothing:
    def test_of_a_late_step(self, runtime: Runtime, bundle: Bundle) -> None:
        """A mount fails after cgroup, namespaces and half of the mounts were made."""
        name = runtime.new_id()
        bundle.mount("/mnt", "moonfs", "x").save()
        result = runtime.call("create", "-b", str(bundle.path), name)
        assert result.status == 1
        nothing_left(runtime, name)

    def test_the_same_id_can_be_used_again(self, runtime: Runtime, bundle: Bundle) -> None:
        name = runtime.new_id()
        assert runtime.run(bundle.args("/none"), container_id=name).status == 1
        assert runtime.run(bundle.args("/bin/echo", "fine"), container_id=name).out == "fine\n"

    def test_error_of_create_in_the_json_log(self, runtime: Runtime, bundle: Bundle) -> None:
        log = bundle.path / "log"
        bundle.args("none").save()
        result = runtime.call(
            "--log", str(log), "--log-format", "json",
            "create", "-b", str(bundle.path), runtime.new_id(),
        )  # fmt: skip
        entry = json.loads(log.read_text())
        assert entry["level"] == "error"
        assert "executable file not found in $PATH" in entry["msg"]
        assert result.err.strip() == entry["msg"]

    def test_pid_file_that_cannot_be_written(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.attempt("create", bundle, "--pid-file", "/proc/none")
        assert result.status == 1
        assert "/proc" in result.err
        nothing_left(runtime)


def test_rootfs_is_only_changed_where_asked(runtime: Runtime, bundle: Bundle) -> None:
    """Targets of mounts are made, and nothing else."""
    before = sorted(str(p) for p in bundle.rootfs.rglob("*"))
    runtime.run(bundle).check()
    assert sorted(str(p) for p in bundle.rootfs.rglob("*")) == before
    assert stat.S_IMODE(bundle.rootfs.stat().st_mode) == 0o755
