from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import HostError
from runtime.lifecycle.pid_file import write_pid_file


def test_digits_only_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("an older and longer content")
    write_pid_file(str(path), 42)
    assert path.read_bytes() == b"42"
    assert os.listdir(tmp_path) == ["pid"]


def test_a_stale_temporary_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".pid").touch()
    with pytest.raises(HostError, match="file exists"):
        write_pid_file(str(tmp_path / "pid"), 42)
    assert os.listdir(tmp_path) == [".pid"]


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "pid").mkdir()
    with pytest.raises(HostError, match=r"--pid-file: write the pid file .*: is a directory"):
        write_pid_file(str(tmp_path / "pid"), 42)
    assert os.listdir(tmp_path) == ["pid"]
