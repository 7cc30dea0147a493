from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.lifecycle.resources_file import read_resources


@pytest.mark.parametrize(
    ("text", "resources"),
    [
        ("{}", {}),
        ('{"memory": {"limit": 5}}', {"memory": {"limit": 5}}),
        ('{"memory": null, "cpu": {"cpus": null}}', {}),
        ('{"pids": {"limit": null}, "cpu": {"shares": 2}}', {"cpu": {"shares": 2}}),
        ('{"unknown": 5, "pids": {"limit": 0}}', {"unknown": 5, "pids": {"limit": 0}}),
    ],
)
def test_read(text: str, resources: object, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    assert read_resources(str(path)) == resources


def test_standard_input_is_left_open() -> None:
    reading, writing = os.pipe()
    keep = os.dup(0)
    try:
        os.write(writing, b'{"pids": {"limit": 7}}')
        os.close(writing)
        os.dup2(reading, 0)
        assert read_resources("-") == {"pids": {"limit": 7}}
        assert read_resources_fails("-") == "standard input: "
    finally:
        os.dup2(keep, 0)
        os.close(keep)
        os.close(reading)


def read_resources_fails(path: str) -> str:
    """The beginning of the message for an input that has come to its end."""
    with pytest.raises(ConfigError) as caught:
        read_resources(path)
    return str(caught.value)[: len("standard input: ")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "{path}: "),
        ("{", "{path}: "),
        ("[]", "linux.resources: an empty array is not an object"),
        ('{"memory": {"limit": "5"}}', 'linux.resources.memory.limit: "5" is not an integer'),
        ('{"cpu": {"shares": -1}}', "linux.resources.cpu.shares: -1 is not an integer from 0"),
        ('{"cpu": {"shares": -1}, "pids": {"limit": "x"}}', "{path}: 2 problems: linux.resources."),
        ('{"blockIO": {"weightDevice": [{"major": 8}]}}',
         "linux.resources.blockIO.weightDevice[0].minor: is missing"),
    ],
)  # fmt: skip
def test_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_resources(str(path))
    assert str(caught.value).startswith(words.format(path=path))


@pytest.mark.parametrize("name", ["none", "", "."])
def test_unreadable(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--resources: read "):
        read_resources(str(tmp_path / name))
