"""A container that lies in wait for the processes that join it, and images that bite."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.inside import build_inside
from harness.runtime import Container, Result, Runtime, run

MARKER = "marker-of-the-host"
ROUNDS = 60
SECONDS = 6
MAPS = [{"containerID": 0, "hostID": 100000, "size": 65536}]
EVERY = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN",
    "CAP_MKNOD", "CAP_SETPCAP",
]  # fmt: skip


@pytest.fixture
def host_folder(base: Path) -> Iterator[Path]:
    """A folder that only the host has, with a marker; the runtime is called from there."""
    folder = base / "host-folder"
    folder.mkdir()
    (folder / MARKER).write_text("secret\n")
    yield folder
    (folder / MARKER).unlink()
    folder.rmdir()


@pytest.fixture
def spied(runtime: Runtime, bundle: Bundle, base: Path) -> Iterator[Bundle]:
    """A bundle whose program spies; markers lie in the bundle and in the state root."""
    if runtime.kind != "pyrunc":
        pytest.skip("looks for pyrunc's name")
    build_inside(bundle.rootfs / "bin/spy", "spy")
    bundle.args("/bin/spy", str(SECONDS), MARKER)
    markers = [bundle.path / MARKER, runtime.root / f".{MARKER}"]
    for marker in markers:
        marker.write_text("secret\n")
    yield bundle
    for marker in markers:
        marker.unlink()


def join_often(container: Container, host_folder: Path) -> list[str]:
    """What the spy saw of many processes that joined, called from the folder with the marker."""
    container.wait_for_output("watching")
    for _ in range(ROUNDS):
        done = run(container.runtime.command("exec", container.id, "/bin/true"), cwd=host_folder)
        if "stopped container" in done.err:
            break
        done.check()
    container.wait()
    lines = container.output.splitlines()
    assert lines[-1].startswith("seen ")
    assert int(lines[-1].split()[1]) >= 5, "the spy is too slow to prove anything"
    return lines[1:-1]


class TestSpy:
    def test_root_with_usual_capabilities(
        self, runtime: Runtime, spied: Bundle, host_folder: Path
    ) -> None:
        container = runtime.run_detached(spied)
        assert join_often(container, host_folder) == []

    def test_root_of_a_user_namespace_with_every_capability(
        self, runtime: Runtime, spied: Bundle, host_folder: Path
    ) -> None:
        spied.namespace("user").capabilities(*EVERY)
        spied.linux["uidMappings"] = spied.linux["gidMappings"] = MAPS
        os.chown(spied.rootfs, MAPS[0]["hostID"], MAPS[0]["hostID"])
        spied.process["noNewPrivileges"] = False
        container = runtime.run_detached(spied)
        assert join_often(container, host_folder) == []

    def test_root_that_may_trace(self, runtime: Runtime, spied: Bundle, host_folder: Path) -> None:
        """Without a user namespace it sees what joins; there is nothing of the host in it."""
        spied.capabilities(*EVERY)
        container = runtime.run_detached(spied)
        found = join_often(container, host_folder)
        assert [line for line in found if not line.startswith("leak")] == []


@pytest.fixture
def container(runtime: Runtime, bundle: Bundle) -> Container:
    """A container that runs, of a bundle that may be changed."""
    return runtime.run_detached(bundle.sleep())


class TestLeakedDescriptors:
    """The caller leaks open folders of the host. Source: CVE-2024-21626."""

    LEAKED = (7, 20, 30, 40)

    def call(self, container: Container, host_folder: Path, *words: str) -> Result:
        """`exec` with the folder open at several numbers."""
        redirect = " ".join(f"{fd}<{host_folder}" for fd in self.LEAKED)
        script = f'exec {redirect}; exec "$@"'
        return run(["bash", "-c", script, "bash", *container.runtime.command("exec", *words)])

    def test_program_sees_its_own_only(self, container: Container, host_folder: Path) -> None:
        done = self.call(container, host_folder, container.id, "ls", "/proc/self/fd")
        assert done.check().out.split() == ["0", "1", "2", "3"]  # the last is ls's own

    def test_working_directory(self, container: Container, host_folder: Path) -> None:
        for number in range(65):
            done = self.call(
                container, host_folder, "--cwd", f"/proc/self/fd/{number}", container.id,
                "cat", MARKER, f"../{MARKER}",
            )  # fmt: skip
            assert done.status != 0
            assert "secret" not in done.out

    def test_program(self, container: Container, host_folder: Path) -> None:
        """args[0] may name a descriptor, too."""
        (host_folder / "prog").write_text("#!/bin/sh\necho secret\n")
        (host_folder / "prog").chmod(0o755)
        try:
            for number in (*range(3, 14), *self.LEAKED):
                done = self.call(
                    container, host_folder, container.id, f"/proc/self/fd/{number}/prog"
                )
                assert done.status == 255
                assert "secret" not in done.out
        finally:
            (host_folder / "prog").unlink()


class TestExecutable:
    """Source: CVE-2019-5736."""

    def digest(self, runtime: Runtime) -> str:
        return hashlib.sha256(Path(runtime.path).read_bytes()).hexdigest()

    def test_a_script_that_names_the_runtime(
        self, runtime: Runtime, bundle: Bundle, container: Container
    ) -> None:
        """The runtime executed by the container is a copy that does nothing for it."""
        before = self.digest(runtime)
        (bundle.rootfs / "bin/evil").write_text("#!/proc/self/exe\n")
        (bundle.rootfs / "bin/evil").chmod(0o755)
        done = runtime.call("exec", container.id, "/bin/evil", timeout_s=10)
        assert done.status != 0
        assert self.digest(runtime) == before

    def test_overwritten_while_it_runs(
        self, runtime: Runtime, bundle: Bundle, container: Container
    ) -> None:
        before = self.digest(runtime)
        script = "while :; do for p in /proc/[0-9]*; do echo x 2>/dev/null >>$p/exe; done; done"
        attacker = subprocess.Popen(
            runtime.command("exec", container.id, "/bin/sh", "-c", f"exec 2>/dev/null; {script}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for _ in range(20):
                runtime.call("exec", container.id, "/bin/true")
        finally:
            attacker.terminate()  # passed on to the shell
            attacker.wait()
        assert self.digest(runtime) == before
        assert container.bundle.rootfs == bundle.rootfs
