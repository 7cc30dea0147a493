from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from oci_schema.explain import explain
from runtime.cli import features
from runtime.cli.dispatch import COMMANDS
from runtime.plan.mount_options import split_options
from runtime.version import VERSION

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome

    Pyrunc = Callable[..., Outcome]

RUNC_MOUNT_OPTIONS = (
    "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev"
    " nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow"
    " private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodev rnodiratime"
    " rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw"
    " rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime"
    " suid symfollow sync tmpcopyup unbindable"
)


@pytest.fixture(params=["2.5.4", ""], ids=["libseccomp", "no libseccomp"])
def libseccomp(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With libseccomp, and without."""
    version: str = request.param
    monkeypatch.setattr(features, "libseccomp_version", lambda: version)
    return version


@pytest.fixture
def document(libseccomp: str, pyrunc: Pyrunc) -> dict[str, Any]:
    status, out, err = pyrunc("features")
    assert (status, err) == (0, "")
    assert out.startswith('{\n    "ociVersionMin": "1.0.0",\n    "ociVersionMax": "1.3.0",\n')
    assert out.endswith("\n}\n")
    parsed: dict[str, Any] = json.loads(out)
    return parsed


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert explain(document, kind="features") == []


def test_all_hooks(document: dict[str, Any]) -> None:
    assert document["hooks"] == [
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
    ]  # fmt: skip


def test_the_mount_options_are_those_of_runc(document: dict[str, Any]) -> None:
    """And the two that it knows without saying so."""
    assert document["mountOptions"] == sorted([*RUNC_MOUNT_OPTIONS.split(), "idmap", "ridmap"])


def test_no_listed_mount_option_is_left_to_the_filesystem() -> None:
    for word in features.mount_option_words():
        options = split_options([word])
        assert (options.data, options.unsupported) == ([], []), word


def test_namespaces_and_capabilities(document: dict[str, Any]) -> None:
    linux = document["linux"]
    assert linux["namespaces"] == [
        "cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts",
    ]  # fmt: skip
    assert linux["capabilities"][0] == "CAP_CHOWN"
    assert linux["capabilities"][-1] == "CAP_CHECKPOINT_RESTORE"
    assert len(linux["capabilities"]) == 41


def test_seccomp(document: dict[str, Any], libseccomp: str) -> None:
    seccomp = document["linux"]["seccomp"]
    key = "io.github.seccomp.libseccomp.version"
    assert document["annotations"].get(key, "") == libseccomp
    if not libseccomp:
        assert seccomp == {"enabled": False}
        return
    assert seccomp["enabled"]
    assert "SCMP_ACT_ERRNO" in seccomp["actions"]
    assert "SCMP_ACT_NOTIFY" in seccomp["actions"]
    assert "SCMP_CMP_MASKED_EQ" in seccomp["operators"]
    assert "SCMP_ARCH_X86_64" in seccomp["archs"]
    assert "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" in seccomp["supportedFlags"]
    assert seccomp["supportedFlags"] == seccomp["knownFlags"]


def test_the_order_of_the_keys_is_runcs(document: dict[str, Any], libseccomp: str) -> None:
    assert list(document) == [
        "ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations",
        "potentiallyUnsafeConfigAnnotations",
    ]  # fmt: skip
    assert list(document["linux"]) == [
        "namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "intelRdt",
        "memoryPolicy",
        "mountExtensions", "netDevices",
    ]  # fmt: skip


def test_annotations(document: dict[str, Any]) -> None:
    found = document["annotations"]
    assert found["org.pyrunc.version"] == VERSION
    # podman and docker ask for it before they offer to checkpoint.
    expected = "true" if "checkpoint" in COMMANDS else "false"
    assert found["org.opencontainers.runc.checkpoint.enabled"] == expected
    assert document["potentiallyUnsafeConfigAnnotations"] == ["org.systemd.property."]


def test_network_devices(document: dict[str, Any]) -> None:
    assert document["linux"]["netDevices"] == {"enabled": True}


def test_resctrl(document: dict[str, Any]) -> None:
    assert document["linux"]["intelRdt"] == {"enabled": True, "schemata": True, "monitoring": True}


def test_memory_policies_are_all_of_the_schema(document: dict[str, Any]) -> None:
    policy = document["linux"]["memoryPolicy"]
    assert policy["modes"] == [
        "MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED",
        "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE",
    ]  # fmt: skip
    assert policy["flags"] == [
        "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["apparmor", "selinux"])
def test_security_modules_are_built_in(name: str, document: dict[str, Any]) -> None:
    """Whatever this host has: that is what `enabled` means there."""
    assert document["linux"][name] == {"enabled": True}


def test_idmapped_mounts(document: dict[str, Any]) -> None:
    # containerd refuses id-mapped mounts for a runtime that does not say so.
    assert document["linux"]["mountExtensions"]["idmap"] == {"enabled": True}
