"""Mounts as /proc/self/mountinfo shows them inside, and what is refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.mountinfo import Mount, parse_mountinfo
from harness.rootfs import make_rootfs
from harness.runtime import Runtime


def mounts_inside(runtime: Runtime, bundle: Bundle) -> dict[str, Mount]:
    """What is mounted where inside, the topmost of each place."""
    return parse_mountinfo(runtime.run(bundle.sh("cat /proc/self/mountinfo")).check().out)


def seen(runtime: Runtime, bundle: Bundle, destination: str = "/mnt") -> Mount:
    """One mount, seen from inside."""
    return mounts_inside(runtime, bundle)[destination]


@pytest.fixture
def source(bundle: Bundle) -> Path:
    """A folder of the host with a file in it."""
    path = bundle.path / "source"
    path.mkdir()
    (path / "file").write_text("content\n")
    return path


@pytest.fixture
def mounted_source(bundle: Bundle) -> Iterator[Path]:
    """A tmpfs of the host, with another one mounted below it."""
    path = bundle.path / "tree"
    path.mkdir()
    for point in (path, path / "below"):
        point.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tree", point], check=True)
        (point / "file").write_text("content\n")
    subprocess.run(["mount", "--make-rshared", path], check=True)
    yield path
    subprocess.run(["umount", "--recursive", path], check=True)


@pytest.mark.parametrize(
    ("options", "has", "lacks"),
    [
        pytest.param([], "rw relatime", "ro nosuid nodev noexec", id="none"),
        pytest.param(["defaults"], "rw relatime", "ro nosuid", id="defaults"),
        pytest.param(["ro"], "ro", "rw", id="ro"),
        pytest.param(["rw"], "rw", "ro", id="rw"),
        pytest.param(["ro", "rw"], "rw", "ro", id="ro rw"),
        pytest.param(["rw", "ro"], "ro", "rw", id="rw ro"),
        pytest.param(["nosuid"], "nosuid", "nodev noexec", id="nosuid"),
        pytest.param(["nosuid", "suid"], "", "nosuid", id="nosuid suid"),
        pytest.param(["nodev"], "nodev", "nosuid noexec", id="nodev"),
        pytest.param(["nodev", "dev"], "", "nodev", id="nodev dev"),
        pytest.param(["noexec"], "noexec", "nosuid nodev", id="noexec"),
        pytest.param(["noexec", "exec"], "", "noexec", id="noexec exec"),
        pytest.param(["nosymfollow"], "nosymfollow", "", id="nosymfollow"),
        pytest.param(["nosymfollow", "symfollow"], "", "nosymfollow", id="symfollow"),
        pytest.param(["noatime"], "noatime", "relatime", id="noatime"),
        pytest.param(["noatime", "atime"], "", "noatime", id="noatime atime"),
        pytest.param(["nodiratime"], "nodiratime", "", id="nodiratime"),
        pytest.param(["nodiratime", "diratime"], "", "nodiratime", id="nodiratime diratime"),
        pytest.param(["relatime"], "relatime", "noatime", id="relatime"),
        pytest.param(["strictatime"], "", "relatime noatime", id="strictatime"),
        pytest.param(["norelatime"], "", "noatime", id="norelatime"),
        pytest.param(["nostrictatime"], "relatime", "noatime", id="nostrictatime"),
        pytest.param(["silent"], "rw", "", id="silent"),
        pytest.param(["loud"], "rw", "", id="loud"),
        pytest.param(["iversion"], "rw", "", id="iversion"),
        pytest.param(["noiversion"], "rw", "", id="noiversion"),
        pytest.param(["nomand"], "rw", "", id="nomand"),
        pytest.param(["async"], "rw", "", id="async"),
        pytest.param(["nolazytime"], "rw", "", id="nolazytime"),
        pytest.param(["rro"], "ro", "rw", id="rro"),
        pytest.param(["rnosuid", "rnodev"], "nosuid nodev", "noexec", id="rnosuid rnodev"),
        pytest.param(["rnoexec"], "noexec", "", id="rnoexec"),
        pytest.param(["rnoatime"], "noatime", "relatime", id="rnoatime"),
        pytest.param(["rnodiratime"], "nodiratime", "", id="rnodiratime"),
        pytest.param(["rstrictatime"], "", "relatime noatime", id="rstrictatime"),
    ],
)
@pytest.mark.spec("mounts.options")
def test_options_of_a_tmpfs(
    runtime: Runtime, bundle: Bundle, options: list[str], has: str, lacks: str
) -> None:
    mount = seen(runtime, bundle.mount("/mnt", "tmpfs", "tmpfs", *options))
    assert mount.fstype == "tmpfs"
    assert set(has.split()) <= mount.options
    assert not set(lacks.split()) & mount.options


@pytest.mark.parametrize(
    ("options", "has"),
    [
        pytest.param(["sync"], "sync", id="sync"),
        pytest.param(["dirsync"], "dirsync", id="dirsync"),
        pytest.param(["lazytime"], "lazytime", id="lazytime"),
        pytest.param(["sync", "async"], "", id="sync async"),
        pytest.param(["size=64k", "mode=711"], "size=64k mode=711", id="data"),
        pytest.param(["size=64k", "nosuid", "nr_inodes=9"], "size=64k nr_inodes=9", id="mixed"),
    ],
)
@pytest.mark.spec("mounts.options")
def test_options_of_the_superblock(
    runtime: Runtime, bundle: Bundle, options: list[str], has: str
) -> None:
    mount = seen(runtime, bundle.mount("/mnt", "tmpfs", "tmpfs", *options))
    assert set(has.split()) <= mount.super_options
    if "async" in options:
        assert "sync" not in mount.super_options


def test_quotes_around_a_value_are_not_the_filesystems(runtime: Runtime, bundle: Bundle) -> None:
    """As mount(8) has it: engines write context="a,b"."""
    if runtime.kind != "pyrunc":
        pytest.skip("hands them on, and only SELinux takes them off")
    mount = seen(runtime, bundle.mount("/mnt", "tmpfs", "tmpfs", 'mode="711"'))
    assert "mode=711" in mount.super_options


@pytest.mark.parametrize(
    ("options", "has", "lacks"),
    [
        pytest.param([], "rw", "ro", id="none"),
        pytest.param(["ro"], "ro", "rw", id="ro"),
        pytest.param(["nosuid", "nodev"], "nosuid nodev", "noexec ro", id="nosuid nodev"),
        pytest.param(["noexec"], "noexec", "", id="noexec"),
        pytest.param(["noatime"], "noatime", "relatime", id="noatime"),
        pytest.param(["defaults"], "rw", "ro", id="defaults"),
    ],
)
@pytest.mark.spec("mounts.options")
def test_options_of_a_bind(
    runtime: Runtime,
    bundle: Bundle,
    source: Path,
    options: list[str],
    has: str,
    lacks: str,
) -> None:
    mount = seen(runtime, bundle.bind(source, "/mnt", *options))
    assert set(has.split()) <= mount.options
    assert not set(lacks.split()) & mount.options


@pytest.mark.parametrize(
    ("option", "fields"),
    [
        ("private", set()), ("rprivate", set()), ("shared", {"shared"}), ("rshared", {"shared"}),
        ("unbindable", {"unbindable"}), ("runbindable", {"unbindable"}),
    ],
)  # fmt: skip
@pytest.mark.spec("mounts.options")
def test_propagation(runtime: Runtime, bundle: Bundle, option: str, fields: set[str]) -> None:
    mount = seen(runtime, bundle.mount("/mnt", "tmpfs", "tmpfs", option))
    assert mount.propagation == fields


@pytest.mark.parametrize(
    ("root_propagation", "options", "arrives"),
    [
        pytest.param("rslave", ["rbind", "rslave"], True, id="slave"),
        pytest.param("rslave", ["rbind", "rprivate"], False, id="private"),
        pytest.param("rprivate", ["rbind"], False, id="private root"),
    ],
)
def test_mounts_of_the_host_arrive(
    runtime: Runtime,
    bundle: Bundle,
    mounted_source: Path,
    root_propagation: str,
    options: list[str],
    arrives: bool,
) -> None:
    bundle.linux["rootfsPropagation"] = root_propagation
    bundle.bind(mounted_source, "/mnt", *options)
    container = runtime.run_detached(bundle.sh("echo up; exec sleep 100"))
    container.wait_for_output("up")
    late = mounted_source / "late"
    late.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "late", late], check=True)
    inner = Path(f"/proc/{container.pid}/mountinfo").read_text()
    subprocess.run(["umount", late], check=True)
    assert ("/mnt/late" in parse_mountinfo(inner)) is arrives


@pytest.mark.parametrize("propagation", ["shared", "rshared", "slave", "private", "unbindable"])
@pytest.mark.spec("linux.rootfsPropagation")
def test_root_propagation(runtime: Runtime, bundle: Bundle, propagation: str) -> None:
    bundle.linux["rootfsPropagation"] = propagation
    root = mounts_inside(runtime, bundle)["/"]
    word = propagation.removeprefix("r")
    assert ("shared" in root.propagation) is (word == "shared")
    assert ("unbindable" in root.propagation) is (word == "unbindable")


@pytest.mark.spec("mounts.source", "mounts.destination")
class TestBind:
    def test_folder(self, runtime: Runtime, bundle: Bundle, source: Path) -> None:
        bundle.bind(source, "/mnt").sh("cat /mnt/file; echo more >/mnt/new")
        assert runtime.run(bundle).check().out == "content\n"
        assert (source / "new").read_text() == "more\n"

    def test_file_on_a_new_path(self, runtime: Runtime, bundle: Bundle, source: Path) -> None:
        bundle.bind(source / "file", "/new/deep/file").sh("cat /new/deep/file")
        assert runtime.run(bundle).check().out == "content\n"
        assert (bundle.rootfs / "new/deep/file").is_file()

    def test_folder_on_a_new_path(self, runtime: Runtime, bundle: Bundle, source: Path) -> None:
        bundle.bind(source, "/new/deep/folder").sh("cat /new/deep/folder/file")
        assert runtime.run(bundle).check().out == "content\n"
        assert (bundle.rootfs / "new/deep").stat().st_mode & 0o7777 == 0o755

    def test_read_only(self, runtime: Runtime, bundle: Bundle, source: Path) -> None:
        bundle.bind(source, "/mnt", "ro").sh("echo x >/mnt/new; cat /mnt/file")
        result = runtime.run(bundle)
        assert result.out == "content\n"
        assert "Read-only file system" in result.err

    def test_relative_source_is_in_the_bundle(
        self, runtime: Runtime, bundle: Bundle, source: Path
    ) -> None:
        bundle.bind("source", "/mnt").sh("cat /mnt/file")
        assert runtime.run(bundle).check().out == "content\n"

    def test_plain_bind_leaves_what_is_below(
        self, runtime: Runtime, bundle: Bundle, mounted_source: Path
    ) -> None:
        found = mounts_inside(runtime, bundle.bind(mounted_source, "/mnt"))
        assert "/mnt/below" not in found

    def test_rbind_ro_is_for_the_top_only(
        self, runtime: Runtime, bundle: Bundle, mounted_source: Path
    ) -> None:
        found = mounts_inside(runtime, bundle.bind(mounted_source, "/mnt", "rbind", "ro"))
        assert "ro" in found["/mnt"].options
        assert "rw" in found["/mnt/below"].options

    def test_rro_is_for_all(self, runtime: Runtime, bundle: Bundle, mounted_source: Path) -> None:
        found = mounts_inside(runtime, bundle.bind(mounted_source, "/mnt", "rbind", "rro"))
        assert "ro" in found["/mnt"].options
        assert "ro" in found["/mnt/below"].options

    @pytest.mark.parametrize("word", ["rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime"])
    def test_recursive_attributes(
        self, runtime: Runtime, bundle: Bundle, mounted_source: Path, word: str
    ) -> None:
        found = mounts_inside(runtime, bundle.bind(mounted_source, "/mnt", "rbind", word))
        assert word[1:] in found["/mnt"].options
        assert word[1:] in found["/mnt/below"].options

    def test_missing_source(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.bind("/none", "/mnt"))
        assert result.status == 1
        assert "/none" in result.err
        assert "no such file or directory" in result.err.lower()

    def test_file_on_a_folder(self, runtime: Runtime, bundle: Bundle, source: Path) -> None:
        result = runtime.run(bundle.bind(source / "file", "/mnt"))
        assert result.status == 1
        assert "/mnt" in result.err


class TestTmpcopyup:
    def test_takes_the_content_along(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("opt/sub/file", "kept\n", 0o604)
        os.chown(bundle.rootfs / "opt/sub/file", 8, 8)
        (bundle.rootfs / "opt/link").symlink_to("sub/file")
        bundle.mount("/opt", "tmpfs", "tmpfs", "tmpcopyup")
        bundle.sh("cat /opt/link; stat -c '%a %u %g' /opt/sub/file; rm -r /opt/sub; ls /opt")
        result = runtime.run(bundle).check()
        assert result.out == "kept\n604 8 8\nlink\n"
        assert (bundle.rootfs / "opt/sub/file").read_text() == "kept\n"

    def test_without_it_the_content_is_covered(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("opt/file", "hidden\n")
        result = runtime.run(bundle.mount("/opt", "tmpfs", "tmpfs").sh("ls /opt"))
        assert result.check().out == ""


class TestModeOfATmpfs:
    @pytest.mark.parametrize(
        ("mode", "options", "expected"),
        [
            pytest.param(0o750, [], "750", id="of the target"),
            pytest.param(0o1777, [], "1777", id="sticky"),
            pytest.param(0o750, ["mode=700"], "700", id="as said"),
        ],
    )
    def test_existing_target(
        self, runtime: Runtime, bundle: Bundle, mode: int, options: list[str], expected: str
    ) -> None:
        (bundle.rootfs / "opt").chmod(mode)
        bundle.mount("/opt", "tmpfs", "tmpfs", *options).sh("stat -c %a /opt")
        assert runtime.run(bundle).check().out.strip() == expected

    def test_new_target(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.mount("/new", "tmpfs", "tmpfs").sh("stat -c %a /new"))
        assert result.check().out == "1777\n"


@pytest.mark.spec("mounts.type", "mounts.source", "mounts.destination")
class TestKinds:
    def test_the_usual_ones(self, runtime: Runtime, bundle: Bundle) -> None:
        found = mounts_inside(runtime, bundle)
        kinds = {place: found[place].fstype for place in found if place.count("/") < 3}
        assert kinds | {
            "/proc": "proc", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs",
            "/dev/mqueue": "mqueue", "/sys": "sysfs",
        } == kinds  # fmt: skip

    def test_order_is_kept(self, runtime: Runtime, bundle: Bundle, source: Path) -> None:
        """The later mount lies over the earlier one at the same place."""
        bundle.mount("/mnt", "tmpfs", "first").bind(source, "/mnt").mount(
            "/mnt/sub", "tmpfs", "third"
        )
        (source / "sub").mkdir()
        result = runtime.run(bundle.sh("ls /mnt; grep -c ' /mnt' /proc/self/mountinfo"))
        assert result.check().words == ["file", "sub", "3"]

    def test_overlay(self, runtime: Runtime, bundle: Bundle) -> None:
        for name in ("lower", "upper", "work"):
            (bundle.path / name).mkdir()
        (bundle.path / "lower/file").write_text("below\n")
        layers = [f"{n}dir={bundle.path}/{n}" for n in ("lower", "upper", "work")]
        bundle.mount("/mnt", "overlay", "overlay", *layers)
        assert runtime.run(bundle.sh("cat /mnt/file; echo up >/mnt/file")).check().out == "below\n"
        assert (bundle.path / "upper/file").read_text() == "up\n"
        assert (bundle.path / "lower/file").read_text() == "below\n"

    def test_cgroup(self, runtime: Runtime, bundle: Bundle) -> None:
        """On v1 and hybrid one folder per hierarchy, showing the container's own cgroup."""
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "ro")
        procs = "/sys/fs/cgroup/pids/cgroup.procs"
        bundle.sh(f"cat /proc/self/mountinfo; [ ! -d /sys/fs/cgroup/pids ] || cat {procs}")
        out = runtime.run(bundle).check().out
        found = parse_mountinfo("\n".join(x for x in out.splitlines() if " - " in x))
        if found["/sys/fs/cgroup"].fstype == "cgroup2":
            return
        assert found["/sys/fs/cgroup"].fstype == "tmpfs"
        for name in ("memory", "pids", "cpu", "freezer"):
            mount = found[f"/sys/fs/cgroup/{name}"]
            assert mount.fstype == "cgroup"
            assert {"ro", "nosuid", "noexec", "nodev"} <= mount.options
        assert out.splitlines()[-1] != ""

    def test_cgroup_in_a_cgroup_namespace(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.namespace("cgroup")
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "ro")
        found = mounts_inside(runtime, bundle)
        if found["/sys/fs/cgroup"].fstype == "cgroup2":
            assert found["/sys/fs/cgroup"].root == "/"
            return
        assert found["/sys/fs/cgroup/memory"].root == "/"
        assert found["/sys/fs/cgroup/memory"].fstype == "cgroup"

    def test_read_only_dev(self, runtime: Runtime, bundle: Bundle) -> None:
        """The devices are made first."""
        dev = next(m for m in bundle.config["mounts"] if m["destination"] == "/dev")
        dev["options"].append("ro")
        result = runtime.run(bundle.sh("touch /dev/new; test -c /dev/null && echo there"))
        assert result.out == "there\n"
        assert "Read-only file system" in result.err

    def test_second_proc_elsewhere(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.mount("/mnt/proc", "proc", "proc").sh("cat /mnt/proc/1/comm")
        assert runtime.run(bundle).check().out == "cat\n"

    def test_sysfs_of_a_user_namespace_is_its_own(self, runtime: Runtime, bundle: Bundle) -> None:
        assert seen(runtime, bundle, "/sys").fstype == "sysfs"


class TestTargetsStayInside:
    """Links of a hostile root filesystem cannot lead a mount to the host."""

    @pytest.mark.parametrize(
        ("link", "destination", "lands"),
        [
            pytest.param(("esc", "/outside"), "/esc/deep", "/outside/deep", id="absolute"),
            pytest.param(("esc", "../../../../outside"), "/esc/x", "/outside/x", id="dots"),
            pytest.param(("esc", "/"), "/esc/opt", "/opt", id="to the root"),
            pytest.param(("mnt/esc", "../opt"), "/mnt/esc", "/opt", id="last part"),
        ],
    )
    def test_links(
        self,
        runtime: Runtime,
        bundle: Bundle,
        link: tuple[str, str],
        destination: str,
        lands: str,
    ) -> None:
        os.symlink(link[1], bundle.rootfs / link[0])
        (bundle.rootfs / "outside").mkdir()
        assert lands in mounts_inside(runtime, bundle.mount(destination, "tmpfs", "inside"))
        assert not Path("/outside").exists()

    def test_proc_may_not_be_a_link(self, runtime: Runtime, bundle: Bundle) -> None:
        (bundle.rootfs / "proc").rmdir()
        (bundle.rootfs / "proc").symlink_to("tmp")
        result = runtime.run(bundle)
        assert result.status == 1
        assert "/proc" in result.err

    @pytest.mark.parametrize("destination", ["/proc/self", "/proc/1", "/proc/sys", "/proc/net"])
    def test_over_proc(
        self, runtime: Runtime, bundle: Bundle, source: Path, destination: str
    ) -> None:
        result = runtime.run(bundle.bind(source, destination))
        assert result.status == 1
        assert "/proc" in result.err

    @pytest.mark.parametrize("destination", ["/proc/uptime", "/proc/meminfo", "/proc/stat"])
    def test_over_files_of_proc_that_lxcfs_replaces(
        self, runtime: Runtime, bundle: Bundle, source: Path, destination: str
    ) -> None:
        bundle.bind(source / "file", destination).sh(f"cat {destination}")
        assert runtime.run(bundle).check().out == "content\n"


class TestRefused:
    def test_unknown_filesystem(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.mount("/mnt", "moonfs", "moonfs"))
        assert result.status == 1
        assert "moonfs" in result.err or "no such device" in result.err

    def test_unknown_option(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.run(bundle.mount("/mnt", "tmpfs", "tmpfs", "size=64Q"))
        assert result.status == 1
        assert "/mnt" in result.err

    def test_without_a_source(self, runtime: Runtime, bundle: Bundle) -> None:
        """Absent, for what needs none."""
        bundle.config["mounts"].append({"destination": "/mnt", "type": "tmpfs"})
        assert seen(runtime, bundle).fstype == "tmpfs"

    def test_unknown_root_propagation(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["rootfsPropagation"] = "sideways"
        result = runtime.run(bundle)
        assert result.status == 1
        assert "sideways" in result.err


class TestNoPivot:
    def test_root_is_changed(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.file("etc/mark", "inside\n")
        result = runtime.run(bundle.sh("cat /etc/mark; ls / | wc -l"), "--no-pivot").check()
        assert result.words == ["inside", str(len(list(bundle.rootfs.iterdir())))]

    def test_with_a_private_root_is_refused(self, runtime: Runtime, bundle: Bundle) -> None:
        bundle.linux["rootfsPropagation"] = "rprivate"
        result = runtime.run(bundle, "--no-pivot")
        assert result.status == 1
        assert "rootfsPropagation" in result.err


def test_three_containers_on_one_lower_layer(
    runtime: Runtime, bundle: Bundle, base: Path, busybox: Path
) -> None:
    """Overlay root filesystems on one layer: each sees its own writes, none another's."""
    lower = bundle.path / "lower"
    make_rootfs(lower, busybox)
    (lower / "shared").write_text("lower\n")
    containers = []
    try:
        for name in ("a", "b", "c"):
            own = Bundle(bundle.path / name)
            for folder in ("rootfs", "upper", "work"):
                (own.path / folder).mkdir(parents=True)
            data = f"lowerdir={lower},upperdir={own.path}/upper,workdir={own.path}/work"
            subprocess.run(
                ["mount", "-t", "overlay", "-o", data, "overlay", own.rootfs], check=True
            )
            own.sh(f"cat /shared; echo {name} >/shared; touch /only-{name}; echo up; sleep 100")
            containers.append(runtime.run_detached(own))
        for container in containers:
            container.wait_for_output("up")
        for container, name in zip(containers, "abc", strict=True):
            assert container.output == "lower\nup\n"
            assert (container.bundle.rootfs / "shared").read_text() == f"{name}\n"
            only = {p.name for p in container.bundle.rootfs.glob("only-*")}
            assert only == {f"only-{name}"}
            container.delete("--force")
            container.wait()
    finally:
        for name in ("a", "b", "c"):
            rootfs = bundle.path / name / "rootfs"
            if rootfs.is_mount():
                subprocess.run(["umount", "--lazy", rootfs], check=True)
    assert (lower / "shared").read_text() == "lower\n"
    assert not list(lower.glob("only-*"))
