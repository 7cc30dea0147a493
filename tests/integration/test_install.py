"""What `pip install .` has put into .venv: complete, static where it must be, and movable."""

from __future__ import annotations

import csv
import os
import shutil
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
VENV = TREE / ".venv"
PYRUNC = VENV / "bin/pyrunc"
SITE = next(iter(VENV.glob("lib/python3.*/site-packages")), Path("/nonexistent"))

pytestmark = pytest.mark.skipif(not PYRUNC.exists(), reason="needs ./bootstrap build")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts in a namespace")


def run(
    command: list[str | Path], *, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, cwd=cwd, text=True, capture_output=True, timeout=20)


def program_header_types(path: Path) -> set[int]:
    """The p_type of every program header of a 64-bit ELF file."""
    data = path.read_bytes()
    assert data[:5] == b"\x7fELF\x02", f"{path} is no 64-bit ELF file"
    start, size, count = (
        struct.unpack_from("=Q", data, 32)[0], *struct.unpack_from("=HH", data, 54),
    )  # fmt: skip
    return {struct.unpack_from("=I", data, start + i * size)[0] for i in range(count)}


def installed_files() -> list[Path]:
    """What the wheel's RECORD lists, without compiled bytecode."""
    (record,) = SITE.glob("pyrunc-*.dist-info/RECORD")
    with record.open(newline="") as file:
        names = [row[0] for row in csv.reader(file)]
    return [Path(os.path.normpath(SITE / name)) for name in names if not name.endswith(".pyc")]


# --- what is there


def test_every_python_and_data_file_of_the_tree_is_installed() -> None:
    wanted = {
        str(path.relative_to(TREE))
        for package in ("runtime", "oci_schema")
        for path in (TREE / package).rglob("*")
        if path.suffix in (".py", ".pyi", ".json", ".typed")
    }
    installed = {
        str(path.relative_to(SITE))
        for path in installed_files()
        if path.is_relative_to(SITE) and path.suffix in (".py", ".pyi", ".json", ".typed")
    }
    assert {name for name in installed if "dist-info" not in name} == wanted


def test_the_wheel_serves_its_own_python_and_every_later_one() -> None:
    (wheel,) = SITE.glob("pyrunc-*.dist-info/WHEEL")
    minor = SITE.parent.name.removeprefix("python3.")
    assert f"Tag: cp3{minor}-abi3-" in wheel.read_text()
    assert {path.name for path in (SITE / "runtime").glob("*.so")} == {
        "_native.abi3.so", "_seccomp.abi3.so",
    }  # fmt: skip


def test_the_manual_and_the_completions_are_installed(tmp_path: Path) -> None:
    """Where man(1) and the shells look, below share/ of the prefix, the same that help prints."""
    share = VENV / "share"
    write = [sys.executable, "-B", TREE / "csrc/write_manual.py"]
    wanted = run([*write, "--list"]).stdout.splitlines()
    assert run([*write, tmp_path]).returncode == 0
    installed = {
        str(path.relative_to(share)) for path in installed_files() if path.is_relative_to(share)
    }
    assert installed == {*wanted}
    for path in wanted:
        assert (share / path).read_text() == (tmp_path / Path(path).name).read_text()
    completion = run([PYRUNC, "help", "--completion", "fish"]).stdout
    assert completion == (share / "fish/vendor_completions.d/pyrunc.fish").read_text()
    page = run([PYRUNC, "help", "--man", "kill"]).stdout
    assert page == (share / "man/man8/pyrunc-kill.8").read_text()


def test_nothing_is_installed_beside_the_packages() -> None:
    tops = {
        path.relative_to(SITE).parts[0] if path.is_relative_to(SITE) else str(path)
        for path in installed_files()
        if not path.is_relative_to(VENV / "share")
    }
    assert {top for top in tops if "dist-info" not in top} == {
        str(PYRUNC), "runtime", "oci_schema",
    }  # fmt: skip


def test_the_executable_is_static_small_and_without_special_rights() -> None:
    interpreter, dynamic, stack = 3, 2, 0x6474E551
    types = program_header_types(PYRUNC)
    assert interpreter not in types and dynamic not in types and stack in types
    if shutil.which("musl-gcc"):
        assert PYRUNC.stat().st_size < 256 << 10
    assert stat.S_IMODE(PYRUNC.stat().st_mode) == 0o755


