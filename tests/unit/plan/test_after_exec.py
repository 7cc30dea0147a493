"""Capabilities across execve(2)."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.plan.after_exec import capabilities_after_exec
from runtime.plan.capabilities import BITS

KILL, CHOWN = BITS["CAP_KILL"], BITS["CAP_CHOWN"]


@pytest.mark.parametrize(
    ("sets", "members", "permitted"),
    [
        pytest.param({"bounding": ["CAP_KILL"], "permitted": []}, {}, KILL, id="root gains"),
        pytest.param(
            {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"]},
            {"noNewPrivileges": True}, KILL, id="not with no_new_privs",
        ),
        pytest.param(
            {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
            {"user": {"uid": 5}}, 0, id="a user loses",
        ),
        pytest.param(
            {name: ["CAP_CHOWN"] for name in ("bounding", "permitted", "inheritable", "ambient")},
            {"user": {"uid": 5}}, CHOWN, id="but what is ambient",
        ),
    ],
)  # fmt: skip
def test_permitted(sets: dict[str, list[str]], members: dict[str, Any], permitted: int) -> None:
    process: Any = {"capabilities": sets, **members}
    found = capabilities_after_exec(process, 40)
    assert found["permitted"] == found["effective"] == permitted
