"""--console-socket: an engine gets the terminal's other end, whatever the image is like."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.receiver import Receiver
from harness.runtime import Runtime

NO_SOCKET = "cannot allocate tty if runc will detach without setting console socket"
NO_USE = "cannot use console socket if runc will not detach or allocate tty"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An engine that waits for a terminal."""
    with Receiver() as one:
        yield one


@pytest.fixture
def bundle(bundle: Bundle) -> Bundle:
    """With a terminal."""
    bundle.process["terminal"] = True
    return bundle


def read_all(master: int) -> str:
    """Everything until nobody has the terminal open any more."""
    found = b""
    while select.select([master], [], [], 10)[0]:
        try:
            found += os.read(master, 4096)
        except OSError:
            return found.decode()
    raise AssertionError(f"the terminal is still open: {found!r}")


class TestCreate:
    def test_a_life(self, runtime: Runtime, bundle: Bundle, receiver: Receiver) -> None:
        """The master comes before create ends; the program's output at start."""
        bundle.sh("tty; echo seen >/dev/console; read x; echo $x; exit 3")
        container = runtime.create(bundle, "--console-socket", receiver.path)
        master = receiver.take()
        assert 0 < len(receiver.payload) < 4096
        assert stat.S_ISCHR(os.fstat(master).st_mode)
        os.write(master, b"typed\n")
        container.start()
        assert container.wait() == 3
        assert read_all(master) == "typed\r\n/dev/pts/0\r\nseen\r\ntyped\r\n"
        assert container.output == ""

    def test_the_terminal_is_as_the_kernel_made_it(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver
    ) -> None:
        runtime.create(bundle.sleep(), "--console-socket", receiver.path)
        flags = termios.tcgetattr(receiver.take())
        assert flags[1] & termios.OPOST and flags[1] & termios.ONLCR
        assert flags[3] & termios.ECHO and flags[3] & termios.ICANON

    def test_size(self, runtime: Runtime, bundle: Bundle, receiver: Receiver) -> None:
        bundle.process["consoleSize"] = {"height": 33, "width": 77}
        runtime.create(bundle.sleep(), "--console-socket", receiver.path)
        assert os.get_terminal_size(receiver.take()) == (77, 33)

    def test_nothing_of_the_runtime_keeps_it_open(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver
    ) -> None:
        """When the master is closed, the program's terminal hangs up."""
        bundle.sh("trap '' HUP; read x; echo gone >/gone; exit 5")
        container = runtime.create(bundle, "--console-socket", receiver.path)
        master = receiver.take()
        container.start()
        os.close(master)
        assert container.wait() == 5

    def test_deleted_before_its_start(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver
    ) -> None:
        container = runtime.create(bundle, "--console-socket", receiver.path)
        container.delete("--force")
        assert read_all(receiver.take()) == ""


def test_detached_run(runtime: Runtime, bundle: Bundle, receiver: Receiver) -> None:
    bundle.sh("stty size; exit 4")
    bundle.process["consoleSize"] = {"height": 5, "width": 6}
    container = runtime.run_detached(bundle, "--console-socket", receiver.path)
    assert read_all(receiver.take()) == "5 6\r\n"
    assert container.wait() == 4


class TestRefused:
    @pytest.mark.parametrize(("verb", "options"), [("create", ()), ("run", ("-d",))])
    def test_detached_without_a_socket(
        self, runtime: Runtime, bundle: Bundle, verb: str, options: tuple[str, ...]
    ) -> None:
        result = runtime.attempt(verb, bundle, *options)
        assert result.status == 1
        assert NO_SOCKET in result.text
        assert runtime.ids() == []

    @pytest.mark.parametrize("verb", ["create", "run"])
    def test_a_socket_without_a_terminal(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver, verb: str
    ) -> None:
        bundle.process["terminal"] = False
        result = runtime.attempt(verb, bundle, "--console-socket", receiver.path)
        assert result.status == 1
        assert NO_USE in result.text
        assert receiver.is_untouched()
        assert runtime.ids() == []

    def test_a_socket_in_the_foreground(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver
    ) -> None:
        result = runtime.attempt("run", bundle, "--console-socket", receiver.path)
        assert result.status == 1
        assert NO_USE in result.text
        assert receiver.is_untouched()

    def test_nobody_listens(self, runtime: Runtime, bundle: Bundle) -> None:
        result = runtime.attempt("create", bundle, "--console-socket", "/none/socket")
        assert result.status == 1
        assert "connect: no such file or directory" in result.text
        assert runtime.ids() == []


Image = Callable[[Bundle], Path | None]


def drop_devpts(bundle: Bundle) -> None:
    """No devpts from the configuration."""
    bundle.config["mounts"] = [
        mount for mount in bundle.config["mounts"] if mount["destination"] != "/dev/pts"
    ]


