"""podman and containerd as clients of the runtime under test, offline, in a folder of their own."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.engines import Containerd, Podman, make_archives
from harness.leaks import Leaks, descendants, remove_tree
from harness.locate import RUN_FOLDERS, find_runtime
from harness.runtime import kind_of, wait_until

PR_SET_CHILD_SUBREAPER = 36


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the whole lane."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.engines)
        item.add_marker(pytest.mark.root)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def runtime_path() -> str:
    """The executable under test: RUNTIME, or the one installed in the tree's .venv."""
    path = find_runtime()
    if not os.access(path, os.X_OK):
        pytest.fail(f"no runtime at {path}: build it by ./bootstrap, or set RUNTIME")
    return path


@pytest.fixture(scope="session")
def subreaper() -> Iterator[None]:
    """What an engine leaves in the background becomes our child: seen, and ended by pid."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    yield


@pytest.fixture(scope="session")
def folder(subreaper: None) -> Iterator[Path]:
    """One short folder for everything: paths of sockets end at 106 bytes."""
    path = Path(tempfile.mkdtemp(prefix="pe"))
    path.chmod(0o711)
    yield path
    end_descendants()
    remove_tree(path)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(folder: Path, runtime_path: str) -> Iterator[None]:
    """No mount and no state folder once the engines are done."""
    leaks = Leaks(folder, folder.name, Path(RUN_FOLDERS[kind_of(runtime_path)]))
    states = list_states(leaks.run_folder)
    yield
    assert list_states(leaks.run_folder) <= states


def list_states(run_folder: Path) -> set[str]:
    """The containers in the runtime's default state root, which podman uses."""
    return {p.name for p in run_folder.glob("[!.]*")} if run_folder.is_dir() else set()


def end_descendants() -> None:
    """End what the engines left running below us, by pid."""
    for pid, _ in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    time.sleep(0.1)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def require(*programs: str) -> None:
    """Skip where an engine is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="session")
def archives(folder: Path) -> Path:
    """The root filesystem as an archive (bb.tar) and as an OCI image (bb-oci.tar)."""
    require("umoci", "skopeo")
    make_archives(folder)
    return folder


@pytest.fixture(scope="session")
def podman(folder: Path, archives: Path, runtime_path: str) -> Iterator[Podman]:
    """podman with storage of its own and the image bb:local."""
    require("podman", "conmon")
    engine = Podman(folder, runtime_path)
    engine.call("import", "--change", 'CMD ["/bin/sleep","100000"]', "bb.tar", "localhost/bb:local")
    yield engine
    engine.call("pod", "rm", "-fa", "-t", "0")
    engine.call("rm", "-fa", "-t", "0")


@pytest.fixture(scope="session")
def containerd(folder: Path, archives: Path, runtime_path: str) -> Iterator[Containerd]:
    """A containerd of our own with the same image."""
    require("containerd", "ctr", "containerd-shim-runc-v2")
    config = Containerd.write_config(folder)
    with (folder / "ct.log").open("w") as log:
        daemon = subprocess.Popen(
            ["containerd", "-c", str(config)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    engine = Containerd(folder, runtime_path)
    try:
        wait_until(lambda: engine.attempt("version").status == 0, 20)
        engine.call("image", "import", "bb-oci.tar")
        yield engine
        for name in engine.call("container", "list", "-q").words:
            engine.attempt("task", "rm", "-f", name)
            engine.attempt("container", "rm", name)
    finally:
        daemon.terminate()
        daemon.wait(20)
