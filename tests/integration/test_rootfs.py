"""The root filesystem as the program finds it: read-only, masks, devices, links."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import MASKED, READONLY, Bundle
from harness.mountinfo import parse_mountinfo
from harness.rootfs import give_rootfs
from harness.runtime import Runtime

DEFAULT_DEVICES = {
    "null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0",
}  # fmt: skip
DEFAULT_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


@pytest.mark.spec("root.readonly")
class TestReadOnlyRoot:
    def test_cannot_be_written(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.config["root"]["readonly"] = True
        result = runtime.run(bundle.sh("touch /tmp/new; touch /dev/shm/new && echo shm"))
        assert "Read-only file system" in result.err
        assert result.out == "shm\n"
        assert not (bundle.rootfs / "tmp/new").exists()

    def test_places_for_mounts_and_cwd_are_made_first(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        bundle.config["root"]["readonly"] = True
        bundle.process["cwd"] = "/made/here"
        bundle.mount("/made/there", "tmpfs", "tmpfs").sh("pwd; touch /made/there/file && echo ok")
        assert runtime.run(bundle).check().words == ["/made/here", "ok"]

    def test_writable_is_the_default(self, runtime: Runtime, bundle: Bundle) -> None:
        del bundle.config["root"]["readonly"]
        runtime.run(bundle.sh("echo x >/tmp/new")).check()
        assert (bundle.rootfs / "tmp/new").read_text() == "x\n"


@pytest.mark.spec("linux.maskedPaths")
class TestMaskedPaths:
    def test_file_reads_empty(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("etc/secret", "secret\n")
        bundle.linux["maskedPaths"] = ["/etc/secret"]
        result = runtime.run(bundle.sh("cat /etc/secret; stat -c %t:%T /etc/secret"))
        assert result.check().out == "1:3\n"

    def test_folder_is_empty_and_read_only(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("opt/secret", "secret\n")
        bundle.linux["maskedPaths"] = ["/opt"]
        result = runtime.run(bundle.sh("ls -A /opt; touch /opt/new"))
        assert result.out == ""
        assert "Read-only file system" in result.err

    def test_absent_ones_are_skipped(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["maskedPaths"] = ["/none", "/none/below", "/etc/passwd/below"][:2]
        runtime.run(bundle).check()

    def test_the_usual_ones(self, runtime: Runtime, bundle: Bundle) -> None:
        test = 'for p in "$@"; do [ -d $p ] && ls -A $p; [ -f $p ] && cat $p; done; :'
        result = runtime.run(bundle.args("/bin/sh", "-c", test, "sh", *MASKED))
        assert result.check().out == ""

    def test_many_folders(self, runtime: Runtime, bundle: Bundle) -> None:
        folders = [f"/opt/{i}" for i in range(40)]
        for folder in folders:
            bundle.file(f"{folder[1:]}/secret", "secret\n")
        bundle.linux["maskedPaths"] = folders
        assert runtime.run(bundle.sh("find /opt -name secret")).check().out == ""

    def test_link_is_followed_inside(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("opt/secret", "secret\n")
        (bundle.rootfs / "mnt/link").symlink_to("/opt/secret")
        bundle.linux["maskedPaths"] = ["/mnt/link"]
        assert runtime.run(bundle.sh("cat /opt/secret")).check().out == ""


@pytest.mark.spec("linux.readonlyPaths")
class TestReadonlyPaths:
    @pytest.mark.parametrize("path", READONLY)
    def test_the_usual_ones(self, runtime: Runtime, bundle: Bundle, path: str) -> None:
        if not os.path.exists(path):
            pytest.skip(f"this kernel has no {path}")
        found = parse_mountinfo(runtime.run(bundle.sh("cat /proc/self/mountinfo")).check().out)
        assert "ro" in found[path].options
        assert "rw" in found["/proc"].options

    def test_folder(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("opt/file", "readable\n")
        bundle.linux["readonlyPaths"] = ["/opt", "/none"]
        result = runtime.run(bundle.sh("cat /opt/file; touch /opt/new"))
        assert result.out == "readable\n"
        assert "Read-only file system" in result.err

    def test_flags_of_the_mount_are_kept(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.mount("/opt", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec")
        bundle.linux["readonlyPaths"] = ["/opt"]
        found = parse_mountinfo(runtime.run(bundle.sh("cat /proc/self/mountinfo")).check().out)
        assert {"ro", "nosuid", "nodev", "noexec"} <= found["/opt"].options


class TestDevices:
    def test_defaults(self, runtime: Runtime, bundle: Bundle) -> None:
        names = " ".join(DEFAULT_DEVICES)
        script = f"cd /dev; stat -c '%F %a %u:%g %t:%T %n' {names}"
        lines = runtime.run(bundle.sh(script)).check().out.splitlines()
        assert lines == [
            f"character special file 666 0:0 {number} {name}"
            for name, number in DEFAULT_DEVICES.items()
        ]

    def test_they_work(self, runtime: Runtime, bundle: Bundle) -> None:
        script = "echo x >/dev/null && head -c 4 /dev/zero | wc -c; head -c 9 /dev/urandom | wc -c"
        assert runtime.run(bundle.sh(script)).check().words == ["4", "9"]

    @pytest.mark.parametrize(("name", "target"), DEFAULT_LINKS.items())
    def test_links(self, runtime: Runtime, bundle: Bundle, name: str, target: str) -> None:
        result = runtime.run(bundle.sh(f"readlink /dev/{name}"))
        assert result.check().out.strip() == target

    def test_no_console_without_a_terminal(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.sh("ls /dev | xargs echo"))
        assert set(result.check().words) - {"core"} == {
            *DEFAULT_DEVICES, *DEFAULT_LINKS, "mqueue", "pts", "shm",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            pytest.param(
                {"type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 8, "gid": 9},
                "character special file 600 8:9 1:3",
                id="character",
            ),
            pytest.param(
                {"type": "u", "major": 1, "minor": 5}, "character special file 666 0:0 1:5", id="u"
            ),
            pytest.param(
                {"type": "b", "major": 7, "minor": 250, "fileMode": 0o660},
                "block special file 660 0:0 7:fa",
                id="block",
            ),
            pytest.param({"type": "p", "fileMode": 0o640}, "fifo 640 0:0 0:0", id="fifo"),
        ],
    )
    @pytest.mark.spec("linux.devices")
    def test_configured(
        self, runtime: Runtime, bundle: Bundle, entry: dict[str, Any], expected: str
    ) -> None:
        bundle.linux["devices"] = [{"path": "/dev/deep/made", **entry}]
        result = runtime.run(bundle.sh("stat -c '%F %a %u:%g %t:%T' /dev/deep/made"))
        assert result.check().out.strip() == expected

    def test_configured_replaces_a_default(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["devices"] = [
            {"path": "/dev/full", "type": "c", "major": 1, "minor": 5, "fileMode": 0o444}
        ]
        result = runtime.run(bundle.sh("stat -c '%a %t:%T' /dev/full"))
        assert result.check().out == "444 1:5\n"

    def test_existing_file_of_another_kind_is_an_error(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        bundle.file("opt/node", "a file\n")
        bundle.linux["devices"] = [{"path": "/opt/node", "type": "c", "major": 1, "minor": 3}]
        result = runtime.run(bundle)
        assert result.status == 1
        assert "/opt/node" in result.err

    def test_unknown_type(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["devices"] = [{"path": "/dev/x", "type": "x", "major": 1, "minor": 3}]
        result = runtime.run(bundle)
        assert result.status == 1
        assert runtime.ids() == []

    def test_in_a_user_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.namespace("user")
        for name in ("uidMappings", "gidMappings"):
            bundle.linux[name] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        give_rootfs(bundle.rootfs, 100000, 100000)
        bundle.sh("cd /dev; stat -c '%t:%T %n' null zero tty; echo x >/dev/null && echo ok")
        words = runtime.run(bundle).check().words
        assert words == ["1:3", "null", "1:5", "zero", "5:0", "tty", "ok"]

    def test_bind_source_that_the_user_namespace_may_not_walk_to(
        self, runtime: Runtime, bundle: Bundle
    ) -> None:
        """Behind a folder of mode 0700 of the real root: the runtime opens it."""
        closed = bundle.path / "closed"
        (closed / "in").mkdir(parents=True)
        (closed / "in" / "file").write_text("lent\n")
        closed.chmod(0o700)
        bundle.namespace("user")
        for name in ("uidMappings", "gidMappings"):
            bundle.linux[name] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        (bundle.rootfs / "lent").mkdir()
        give_rootfs(bundle.rootfs, 100000, 100000)
        bundle.bind(closed / "in", "/lent", "ro").sh("cat /lent/file; touch /lent/x || echo ro")
        assert runtime.run(bundle).check().words == ["lent", "ro"]

    def test_bound_dev_is_left_alone(self, runtime: Runtime, bundle: Bundle) -> None:
        """With a bind mount at /dev nothing is made in it."""
        own = bundle.path / "dev"
        own.mkdir()
        os.mknod(own / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        mounts = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
        bundle.config["mounts"] = mounts
        bundle.bind(own, "/dev").sh("ls /dev")
        assert runtime.run(bundle).check().out == "null\n"
        assert [p.name for p in own.iterdir()] == ["null"]


@pytest.mark.spec("root.path")
class TestRootPath:
    def test_absolute(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.config["root"]["path"] = str(bundle.rootfs)
        assert runtime.run(bundle.args("/bin/echo", "fine")).out == "fine\n"

    def test_missing(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.config["root"]["path"] = "none"
        result = runtime.run(bundle)
        assert result.status == 1
        assert str(bundle.path / "none") in result.err
        assert "no such file or directory" in result.err
        assert runtime.ids() == []

    def test_is_a_file(self, runtime: Runtime, bundle: Bundle) -> None:
        (bundle.path / "file").touch()
        bundle.config["root"]["path"] = "file"
        assert runtime.run(bundle).status == 1
        assert runtime.ids() == []


def test_host_is_out_of_reach(runtime: Runtime, bundle: Bundle) -> None:
    """No way up, no old root, no host path in any descriptor or link of ours."""
    script = "ls /; cat /../../etc/mark; readlink /proc/self/root; readlink /proc/self/cwd"
    bundle.file("etc/mark", "inside\n")
    result = runtime.run(bundle.sh(script))
    assert "inside" in result.words
    assert result.words.count("/") == 2


def test_program_of_pid_1_is_the_containers(runtime: Runtime, bundle: Bundle) -> None:
    """No interpreter and no host binary stands behind /proc/1/exe or in its maps."""
    bundle.sh("readlink /proc/1/exe; grep -c -i python /proc/1/maps")
    assert runtime.run(bundle).words == ["/bin/busybox", "0"]


def test_created_container_shows_no_interpreter(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.create(bundle)
    maps = Path(f"/proc/{container.pid}/maps").read_text()
    assert "python" not in maps
    assert ".so" not in maps
