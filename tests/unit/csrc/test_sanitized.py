"""The C core's own unit tests, compiled with AddressSanitizer and UBSan, and run.

Every ``*_test.c`` beside this file is a program. Its first line names what it is linked with:
``/* sources: plan.c rootpath.c */``, relative to csrc/. It exits 0 if all is well.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CSRC = HERE.parents[2] / "csrc"
PROGRAMS = sorted(HERE.glob("*_test.c"))
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]
FLAGS = [
    "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    f"-I{CSRC}", f"-I{CSRC / 'native'}",
]  # fmt: skip
OVERRUN = """/* sources: */
#include <stdlib.h>

int main(int argc, char **argv)
{
	char *volatile text = calloc(4, 1);

	(void)argv;
	return text[argc + 3];
}
"""
OVERFLOW = """/* sources: */
#include <limits.h>

int main(int argc, char **argv)
{
	(void)argv;
	return INT_MAX - 1 + argc + argc > 0;
}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one program. Not tmp_path: Python cannot remove trees as deep as ours."""
    path = Path(tempfile.mkdtemp(prefix="pc"))
    yield path
    subprocess.run(["rm", "-rf", "--", path], check=True)


def sources_of(program: Path) -> list[Path]:
    """What the first line of `program` asks for, and the program itself."""
    first = program.read_text().split("\n", 1)[0]
    found = re.fullmatch(r"/\* sources:((?: [\w/.-]+)*) \*/", first)
    assert found, f"{program.name}: the first line must be /* sources: FILE... */, not {first!r}"
    return [program, *(CSRC / name for name in found[1].split())]


def run_sanitized(program: Path, compiler: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Compile and run `program`; a warning of the compiler is an error."""
    binary = folder / program.stem
    compiled = subprocess.run(
        [compiler, *FLAGS, "-o", binary, *sources_of(program)], text=True, capture_output=True
    )
    assert compiled.returncode == 0, compiled.stderr
    options = {
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    return subprocess.run(
        [binary], cwd=folder, env=os.environ | options, text=True, capture_output=True, timeout=60
    )


def test_there_are_programs() -> None:
    """Without any, the next test would be skipped, which reads like passed."""
    assert PROGRAMS


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("program", PROGRAMS, ids=[program.stem for program in PROGRAMS])
def test_clean_under_sanitizers(program: Path, compiler: str, folder: Path) -> None:
    result = run_sanitized(program, compiler, folder)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(OVERRUN, "heap-buffer-overflow", id="AddressSanitizer"),
        pytest.param(OVERFLOW, "signed integer overflow", id="UBSan"),
    ],
)
def test_the_sanitizers_are_awake(text: str, said: str, compiler: str, tmp_path: Path) -> None:
    program = tmp_path / "faulty_test.c"
    program.write_text(text)
    result = run_sanitized(program, compiler, tmp_path)
    assert result.returncode != 0 and said in result.stderr
