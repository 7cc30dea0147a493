"""Container engines in a folder of their own, without a network."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from harness.rootfs import make_rootfs, make_template
from harness.runtime import SLOWNESS, Result, run

PATIENCE_S = 60.0 * SLOWNESS

PODMAN_CONFIG = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
cgroups = "no-conmon"
init_path = "/usr/bin/catatonit"
[engine]
cgroup_manager = "{manager}"
events_logger = "file"
lock_type = "file"
runtime_supports_json = ["runc", "crun", "{runtime}"]
"""

CONTAINERD_CONFIG = """\
version = 2
root = "{folder}/cr"
state = "{folder}/cs"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{folder}/c.sock"
[ttrpc]
  address = "{folder}/c.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
"""

IMAGE = "docker.io/library/bb:local"


def make_archives(folder: Path) -> None:
    """bb.tar (a root filesystem) and bb-oci.tar (an image of it) in `folder`."""
    rootfs = folder / "rootfs"
    make_rootfs(rootfs, make_template(folder / "template"))
    with tarfile.open(folder / "bb.tar", "w") as archive:
        archive.add(rootfs, ".")
    bundle = folder / "bundle"
    for command in (
        ["umoci", "init", "--layout", "oci"],
        ["umoci", "new", "--image", "oci:local"],
        ["umoci", "unpack", "--image", "oci:local", str(bundle)],
        ["cp", "-a", f"{rootfs}/.", str(bundle / "rootfs")],
        ["umoci", "repack", "--image", "oci:local", str(bundle)],
        ["umoci", "config", "--image", "oci:local", "--config.cmd", "sh",
         "--config.env", "PATH=/usr/bin:/bin"],
        ["skopeo", "copy", "--insecure-policy", "oci:oci:local", f"oci-archive:bb-oci.tar:{IMAGE}"],
    ):  # fmt: skip
        run(command, cwd=folder, timeout_s=PATIENCE_S).check()


class Podman:
    """podman with a storage of its own; containers are called through the runtime under test.

    `manager` is who makes cgroups: "cgroupfs" or "systemd".
    """

    image = "bb:local"

    def __init__(self, folder: Path, runtime: str, manager: str = "cgroupfs") -> None:
        self.folder = folder
        self.cgroup_parent = (
            f"{folder.name}.slice" if manager == "systemd" else f"/{folder.name}-podman"
        )
        config = folder / "c.conf"
        name = os.path.basename(runtime)
        config.write_text(PODMAN_CONFIG.format(runtime=name, manager=manager))
        self.env = {
            **os.environ,
            "CONTAINERS_CONF": str(config),
            # podman 5 complains on a host like some of ours.
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }
        self.prefix = [
            "podman", "--root", f"{folder}/p/root", "--runroot", f"{folder}/p/run",
            "--tmpdir", f"{folder}/p/tmp", "--runtime", runtime,
        ]  # fmt: skip

    def attempt(self, *args: str, **rest: Any) -> Result:
        """A call whose success is the question."""
        rest.setdefault("timeout_s", PATIENCE_S)
        return run([*self.prefix, *self.placed(args)], env=self.env, cwd=self.folder, **rest)

    def placed(self, args: tuple[str, ...]) -> tuple[str, ...]:
        """The call with a cgroup of our own as parent of what it makes."""
        parent = ("--cgroup-parent", self.cgroup_parent)
        if args[:2] == ("pod", "create"):
            return (*args[:2], *parent, *args[2:])
        if args[0] in ("run", "create") and "--pod" not in args:
            return (args[0], *parent, *args[1:])
        return args

    def call(self, *args: str, **rest: Any) -> Result:
        """A call that must succeed."""
        return self.attempt(*args, **rest).check()

    def run(self, *options: str, script: str) -> Result:
        """``podman run --rm`` of a shell script, which must succeed."""
        return self.call("run", "--rm", *options, self.image, "sh", "-c", script)


class Containerd:
    """ctr with a daemon of its own."""

    image = IMAGE

    def __init__(self, folder: Path, runtime: str) -> None:
        self.folder = folder
        self.runtime = runtime
        # tempfile likes underscores, a namespace has none at its end and no two of them.
        self.namespace = folder.name.replace("_", "0")
        self.prefix = ["ctr", "-a", f"{folder}/c.sock", "-n", self.namespace]

    @staticmethod
    def write_config(folder: Path) -> Path:
        """The daemon's configuration."""
        path = folder / "ct.toml"
        path.write_text(CONTAINERD_CONFIG.format(folder=folder))
        return path

    def attempt(self, *args: str, **rest: Any) -> Result:
        """A call whose success is the question."""
        rest.setdefault("timeout_s", PATIENCE_S)
        return run([*self.prefix, *args], cwd=self.folder, **rest)

    def call(self, *args: str, **rest: Any) -> Result:
        """A call that must succeed."""
        return self.attempt(*args, **rest).check()

    def run(self, name: str, *options: str, args: tuple[str, ...]) -> Result:
        """``ctr run`` with the runc shim and the runtime under test."""
        return self.attempt("run", "--runc-binary", self.runtime, *options, self.image, name, *args)

    def run_detached(self, name: str, *args: str) -> Result:
        """``ctr run --detach``; in files, as the shim keeps what it is given."""
        path = self.folder / f"{name}.out"
        command = [
            *self.prefix,
            "run",
            "-d",
            "--runc-binary",
            self.runtime,
            self.image,
            name,
            *args,
        ]
        with path.open("w") as out:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=self.folder, timeout=PATIENCE_S,
            )  # fmt: skip
        return Result(command, done.returncode, path.read_text(), "")
