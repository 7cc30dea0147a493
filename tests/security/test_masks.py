"""Masks made of something else than null.

CVE-2025-31133, CVE-2025-62161: files are masked by binding the container's /dev/null over them. An
image whose /dev/null is a link or a file turns the mask into a writable bind of its choice: a
runtime with the hole shows the secret, or lets it be written, or writes streams into the file.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import Runtime


def hostile_dev(bundle: Bundle, kind: str) -> Path:
    """A folder for /dev whose null is of this kind."""
    folder = bundle.path / "dev"
    folder.mkdir()
    null = folder / "null"
    if kind == "link":
        null.symlink_to("/secret")
    elif kind == "sysctl":
        null.symlink_to("/proc/sys/kernel/core_pattern")
    elif kind == "file":
        null.write_text("writable\n")
    else:
        null.mkdir()
    mounts = bundle.config["mounts"]
    bundle.config["mounts"] = [m for m in mounts if not m["destination"].startswith("/dev")]
    bundle.bind(folder, "/dev")
    return null


@pytest.mark.parametrize("kind", ["link", "sysctl", "file", "folder"])
def test_null_of_the_image(runtime: Runtime, bundle: Bundle, kind: str) -> None:
    core_pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    null = hostile_dev(bundle, kind)
    bundle.file("secret", "secret\n")
    bundle.linux["maskedPaths"] = ["/secret"]
    bundle.sh("cat /secret; echo gone > /secret; echo still heard")
    result = runtime.run(bundle)
    assert "secret\n" not in result.out
    assert "writable" not in result.out
    assert (bundle.rootfs / "secret").read_text() == "secret\n"
    assert Path("/proc/sys/kernel/core_pattern").read_text() == core_pattern
    if kind == "file":
        assert null.read_text() == "writable\n"
    assert result.status != 0 or "still heard" in result.out


def test_streams_of_null_are_not_taken_from_the_image(runtime: Runtime, bundle: Bundle) -> None:
    """A stream that was the host's null is opened anew inside: never a file of that name."""
    null = hostile_dev(bundle, "file")
    bundle.linux["maskedPaths"] = []
    with Path("/dev/null").open("wb") as out:
        bundle.save()
        name = runtime.new_id()
        import subprocess

        bundle.sh("echo swallowed").save()
        command = runtime.command("run", "--bundle", str(bundle.path), name)
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=20)
    assert null.read_text() == "writable\n"
