"""Every code that is used is documented, and every one documented is used."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import pytest

from runtime import errors
from runtime.error_codes import ERRORS, WARNINGS, operation_codes
from runtime.error_pages import errors_markdown
from runtime.errors import ContainerError, KernelError
from runtime.lifecycle.report import op_code
from runtime.log import Log

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
# Function -> the argument that is a code.
TAKERS = {"warn": 2, "Hint": 0, "Finding": 1}


def codes_in(tree: ast.AST) -> set[str]:
    """The constants that are given as codes, or kept in something called so."""
    values: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            values += [node.value] if names == ["code"] else []
        if not isinstance(node, ast.Call):
            continue
        values += [word.value for word in node.keywords if word.arg == "code"]
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in TAKERS and len(node.args) > TAKERS[name]:
            values.append(node.args[TAKERS[name]])
    # Of a choice between two, both.
    constants = [n for value in values for n in ast.walk(value) if isinstance(n, ast.Constant)]
    return {n.value for n in constants if isinstance(n.value, str)}


def used() -> set[str]:
    found = set()
    for path in (ROOT / "runtime").rglob("*.py"):
        text = path.read_text()
        found |= codes_in(ast.parse(text))
        found |= {word for word in WARNINGS if f"[{word}]" in text}
    return found


def test_used_is_documented() -> None:
    known = {*ERRORS, *WARNINGS, *operation_codes(), "", "no-controller"}
    assert used() - known == set()


def test_documented_is_used() -> None:
    by_default = {"warning", "usage"}
    assert {*ERRORS, *WARNINGS} - used() - by_default == set()


def test_codes_are_plain_words() -> None:
    codes = [*ERRORS, *WARNINGS, *operation_codes()]
    assert all(set(code) <= set("abcdefghijklmnopqrstuvwxyz-") for code in codes)
    assert not set(ERRORS) & set(WARNINGS)


def test_the_page_is_current() -> None:
    if os.environ.get("PYRUNC_GOLDEN") == "write":
        PAGE.write_text(errors_markdown())
    assert PAGE.read_text() == errors_markdown()


@pytest.mark.parametrize("name", ["ContainerError", "ConfigError", "StatusError", "HostError"])
def test_every_class_has_a_code(name: str) -> None:
    assert getattr(errors, name)("x").code in ERRORS


def test_a_code_of_its_own() -> None:
    assert KernelError("x", code=op_code("remount_ro")).code == "remount-ro-failed"
    assert KernelError("x").code == "refused"


class TestLog:
    def records(self, path: Path) -> list[dict[str, object]]:
        return [json.loads(line) for line in path.read_text().splitlines()]

    def test_errors(self, tmp_path: Path) -> None:
        log = Log(str(tmp_path / "log"), log_format="json")
        log.error(ContainerError("x", code="not-found"))
        assert self.records(tmp_path / "log")[0]["code"] == "not-found"

    @pytest.mark.parametrize(
        ("text", "given", "code"),
        [
            ("a: b [no-effect]", "", "no-effect"),
            ("a: b", "cgroup", "cgroup"),
            ("a: b", None, "warning"),
            ("list [A B]", "cgroup", "cgroup"),
        ],
    )
    def test_warnings(self, tmp_path: Path, text: str, given: str | None, code: str) -> None:
        log = Log(str(tmp_path / "log"), log_format="json")
        log.warning(text) if given is None else log.warning(text, code=given)
        log.release()
        (record,) = self.records(tmp_path / "log")
        assert (record["code"], record["msg"]) == (code, text)
