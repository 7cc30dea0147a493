"""podman and containerd as clients of the runtime under test, offline, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.engines import Containerd, Podman, make_archives
from harness.hugetlb import hugetlb_on_v1
from harness.leaks import (
    CGROUP_ROOT,
    become_subreaper,
    end_descendants,
    remove_cgroups,
    remove_tree,
)
from harness.locate import RUN_FOLDERS, find_runtime
from harness.runtime import kind_of, wait_until


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


OF_PODMAN = tuple(str(CGROUP_ROOT / name) for name in ("systemd", "unified"))


@pytest.fixture(scope="session")
def runtime_path() -> str:
    """The executable under test: RUNTIME, or the one installed in the tree's .venv."""
    path = find_runtime()
    if not os.access(path, os.X_OK):
        pytest.fail(f"no runtime at {path}: build it by ./bootstrap, or set RUNTIME")
    return path


@pytest.fixture(scope="session")
def subreaper() -> None:
    """What an engine leaves in the background becomes our child: seen, and ended by pid."""
    become_subreaper()


@pytest.fixture(scope="module")
def folder(subreaper: None, runtime_path: str) -> Iterator[Path]:
    """One short folder for everything: paths of sockets end at 106 bytes.

    For a module, as all engines: at the end of the session other tests end what they find.
    """
    path = Path(tempfile.mkdtemp(prefix="pe"))
    path.chmod(0o711)
    with hugetlb_on_v1(wanted=kind_of(runtime_path) == "crun"):
        yield path
        end_descendants()
        remove_tree(path)
        # The parents of the containers' cgroups are the engines' own, and stay.
        for name in (path.name, f"{path.name}-podman"):
            remove_cgroups(name)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(folder: Path, runtime_path: str) -> Iterator[None]:
    """Neither state folders nor cgroups of containers once a module's containers are removed."""
    run_folder = Path(RUN_FOLDERS[kind_of(runtime_path)])
    before = left_behind(run_folder, folder)
    yield
    assert left_behind(run_folder, folder) <= before


def left_behind(run_folder: Path, folder: Path) -> set[str]:
    """The containers in the runtime's default state root, which podman uses, and cgroups."""
    states = {str(p) for p in run_folder.glob("[!.]*") if mentions(p, folder.name)}
    # podman itself leaves the cgroups of pods in the hierarchies that it has no limits for.
    cgroups = {str(p) for p in CGROUP_ROOT.glob(f"*/{folder.name}-podman/*/")}
    return states | {p for p in cgroups if not p.startswith(OF_PODMAN)}


def mentions(state: Path, name: str) -> bool:
    """Whether a container's state speaks of our folder: others use the same state root."""
    try:
        return any(name in p.read_text(errors="replace") for p in state.iterdir() if p.is_file())
    except FileNotFoundError:  # removed meanwhile
        return False


def require(*programs: str) -> None:
    """Skip where an engine is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="module")
def archives(folder: Path) -> Path:
    """The root filesystem as an archive (bb.tar) and as an OCI image (bb-oci.tar)."""
    require("umoci", "skopeo")
    make_archives(folder)
    return folder


@pytest.fixture(scope="module")
def podman(folder: Path, archives: Path, runtime_path: str) -> Iterator[Podman]:
    """podman with storage of its own and the image bb:local."""
    require("podman", "conmon")
    engine = Podman(folder, runtime_path)
    engine.call("import", "--change", 'CMD ["/bin/sleep","100000"]', "bb.tar", "localhost/bb:local")
    yield engine
    engine.call("pod", "rm", "-fa", "-t", "0")
    engine.call("rm", "-fa", "-t", "0")


@pytest.fixture(scope="module")
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


@pytest.fixture
def in_containerd(containerd: Containerd) -> Iterator[str]:
    """The name of a running task of containerd's."""
    assert containerd.run_detached("live", "sleep", "1000").status == 0
    yield "live"
    containerd.attempt("task", "rm", "-f", "live")
    containerd.attempt("container", "rm", "live")
