"""The build files and the tree agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from runtime.version import VERSION

TREE = Path(__file__).resolve().parents[2]


def test_meson_names_every_c_file_of_the_executable() -> None:
    text = (TREE / "meson.build").read_text()
    named = re.search(r"front_sources = files\((.*?)\)", text, re.DOTALL)
    assert named
    assert sorted(re.findall(r"'(csrc/[^']+)'", named[1])) == sorted(
        str(path.relative_to(TREE)) for path in (TREE / "csrc").glob("*.c")
    )


def test_the_version_is_readable_for_meson() -> None:
    lines = (TREE / "runtime/version.py").read_text().splitlines()
    assert [line for line in lines if line.startswith("VERSION = ")] == [f'VERSION = "{VERSION}"']


def test_the_oldest_python_is_the_same_everywhere() -> None:
    project = tomllib.loads((TREE / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=3.11"
    assert project["tool"]["mypy"]["python_version"] == "3.11"
    assert project["tool"]["ruff"]["target-version"] == "py311"
    assert "limited_api: '3.11'" in (TREE / "meson.build").read_text()
    assert "MINOR_OLDEST = 11" in (TREE / "csrc/front.c").read_text()


def test_package_init_files_are_empty() -> None:
    """Importing any submodule runs them."""
    inits = [p for name in ("runtime", "oci_schema") for p in (TREE / name).rglob("__init__.py")]
    assert [path for path in inits if path.stat().st_size] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["a", ".py"], ["a/b/c.py", "a/x.py"], id="one suffix"),
        pytest.param(["a", ".py", ".json"], ["a/b/c.py", "a/s.json", "a/x.py"], id="two"),
    ],
)
def test_list_files(tmp_path: Path, arguments: list[str], expected: list[str]) -> None:
    for name in ("a/x.py", "a/b/c.py", "a/s.json", "a/__pycache__/x.cpython-311.pyc", "z.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    result = subprocess.run(
        [sys.executable, TREE / "csrc/list_files.py", *arguments],
        cwd=tmp_path, env={}, text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert result.stdout.split() == expected


def test_a_compiler_that_fails_ends_the_build(tmp_path: Path) -> None:
    source = tmp_path / "warned.c"
    source.write_text("int main(void) { int unused; return 0; }\n")
    result = subprocess.run(
        [sys.executable, TREE / "csrc/link_static.py", tmp_path / "out", "cc", "cc", source],
        text=True, capture_output=True,
    )  # fmt: skip
    assert result.returncode == 1 and "unused" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_kernels_headers_are_seen_but_no_others(tmp_path: Path) -> None:
    source = tmp_path / "headers.c"
    source.write_text(
        "#include <linux/openat2.h>\n#include <asm/unistd.h>\n"
        "int main(void) { return sizeof(struct open_how) > 1000; }\n"
    )
    command = [sys.executable, TREE / "csrc/link_static.py", tmp_path / "out", "musl-gcc", "cc"]
    if not shutil.which("musl-gcc"):
        pytest.skip("needs musl-gcc")
    subprocess.run([*command, source], check=True)
    source.write_text("#include <gnu/libc-version.h>\nint main(void) { return 0; }\n")
    result = subprocess.run([*command, source], text=True, capture_output=True)
    assert result.returncode == 1 and "libc-version.h" in result.stderr
