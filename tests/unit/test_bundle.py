"""Bundles: found, read, refused with runc's words where it has some."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.bundle import load
from runtime.errors import ConfigError
from runtime.jsonfile import MAX_BYTES

TOP = Path(__file__).parents[2]
MINIMAL: dict[str, Any] = {
    "ociVersion": "1.3.0",
    "process": {"cwd": "/", "args": ["sh"]},
    "root": {"path": "rootfs"},
}


def bundle(directory: Path, config: object) -> str:
    """A bundle with this config.json; text is written as it is."""
    text = config if isinstance(config, str) else json.dumps(config)
    (directory / "config.json").write_text(text)
    return os.fspath(directory)


def refused(directory: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(directory)
    text = str(error.value)
    assert text.isprintable()
    return text


def test_load(tmp_path: Path) -> None:
    loaded = load(bundle(tmp_path, MINIMAL))
    assert loaded.path == os.fspath(tmp_path)
    assert loaded.rootfs == os.fspath(tmp_path / "rootfs")
    assert loaded.config == MINIMAL
    assert json.loads(loaded.config_text) == MINIMAL


def test_another_file_for_the_configuration(tmp_path: Path) -> None:
    directory = bundle(tmp_path, "this one is not read")
    file = tmp_path / "other.json"
    file.write_text(json.dumps(MINIMAL))
    loaded = load(directory, os.fspath(file))
    assert (loaded.path, loaded.config) == (directory, MINIMAL)
    assert loaded.rootfs == os.fspath(tmp_path / "rootfs")


@pytest.mark.parametrize(
    ("directory", "file", "reason"),
    [
        ("{}", "{}/none", "--config: open {}/none: no such file or directory"),
        ("{}/none", "{}/empty", "chdir {}/none: no such file or directory"),
        ("{}/empty", "{}/empty", "chdir {}/empty: not a directory"),
        ("{}", "{}", "{} is not a regular file"),
    ],
)
def test_another_file_that_does_not_do(
    directory: str, file: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigError) as error:
        load(directory.format(tmp_path), file.format(tmp_path))
    assert str(error.value) == reason.format(tmp_path)


def test_what_is_wrong_with_another_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{")
    with pytest.raises(ConfigError, match=r"other\.json"):
        load(os.fspath(tmp_path), f"{tmp_path}/other.json")


def test_empty_is_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle(tmp_path, MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert load("").path == load(".").path == os.fspath(tmp_path)


def test_working_directory_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert refused("") == (
        "the working directory: no such file or directory; name the bundle with --bundle"
    )


def test_links_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "image").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "rootfs").symlink_to("../image")
    bundle(tmp_path / "real", MINIMAL)
    loaded = load(os.fspath(tmp_path / "link"))
    assert loaded.path == os.fspath(tmp_path / "real")
    assert loaded.rootfs == os.fspath(tmp_path / "image")
    loaded.check_rootfs()


def test_absolute_rootfs(tmp_path: Path) -> None:
    loaded = load(bundle(tmp_path, {**MINIMAL, "root": {"path": "/usr/../usr"}}))
    assert loaded.rootfs == os.path.realpath("/usr")


def test_rootfs_is_missing(tmp_path: Path) -> None:
    loaded = load(bundle(tmp_path, MINIMAL))
    with pytest.raises(ConfigError) as error:
        loaded.check_rootfs()
    assert str(error.value) == (
        f"root.path: invalid rootfs: stat {tmp_path}/rootfs: no such file or directory; "
        "unpack the image there or correct root.path"
    )


def test_rootfs_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "rootfs").touch()
    loaded = load(bundle(tmp_path, MINIMAL))
    with pytest.raises(ConfigError) as error:
        loaded.check_rootfs()
    assert str(error.value) == f"root.path: invalid rootfs: {tmp_path}/rootfs: not a directory"


def test_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(f"{tmp_path}/none") == f"chdir {tmp_path}/none: no such file or directory"
    assert refused(f"{tmp_path}/file") == f"chdir {tmp_path}/file: not a directory"


def test_no_config(tmp_path: Path) -> None:
    assert refused(os.fspath(tmp_path)) == (
        f"JSON specification file config.json not found; there is none in {tmp_path}"
    )


def test_config_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    assert refused(os.fspath(tmp_path)) == f"{tmp_path}/config.json is not a regular file"
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").mkdir()
    assert refused(os.fspath(tmp_path)) == f"{tmp_path}/config.json is not a regular file"


def test_config_loops(tmp_path: Path) -> None:
    (tmp_path / "config.json").symlink_to("config.json")
    assert refused(os.fspath(tmp_path)) == (
        f"open {tmp_path}/config.json: too many levels of symbolic links"
    )


def test_config_is_too_large(tmp_path: Path) -> None:
    assert refused(bundle(tmp_path, " " * (MAX_BYTES + 1))) == "config.json is larger than 8 MiB"


def test_broken_json(tmp_path: Path) -> None:
    assert refused(bundle(tmp_path, '{"ociVersion":\n  ,}')) == (
        "config.json: line 2, column 3: expected a value, found ','"
    )


@pytest.mark.parametrize(
    "version",
    ["1.0.0", "1.0.2-dev", "1.1.0+dev", "1.3.0", "1.3.7", "1.2.0-rc.1", "1.0.0-rc5-dev",
     "1.2.3-0a.-+001.x"],
)  # fmt: skip
def test_versions(tmp_path: Path, version: str) -> None:
    loaded = load(bundle(tmp_path, {**MINIMAL, "ociVersion": version}))
    assert loaded.config["ociVersion"] == version


@pytest.mark.parametrize("version", ["0.5.0-dev", "0.2.0", "2.0.0", "10.0.0", "11.0.0"])
def test_other_majors(tmp_path: Path, version: str) -> None:
    assert refused(bundle(tmp_path, {**MINIMAL, "ociVersion": version})) == (
        f'ociVersion: version "{version}" is not supported, 1.0.0 to 1.3.0 are (line 1, column 16)'
    )


@pytest.mark.parametrize(
    "version",
    ["", "abc", "1", "1.0", "1.0.0.0", "v1.0.0", "1.0.x", "01.0.0", "1.00.0", "1.0.0-",
     "1.0.0-a..b", "1.0.0-01", "1.0.0+", "1.0.0+a+b", "1.0.0-é", " 1.0.0", "1.0.0\n", "1.0.\u0661",
     "1..0", "-1.0.0", "+1.0.0"],
)  # fmt: skip
def test_no_semver(tmp_path: Path, version: str) -> None:
    assert "is not a version such as 1.3.0 (SemVer 2.0.0)" in refused(
        bundle(tmp_path, {**MINIMAL, "ociVersion": version})
    )


def test_imports_nothing_of_weight(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    program = (
        "import sys; before = {*sys.modules}; sys.path.insert(0, sys.argv[1])\n"
        "from runtime.bundle import load; load(sys.argv[2])\n"
        "print(*sorted({*sys.modules} - before))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, os.fspath(TOP), bundle(tmp_path, MINIMAL)],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {"bundle", "errors", "jsonfile", "paths", "version"}
    # Python 3.13 loads errno for itself.
    assert {*result.stdout.split(), "errno"} == {
        "__future__", "_json", "_stat", "errno", "oci_schema", "oci_schema.check",
        "oci_schema.tables", "runtime", *(f"runtime.{name}" for name in ours),
    }  # fmt: skip
