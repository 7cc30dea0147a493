"""Names inside the image that lead out of it.

CVE-2015-1335, CVE-2015-3627, CVE-2019-18837, CVE-2021-30465, CVE-2024-45310, CVE-2025-24965 and
their kin: whoever joins the root filesystem with a string and hands it to mkdir, mknod, open or
mount follows the image's links on the host. Each test puts a link where such a call would pass;
a runtime with the hole makes, covers or changes something in the victim's folder.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.hostile import Victim, exchange, without_openat2
from harness.runtime import Runtime

SWAPS_FOR_S = 3.0


@pytest.fixture
def victim(base: Path, request: pytest.FixtureRequest) -> Iterator[Victim]:
    """Beside the bundles; checked whatever the test found."""
    made = Victim(base / f"victim-{abs(hash(request.node.nodeid)):x}")
    yield made
    made.check()


@pytest.fixture(params=[None, without_openat2], ids=["", "without openat2"])
def caller(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Once as it is, once with the walker that replaces openat2."""
    if request.param is not None and os.uname().machine != "x86_64":
        pytest.skip("the filter knows the number of x86_64 only")
    return {"preexec_fn": request.param}


def ways_to(victim: Victim, bundle: Bundle) -> dict[str, str]:
    """Links of an image that lead to the victim where they are followed on the host."""
    return {
        "absolute": str(victim.path),
        "climbing": "../" * 12 + str(victim.path)[1:],
        "relative": os.path.relpath(victim.path, bundle.rootfs),
    }


@pytest.mark.parametrize("way", ["absolute", "climbing", "relative"])
def test_dev_is_a_link(
    runtime: Runtime, bundle: Bundle, victim: Victim, way: str, caller: dict[str, Any]
) -> None:
    """Default devices, /dev/ptmx and the links of /dev are made in what the image has at /dev."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] == "/proc"]
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(ways_to(victim, bundle)[way])
    runtime.run(bundle, **caller)


ATTACKS: dict[str, Callable[[Bundle, Path], object]] = {
    "tmpfs": lambda bundle, source: bundle.mount("/vol/new/a", "tmpfs", "tmpfs"),
    "tmpfs on the link": lambda bundle, source: bundle.mount("/vol", "tmpfs", "tmpfs"),
    "tmpfs on a folder there": lambda bundle, source: bundle.mount("/vol/sub", "tmpfs", "tmpfs"),
    "bind of a folder": lambda bundle, source: bundle.bind(source, "/vol/new/b"),
    "bind of a file": lambda bundle, source: bundle.bind(source / "f", "/vol/new/c"),
    "bind on a file there": lambda bundle, source: bundle.bind(source / "f", "/vol/file"),
    "dots": lambda bundle, source: bundle.mount("/vol/../../../../vol/x", "tmpfs", "tmpfs"),
    "copied up": lambda bundle, source: bundle.mount("/vol", "tmpfs", "tmpfs", "tmpcopyup"),
    "working directory": lambda bundle, source: bundle.process.update(cwd="/vol/new/cwd"),
    "masked": lambda bundle, source: bundle.linux.update(maskedPaths=["/vol/sub", "/vol/file"]),
    "read-only": lambda bundle, source: bundle.linux.update(readonlyPaths=["/vol/sub"]),
    "device": lambda bundle, source: bundle.linux.update(
        devices=[{"path": "/vol/new/null", "type": "c", "major": 1, "minor": 3}]
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("way", ["absolute", "climbing", "relative"])
def test_a_volume_is_a_link(
    runtime: Runtime, bundle: Bundle, victim: Victim, way: str, attack: str, caller: dict[str, Any]
) -> None:
    """Places to mount on are made below a link; what is there is covered, masked or copied."""
    source = bundle.path / "source"
    source.mkdir()
    (source / "f").write_text("source")
    (bundle.rootfs / "vol").symlink_to(ways_to(victim, bundle)[way])
    ATTACKS[attack](bundle, source)
    assert "marker" not in runtime.run(bundle.sh("cat /vol/file /vol/sub/deep"), **caller).text


def test_copied_up_links(runtime: Runtime, bundle: Bundle, victim: Victim) -> None:
    """tmpcopyup copies links as links: opened, they would bring the host's file in."""
    folder = bundle.rootfs / "etc/keep"
    folder.mkdir()
    (folder / "file").symlink_to(victim.path / "file")
    (folder / "folder").symlink_to(victim.path / "sub")
    bundle.mount("/etc/keep", "tmpfs", "tmpfs", "tmpcopyup")
    result = runtime.run(bundle.sh("cat /etc/keep/file /etc/keep/folder/deep; ls -l /etc/keep"))
    assert "marker" not in result.text
    assert str(victim.path / "file") in result.out  # the link itself


@pytest.mark.parametrize(
    "link", ["/proc/self/root", "/proc/self/cwd/../../..", "/proc/1/root", "/proc/self/fd/5/.."]
)
def test_magic_links(
    runtime: Runtime, bundle: Bundle, victim: Victim, link: str, caller: dict[str, Any]
) -> None:
    """What looks like a link and is a door: it leads to where the runtime itself is.

    Fallbacks in user space that follow what readlink says, or a plain open, forget them.
    """
    (bundle.rootfs / "door").symlink_to(link)
    bundle.mount(f"/door{victim.path}/sub", "tmpfs", "tmpfs")
    runtime.run(bundle, **caller)


@pytest.mark.parametrize("openat2", [True, False], ids=["", "without openat2"])
def test_folders_become_links_meanwhile(
    runtime: Runtime, make_bundle: Callable[[], Bundle], victim: Victim, openat2: bool
) -> None:
    """CVE-2021-30465: a neighbour on a shared volume swaps a folder for a link all the time.

    A runtime that looks and then mounts by name hits the victim within a second or two.
    """
    bundle = make_bundle()
    volume = bundle.path / "volume"
    (volume / "folder").mkdir(parents=True)
    (volume / "link").symlink_to("../" * 12 + str(victim.path)[1:])
    bundle.bind(volume, "/vol")
    for number in range(6):
        bundle.mount(f"/vol/folder/m{number}", "tmpfs", "tmpfs")
    bundle.mount("/vol/folder/sub", "tmpfs", "tmpfs")
    stop = threading.Event()
    swaps = []

    def swap() -> None:
        chance = random.Random(1)
        while not stop.is_set():
            exchange(volume / "folder", volume / "link")
            swaps.append(1)
            time.sleep(chance.random() * 200e-6)

    neighbour = threading.Thread(target=swap, daemon=True)
    neighbour.start()
    begun, statuses = time.monotonic(), []
    try:
        while time.monotonic() < begun + SWAPS_FOR_S:
            rest: dict[str, Any] = {} if openat2 else {"preexec_fn": without_openat2}
            statuses.append(runtime.run(bundle, **rest).status)
    finally:
        stop.set()
        neighbour.join()
    assert len(swaps) > 500
    assert len(statuses) > 3
    victim.check()
