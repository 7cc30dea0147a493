from __future__ import annotations

import json
import os
import pty
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import log as log_module
from runtime.errors import ConfigError, HostError, KernelError, printable
from runtime.log import Log, Record, json_string, text_value, timestamp, write_all

NOON = 1_795_355_760.9  # 2026-11-22T13:56:00Z and a bit


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is always the same moment, in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    with monkeypatch.context() as patch:
        patch.setattr(log_module.time, "time", lambda: NOON)
        yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-11-22T13:56:00Z"),
        ("CET-1", "2026-11-22T14:56:00+01:00"),
        ("EST5", "2026-11-22T08:56:00-05:00"),
        ("IST-5:30", "2026-11-22T19:26:00+05:30"),
        ("NST3:30", "2026-11-22T10:26:00-03:30"),
    ],
)
def test_times_are_local(zone: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert timestamp(NOON) == text
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("word", "word"),
        ("a-b.c_d/e@f^g+h9", "a-b.c_d/e@f^g+h9"),
        ("two words", '"two words"'),
        ("a:b", '"a:b"'),
        ('say "x"', '"say \\"x\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("é", '"é"'),
    ],
)
def test_text_values_are_quoted_when_they_must(value: str, text: str) -> None:
    assert text_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("word", '"word"'),
        ('"\\\n\x01', '"\\"\\\\\\n\\u0001"'),
        ("<a & b>", '"\\u003ca \\u0026 b\\u003e"'),
        ("é\U0001f600", '"é\U0001f600"'),
        (os.fsdecode(b"caf\xe9"), '"caf\ufffd"'),
        ("lone \ud800", '"lone \ufffd"'),
    ],
)
def test_json_strings(value: str, text: str) -> None:
    assert json_string(value) == text


@pytest.mark.usefixtures("clock")
def test_a_text_record(capfd: pytest.CaptureFixture[str]) -> None:
    Log().error("container does not exist")
    expected = 'time="2026-11-22T13:56:00Z" level=error msg="container does not exist"\n'
    assert capfd.readouterr() == ("", expected)


@pytest.mark.usefixtures("clock")
def test_a_json_record(capfd: pytest.CaptureFixture[str]) -> None:
    Log(log_format="json").error("container does not exist")
    expected = '{"level":"error","msg":"container does not exist","time":"2026-11-22T13:56:00Z"}\n'
    assert capfd.readouterr() == ("", expected)


def test_a_file_takes_the_records_and_stderr_the_bare_last_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Log(str(tmp_path / "log"))
    log.warning("careful")
    log.error(ConfigError("wrong", hint="do it right"), "pyrunc create failed: ")
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first.endswith("level=warning msg=careful")
    assert second.endswith('level=error msg="pyrunc create failed: wrong; do it right"')
    assert capfd.readouterr() == ("", "pyrunc create failed: wrong; do it right\n")


def test_the_file_is_made_and_added_to(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        Log(str(tmp_path / "log")).warning("one")
    finally:
        os.umask(previous)
    Log(str(tmp_path / "log")).warning("two")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o644
    assert len((tmp_path / "log").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/nowhere/log", "--log: open /nowhere/log: no such file or directory"),
        ("/", "--log: open /: is a directory"),
        ("a\0b", "--log: open a\\x00b: not a file name"),
    ],
)
def test_a_file_that_cannot_be_opened(path: str, text: str) -> None:
    with pytest.raises(HostError) as caught:
        Log(path)
    assert str(caught.value) == text


def test_debug_is_silent_unless_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    Log().debug("nothing")
    assert capfd.readouterr() == ("", "")


def test_debug_names_the_caller(capfd: pytest.CaptureFixture[str]) -> None:
    Log(debug=True).debug("here")
    words = capfd.readouterr().err.split()
    assert words[1:3] == ["level=debug", "msg=here"]
    assert words[3].startswith("func=")
    assert words[3].endswith("test_debug_names_the_caller")
    assert words[4].startswith('file="')
    assert "test_log.py:" in words[4]


