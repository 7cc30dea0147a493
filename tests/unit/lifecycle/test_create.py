from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import HostError
from runtime.lifecycle.create import rfc3339_nanoseconds, write_pid_file


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (1_795_355_847_226_584_009, "2026-11-22T13:57:27.226584009Z"),
        (1_795_355_847_000_000_010, "2026-11-22T13:57:27.00000001Z"),
    ],
)
def test_created(nanoseconds: int, text: str) -> None:
    assert rfc3339_nanoseconds(nanoseconds) == text


class TestPidFile:
    def test_digits_only_and_nothing_beside_it(self, tmp_path: Path) -> None:
        path = tmp_path / "pid"
        path.write_text("an older and longer content")
        write_pid_file(str(path), 42)
        assert path.read_bytes() == b"42"
        assert os.listdir(tmp_path) == ["pid"]

    def test_a_stale_temporary_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / ".pid").touch()
        with pytest.raises(HostError, match="file exists"):
            write_pid_file(str(tmp_path / "pid"), 42)
        assert os.listdir(tmp_path) == [".pid"]

    def test_failure_leaves_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "pid").mkdir()
        with pytest.raises(HostError, match=r"--pid-file: write the pid file .*: is a directory"):
            write_pid_file(str(tmp_path / "pid"), 42)
        assert os.listdir(tmp_path) == ["pid"]
