"""Id-mapped mounts: who owns a file, seen inside and on the host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.rootfs import give_rootfs
from harness.runtime import Runtime

OWN = [{"containerID": 0, "hostID": 5000, "size": 3000}]
USERS = [{"containerID": 0, "hostID": 100000, "size": 65536}]


@pytest.fixture(autouse=True)
def known(runtime: Runtime) -> None:
    """Debian's runc 1.1 and crun 1.8 are older than this part of the specification."""
    if runtime.kind != "pyrunc":
        pytest.skip(f"{runtime.kind} knows nothing of it")


@pytest.fixture
def tree(bundle: Bundle) -> Iterator[Path]:
    """A tmpfs of the host and another below it; in both a file of user 1000, group 1001."""
    path = bundle.path / "tree"
    for point in (path, path / "below"):
        point.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=777", "tree", point], check=True)
        (point / "file").write_text("content\n")
        os.chown(point / "file", 1000, 1001)
    yield path
    subprocess.run(["umount", "--recursive", path], check=True)


def mount(bundle: Bundle, source: Path | str, *words: str, **members: Any) -> Bundle:
    """Bind it on /mnt."""
    bundle.mount("/mnt", "none", str(source), *words)
    bundle.config["mounts"][-1].update(members)
    return bundle


def mapped(bundle: Bundle, source: Path | str, *words: str, **members: Any) -> Bundle:
    """Bind it on /mnt, ids mapped by OWN."""
    members = {"uidMappings": OWN, "gidMappings": OWN} | members
    return mount(bundle, source, *(words or ("bind",)), **members)


def map_users(bundle: Bundle) -> Bundle:
    """A user namespace of its own, with the root filesystem given to its root."""
    bundle.namespace("user")
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = USERS
    give_rootfs(bundle.rootfs, 100000, 100000)
    return bundle


def owner(runtime: Runtime, bundle: Bundle, path: str = "/mnt/file") -> str:
    """What stat says inside."""
    return runtime.run(bundle.sh(f"stat -c %u:%g {path}")).check().out.strip()


@pytest.mark.spec("mounts.uidMappings", "mounts.gidMappings")
def test_mappings_of_its_own(runtime: Runtime, bundle: Bundle, tree: Path) -> None:
    assert owner(runtime, mapped(bundle, tree)) == "6000:6001"


def test_what_is_not_mapped_belongs_to_nobody(runtime: Runtime, bundle: Bundle, tree: Path) -> None:
    os.chown(tree / "file", 3000, 0)
    assert owner(runtime, mapped(bundle, tree)) == "65534:5000"


def test_what_is_written_gets_the_owner_that_the_filesystem_knows(
    runtime: Runtime, bundle: Bundle, tree: Path
) -> None:
    mapped(bundle, tree).process["user"] = {"uid": 5042, "gid": 5043}
    runtime.run(bundle.sh("echo x > /mnt/new")).check()
    status = (tree / "new").stat()
    assert (status.st_uid, status.st_gid) == (42, 43)


@pytest.mark.spec("mounts.gidMappings")
def test_users_and_groups_differ(runtime: Runtime, bundle: Bundle, tree: Path) -> None:
    groups = [{"containerID": 1001, "hostID": 7, "size": 1}]
    assert owner(runtime, mapped(bundle, tree, gidMappings=groups)) == "6000:7"


class TestUserNamespace:
    """The container's mappings undo themselves: inside, files have the owners of the host."""

    @pytest.mark.parametrize("word", ["idmap", "ridmap"])
    def test_new(self, runtime: Runtime, bundle: Bundle, tree: Path, word: str) -> None:
        assert owner(runtime, mount(map_users(bundle), tree, "bind", word)) == "1000:1001"

    def test_without(self, runtime: Runtime, bundle: Bundle, tree: Path) -> None:
        assert owner(runtime, mount(map_users(bundle), tree, "rbind")) == "65534:65534"

    def test_joined(self, runtime: Runtime, make_bundle: Any, bundle: Bundle, tree: Path) -> None:
        pod = runtime.run_detached(map_users(make_bundle()).sleep())
        give_rootfs(bundle.rootfs, 100000, 100000)
        bundle.namespace("user", f"/proc/{pod.pid}/ns/user")
        assert owner(runtime, mount(bundle, tree, "bind", "idmap")) == "1000:1001"

    def test_attributes_can_be_changed(self, runtime: Runtime, bundle: Bundle, tree: Path) -> None:
        mount(map_users(bundle), tree, "bind", "idmap", "ro", "nosuid", "noexec")
        result = runtime.run(bundle.sh("grep ' /mnt ' /proc/self/mountinfo; echo x > /mnt/new"))
        assert {"ro", "nosuid", "noexec"} <= set(result.words[5].split(",")), result
        assert "Read-only file system" in result.err

    def test_a_source_that_its_root_may_not_walk_to(self, runtime: Runtime, bundle: Bundle) -> None:
        closed = bundle.path / "closed"
        closed.mkdir(mode=0o700)
        (closed / "below").mkdir()
        (closed / "below" / "file").write_text("content\n")
        mount(map_users(bundle), closed / "below", "bind", "idmap")
        assert owner(runtime, bundle) == "0:0"


