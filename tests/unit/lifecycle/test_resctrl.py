"""Groups in a tree of plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness.resctrl import DEFAULT, Kernel, Tree

from runtime.errors import ConfigError, KernelError
from runtime.host.resctrl import Resctrl
from runtime.lifecycle import resctrl
from runtime.lifecycle.resctrl import join, make_group, remove, saved
from runtime.plan.resctrl import GroupPlan, plan_group


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.setattr(resctrl, "os", Kernel())
    return Tree(tmp_path)


def plan(tree: Tree, **rdt: Any) -> GroupPlan:
    """The group of a container c1."""
    return plan_group(rdt, "c1", Resctrl(str(tree.root), has_l3=True, has_mb=True))  # type: ignore[arg-type]


def test_one_of_its_own_comes_and_goes(tree: Tree) -> None:
    wanted = plan(tree, l3CacheSchema="L3:0=f", memBwSchema="MB:0=20")
    state = saved(wanted)
    make_group(wanted)
    assert (tree.root / "c1" / "schemata").read_text() == "L3:0=f\nMB:0=20\n"
    join(state, 42)
    assert (tree.root / "c1" / "tasks").read_text() == "42"
    remove(state)
    remove(state)
    assert tree.groups() == set()


def test_undo(tree: Tree) -> None:
    make_group(plan(tree, schemata=["L3:0=f"], enableMonitoring=True))()
    assert tree.groups() == set()


def test_one_under_its_name_that_was_there_stays(tree: Tree) -> None:
    tree.group("c1")
    wanted = plan(tree, l3CacheSchema="L3:0=f")
    state = saved(wanted)
    make_group(wanted)()
    assert (tree.root / "c1" / "schemata").read_text() == "L3:0=f\n"
    remove(state)
    assert tree.groups() == {"c1"}


@pytest.mark.spec("linux.intelRdt.closID")
class TestNamed:
    def test_without_a_schema_it_must_be_there(self, tree: Tree) -> None:
        with pytest.raises(ConfigError, match=r"linux\.intelRdt.closID: .*/gold does not exist"):
            make_group(plan(tree, closID="gold"))
        tree.group("gold")
        make_group(plan(tree, closID="gold"))
        assert (tree.root / "gold" / "schemata").read_text() == DEFAULT

    def test_with_a_schema_it_is_made_and_stays(self, tree: Tree) -> None:
        wanted = plan(tree, closID="gold", l3CacheSchema="L3:0=f")
        state = saved(wanted)
        make_group(wanted)
        remove(state)
        assert tree.groups() == {"gold"}

    def test_unless_create_fails(self, tree: Tree) -> None:
        make_group(plan(tree, closID="gold", l3CacheSchema="L3:0=f"))()
        assert tree.groups() == set()

    def test_an_equal_one_is_used(self, tree: Tree) -> None:
        text = "    L3:0=0000f;1=fffff\n"
        tree.group("gold", text)
        make_group(plan(tree, closID="gold", l3CacheSchema="L3:0=f"))()
        assert (tree.root / "gold" / "schemata").read_text() == text

    def test_another_one_is_an_error(self, tree: Tree) -> None:
        tree.group("gold")
        with pytest.raises(ConfigError, match="/gold has other schemata: L3:0; a group"):
            make_group(plan(tree, closID="gold", l3CacheSchema="L3:0=f"))
        assert tree.groups() == {"gold"}

    def test_the_group_of_everybody(self, tree: Tree) -> None:
        wanted = plan(tree, closID="/")
        make_group(wanted)
        join(saved(wanted), 42)
        assert (tree.root / "tasks").read_text() == "42"


class TestMonitoring:
    def test_of_a_named_group(self, tree: Tree) -> None:
        tree.group("gold")
        wanted = plan(tree, closID="gold", enableMonitoring=True)
        state = saved(wanted)
        make_group(wanted)
        join(state, 42)
        for tasks in ("gold/tasks", "gold/mon_groups/c1/tasks"):
            assert (tree.root / tasks).read_text() == "42"
        remove(state)
        assert list((tree.root / "gold" / "mon_groups").iterdir()) == []

    def test_of_its_own(self, tree: Tree) -> None:
        wanted = plan(tree, enableMonitoring=True)
        state = saved(wanted)
        make_group(wanted)
        remove(state)
        assert tree.groups() == set()


class TestErrors:
    def test_no_group_left(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resctrl, "os", Kernel(full=True))
        with pytest.raises(KernelError, match=r"make the resctrl group .*all groups that the"):
            make_group(plan(tree, enableMonitoring=False))

    def test_the_kernels_own_words(self, tree: Tree) -> None:
        (tree.root / "info" / "last_cmd_status").write_text("Mask out of range\n")
        (tree.root / "c1").mkdir()
        with pytest.raises(KernelError, match=r'write "L3:0=f" to .*the kernel says: Mask out of'):
            make_group(plan(tree, l3CacheSchema="L3:0=f"))

    def test_nothing_is_left(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resctrl, "write_schemata", fail)
        with pytest.raises(KernelError):
            make_group(plan(tree, l3CacheSchema="L3:0=f"))
        assert tree.groups() == set()


def fail(*_: object) -> None:
    raise KernelError("no")
