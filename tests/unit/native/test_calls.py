from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from runtime.errors import KernelError
from runtime.native import calls


class TestSealed:
    def test_bytes_cannot_be_changed(self) -> None:
        fd = calls.sealed_bytes(b"plan")
        try:
            assert os.pread(fd, 10, 0) == b"plan"
            with pytest.raises(PermissionError):
                os.pwrite(fd, b"x", 0)
        finally:
            os.close(fd)

    def test_copy_can_be_executed(self) -> None:
        fd = calls.sealed_copy("/bin/true")
        try:
            assert subprocess.run([f"/proc/self/fd/{fd}"], pass_fds=(fd,)).returncode == 0
            with pytest.raises(PermissionError):
                os.pwrite(fd, b"x", 0)
        finally:
            os.close(fd)

    def test_of_a_missing_file(self) -> None:
        with pytest.raises(KernelError, match=r"copy /none into memory: .*no such file"):
            calls.sealed_copy("/none")


def test_channel() -> None:
    """A message is whole; the end of the other side is an empty one, before its word too."""
    ours, theirs = calls.channel()
    os.write(theirs, b"first")
    os.write(theirs, b"second")
    assert calls.receive(ours, 16) == (b"first", -1)
    assert calls.receive(ours, 16) == (b"second", -1)
    calls.go_on(ours)
    os.close(theirs)
    assert calls.receive(ours, 16) == (b"", -1)
    calls.go_on(ours)
    os.close(ours)


@pytest.mark.parametrize(
    ("script", "timeout_s", "end"),
    [
        pytest.param("cat; echo err >&2", 0, (calls.HOOK_EXITED, 0, "state\nerr"), id="success"),
        pytest.param("echo why; exit 3", 0, (calls.HOOK_EXITED, 3, "state why"), id="status"),
        pytest.param("kill -9 $$", 0, (calls.HOOK_SIGNALED, 9, ""), id="signal"),
        pytest.param("echo up; sleep 60", 1, (calls.HOOK_TIMED_OUT, 0, "up"), id="timeout"),
    ],
)
def test_run_hook(script: str, timeout_s: int, end: tuple[int, int, str]) -> None:
    kind, value, output = calls.run_hook(
        "/bin/sh", ["sh", "-c", script], ["PATH=/bin:/usr/bin"], b"state\n", timeout_s
    )
    assert (kind, value) == end[:2]
    assert output.split() == end[2].removeprefix("state ").split()


def test_run_hook_that_is_not_there() -> None:
    assert calls.run_hook("/none", ["x"], [], b"", 0) == (calls.HOOK_NOT_STARTED, errno.ENOENT, "")


def test_a_lot_of_state_and_output() -> None:
    """More than pipes hold, both ways: nobody waits for the other for ever."""
    state = b"x" * (1 << 20)
    script = "head -c 1000000 /dev/zero | tr '\\0' y; wc -c >&2"
    end, value, output = calls.run_hook(
        "/bin/sh", ["sh", "-c", script], ["PATH=/bin:/usr/bin"], state, 20
    )
    assert (end, value) == (calls.HOOK_EXITED, 0)
    assert output == "y" * (calls.OUTPUT_BYTES - 1)


def test_a_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    calls.run_hook(
        "/bin/sh", ["sh", "-c", f"sleep 60 & echo $! >{marker}; wait"], ["PATH=/bin"], b"", 1
    )
    pid = int(marker.read_text())
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("its child lives")


class TestWaitStarted:
    def wait(self, tmp_path: Path, script: str) -> bytes:
        """What is heard of an init that is a shell with the fifo as descriptor 3."""
        path = tmp_path / "fifo"
        os.mkfifo(path)
        init = subprocess.Popen(["sh", "-c", f"exec 3>{path}; {script}"])
        pid_fd = os.pidfd_open(init.pid)
        fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return calls.wait_started(fifo, pid_fd, 64)
        finally:
            os.close(fifo)
            os.close(pid_fd)
            init.kill()
            init.wait()

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            pytest.param("printf 0 >&3; exec 3>&-; sleep 60", b"0", id="it runs"),
            pytest.param("printf 0 >&3; sleep 0.1; printf why >&3; exit 1", b"0why", id="failure"),
            pytest.param("kill -9 $$", b"", id="died"),
        ],
    )
    def test_words(self, tmp_path: Path, script: str, words: bytes) -> None:
        assert self.wait(tmp_path, script) == words

    def test_init_that_never_opened_it(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        init = subprocess.Popen(["sleep", "60"])
        pid_fd = os.pidfd_open(init.pid)
        fifo = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        init.send_signal(signal.SIGKILL)
        assert calls.wait_started(fifo, pid_fd, 64) == b""
        init.wait()
        os.close(fifo)
        os.close(pid_fd)


class TestWaitReadable:
    def test_which_one(self) -> None:
        read_fd, write_fd = os.pipe()
        other_fd, held_fd = os.pipe()
        try:
            assert calls.wait_readable((read_fd, other_fd), 0) == set()
            os.write(write_fd, b"x")
            for interruptible in (True, False):
                found = calls.wait_readable((other_fd, read_fd), interruptible=interruptible)
                assert found == {read_fd}
            os.close(held_fd)  # an end is something to read
            assert calls.wait_readable((read_fd, other_fd)) == {read_fd, other_fd}
        finally:
            for fd in (read_fd, write_fd, other_fd):
                os.close(fd)

    def test_too_many(self) -> None:
        with pytest.raises(KernelError, match="argument list too long"):
            calls.wait_readable([0] * 9, 0)


def children() -> list[str]:
    """Our children: other tests may have left some, alive for the whole session."""
    return Path("/proc/thread-self/children").read_text().split()


class TestUserNamespace:
    def test_maps(self) -> None:
        """Nobody is left in it, and setns into it finds the ids as mapped."""
        before = children()
        try:
            fd = calls.user_namespace(b"0 0 1\n", b"0 0 1\n1 7 2\n")
        except PermissionError:
            pytest.skip("needs the right to map another user")
        try:
            script = "cat /proc/self/gid_map"
            seen = subprocess.run(
                ["nsenter", f"--user=/proc/self/fd/{fd}", "sh", "-c", script],
                pass_fds=(fd,), capture_output=True, check=True, text=True,
            )  # fmt: skip
            assert seen.stdout.split() == ["0", "0", "1", "1", "7", "2"]
        finally:
            os.close(fd)
        assert {*children()} <= {*before}

    def test_a_map_that_the_kernel_refuses(self) -> None:
        with pytest.raises(OSError, match="user_namespace") as refused:
            calls.user_namespace(b"0 0 0\n", b"0 0 1\n")
        assert refused.value.errno in (errno.EINVAL, errno.EPERM)

    def test_ids_of_what_is_no_mount(self, tmp_path: Path) -> None:
        fd = os.open(tmp_path, os.O_RDONLY)
        try:
            with pytest.raises(OSError, match="mount_setattr"):
                calls.map_ids(fd, fd, recursive=False)
        finally:
            os.close(fd)
