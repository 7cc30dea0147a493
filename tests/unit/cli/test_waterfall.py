"""A trace as text and as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.paint import Paint
from runtime.cli.waterfall import BAR, Bar, as_page, as_text, read_bars
from runtime.errors import ConfigError


def event(name: str, start: float, length: float, tid: int = 1, **more: Any) -> dict[str, Any]:
    return {"ph": "X", "name": name, "ts": start * 1000, "dur": length * 1000, "tid": tid,
            "args": more}  # fmt: skip


EVENTS = [
    {"ph": "M", "name": "thread_name"},
    event("half", 5, 5, 2, origin="mounts[0]"),
    event("<decide>", 0, 4),
    event("inner", 1, 1),
    event("wait", 4, 6, wait=True),
    event("end", 10, 0, 2, unfinished=True, error="EPERM"),
]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"traceEvents": EVENTS}))
    return str(path)


def test_text(file: str) -> None:
    lines = as_text(read_bars(file), Paint(is_on=False)).splitlines()
    assert [line.split()[-1] for line in lines[1:-1]] == [
        "<decide>", "inner", "wait", "mounts[0]", "EPERM"
    ]  # fmt: skip
    bar = lines[4][21 : 21 + BAR]
    assert bar == " " * (BAR // 2) + "█" * (BAR // 2)
    assert lines[5].split()[:2] == ["10.000", "..."]
    # What waits, or has others within, explains nothing.
    assert lines[-1] == ("10.000 ms in all; longest: half 5.000 ms, inner 1.000 ms, end 0.000 ms")


@pytest.mark.parametrize(
    ("start", "length", "drawn"),
    [
        (0, 40, "█" * 40),
        (0, 0.001, "▏" + " " * 39),
        (7.9, 0.001, " " * 7 + "▏" + " " * 32),
        (2.5, 2, "  ██▌" + " " * 35),
        (39.99, 0.01, " " * 39 + "▏"),
    ],
)
def test_bars(start: float, length: float, drawn: str) -> None:
    whole = Bar(event("whole", 0, 40))
    line = as_text([whole, Bar(event("x", start, length))], Paint(is_on=False)).splitlines()[2]
    assert line[21 : 21 + BAR] == drawn


def test_page(file: str) -> None:
    page = as_page(read_bars(file), "a <b>")
    assert "<title>a &lt;b&gt;</title>" in page
    assert "&lt;decide&gt;" in page and "<decide>" not in page
    assert 'style="left:50.00%;width:50.00%"' in page
    assert "<script" not in page and "http" not in page


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"traceEvents": 5}', '{"traceEvents": [5]}',
                                  '{"traceEvents": [{"ph": "X"}]}'])  # fmt: skip
def test_no_trace(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(ConfigError, match="is no trace"):
        read_bars(str(tmp_path / "x"))


def test_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"traceEvents": []}')
    assert as_text(read_bars(str(tmp_path / "x")), Paint(is_on=False)) == "no events\n"
    assert "nothing was done" in as_page([], "x")


def test_missing_file() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_bars("/nonexistent/file")
