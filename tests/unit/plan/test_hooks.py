"""Hooks and the state that they read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.plans import minimal, ops_named, plan_of

from runtime.plan.hooks import runtime_hooks, state_halves
from runtime.plan.plan import FIRST_SLOT


@pytest.mark.parametrize(
    ("hook", "args", "env", "timeout_s"),
    [
        ({}, ["/h"], None, 0),
        ({"args": []}, ["/h"], None, 0),
        ({"args": ["name", "x"], "env": [], "timeout": 3}, ["name", "x"], [], 3),
        ({"env": ["A=1"]}, ["/h"], ["A=1"], 0),
    ],
)
def test_runtime_hooks(
    hook: dict[str, Any], args: list[str], env: list[str] | None, timeout_s: int
) -> None:
    config: Any = minimal(hooks={"poststop": [{"path": "/first"}, {"path": "/h"} | hook]})
    found = runtime_hooks(config, "poststop")[1]
    assert (found.path, found.args, found.env, found.timeout_s) == ("/h", args, env, timeout_s)
    assert found.origin == "hooks.poststop[1]"


def test_no_hooks() -> None:
    config: Any = minimal()
    assert runtime_hooks(config, "prestart") == []
    assert ops_named(plan_of(config), "hook") == []


@pytest.mark.parametrize(
    ("name", "waits"),
    [("prestart", True), ("createRuntime", True), ("createContainer", False),
     ("startContainer", False), ("poststart", False), ("poststop", False)],
)  # fmt: skip
def test_only_the_runtimes_own_hooks_are_waited_for(name: str, waits: bool) -> None:
    plan = plan_of(minimal(hooks={name: [{"path": "/h"}]}))
    barriers = [op.origin for op in ops_named(plan, "sync")]
    assert ("runtime hooks" in barriers) == waits


def test_where_the_containers_hooks_run() -> None:
    hooks = {
        name: [{"path": f"/{name}"}]
        for name in ("createRuntime", "createContainer", "startContainer")
    }
    ops = plan_of(minimal(hooks=hooks), seccomp=(b"filter..", 0)).ops
    order = [op.strings[0] if op.name == "hook" else op.origin if op.name == "sync" else op.name
             for op in ops]  # fmt: skip
    steps = ["root", "runtime hooks", "/createContainer", "pivot", "created", "fifo", "seccomp",
             "caps", "/startContainer", "exec"]  # fmt: skip
    assert [step for step in order if step in steps and step != "caps"] == [
        step for step in steps if step != "caps"
    ]
    assert order.index("/startContainer") > max(i for i, o in enumerate(order) if o == "caps")


def test_their_environment() -> None:
    entry = [{"path": "/h"}, {"path": "/h", "env": ["X=1"]}]
    hooks = {"createContainer": entry, "startContainer": entry}
    plan = plan_of(minimal(hooks=hooks, process={"env": ["A=1"]}))
    assert [op.strings[2] for op in ops_named(plan, "hook")] == [[], ["X=1"], ["A=1"], ["X=1"]]


def test_their_state() -> None:
    hooks = {"createContainer": [{"path": "/h"}], "startContainer": [{"path": "/h"}]}
    plan = plan_of(minimal(hooks=hooks, annotations={"a": "b"}))
    statuses = []
    for op in ops_named(plan, "hook"):
        halves = op.strings[3]
        assert isinstance(halves, list)
        state = json.loads("1".join(halves))
        statuses.append(state.pop("status"))
        assert state == {
            "ociVersion": "1.3.0", "id": "c1", "pid": 1, "bundle": "/bundle",
            "annotations": {"a": "b"},
        }  # fmt: skip
    assert statuses == ["creating", "created"]


@pytest.mark.parametrize("text", ['"quoted"', "back\\slash", "new\nline", "ünïcode", "\x7f\x01"])
def test_any_text_survives(text: str) -> None:
    before, after = state_halves(text, "creating", text, {text: text})
    state = json.loads(f"{before}42{after}")
    assert state["id"] == state["bundle"] == text
    assert state["annotations"] == {text: text}
    assert state["pid"] == 42


def test_no_annotations_no_property() -> None:
    assert "annotations" not in "".join(state_halves("i", "created", "/b", {}))


def test_the_control_socket_and_the_plan_come_before_the_slots() -> None:
    assert FIRST_SLOT == 2
