"""Other architectures: everything in C compiles for them without a warning, and what can run runs.

Debian's cross compilers do it, qemu-user runs it; without them the tests are skipped.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
CSRC = TREE / "csrc"
C_TESTS = TREE / "tests" / "unit" / "csrc"
STRICT = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC"]
# As in meson.build: the generated glue has its own style.
GLUE = [
    "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", "-Wno-unused-parameter",
    "-Wno-missing-field-initializers", "-Wno-cast-function-type", "-DPy_LIMITED_API=0x030b0000",
]  # fmt: skip
DYNAMIC_LOADER = 3  # PT_INTERP
EMULATED_TESTS = ("plan_test", "record_test", "fast_line_test")


class Target:
    """An architecture: its name in Debian's tools, in qemu's and its number in ELF files."""

    def __init__(self, triplet: str, qemu: str, machine: int) -> None:
        self.triplet = triplet
        self.qemu = qemu
        self.machine = machine

    @property
    def compiler(self) -> str:
        """The cross compiler; the test is skipped without it."""
        found = shutil.which(f"{self.triplet}-gcc")
        if found is None:
            pytest.skip(f"no {self.triplet}-gcc: apt install gcc-{self.triplet}")
        return found

    @property
    def emulator(self) -> str:
        """What runs a program of that architecture here; the test is skipped without it."""
        found = shutil.which(self.qemu) or shutil.which(f"{self.qemu}-static")
        if found is None:
            pytest.skip(f"no {self.qemu}: apt install qemu-user")
        return found


TARGETS = [
    pytest.param(Target("aarch64-linux-gnu", "qemu-aarch64", 183), id="arm64"),
    pytest.param(Target("riscv64-linux-gnu", "qemu-riscv64", 243), id="riscv64"),
]


def sources_in_meson(pattern: str) -> list[str]:
    """The C files that a list of meson.build names."""
    found = re.search(pattern, (TREE / "meson.build").read_text(), re.DOTALL)
    assert found, pattern
    return re.findall(r"'(csrc/[^']+\.c)'", found[1])


def succeed(command: list[str | Path], **rest: object) -> None:
    """Run a command that has nothing to complain about."""
    done = subprocess.run(command, cwd=TREE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def segments(binary: Path) -> tuple[int, list[int]]:
    """The machine of a 64-bit little-endian ELF file, and the types of its segments."""
    data = binary.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01"
    (machine,) = struct.unpack_from("<H", data, 18)
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return machine, [struct.unpack_from("<I", data, offset + size * i)[0] for i in range(count)]


@pytest.fixture
def executable(target: Target, tmp_path: Path) -> Path:
    """The static executable, made as the build makes it."""
    output = tmp_path / "pyrunc"
    sources = sources_in_meson(r"front_sources = files\((.*?)\)")
    compiler = target.compiler
    succeed(
        [sys.executable, CSRC / "link_static.py", output, compiler, compiler,
         "-DPYTHON_MINOR=11", *sources]
    )  # fmt: skip
    return output


@pytest.mark.parametrize("target", TARGETS)
def test_executable(target: Target, executable: Path) -> None:
    machine, kinds = segments(executable)
    assert machine == target.machine
    assert DYNAMIC_LOADER not in kinds, "it is not static"


@pytest.mark.parametrize("target", TARGETS)
def test_executable_runs(target: Target, executable: Path) -> None:
    """As far as it goes without a runtime that starts it."""
    done = subprocess.run([target.emulator, executable, "init"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "pyrunc init: this role is started by pyrunc itself\n"


@pytest.mark.parametrize("name", EMULATED_TESTS)
@pytest.mark.parametrize("target", TARGETS)
def test_the_cores_own_tests(target: Target, name: str, tmp_path: Path) -> None:
    """Those without system calls of their own: byte order, sizes and alignment are other."""
    program = C_TESTS / f"{name}.c"
    first = program.read_text().split("\n", 1)[0]
    sources = re.findall(r"[\w/-]+\.c", first.partition(":")[2])
    compiler = target.compiler
    succeed(
        [compiler, *STRICT, "-static", f"-I{CSRC}", f"-I{CSRC / 'native'}", "-o", tmp_path / name,
         program, *(CSRC / source for source in sources)]
    )  # fmt: skip
    done = subprocess.run(
        [target.emulator, tmp_path / name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def headers(target: Target, tmp_path: Path) -> list[str]:
    """Flags for what the modules include and a cross compiler has not: Python's headers.

    Debian's choose a file of the architecture, which is not installed here. The facts in it are
    the same for all 64-bit little-endian ones, as long as nothing but sizes is asked for.
    """
    python = Path(sysconfig.get_paths()["include"])
    if not (python / "Python.h").exists():
        pytest.skip("no Python.h: apt install python3-dev")
    if not Path("/usr/include/seccomp.h").exists():
        pytest.skip("no seccomp.h: apt install libseccomp-dev")
    folder = tmp_path / "include"
    chosen = folder / target.triplet / python.name
    chosen.mkdir(parents=True)
    here = Path("/usr/include") / sysconfig.get_config_var("MULTIARCH") / python.name
    shutil.copy(here / "pyconfig.h", chosen)
    for name in ("seccomp.h", "seccomp-syscalls.h"):
        shutil.copy(Path("/usr/include") / name, folder)
    return ["-isystem", str(python), "-isystem", str(folder)]


@pytest.mark.parametrize("name", ["kernel", "seccomp"])
@pytest.mark.parametrize("target", TARGETS)
def test_modules(target: Target, name: str, headers: list[str], tmp_path: Path) -> None:
    """Our own C and the glue that cffi makes of the declarations."""
    module = {"kernel": "_native", "seccomp": "_seccomp"}[name]
    glue = tmp_path / f"{module}.c"
    succeed(
        [sys.executable, CSRC / "native" / "emit.py", f"runtime.{module}",
         CSRC / "native" / f"{name}.cdef", f"{name}.h", glue]
    )  # fmt: skip
    more = sources_in_meson(rf"'{module}': \['{name}', (\[.*?\])")
    include = [f"-I{CSRC}", f"-I{CSRC / 'native'}", *headers]
    for source in [CSRC / "native" / f"{name}.c", *(TREE / path for path in more)]:
        succeed([target.compiler, *STRICT, *include, "-c", "-o", tmp_path / "object.o", source])
    succeed([target.compiler, *GLUE, *include, "-c", "-o", tmp_path / "glue.o", glue])


def test_nothing_is_written_for_one_architecture() -> None:
    """No number of a system call of one, no branch for one; what a filter names is data."""
    known = {"csrc/native/seccomp.c", "runtime/plan/seccomp.py", "runtime/plan/seccomp_split.py"}
    found = {
        str(path.relative_to(TREE))
        for folder in (CSRC, TREE / "runtime")
        for path in folder.rglob("*")
        if path.suffix in (".c", ".h", ".py")
        and re.search(r"x86_64|amd64|__i386|aarch64", path.read_text(), re.IGNORECASE)
    }
    assert found <= known
