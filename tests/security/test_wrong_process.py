"""A pid that is somebody else's by now, a number that is another signal.

A runtime with the hole signals or joins a process that took the pid of an ended init, or reads a
signal's number up to the first character that is none.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime, wait_until


def test_a_decoy_with_the_pid(runtime: Runtime, bundle: Bundle) -> None:
    """The same pid, another start: state says stopped, and nothing is done to the decoy."""
    container = runtime.run_detached(bundle.sh("exit 0"))
    container.wait()
    time.sleep(0.05)  # start times are told in hundredths of a second
    decoy = None
    for _ in range(20):
        # Whoever else starts a process in between takes the number first.
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(container.pid - 1))
        decoy = subprocess.Popen(["sleep", "1000"])
        if decoy.pid == container.pid:
            break
        decoy.kill()
        decoy.wait()
    assert decoy is not None
    try:
        if decoy.pid != container.pid:
            pytest.skip("other processes were faster each time")
        assert container.status == "stopped"
        assert runtime.call("kill", container.id, "KILL").status != 0
        assert runtime.call("exec", container.id, "true").status != 0
        runtime.call("delete", "--force", container.id).check()
        assert decoy.poll() is None
    finally:
        decoy.kill()
        decoy.wait()


@pytest.mark.parametrize(
    "signal", ["9x", " 9", "+9", "0x9", "4294967305", "-9", "65", "0", "SIGSIGKILL", "", "9\n"]
)
def test_odd_signals(runtime: Runtime, bundle: Bundle, signal: str) -> None:
    container = runtime.run_detached(bundle.sleep())
    result = runtime.call("kill", container.id, signal)
    if result.status == 0:
        assert signal in ("0", "", " 9", "+9"), result
    else:
        assert container.status == "running"


def test_an_ended_init_that_nobody_reaped(runtime: Runtime, bundle: Bundle) -> None:
    container = runtime.run_detached(bundle.sh("exit 0"))
    wait_until(
        lambda: Path(f"/proc/{container.pid}/stat").read_text().rpartition(")")[2][1] == "Z", 10
    )
    assert container.status == "stopped"
    assert runtime.call("kill", container.id, "KILL").status != 0
