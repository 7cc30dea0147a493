"""The record beside state.json: written here, read by csrc/record.c."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from runtime import record as module
from runtime.cli.call import json_text
from runtime.cli.state import state_members
from runtime.errors import HostError
from runtime.record import HEAD, REST, record_of, save_record, state_halves
from runtime.state import Container

HEADER = (Path(__file__).parents[2] / "csrc/record.h").read_text()


def container(folder: Path, *, config: dict[str, Any] | None = None, **data: Any) -> Container:
    members: dict[str, Any] = {
        "id": "c1", "pid": 12, "pidStart": 34, "boot": "b-o-o-t", "maker": [1, 1],
        "created": "2026-11-22T13:57:37.2Z", "bundle": "/b\udcff/\"q\"", "rootfs": "/b/rootfs",
        "cgroupPaths": {"freezer": "/f/c1", "cpu": "/cpu/c1", "cpuacct": "/cpu/c1"},
        "config": config or {}, **data,
    }  # fmt: skip
    return Container(str(folder), members, 0)


def parts(data: bytes) -> tuple[tuple[int, ...], list[str]]:
    assert data.endswith(b"\0")
    text = data[HEAD.size + REST.size : -1].decode("utf-8", "surrogateescape")
    return REST.unpack_from(data, HEAD.size), text.split("\0")


@pytest.mark.parametrize("name", ["MAGIC", "VERSION", "AT_MOST", "OWN_PID_NAMESPACE",
                                  "PLAIN_START", "PLAIN_DELETE", "FREEZER_V1"])  # fmt: skip
def test_both_sides_agree(name: str) -> None:
    found = re.search(rf"#define RECORD_{name} (\w+?)u?\s", HEADER)
    assert found is not None
    assert int(found[1], 0) == getattr(module, name)


def test_header_and_strings(tmp_path: Path) -> None:
    data = record_of(container(tmp_path), 5, 6)
    magic, version, size, checksum = HEAD.unpack_from(data)
    assert (magic, version, size) == (module.MAGIC, module.VERSION, len(data))
    assert checksum == zlib.crc32(data[16:])
    (start, inode, mtime, pid, _, count, _), strings = parts(data)
    assert (start, inode, mtime, pid, count) == (34, 5, 6, 12, len(strings))
    assert strings[:2] == ["b-o-o-t", "/f/c1/freezer.state"]
    assert strings[4:] == ["/f/c1", "/cpu/c1"]


@pytest.mark.parametrize(
    ("config", "paths", "flags", "freezer"),
    [
        pytest.param({}, {}, module.PLAIN_START | module.PLAIN_DELETE, "", id="no cgroup"),
        pytest.param({"hooks": {"poststart": [1]}}, {}, module.PLAIN_DELETE, "", id="poststart"),
        pytest.param({"hooks": {"startContainer": [1]}}, {}, module.PLAIN_DELETE, "",
                     id="startContainer"),
        pytest.param({"hooks": {"poststop": [1], "prestart": [1]}}, {}, module.PLAIN_START, "",
                     id="poststop"),
        pytest.param({"linux": {"namespaces": [{"type": "pid"}]}}, {"": "/u/c1"},
                     module.PLAIN_START | module.PLAIN_DELETE | module.OWN_PID_NAMESPACE,
                     "/u/c1/cgroup.freeze", id="own pid namespace, v2"),
        pytest.param({"linux": {"namespaces": [{"type": "pid", "path": "/x"}]}},
                     {"": "/u/c1", "freezer": "/f/c1"},
                     module.PLAIN_START | module.PLAIN_DELETE | module.FREEZER_V1,
                     "/f/c1/freezer.state", id="joined pid namespace, hybrid"),
    ],
)  # fmt: skip
def test_flags(
    config: dict[str, Any], paths: dict[str, str], flags: int, freezer: str, tmp_path: Path
) -> None:
    (_, _, _, _, found, _, _), strings = parts(
        record_of(container(tmp_path, config=config, cgroupPaths=paths), 5, 6)
    )
    assert (found, strings[1]) == (flags, freezer)


def test_a_scope_is_for_python_to_delete(tmp_path: Path) -> None:
    """systemd has to be told."""
    made = container(tmp_path, systemdUnit={"name": "x.scope", "user": False})
    assert parts(record_of(made, 5, 6))[0][4] & module.PLAIN_DELETE == 0


@pytest.mark.parametrize(
    "annotations", [{}, {"z": "1", "a": "<&>\n"}, {"k": ""}], ids=["none", "two", "empty"]
)
def test_halves_are_what_state_prints(
    annotations: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = container(tmp_path, config={"annotations": annotations})
    monkeypatch.setattr(Container, "status", lambda _: "running")
    head, tail = state_halves(made)
    whole = json_text(state_members(made, owner=""), "  ")
    assert f'{head}12,\n  "status": "running{tail}' == whole


def test_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    made = container(tmp_path)
    made.save()
    save_record(made)
    state = (tmp_path / "state.json").stat()
    assert (tmp_path / "record").read_bytes() == record_of(made, state.st_ino, state.st_mtime_ns)
    assert (tmp_path / "record").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"record", "state.json"}


def test_no_state_to_go_with(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no such file"):
        save_record(container(tmp_path))


def test_too_long_for_the_reader(tmp_path: Path) -> None:
    made = container(tmp_path, config={"annotations": {"k": "x" * module.AT_MOST}})
    made.save()
    save_record(made)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_unit_of_systemd_has_to_be_stopped(tmp_path: Path) -> None:
    made = container(tmp_path, systemdUnit={"name": "x.scope", "user": False})
    (_, _, _, _, flags, _, _), _ = parts(record_of(made, 5, 6))
    assert not flags & module.PLAIN_DELETE
