"""linux.intelRdt on a host whose resctrl filesystem is a tree of plain files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.resctrl import DEFAULT, Tree
from harness.runtime import Runtime, kind_of


@pytest.fixture
def tree(bundle: Bundle) -> Tree:
    folder = bundle.path / "host"
    folder.mkdir()
    return Tree(folder)


@pytest.fixture
def here(tree: Tree, runtime: Runtime, runtime_path: str) -> Iterator[Runtime]:
    """The runtime under test on that host."""
    if kind_of(runtime_path) != "pyrunc":
        pytest.skip("the tree is shown to pyrunc only")
    driver = Runtime(str(tree.runtime(Path(runtime_path))), runtime.root, runtime.tag)
    yield driver
    driver.clean()


def pids(path: Path) -> list[int]:
    """Those that were written last to a tasks file."""
    return [int(word) for word in path.read_text().split()]


@pytest.mark.spec("linux.intelRdt")
def test_from_create_to_delete(here: Runtime, bundle: Bundle, tree: Tree) -> None:
    bundle.linux["intelRdt"] = {
        "l3CacheSchema": "L3:0=f;1=f0\nMB:0=50", "memBwSchema": "MB:0=20", "schemata": ["MB:1=30"],
    }  # fmt: skip
    container = here.create(bundle.sleep())
    group = tree.root / container.id
    assert (group / "schemata").read_text() == "L3:0=f;1=f0\nMB:0=20\nMB:1=30\n"
    assert pids(group / "tasks") == [container.pid]
    container.start()
    container.kill("KILL")
    container.wait()
    container.delete()
    assert tree.groups() == set()


@pytest.mark.spec("linux.intelRdt.enableMonitoring")
def test_staged_containers_too(here: Runtime, bundle: Bundle, tree: Tree) -> None:
    """The process that is written down is the last one of the stages."""
    bundle.namespace("time").linux["timeOffsets"] = {"boottime": {"secs": 7}}
    bundle.linux["intelRdt"] = {"enableMonitoring": True}
    container = here.create(bundle)
    group = tree.root / container.id
    assert pids(group / "tasks") == [container.pid]
    assert pids(group / "mon_groups" / container.id / "tasks") == [container.pid]
    container.delete("--force")
    assert tree.groups() == set()


def test_the_installed_delete_removes_it(
    here: Runtime, runtime: Runtime, bundle: Bundle, tree: Tree
) -> None:
    """The executable's own delete leaves such containers to Python."""
    (tree.root / "mon_groups").rmdir()
    bundle.linux["intelRdt"] = {"closID": "gold", "l3CacheSchema": "L3:0=f"}
    bundle.linux["intelRdt"]["enableMonitoring"] = True
    container = here.create(bundle)
    monitor = tree.root / "gold" / "mon_groups" / container.id
    (monitor / "tasks").unlink()
    runtime.call("delete", container.id).check()
    assert not monitor.exists()
    assert tree.groups() == {"gold"}


def test_exec_joins(here: Runtime, bundle: Bundle, tree: Tree) -> None:
    tree.group("gold")
    bundle.linux["intelRdt"] = {"closID": "gold"}
    container = here.run_detached(bundle.sleep())
    assert pids(tree.root / "gold" / "tasks") == [container.pid]
    here.call("exec", container.id, "true").check()
    (other,) = pids(tree.root / "gold" / "tasks")
    assert other not in (0, container.pid)


def test_events(here: Runtime, bundle: Bundle, tree: Tree) -> None:
    bundle.linux["intelRdt"] = {"l3CacheSchema": "L3:0=f"}
    container = here.run_detached(bundle.sleep())
    told = json.loads(here.call("events", "--stats", container.id).check().out)["data"]
    assert told["intel_rdt"]["l3_cache_schema"] == "L3:0=f"
    assert told["intel_rdt"]["mem_bw_schema_root"] == "MB:0=100;1=100"


def test_failure_leaves_nothing(here: Runtime, bundle: Bundle, tree: Tree) -> None:
    bundle.linux["intelRdt"] = {"closID": "gold", "l3CacheSchema": "L3:0=f"}
    assert here.attempt("create", bundle.args("/none")).status == 1
    assert tree.groups() == set()


def test_a_group_that_is_missing(here: Runtime, bundle: Bundle, tree: Tree) -> None:
    bundle.linux["intelRdt"] = {"closID": "gold"}
    result = here.attempt("create", bundle)
    assert result.status == 1
    assert "linux.intelRdt.closID: " in result.err
    assert "/gold does not exist" in result.err


class TestUpdate:
    def test_both(self, here: Runtime, bundle: Bundle, tree: Tree) -> None:
        bundle.linux["intelRdt"] = {"l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20"}
        container = here.run_detached(bundle.sleep())
        schemata = tree.root / container.id / "schemata"
        here.call("update", "--l3-cache-schema", "L3:0=ff", container.id).check()
        assert schemata.read_text() == "L3:0=ff\nMB:0=20\n"
        here.call("update", "--mem-bw-schema", "MB:0=70", container.id).check()
        assert schemata.read_text() == "L3:0=ff\nMB:0=70\n"

    def test_with_limits(self, here: Runtime, bundle: Bundle, tree: Tree) -> None:
        bundle.linux["intelRdt"] = {"l3CacheSchema": "L3:0=f"}
        container = here.run_detached(bundle.sleep())
        schemata = tree.root / container.id / "schemata"
        args = ("update", "--pids-limit", "77", container.id, "--l3-cache-schema")
        bad = here.call(*args[:3], args[4], "L3:0=x", args[3])
        assert bad.status == 1
        assert "is no schema like L3:0=ff;1=f0" in bad.err
        assert schemata.read_text() == "L3:0=f\n"
        here.call(*args[:3], args[4], "L3:0=3", args[3]).check()
        assert schemata.read_text() == "L3:0=3\n"

    def test_without_a_group(self, here: Runtime, bundle: Bundle, tree: Tree) -> None:
        container = here.run_detached(bundle.sleep())
        result = here.call("update", "--l3-cache-schema", "L3:0=f", container.id)
        assert result.status == 1
        assert "updating a non-existent Intel RDT configuration is not supported" in result.err
        assert (tree.root / "schemata").read_text() == DEFAULT


def test_a_host_without(runtime: Runtime, bundle: Bundle) -> None:
    if runtime.kind == "runc":
        pytest.skip("1.1 runs it without")
    bundle.linux["intelRdt"] = {"closID": "gold"}
    result = runtime.attempt("create", bundle)
    assert result.status == 1
    assert "Intel RDT is not" in result.err or runtime.kind == "crun"
