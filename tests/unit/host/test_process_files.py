"""What /proc says of a process."""

from __future__ import annotations

import os
import resource

import pytest

from runtime.errors import HostError
from runtime.host.process_files import LIMIT_NAMES, NAMESPACE_FILES, MountLine, ProcessFiles
from runtime.plan.namespaces import FLAGS
from runtime.plan.process import RLIMITS

OWN = ProcessFiles(os.getpid())


def test_names_are_complete() -> None:
    assert set(LIMIT_NAMES) == set(RLIMITS)
    assert set(NAMESPACE_FILES) == set(FLAGS)


@pytest.mark.parametrize("name", sorted(LIMIT_NAMES))
def test_every_limit_is_found(name: str) -> None:
    soft, hard = OWN.limit(name)
    assert soft and hard


def test_of_this_process() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert OWN.limit("RLIMIT_NOFILE")[0] == str(soft)
    assert OWN.ids()[:2] == (os.geteuid(), os.getegid())
    own = os.stat("/proc/self/ns/mnt")
    assert OWN.namespace("mount") == (own.st_dev, own.st_ino)
    assert "/" in [mount.target for mount in OWN.mounts()]


def test_no_process() -> None:
    gone = ProcessFiles(1 << 22)
    for ask in (gone.mounts, gone.ids, lambda: gone.namespace("pid")):
        with pytest.raises(HostError):
            ask()


def test_mount_line() -> None:
    mount = MountLine(r"36 35 98:0 /m /a\040b rw,noatime master:1 - ext3 /dev/root ro,errors=x")
    assert (mount.target, mount.fstype, mount.is_readonly) == ("/a b", "ext3", True)
    assert not MountLine("1 1 0:1 / /x rw - tmpfs t rw").is_readonly
