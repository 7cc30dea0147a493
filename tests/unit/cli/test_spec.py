from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cli import spec

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome

    Pyrunc = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def in_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def namespaces(config: dict[str, Any]) -> list[str]:
    return [namespace["type"] for namespace in config["linux"]["namespaces"]]


def test_the_file_that_is_written(pyrunc: Pyrunc, in_a_bundle: Path) -> None:
    previous = os.umask(0o027)
    try:
        assert pyrunc("spec") == (0, "", "")
    finally:
        os.umask(previous)
    path = in_a_bundle / "config.json"
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    assert text.startswith('{\n\t"ociVersion": "1.3.0",\n\t"process": {\n\t\t"terminal": true,\n')
    assert text.endswith("\n}"), "no newline at the end"
    config = json.loads(text)
    assert list(config) == ["ociVersion", "process", "root", "hostname", "mounts", "linux"]
    assert config["root"] == {"path": "rootfs", "readonly": True}
    assert config["process"]["capabilities"]["bounding"] == [
        "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE",
    ]  # fmt: skip
    assert [mount["destination"] for mount in config["mounts"]] == [
        "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup",
    ]  # fmt: skip
    assert "options" not in config["mounts"][0]


@pytest.mark.parametrize("words", ["--bundle sub", "-b sub", "--bundle=sub"])
def test_another_directory(words: str, pyrunc: Pyrunc, in_a_bundle: Path) -> None:
    (in_a_bundle / "sub").mkdir()
    assert pyrunc(f"spec {words}").status == 0
    assert (in_a_bundle / "sub/config.json").exists()


@pytest.mark.parametrize("value", ["true", "false", "auto"])
def test_the_global_rootless_is_another_option(
    value: str, pyrunc: Pyrunc, in_a_bundle: Path
) -> None:
    assert pyrunc(f"--rootless {value} spec").status == 0
    assert "uidMappings" not in (in_a_bundle / "config.json").read_text()


def test_a_file_that_is_there_stays(pyrunc: Pyrunc, in_a_bundle: Path) -> None:
    (in_a_bundle / "config.json").write_text("mine")
    status, out, err = pyrunc("spec")
    assert (status, out) == (1, "")
    assert "File config.json exists. Remove it first" in err
    assert (in_a_bundle / "config.json").read_text() == "mine"


def test_a_directory_that_is_missing(pyrunc: Pyrunc) -> None:
    status, _, err = pyrunc("spec -b nowhere")
    assert status == 1
    assert 'msg="--bundle: create nowhere/config.json: no such file or directory"' in err


@pytest.mark.parametrize(
    ("is_unified", "expected"),
    [
        (False, ["pid", "network", "ipc", "uts", "mount"]),
        (True, ["pid", "network", "ipc", "uts", "mount", "cgroup"]),
    ],
)
def test_namespaces(is_unified: bool, expected: list[str]) -> None:
    assert namespaces(spec.default_config(is_unified=is_unified)) == expected


@pytest.mark.parametrize("line", ["spec --rootless", "--rootless auto spec --rootless"])
def test_rootless(line: str, pyrunc: Pyrunc, in_a_bundle: Path) -> None:
    assert pyrunc(line).status == 0
    config = json.loads((in_a_bundle / "config.json").read_text())
    linux = config["linux"]
    assert list(linux)[:2] == ["uidMappings", "gidMappings"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    assert "resources" not in linux
    assert namespaces(config)[-1] == "user"
    assert "network" not in namespaces(config)
    mounts = {mount["destination"]: mount for mount in config["mounts"]}
    assert mounts["/sys"] == {
        "destination": "/sys",
        "type": "none",
        "source": "/sys",
        "options": ["rbind", "nosuid", "noexec", "nodev", "ro"],
    }
    assert "gid=5" not in mounts["/dev/pts"]["options"]
