"""list, spec, features, --version: what engines and people read."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.leaks import remove_tree
from harness.pty import Terminal
from harness.runtime import Runtime, run

MakeBundle = Callable[[], Bundle]


class TestList:
    def test_table(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle.sleep(), container_id=f"{runtime.tag}-b")
        lines = runtime.call("list").check().out.splitlines()
        assert lines[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
        cells = lines[1].split()
        created = container.state()["created"]
        assert cells == [
            container.id, str(container.pid), "created", str(bundle.path), created, "root",
        ]  # fmt: skip
        assert lines[0].index("PID") == lines[1].index(str(container.pid))
        assert lines[0].index("PID") == max(12, len(container.id) + 3)

    def test_empty_table_has_its_heading(self, runtime: Runtime) -> None:
        heading = "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"
        assert runtime.call("list").check().out == heading

    @pytest.mark.parametrize("words", [["-q"], ["--quiet"], ["-q", "--format", "json"]])
    def test_quiet(self, runtime: Runtime, make_bundle: MakeBundle, words: list[str]) -> None:
        for name in ("b", "a", "c"):
            runtime.create(make_bundle(), container_id=f"{runtime.tag}-{name}")
        out = runtime.call("list", *words).check().out
        assert out == "".join(f"{runtime.tag}-{name}\n" for name in "abc")

    @pytest.mark.parametrize("words", [["--format", "json"], ["-f", "json"], ["--format=json"]])
    def test_json(self, runtime: Runtime, bundle: Bundle, words: list[str]) -> None:
        container = runtime.create(bundle.sleep())
        out = runtime.call("list", *words).check().out
        assert out.count("\n") <= 1
        assert json.loads(out) == [{**container.state(), "owner": "root"}]

    def test_json_of_nothing(self, runtime: Runtime) -> None:
        assert runtime.call("list", "--format", "json").check().out.strip() == "null"

    def test_unknown_format(self, runtime: Runtime) -> None:
        result = runtime.call("list", "--format", "xml")
        assert result.status == 1
        assert "invalid format option" in result.err

    def test_broken_folder_is_skipped(self, runtime: Runtime, bundle: Bundle) -> None:
        container = runtime.create(bundle)
        (runtime.root / "aaa").mkdir()
        result = runtime.call("list", "-q").check()
        assert container.id in result.words
        full = runtime.call("list").check()
        assert container.id in full.out
        assert "aaa" not in full.out
        (runtime.root / "aaa").rmdir()


class TestListOfMany:
    """A hundred containers, and what else may lie in the state root."""

    COUNT = 100

    @pytest.fixture
    def state(self, runtime: Runtime, bundle: Bundle) -> dict[str, Any]:
        """The state of one container, whose copies become the others."""
        if runtime.kind != "pyrunc":
            pytest.skip("makes states of pyrunc's")
        bundle.config["annotations"] = {"config": '{"config":{', "a": "b"}
        container = runtime.create(bundle.sleep(), container_id="n000")
        path = runtime.root / container.id / "state.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def add(self, runtime: Runtime, name: str, text: str) -> None:
        folder = runtime.root / name
        folder.mkdir()
        (folder / "state.json").write_text(text)

    def test_all_are_there(self, runtime: Runtime, state: dict[str, Any]) -> None:
        names = [f"n{i:03}" for i in range(self.COUNT)]
        for name in names[1:]:
            self.add(runtime, name, json.dumps({**state, "id": name}, separators=(",", ":")))
        broken = {
            "a-empty": "", "b-half": json.dumps(state)[:300], "c-text": "hello\n", "d-null": "null",
            "e-another": json.dumps(state), "f-old": json.dumps({**state, "version": 0}),
            "n050x": "{}",
        }  # fmt: skip
        for name, text in broken.items():
            self.add(runtime, name, text)
        (runtime.root / "g-none").mkdir()
        (runtime.root / "h-file").write_text("")
        os.mkfifo(runtime.root / "n051x")
        (runtime.root / "i-fifo").mkdir()
        os.mkfifo(runtime.root / "i-fifo/state.json")
        said = sorted([*broken, "g-none", "i-fifo"])
        for words in ([], ["-q"], ["-f", "json"]):
            result = runtime.call("list", *words).check()
            told = [line.split()[2].rstrip(":") for line in result.err.splitlines()]
            assert told == said, words
        assert runtime.call("list", "-q").words == names
        lines = runtime.call("list").out.splitlines()[1:]
        assert [line.split()[0] for line in lines] == names
        assert {line.split()[1] for line in lines} == {str(state["pid"])}
        documents = json.loads(runtime.call("list", "-f", "json").out)
        # The fifo that makes a container "created" is the first one's.
        assert [d["status"] for d in documents] == ["created"] + ["running"] * (self.COUNT - 1)
        first = json.loads(runtime.call("state", "n000").check().out)
        assert documents[0] == {**first, "owner": "root"}
        assert documents[1] == {**first, "owner": "root", "id": "n001", "status": "running"}
        for path in runtime.root.iterdir():
            if path.name != "n000":
                remove_tree(path) if path.is_dir() else path.unlink()


class TestSpec:
    def test_then_run(self, runtime: Runtime, bundle: Bundle) -> None:
        """The document runs as it is, but for the terminal and the program."""
        runtime.call("spec", cwd=bundle.path).check()
        path = bundle.path / "config.json"
        bundle.config = json.loads(path.read_text())
        assert bundle.process["terminal"] is True
        assert bundle.process["args"] == ["sh"]
        assert bundle.config["root"] == {"path": "rootfs", "readonly": True}
        bundle.process["terminal"] = False
        result = runtime.run(bundle.sh("hostname; id -u"))
        assert result.check().words == [bundle.config["hostname"], "0"]

    def test_then_a_shell(self, runtime: Runtime, bundle: Bundle) -> None:
        """As it is: what README shows a newcomer."""
        runtime.call("spec", "--bundle", str(bundle.path)).check()
        command = runtime.command("run", "--bundle", str(bundle.path), runtime.new_id())
        with Terminal(command) as terminal:
            terminal.wait_for("/ # ")
            terminal.type(b"touch /x; tty; exit 7\n")
            assert terminal.wait() == 7
            assert "Read-only file system" in terminal.text
            assert "\n/dev/pts/0\n" in terminal.text

    def test_keys_are_runcs(self, runtime: Runtime, bundle: Bundle) -> None:
        runtime.call("spec", "--bundle", str(bundle.path)).check()
        text = (bundle.path / "config.json").read_text()
        document = json.loads(text)
        assert list(document) == ["ociVersion", "process", "root", "hostname", "mounts", "linux"]
        assert [m["destination"] for m in document["mounts"]] == [
            "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup",
        ]  # fmt: skip
        kinds = {n["type"] for n in document["linux"]["namespaces"]}
        assert kinds - {"cgroup"} == {"pid", "network", "ipc", "uts", "mount"}
        assert text == json.dumps(document, indent="\t")

    def test_rootless(self, runtime: Runtime, bundle: Bundle) -> None:
        runtime.call("spec", "--rootless", cwd=bundle.path).check()
        document = json.loads((bundle.path / "config.json").read_text())
        kinds = [n["type"] for n in document["linux"]["namespaces"]]
        assert "network" not in kinds
        assert kinds[-1] == "user"
        assert document["linux"]["uidMappings"] == [{"containerID": 0, "hostID": 0, "size": 1}]
        assert "resources" not in document["linux"]
        options = [o for m in document["mounts"] for o in m.get("options", [])]
        assert not [o for o in options if o.startswith(("uid=", "gid="))]
        (sys_mount,) = (m for m in document["mounts"] if m["destination"] == "/sys")
        assert sys_mount == {
            "destination": "/sys", "type": "none", "source": "/sys",
            "options": ["rbind", "nosuid", "noexec", "nodev", "ro"],
        }  # fmt: skip

    def test_existing_file_is_kept(self, runtime: Runtime, bundle: Bundle) -> None:
        (bundle.path / "config.json").write_text("mine")
        result = runtime.call("spec", cwd=bundle.path)
        assert result.status == 1
        assert "config.json exists" in result.err
        assert (bundle.path / "config.json").read_text() == "mine"


class TestFeatures:
    def test_what_engines_look_at(self, runtime: Runtime) -> None:
        result = runtime.call("features").check()
        assert result.err == ""
        document = json.loads(result.out)
        assert document["ociVersionMin"] == "1.0.0"
        assert document["ociVersionMax"].startswith("1.")
        assert document["hooks"] == [
            "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
            "poststop",
        ]  # fmt: skip
        options = set(document["mountOptions"])
        assert {"bind", "ro", "rro", "rbind", "tmpcopyup", "rslave"} <= options
        linux = document["linux"]
        assert {"cgroup", "ipc", "mount", "network", "pid", "user", "uts"} <= set(
            linux["namespaces"]
        )
        assert linux["capabilities"][0] == "CAP_CHOWN"
        assert {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"} <= set(linux["seccomp"]["actions"])
        assert linux["cgroup"]["v1"] is True
        assert linux["cgroup"]["v2"] is True

    def test_bare(self, runtime: Runtime) -> None:
        """Engines call it without global options."""
        assert json.loads(run([runtime.path, "features"]).check().out)["hooks"]


class TestVersion:
    @pytest.mark.parametrize("word", ["--version", "-v"])
    def test_first_line(self, runtime: Runtime, word: str) -> None:
        result = run([runtime.path, word]).check()
        assert re.match(r"runc version \d+\.\d+", result.out)
        assert "spec: " in result.out
        assert result.err == ""

    def test_beats_the_command(self, runtime: Runtime) -> None:
        assert "version" in run([runtime.path, "--version", "list"]).check().out


class TestUsage:
    def test_no_command_is_help(self, runtime: Runtime) -> None:
        result = run([runtime.path]).check()
        assert "USAGE" in result.out or "Usage" in result.out

    @pytest.mark.parametrize(
        "words", [["--help"], ["-h"], ["help"], ["help", "run"], ["run", "--help"]]
    )
    def test_help(self, runtime: Runtime, words: list[str]) -> None:
        result = run([runtime.path, *words]).check()
        assert result.out
        assert result.err == ""

    def test_unknown_command(self, runtime: Runtime) -> None:
        result = run([runtime.path, "bogus"])
        assert result.status == 3
        assert "No help topic for 'bogus'" in result.text

    def test_unknown_option(self, runtime: Runtime) -> None:
        result = runtime.call("state", "--bogus", "x")
        assert result.status == 1
        assert "flag provided but not defined: -bogus" in result.err

    def test_missing_value(self, runtime: Runtime) -> None:
        result = runtime.call("create", "--bundle")
        assert result.status == 1
        assert "flag needs an argument: -bundle" in result.err.replace("--bundle", "-bundle")

    @pytest.mark.parametrize("verb", ["create", "run", "start", "state", "delete"])
    @pytest.mark.parametrize("words", [[], ["a", "b"]])
    def test_number_of_arguments(self, runtime: Runtime, verb: str, words: list[str]) -> None:
        result = runtime.call(verb, *words)
        assert result.status == 1
        assert f'"{verb}" requires exactly 1 argument' in result.text.replace('\\"', '"')

    def test_double_dash(self, runtime: Runtime) -> None:
        result = runtime.call("state", "--", "-x")
        assert result.status == 1
        assert "not defined" not in result.text

    @pytest.mark.parametrize("option", ["-bundle", "--bundle", "-b"])
    def test_spellings(self, runtime: Runtime, bundle: Bundle, option: str) -> None:
        bundle.args("/bin/echo", "fine").save()
        name = runtime.new_id()
        assert runtime.call("run", option, str(bundle.path), name).out == "fine\n"
        assert runtime.call("run", f"{option}={bundle.path}", name).out == "fine\n"

    @pytest.mark.parametrize(("value", "detached"), [("true", True), ("1", True), ("false", False)])
    def test_booleans(self, runtime: Runtime, bundle: Bundle, value: str, detached: bool) -> None:
        bundle.sh("exit 9").save()
        done = subprocess.run(
            runtime.command("run", f"--detach={value}", "-b", str(bundle.path), runtime.new_id()),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == (0 if detached else 9)

    def test_systemd_cgroup_is_an_error_here(self, runtime: Runtime, bundle: Bundle) -> None:
        if Path("/run/systemd/system").is_dir():
            pytest.skip("systemd runs here")
        bundle.save()
        result = runtime.call("--systemd-cgroup", "run", "-b", str(bundle.path), runtime.new_id())
        assert result.status == 1
        assert "systemd" in result.err


def test_default_root_and_xdg(runtime: Runtime, tmp_path: Path) -> None:
    """Real root ignores XDG_RUNTIME_DIR."""
    run([runtime.path, "list"], env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}).check()
    assert list(tmp_path.iterdir()) == []