def own_dev(bundle: Bundle) -> Path:
    """A folder of the host with device nodes, bound on /dev; nothing is mounted on its pts."""
    drop_devpts(bundle)
    bundle.config["mounts"] = [
        mount for mount in bundle.config["mounts"] if not mount["destination"].startswith("/dev")
    ]
    dev = bundle.path / "dev"
    (dev / "pts").mkdir(parents=True)
    os.mknod(dev / "null", 0o20666, os.makedev(1, 3))
    bundle.bind(dev, "/dev", "rw")
    return dev


def no_pts(bundle: Bundle) -> None:
    drop_devpts(bundle)


def a_tmpfs(bundle: Bundle) -> None:
    drop_devpts(bundle)
    bundle.mount("/dev/pts", "tmpfs", "tmpfs")


def a_regular_ptmx(bundle: Bundle) -> Path:
    marker = own_dev(bundle) / "pts/ptmx"
    marker.write_text("untouched\n")
    return marker


def a_linked_ptmx(bundle: Bundle) -> Path:
    """security.md's case: another devpts behind the link, and links where slaves would be."""
    dev = own_dev(bundle)
    target = bundle.rootfs / "target"
    target.write_text("untouched\n")
    (dev / "pts2").mkdir()
    (dev / "pts/ptmx").symlink_to("../pts2/ptmx")
    (dev / "ptmx").symlink_to("pts2/ptmx")
    for number in range(8):
        (dev / f"pts/{number}").symlink_to("/target")
    bundle.mount("/dev/pts2", "devpts", "devpts", "newinstance", "ptmxmode=0666")
    return target


def a_devpts_behind_a_link(bundle: Bundle) -> Path:
    """/dev/pts leads to what the image says, a plain folder."""
    dev = own_dev(bundle)
    (dev / "pts").rmdir()
    (dev / "pts").symlink_to("/fake")
    marker = bundle.rootfs / "fake/ptmx"
    marker.parent.mkdir()
    marker.write_text("untouched\n")
    return marker


def the_hosts_ptmx(bundle: Bundle) -> None:
    """The container's own devpts, but the host's ptmx over its own."""
    bundle.bind("/dev/pts/ptmx", "/dev/pts/ptmx")


@pytest.mark.parametrize(
    "image", [no_pts, a_tmpfs, a_regular_ptmx, a_linked_ptmx, a_devpts_behind_a_link,
              the_hosts_ptmx],
)  # fmt: skip
def test_no_devpts_of_its_own(
    runtime: Runtime, bundle: Bundle, receiver: Receiver, image: Image
) -> None:
    """Refused in words that name the place; nothing is touched, nobody gets a terminal."""
    marker = image(bundle)
    result = runtime.attempt("create", bundle, "--console-socket", receiver.path)
    assert result.status == 1
    assert "/dev/pt" in result.text
    assert receiver.is_untouched()
    assert runtime.ids() == []
    if marker is not None:
        assert marker.read_text() == "untouched\n"


def own_devpts(bundle: Bundle) -> Path:
    """The same folder, but with a devpts on its pts."""
    dev = own_dev(bundle)
    (dev / "ptmx").symlink_to("pts/ptmx")
    bundle.mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")
    return dev


class TestConsoleOfTheImage:
    def test_a_link_is_not_followed(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver
    ) -> None:
        dev = own_devpts(bundle)
        target = bundle.rootfs / "target"
        target.write_text("untouched\n")
        (dev / "console").symlink_to("/target")
        result = runtime.attempt("create", bundle, "--console-socket", receiver.path)
        assert result.status == 1
        assert "/dev/console" in result.text
        assert target.read_text() == "untouched\n"

    def test_a_file_is_covered_and_kept(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver
    ) -> None:
        dev = own_devpts(bundle)
        (dev / "console").write_text("untouched\n")
        bundle.sh("echo seen >/dev/console")
        container = runtime.run_detached(bundle, "--console-socket", receiver.path)
        assert read_all(receiver.take()) == "seen\r\n"
        assert container.wait() == 0
        assert (dev / "console").read_text() == "untouched\n"

    def test_the_hosts_console_is_not_covered_without_a_mount_namespace(
        self, runtime: Runtime, bundle: Bundle, receiver: Receiver
    ) -> None:
        """Which would be made on the host: what /dev/pts has is used, /dev/console left alone."""
        bundle.without_namespace("mount")
        bundle.linux.pop("maskedPaths")
        bundle.linux.pop("readonlyPaths")
        bundle.config["mounts"] = []
        pts = bundle.rootfs / "dev/pts"
        pts.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", str(pts)]
        subprocess.run(command, check=True)
        try:
            bundle.sh("tty")
            container = runtime.run_detached(bundle, "--console-socket", receiver.path)
            master = receiver.take()
            assert read_all(master) == "/dev/pts/0\r\n"
            os.close(master)  # it holds the mount
            container.wait()
            assert not (bundle.rootfs / "dev/console").exists()
        finally:
            subprocess.run(["umount", str(pts)], check=True)
