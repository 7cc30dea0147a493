from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.merge import asked, to_save, to_write, upserted, warnings

Resources = dict[str, Any]


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"memory": {}, "cpu": {}}, {}, id="empty sections"),
        pytest.param({"memory": {"limit": 0, "swap": 5}}, {"memory": {"swap": 5}}, id="0 is unset"),
        pytest.param(
            {"cpu": {"burst": 0, "idle": 0, "shares": 0, "cpus": ""}, "pids": {"limit": 0}},
            {"cpu": {"burst": 0, "idle": 0}, "pids": {"limit": 0}},
            id="but not everywhere",
        ),
        pytest.param(
            {
                "devices": [{"allow": True}],
                "rdma": {"x": {}},
                "memory": {"swappiness": 5},
                "new": 1,
            },
            {},
            id="what cannot be updated",
        ),
        pytest.param({"unified": {"a.b": ""}}, {"unified": {"a.b": ""}}, id="unified"),
        pytest.param(
            {"memory": {"checkBeforeUpdate": False}},
            {"memory": {"checkBeforeUpdate": False}},
            id="booleans",
        ),
    ],
)
def test_asked(request_: Resources, part: Resources) -> None:
    assert asked(request_) == part


@pytest.mark.parametrize(
    ("stored", "request_", "written", "saved"),
    [
        pytest.param(
            {}, {"memory": {"limit": 5}}, {"memory": {"limit": 5}}, {"memory": {"limit": 5}},
            id="new",
        ),
        pytest.param(
            {"memory": {"limit": 5, "swap": 9}}, {"memory": {"limit": 7}},
            {"memory": {"limit": 7, "swap": 9}}, {"memory": {"limit": 7, "swap": 9}},
            id="a limit brings its swap",
        ),
        pytest.param(
            {"memory": {"limit": 5, "reservation": 2}}, {"memory": {"swap": 9}},
            {"memory": {"limit": 5, "swap": 9}},
            {"memory": {"limit": 5, "swap": 9, "reservation": 2}},
            id="and the other way round",
        ),
        pytest.param(
            {"memory": {"limit": 5, "swap": 9}}, {"memory": {"limit": -1}},
            {"memory": {"limit": -1}}, {"memory": {"limit": -1}},
            id="no limit lifts that on swap",
        ),
        pytest.param(
            {"memory": {"limit": 5, "swap": 9}}, {"memory": {"limit": -1, "swap": 8}},
            {"memory": {"limit": -1, "swap": 8}}, {"memory": {"limit": -1, "swap": 8}},
            id="unless it is named",
        ),
        pytest.param(
            {"memory": {"limit": 5}}, {"memory": {"reservation": 3}},
            {"memory": {"reservation": 3}}, {"memory": {"limit": 5, "reservation": 3}},
            id="a reservation is alone",
        ),
        pytest.param(
            {"cpu": {"quota": 5, "shares": 7, "idle": 1}}, {"cpu": {"period": 9}},
            {"cpu": {"quota": 5, "period": 9}},
            {"cpu": {"quota": 5, "shares": 7, "idle": 1, "period": 9}},
            id="a period brings its quota",
        ),
        pytest.param(
            {"cpu": {"quota": 5, "period": 9}}, {"cpu": {"shares": 3}},
            {"cpu": {"shares": 3}}, {"cpu": {"quota": 5, "period": 9, "shares": 3}},
            id="shares bring nothing",
        ),
        pytest.param(
            {"cpu": {"shares": 3}}, {"cpu": {"idle": 0}},
            {"cpu": {"idle": 0}}, {"cpu": {"shares": 3, "idle": 0}},
            id="idle leaves the weight",
        ),
        pytest.param(
            {"unified": {"a.b": "1", "c.d": "2"}}, {"unified": {"c.d": "3"}},
            {"unified": {"c.d": "3"}}, {"unified": {"a.b": "1", "c.d": "3"}},
            id="unified by key",
        ),
        pytest.param(
            {"devices": [1], "rdma": {"x": {}}}, {"pids": {"limit": 1}},
            {"pids": {"limit": 1}}, {"devices": [1], "rdma": {"x": {}}, "pids": {"limit": 1}},
            id="the rest is kept",
        ),
        pytest.param(
            {}, {"memory": {"checkBeforeUpdate": True, "limit": 5}},
            {"memory": {"checkBeforeUpdate": True, "limit": 5}}, {"memory": {"limit": 5}},
            id="the check is of this update",
        ),
    ],
)  # fmt: skip
def test_together(
    stored: Resources, request_: Resources, written: Resources, saved: Resources
) -> None:
    before = repr((stored, request_))
    assert to_write(stored, request_) == written
    assert to_save(stored, request_) == saved
    assert repr((stored, request_)) == before


def test_devices() -> None:
    name = "throttleReadBpsDevice"
    stored = {"blockIO": {"weight": 10, name: [{"major": 8, "minor": 0, "rate": 1}]}}
    new = [{"major": 8, "minor": 1, "rate": r} for r in (1, 2)]
    request = asked({"blockIO": {name: new}})
    assert to_write(stored, request) == {"blockIO": {name: new[1:]}}
    assert to_save(stored, request)["blockIO"] == {
        "weight": 10,
        name: [{"major": 8, "minor": 0, "rate": 1}, new[1]],
    }


def test_upserted_keeps_what_is_not_named() -> None:
    old = [{"major": 8, "minor": 0, "weight": 10, "leafWeight": 20}]
    assert upserted(old, [{"major": 8, "minor": 0, "weight": 30}]) == [
        {"major": 8, "minor": 0, "weight": 30, "leafWeight": 20}
    ]


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        ({"devices": [1], "rdma": {}}, 0),
        ({"devices": [2]}, 1),
        ({"hugepageLimits": [1], "network": {"classID": 1}}, 2),
        ({"memory": {"kernel": 5, "kernelTCP": 5}}, 1),
        ({"memory": {"swappiness": 5}}, 0),
        ({"memory": {"swappiness": 6, "disableOOMKiller": True}}, 2),
        ({"memory": {"disableOOMKiller": False}}, 0),
    ],
)
def test_warnings(request_: Resources, count: int) -> None:
    stored: Resources = {"devices": [1], "memory": {"swappiness": 5}}
    assert len(warnings(stored, request_)) == count
