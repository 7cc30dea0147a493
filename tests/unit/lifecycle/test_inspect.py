"""When two values are the same."""

from __future__ import annotations

import pytest

from runtime.lifecycle.inspect import is_same_value


@pytest.mark.parametrize(
    ("wanted", "actual", "same"),
    [
        ("50", "50", True),
        ("50", "51", False),
        ("max", "max", True),
        ("max", "9223372036854771712", True),
        ("-1", "max", True),
        ("-1", "50", False),
        ("50", "max", False),
        ("100000000", "99999744", True),
        ("100000000", "100003840", False),
        ("0-3", "0-3", True),
        ("0-3", "0-1", False),
    ],
)
def test_values(wanted: str, actual: str, same: bool) -> None:
    assert is_same_value(wanted, actual) is same
