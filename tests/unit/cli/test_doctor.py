"""doctor and gc, as people see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from runtime.cli import doctor, gc
from runtime.cli.paint import Paint
from runtime.host import survey
from runtime.host.survey import Answer
from runtime.lifecycle.gc import Leftover

ANSWERS = [
    Answer("kernel", "new enough", "yes", "6.1"),
    Answer("kernel", "idmap", "no", needed_by="mounts", remedy="run Linux"),
    Answer("other", "rights", "partly", "lacks X", needed_by="root", remedy="be root"),
]


def test_text() -> None:
    assert doctor.as_text(ANSWERS, Paint(is_on=False)).splitlines() == [
        "kernel",
        "  new enough  yes  6.1",
        "  idmap       no",
        "      for mounts: run Linux",
        "",
        "other",
        "  rights      partly  lacks X",
        "      for root: be root",
    ]


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("partly", 0), ("no", 1)])
def test_status(
    pyrunc: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    monkeypatch.setattr(survey, "survey", lambda: [Answer("kernel", "new enough", answer)])
    result = pyrunc("doctor", "--json")
    assert result.status == status
    assert json.loads(result.out)[0]["answer"] == answer


def test_gc() -> None:
    gone, kept = Leftover("container", "a", "old"), Leftover("folder", "b", "empty")
    kept.error = "busy"
    assert gc.as_text([gone, kept], Paint(is_on=False), dry_run=False).splitlines() == [
        "removed the container a (old)",
        "could not remove the folder b (empty): busy",
    ]
    assert gc.as_text([gone], Paint(is_on=False), dry_run=True).startswith("would remove")
