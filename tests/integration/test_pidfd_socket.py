"""--pidfd-socket: a pidfd of init for who asks, before its program starts."""

from __future__ import annotations

import os
import select
import signal

import pytest
from harness.bundle import Bundle
from harness.receiver import Receiver
from harness.runtime import Runtime, wait_until


def pid_of(pidfd: int) -> int:
    """Whose pidfd it is."""
    with open(f"/proc/self/fdinfo/{pidfd}") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


@pytest.mark.parametrize("user_namespace", [False, True], ids=["direct", "staged"])
def test_create(runtime: Runtime, bundle: Bundle, user_namespace: bool) -> None:
    if user_namespace:
        bundle.namespace("user")
        bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        bundle.linux["gidMappings"] = bundle.linux["uidMappings"]
        os.chown(bundle.rootfs, 100000, 100000)
    with Receiver() as receiver:
        container = runtime.create(bundle.sleep(), "--pidfd-socket", receiver.path)
        pidfd = receiver.take()
        assert receiver.payload == b"standard"
        assert pid_of(pidfd) == container.pid
        container.start()
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        assert select.select([pidfd], [], [], 10)[0]
        assert container.wait() == 137


def test_detached_run(runtime: Runtime, bundle: Bundle) -> None:
    with Receiver() as receiver:
        container = runtime.run_detached(bundle.sleep(), "--pidfd-socket", receiver.path)
        assert pid_of(receiver.take()) == container.pid


def test_foreground_run(runtime: Runtime, bundle: Bundle) -> None:
    with Receiver() as receiver:
        process = runtime.run_background(bundle.sleep(), "--pidfd-socket", receiver.path)
        pidfd = receiver.take()
        (name,) = runtime.ids()
        wait_until(lambda: '"running"' in runtime.call("state", name).out, 10)
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        assert process.wait(10) == 137


def test_nobody_listens(runtime: Runtime, bundle: Bundle) -> None:
    """An error, and the container is gone."""
    result = runtime.attempt("create", bundle, "--pidfd-socket", str(bundle.path / "none"))
    assert result.status == 1
    assert "connect: no such file or directory" in result.text
    assert runtime.ids() == []
