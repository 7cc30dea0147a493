"""docs/spec-coverage.md is current, and nothing of the specification is missing in it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TREE = Path(__file__).resolve().parents[2]


def load_script() -> ModuleType:
    """docs/spec_coverage.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("coverage", TREE / "docs" / "spec_coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


coverage = load_script()
FIELDS: list[str] = coverage.schema_fields()
MARKED: list[tuple[str, str]] = coverage.marked_tests()


def test_the_page_is_current() -> None:
    written = (TREE / "docs" / "spec-coverage.md").read_text()
    assert written == coverage.document(), "run python docs/spec_coverage.py"


def test_the_schema_is_read_whole() -> None:
    assert len(FIELDS) > 170
    for field in ("ociVersion", "linux.seccomp.syscalls[].args[].op", "linux.netDevices.*.name"):
        assert field in FIELDS


@pytest.mark.parametrize("field", FIELDS)
def test_a_test_proves_it(field: str) -> None:
    assert coverage.tests_of(field, MARKED), f'mark a test with @pytest.mark.spec("{field}")'


@pytest.mark.parametrize("field", FIELDS)
def test_it_is_done_somewhere(field: str) -> None:
    """And the modules that are named really name it."""
    if field in coverage.NOTHING_TO_DO:
        return
    places = coverage.places_of(field)
    assert places
    assert any(coverage.leaf(field) in words_of(place) for place in places)


def words_of(place: str) -> set[str]:
    """Every string constant of a module, and what stands between its separators."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((TREE / place).read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
            found.update(node.value.replace("[", ".").replace(" ", ".").split("."))
    return found


@pytest.mark.parametrize(("field", "test"), MARKED)
def test_no_marker_is_out_of_date(field: str, test: str) -> None:
    assert any(coverage.is_below(known, field) for known in FIELDS), f"{test} marks {field}"


def test_no_place_is_out_of_date() -> None:
    for beginning, places in coverage.IMPLEMENTED.items():
        assert any(coverage.is_below(known, beginning) for known in FIELDS), beginning
        for place in places:
            assert (TREE / place).exists(), place
