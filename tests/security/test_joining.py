"""A container that watches who joins it, and takes the runtime's own program.

CVE-2016-9962: a process of the container looks into the one that joins, while that still has
folders of the host. CVE-2019-5736: it keeps the joining program by /proc/PID/exe and writes to it
when nobody runs it any more. A runtime with the hole shows the marker, or its executable changes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime, wait_until

EVERYTHING = [
    "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_KILL",
]  # fmt: skip

# Looks at all that is new in /proc, again and again.
SPY = """
echo ready
while [ ! -e /tmp/stop ]; do
  for p in /proc/[0-9]*; do
    case $p in /proc/1|/proc/$$) continue;; esac
    for f in $p/cwd $p/root $p/fd/*; do
      [ -e $f/pyrunc-marker ] && echo FOUND $f $(readlink $f) >> /tmp/found
    done
    readlink $p/exe >> /tmp/exes
  done
done 2>/dev/null
exit 0
"""


@pytest.mark.parametrize("capabilities", [[], EVERYTHING], ids=["plain", "may trace"])
def test_nothing_of_the_host_is_seen(
    runtime: Runtime, bundle: Bundle, capabilities: list[str]
) -> None:
    """A marker lies in the caller's directory, in the bundle and in the container's state."""
    bundle.capabilities(*capabilities)
    (bundle.rootfs / "tmp/found").write_text("")
    container = runtime.run_detached(bundle.sh(SPY))
    container.wait_for_output("ready")
    here = bundle.path / "here"
    here.mkdir()
    for folder in (here, bundle.path, runtime.root, runtime.root / container.id):
        (folder / "pyrunc-marker").write_text("")
    for number in range(20):
        # In turn by the executable alone and by Python.
        words = ["--preserve-fds", "0"] if number % 2 else []
        runtime.call("exec", *words, container.id, "true", cwd=here).check()
    (runtime.root / container.id / "pyrunc-marker").unlink()
    (bundle.rootfs / "tmp/stop").write_text("")
    assert container.wait() == 0
    assert (bundle.rootfs / "tmp/found").read_text() == ""
    exes = set((bundle.rootfs / "tmp/exes").read_text().split("\n"))
    assert not [exe for exe in exes if "python" in exe], exes
    (runtime.root / "pyrunc-marker").unlink()


def test_memory_and_environment_belong_to_root(runtime: Runtime, bundle: Bundle) -> None:
    """Not dumpable, or the container's user could read what is in the runtime's memory."""
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process["noNewPrivileges"] = True
    container = runtime.create(bundle)
    for name in ("environ", "mem", "maps"):
        assert os.stat(f"/proc/{container.pid}/{name}").st_uid == 0
    environ = Path(f"/proc/{container.pid}/environ").read_bytes()
    assert os.environb[b"PATH"] not in environ


def test_no_unmasked_proc_in_a_waiting_init(runtime: Runtime, bundle: Bundle) -> None:
    """Init works through a procfs of its own and keeps it while it waits for start. Who may trace
    it (a neighbour in the same pid namespace) could take that, and write where the container's own
    /proc is read-only: a runtime with the hole holds one with /proc/sys in it."""
    bundle.linux["sysctl"] = {"kernel.shm_rmid_forced": "1"}
    container = runtime.create(bundle)
    folder = Path(f"/proc/{container.pid}/fd")
    held = [entry for entry in folder.iterdir() if entry.is_dir()]
    assert held
    for entry in held:
        assert not (entry / "sys/kernel/core_pattern").exists()
        assert not (entry / "sysrq-trigger").exists()


def digest(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


KEEP = """
echo ready
while [ ! -e /tmp/stop ]; do
  for p in /proc/[0-9]*; do
    case $p in /proc/1|/proc/$$) continue;; esac
    case $(readlink $p/exe) in */busybox*|/bin/*|"") continue;; esac
    # Held open; the process ends; opened anew, for writing.
    sh -c 'readlink /proc/self/fd/9 >> /tmp/kept
           for n in 1 2 3 4 5; do
             (: >> /proc/self/fd/9) && echo OPENED $(readlink /proc/self/fd/9) >> /tmp/kept
             case $(readlink /proc/self/fd/9) in /memfd:*)
               (echo x >> /proc/self/fd/9) && echo WRITTEN >> /tmp/kept;;
             esac
           done' 9<$p/exe
  done
done 2>/dev/null
exit 0
"""


def test_the_executable_cannot_be_opened_for_writing(runtime: Runtime, bundle: Bundle) -> None:
    """With every right inside: what is found at exe is a sealed copy in memory."""
    before = digest(runtime.path)
    bundle.capabilities(*EVERYTHING)
    (bundle.rootfs / "tmp/kept").write_text("")
    container = runtime.run_detached(bundle.sh(KEEP))
    container.wait_for_output("ready")
    for _ in range(60):
        runtime.call("exec", container.id, "true").check()
    (bundle.rootfs / "tmp/stop").write_text("")
    assert container.wait() == 0
    kept = (bundle.rootfs / "tmp/kept").read_text()
    # Opened it may be: the copy is sealed, and by then the process may be the program.
    harmless = ("OPENED /memfd:", "OPENED /bin/busybox")
    assert "WRITTEN" not in kept
    assert [at for at in kept.splitlines() if "OPENED" in at and not at.startswith(harmless)] == []
    assert os.path.realpath(runtime.path) not in kept
    assert digest(runtime.path) == before


def test_the_program_is_the_runtime(runtime: Runtime, bundle: Bundle) -> None:
    """#!/proc/self/exe: the runtime is made to execute itself, with arguments of the image."""
    before = digest(runtime.path)
    bundle.file("loop", "#!/proc/self/exe\n", 0o755)
    result = runtime.run(bundle.args("/loop"))
    assert result.status != 0
    container = runtime.run_detached(bundle.sleep())
    assert runtime.call("exec", container.id, "/loop").status != 0
    assert digest(runtime.path) == before


def test_sealed_while_created(runtime: Runtime, bundle: Bundle) -> None:
    """What waits for start is no file of the host, and no write can change it."""
    container = runtime.create(bundle)
    exe = f"/proc/{container.pid}/exe"
    assert os.readlink(exe).startswith("/memfd:")
    with pytest.raises(OSError, match=r"busy|not permitted"):
        os.open(exe, os.O_WRONLY)
    container.kill("KILL")
    wait_until(lambda: container.status == "stopped", 10)


@pytest.mark.parametrize("words", [["3"], ["0"], ["3", "4"], ["-1"], ["x"], []])
def test_the_inner_role_is_nobodys(runtime: Runtime, words: list[str]) -> None:
    """Started by somebody else it ends at once: it takes orders from a sealed plan only."""
    done = subprocess.run(
        [runtime.path, "init", *words], capture_output=True, stdin=subprocess.DEVNULL, timeout=10
    )
    assert done.returncode != 0
