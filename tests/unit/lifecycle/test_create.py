from __future__ import annotations

import pytest

from runtime.lifecycle.create import rfc3339_nanoseconds


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