def test_debug_names_the_caller_in_json(capfd: pytest.CaptureFixture[str]) -> None:
    Log(log_format="json", debug=True).error("here")
    record = json.loads(capfd.readouterr().err)
    assert record["func"].endswith("test_debug_names_the_caller_in_json")
    assert "test_log.py:" in record["file"]


def test_the_parts_of_an_error_have_names(capfd: pytest.CaptureFixture[str]) -> None:
    error = KernelError("mount", field="mounts[3]", syscall="fsconfig", errno=22, hint="try 64k")
    Log(log_format="json").error(error)
    record = json.loads(capfd.readouterr().err)
    del record["time"]
    assert record == {
        "code": "refused",
        "level": "error",
        "msg": "mounts[3]: mount: fsconfig: invalid argument; try 64k",
        "field": "mounts[3]",
        "syscall": "fsconfig",
        "errno": "EINVAL",
        "hint": "try 64k",
    }


def test_podman_can_decode_the_whole_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = Log(str(tmp_path / "log"), log_format="json")
    log.warning("one")
    log.warning("two")
    assert (tmp_path / "log").read_text() == ""
    log.error("failed")
    log.release()
    record = json.loads((tmp_path / "log").read_text())
    assert record["msg"] == "failed"
    assert record["warnings"] == ["one", "two"]
    assert capfd.readouterr().err == "failed\n"


def test_after_a_success_warnings_are_records(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), log_format="json")
    log.warning("one")
    log.warning("two")
    log.release()
    log.release()
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(r["level"], r["msg"]) for r in records] == [("warning", "one"), ("warning", "two")]


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("text", ["a\nb", "a\rb\x1b[31m", "a\u2028b", "a\x85b", "a\udcffb"])
def test_a_record_stays_one_line(log_format: str, text: str, tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), log_format=log_format)
    log.error(text)
    content = (tmp_path / "log").read_text()
    assert content.endswith("\n")
    assert len(content.splitlines()) == 1
    assert content[:-1].isprintable()


@given(st.text())
def test_any_text_makes_sound_records(text: str) -> None:
    record = Record("error", text, ("", ""))
    assert json.loads(record.json())["msg"] == printable(text)
    for line in (record.json(), record.line()):
        assert line.isprintable()
        assert line.encode()


@pytest.mark.usefixtures("clock")
def test_people_get_colours(capfd: pytest.CaptureFixture[str]) -> None:
    master, slave = pty.openpty()
    log = Log(os.ttyname(slave))
    log.warning("careful")
    log.error("container does not exist")
    shown = ""
    while shown.count("\n") < 2:  # a terminal hands on what it has
        shown += os.read(master, 4096).decode()
    os.close(master)
    os.close(slave)
    assert shown == (
        f"\x1b[33mWARN\x1b[0m[0000] {'careful':<44} \r\n"
        f"\x1b[31mERRO\x1b[0m[0000] {'container does not exist':<44} \r\n"
    )
    assert capfd.readouterr().err == "container does not exist\n"


def test_a_full_disk_does_not_lose_the_record(capfd: pytest.CaptureFixture[str]) -> None:
    Log("/dev/full").warning("careful")
    first, second = capfd.readouterr().err.splitlines()
    assert first == "--log: write /dev/full: no space left on device"
    assert second.endswith("level=warning msg=careful")


def test_standard_error_without_a_reader_is_survived() -> None:
    saved = os.dup(2)
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 2)
    try:
        Log().error("nobody hears this")
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(writer)


def test_a_slow_reader_with_a_non_blocking_pipe_gets_everything() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data = b"x" * 300_000
    received: list[bytes] = []

    def read() -> None:
        while chunk := os.read(reader, 10_000):
            received.append(chunk)

    thread = threading.Thread(target=read)
    thread.start()
    write_all(writer, data)
    os.close(writer)
    thread.join()
    os.close(reader)
    assert b"".join(received) == data