# --- it works wherever it is called from


@pytest.fixture(scope="module")
def version() -> str:
    """What --version prints in the plainest case."""
    result = run([PYRUNC, "--version"])
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_empty_environment_and_a_link_and_a_deleted_directory(version: str, tmp_path: Path) -> None:
    link = tmp_path / "pyrunc-link"
    link.symlink_to(PYRUNC)
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {link} --version"
    result = run(["/bin/sh", "-c", script], env={})
    assert (result.returncode, result.stdout, result.stderr) == (0, version, "")


@pytest.mark.parametrize(
    ("closed", "status"),
    [("<&-", 0), ("2>&-", 0), ("<&- 2>&-", 0), (">&-", 0), ("<&- >&- 2>&-", 0)],
)
def test_closed_standard_streams(version: str, closed: str, status: int) -> None:
    result = run(["/bin/sh", "-c", f"exec {PYRUNC} --version {closed}"])
    assert result.returncode == status
    assert result.stdout == ("" if ">&- " in f"{closed} ".replace("2>&-", "") else version)


def test_poisoned_modules_are_never_imported(version: str, tmp_path: Path) -> None:
    names = (
        "json", "os", "posix", "encodings", "sitecustomize", "site", "runtime", "oci_schema",
        "_cffi_backend", "errno", "time", "marshal",
    )  # fmt: skip
    for name in names:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('poisoned')\n")
    env = {
        "PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "PATH": str(tmp_path),
        "PYTHONEXECUTABLE": str(tmp_path / "python3"), "PYTHONUSERBASE": str(tmp_path),
    }  # fmt: skip
    (tmp_path / "pyvenv.cfg").write_text(f"home = {tmp_path}\n")
    result = run([PYRUNC, "--version"], env=env, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, version, "")


def test_it_leaves_no_bytecode_behind(tmp_path: Path, version: str) -> None:
    prefix = copy_prefix(tmp_path / "moved", f"lib/{SITE.parent.name}/site-packages")
    (prefix / "bin" / SITE.parent.name).symlink_to((VENV / "bin/python3").resolve())
    for cache in (prefix / "lib").rglob("__pycache__"):
        shutil.rmtree(cache)
    result = run([prefix / "bin/pyrunc", "--version"])
    assert (result.returncode, result.stdout, result.stderr) == (0, version, "")
    assert not list((prefix / "lib").rglob("*.pyc"))


def copy_prefix(prefix: Path, packages: str) -> Path:
    """A prefix with a copy of the installed executable and the packages it needs."""
    (prefix / "bin").mkdir(parents=True)
    shutil.copy(PYRUNC, prefix / "bin")
    site = prefix / packages
    for path in installed_files():
        if path.is_relative_to(SITE):
            target = site / path.relative_to(SITE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for backend in SITE.glob("_cffi_backend*.so"):
        shutil.copy(backend, site)
    return prefix


@pytest.mark.root
@needs_root
def test_system_wide_as_debians_pip_installs_it(version: str, tmp_path: Path) -> None:
    python = Path("/usr/bin") / SITE.parent.name
    if not python.exists():
        pytest.skip(f"needs {python}: .venv was made with another interpreter")
    prefix = copy_prefix(tmp_path / "local", f"lib/{SITE.parent.name}/dist-packages")
    script = f"mount --bind {prefix} /usr/local && exec /usr/local/bin/pyrunc --version"
    result = run(["unshare", "-m", "/bin/sh", "-c", script], env={"PATH": "/usr/bin:/bin:/sbin"})
    assert (result.returncode, result.stdout, result.stderr) == (0, version, "")


def test_few_system_calls_before_the_interpreter(tmp_path: Path) -> None:
    """Every call of an engine pays for them; the interpreter's 400 are enough."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    trace = tmp_path / "trace"
    run(["strace", "-o", trace, PYRUNC, "--version"])
    calls = trace.read_text().splitlines()
    executed = [index for index, call in enumerate(calls) if call.startswith("execve(")]
    limit = 10 if shutil.which("musl-gcc") else 25
    assert executed[1] - executed[0] <= limit, calls[: executed[1] + 1]
