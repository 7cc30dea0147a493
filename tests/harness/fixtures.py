"""Fixtures of the lanes that drive a runtime: it, bundles, and the proof that nothing is left.

A lane's conftest.py imports them by name.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.bundle import Bundle
from harness.hugetlb import hugetlb_on_v1
from harness.leaks import Leaks, become_subreaper, end_descendants, remove_tree
from harness.locate import RUN_FOLDERS, find_runtime
from harness.rootfs import make_rootfs, make_template
from harness.runtime import Runtime, kind_of

TAG = f"pt{os.getpid()}"

BundleMaker = Callable[[], Bundle]


@pytest.fixture(scope="session")
def subreaper() -> None:
    """Containers become our children when the runtime exits: as with conmon and the shim."""
    become_subreaper()


@pytest.fixture(scope="session")
def tag() -> str:
    """What marks every name of this session."""
    return TAG


@pytest.fixture(scope="session")
def base() -> Iterator[Path]:
    """The folder of all bundles and state roots: short, and open to mapped users."""
    path = Path(tempfile.mkdtemp(prefix=f"{TAG}-"))
    path.chmod(0o711)
    yield path
    remove_tree(path)


@pytest.fixture(scope="session")
def busybox(base: Path) -> Path:
    """The busybox that all bundles link to."""
    return make_template(base / "template")


@pytest.fixture(scope="session")
def runtime_path() -> str:
    """The executable under test: RUNTIME, or the one installed in the tree's .venv."""
    path = find_runtime()
    if not os.access(path, os.X_OK):
        pytest.fail(f"no runtime at {path}: build it by ./bootstrap, or set RUNTIME")
    return path


@pytest.fixture(scope="session")
def acceptable_host(runtime_path: str, subreaper: None) -> Iterator[None]:
    """crun does not run on a hybrid host as it is."""
    with hugetlb_on_v1(wanted=kind_of(runtime_path) == "crun"):
        yield
        end_descendants()


@pytest.fixture(scope="session")
def leaks(base: Path, runtime_path: str) -> Leaks:
    """The counters of what is left behind."""
    return Leaks(base, TAG, Path(RUN_FOLDERS[kind_of(runtime_path)]))


@pytest.fixture(scope="module")
def nothing_is_left(leaks: Leaks, acceptable_host: None) -> Iterator[None]:
    """After each module there is nothing that was not there before it."""
    before = leaks.snapshot()
    yield
    assert leaks.since(before) == {}


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """1, 2, 3..., for names."""
    return itertools.count(1)


@pytest.fixture
def runtime(
    base: Path, runtime_path: str, numbers: Iterator[int], nothing_is_left: None
) -> Iterator[Runtime]:
    """The runtime under test with an empty state root; its containers end with the test."""
    root = base / f"root{next(numbers)}"
    root.mkdir(mode=0o700)
    driver = Runtime(runtime_path, root, TAG)
    yield driver
    driver.clean()
    remove_tree(root)


@pytest.fixture
def make_bundle(base: Path, busybox: Path, numbers: Iterator[int]) -> Iterator[BundleMaker]:
    """Makes busybox bundles, each with a root filesystem of its own."""
    made = []

    def make() -> Bundle:
        path = base / f"b{next(numbers)}"
        make_rootfs(path / "rootfs", busybox)
        made.append(path)
        return Bundle(path)

    yield make
    for path in made:
        remove_tree(path)


@pytest.fixture
def bundle(make_bundle: BundleMaker) -> Bundle:
    """One busybox bundle."""
    return make_bundle()