class TestBelow:
    """Mounts below the source."""

    @pytest.mark.parametrize(
        ("words", "below"),
        [
            pytest.param(["rbind", "ridmap"], "6000:6001", id="ridmap maps all"),
            pytest.param(["rbind", "idmap"], "1000:1001", id="idmap the first"),
            pytest.param(["rbind"], "1000:1001", id="mappings alone, too"),
        ],
    )
    def test_recursive(
        self, runtime: Runtime, bundle: Bundle, tree: Path, words: list[str], below: str
    ) -> None:
        mapped(bundle, tree, *words).sh("stat -c %u:%g /mnt/file /mnt/below/file")
        assert runtime.run(bundle).check().words == ["6000:6001", below]

    def test_not_recursive(self, runtime: Runtime, bundle: Bundle, tree: Path) -> None:
        mapped(bundle, tree, "bind", "ridmap").sh("ls /mnt/below")
        assert runtime.run(bundle).check().out == ""


def test_two_mounts_with_equal_mappings_and_one_without(
    runtime: Runtime, bundle: Bundle, tree: Path
) -> None:
    for name in ("/a", "/b", "/c"):
        bundle.mount(name, "none", str(tree), "bind")
        if name != "/c":
            bundle.config["mounts"][-1].update(uidMappings=OWN, gidMappings=OWN)
    bundle.sh("stat -c %u /a/file /b/file /c/file")
    assert runtime.run(bundle).check().words == ["6000", "6000", "1000"]


def test_a_hundred(runtime: Runtime, bundle: Bundle, tree: Path) -> None:
    for number in range(100):
        bundle.mount(f"/m/{number}", "none", str(tree), "bind")
        bundle.config["mounts"][-1].update(uidMappings=OWN, gidMappings=OWN)
    bundle.sh("stat -c %u /m/*/file | sort | uniq -c")
    assert runtime.run(bundle).check().words == ["100", "6000"]


def test_the_mount_is_a_slave_of_the_host(runtime: Runtime, bundle: Bundle, tree: Path) -> None:
    """What the container mounts below it does not appear outside."""
    subprocess.run(["mount", "--make-shared", tree], check=True)
    mapped(bundle, tree, "bind").capabilities("CAP_SYS_ADMIN")
    bundle.sh("mount -t tmpfs none /mnt/below && touch /mnt/below/inside")
    runtime.run(bundle).check()
    assert [path.name for path in (tree / "below").iterdir()] == ["file"]


class TestErrors:
    def test_a_filesystem_that_cannot(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(mapped(bundle, "/sys/kernel"))
        assert result.status == 1
        assert "mounts[6]: id-map /sys/kernel: mount_setattr: invalid argument; its filesystem" in (
            result.err
        )

    def test_a_missing_source(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(mapped(bundle, "/none"))
        assert "mounts[6]: open /none: open_tree: no such file or directory" in result.err
        assert result.status == 1

    def test_a_file_for_a_user_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.namespace("user", "/proc/self/ns/user")
        result = runtime.run(mount(bundle, "/none", "bind", "idmap"))
        assert result.status == 1
        assert "/none" in result.err

    def test_descriptors_are_closed(self, runtime: Runtime, bundle: Bundle, tree: Path) -> None:
        mapped(bundle, tree).sh("ls /proc/self/fd | wc -l")
        assert runtime.run(bundle).check().out.strip() == "4"
