"""The executable before any Python runs: which code, which interpreter, with what arguments."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
MAIN = "runtime/__main__.py"

STUB_INIT = """
#include <stdio.h>
#include "init.h"

int init_main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		puts(argv[i]);
	return 7;
}
"""

# Takes the command `quick`.
STUB_FAST = """
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "fast.h"

int fast_command(int argc, char **argv, int *words_fd)
{
	*words_fd = argc > 1 && !strcmp(argv[1], "worded") ? fcntl(0, F_DUPFD, 50) : -1;
	return argc > 1 && !strcmp(argv[1], "quick") ? puts("quick"), 3 : FAST_NOT;
}
"""

# An interpreter that tells how it was called.
FAKE_PYTHON = """#!/bin/sh
printf '%s\\n' "$0" "$@"
"""

# Code for a real interpreter: what it was given and what could have influenced it.
REPORT = """
import json, os, sys
def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
report = {
    "argv": sys.argv, "executable": sys.executable, "prefix": sys.prefix, "path": sys.path,
    "options": sys._xoptions, "isolated": sys.flags.isolated, "no_site": sys.flags.no_site,
    "no_bytecode": sys.flags.dont_write_bytecode, "utf8": sys.flags.utf8_mode,
    "open": [is_open(fd) for fd in range(3)], "json": json.__file__,
}
data = json.dumps(report)
if is_open(9):
    os.write(9, data.encode())
else:
    print(data)
"""


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front, linked with an init role that only prints its arguments."""
    folder = tmp_path_factory.mktemp("front")
    (folder / "stub_init.c").write_text(STUB_INIT)
    (folder / "init.h").write_text("int init_main(int argc, char **argv);\n")
    # Beside private headers: the front must build on what it needs of its neighbours alone.
    (folder / "fast.h").write_text("#define FAST_NOT -1\nint fast_command(int, char **, int *);\n")
    (folder / "stub_fast.c").write_text(STUB_FAST)
    shutil.copy(TREE / "csrc/front.c", folder)
    compiler = shutil.which("musl-gcc") or "cc"
    subprocess.run(
        [
            sys.executable, TREE / "csrc/link_static.py", folder / "pyrunc", compiler, "cc",
            *(folder / name for name in ("front.c", "stub_init.c", "stub_fast.c")),
        ],
        check=True,
    )  # fmt: skip
    return folder / "pyrunc"


class Prefix:
    """A prefix with the executable in its bin, to be filled by a test."""

    def __init__(self, root: Path, executable: Path) -> None:
        self.root = root
        self.pyrunc = root / "bin/pyrunc"
        self.pyrunc.parent.mkdir(parents=True)
        shutil.copy(executable, self.pyrunc)

    def add_code(self, packages: str, text: str = "") -> Path:
        main = self.root / packages / MAIN
        main.parent.mkdir(parents=True)
        main.write_text(text)
        return main

    def add_python(self, path: str) -> Path:
        python = self.root / path
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(FAKE_PYTHON)
        python.chmod(0o755)
        return python


@pytest.fixture
def prefix(tmp_path: Path, executable: Path) -> Prefix:
    return Prefix(tmp_path / "prefix", executable)


def real_prefix(prefix: Prefix) -> Prefix:
    """The prefix with code for the interpreter of this test, as a virtual environment has it."""
    name = f"python3.{sys.version_info.minor}"
    prefix.add_code(f"lib/{name}/site-packages", REPORT)
    (prefix.root / "bin" / name).symlink_to(os.path.realpath(sys.executable))
    return prefix


def run(
    command: list[str | Path], *, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, cwd=cwd, text=True, capture_output=True, timeout=20)


# --- which code and which interpreter


@pytest.mark.parametrize(
    ("code", "pythons", "expected"),
    [
        pytest.param(
            ["lib/python3.12/site-packages"], ["bin/python3.12"], ("bin/python3.12", 0),
            id="virtual environment",
        ),
        pytest.param(
            ["lib/python3.12/dist-packages"], ["bin/python3.12"], ("bin/python3.12", 0),
            id="Debian's pip",
        ),
        pytest.param(
            ["lib64/python3.12/site-packages"], ["bin/python3.12"], ("bin/python3.12", 0),
            id="platform library folder",
        ),
        pytest.param(
            ["lib/python3/dist-packages"], ["bin/python3"], ("bin/python3", 0),
            id="Debian package",
        ),
        pytest.param(
            ["lib/python3.29/site-packages", "lib/python3.28/site-packages"],
            ["bin/python3.29", "bin/python3.28"], ("bin/python3.29", 0),
            id="newest first",
        ),
        pytest.param(
            ["lib/python3.29/site-packages", "lib/python3.28/site-packages"],
            ["bin/python3.28"], ("bin/python3.28", 1),
            id="newest that has an interpreter",
        ),
        pytest.param(
            ["lib/python3.29/site-packages"], ["bin/python3.28", "home/python3.29"],
            ("home/python3.29", 0),
            id="interpreter from pyvenv.cfg",
        ),
    ],
)  # fmt: skip
def test_search(
    prefix: Prefix, code: list[str], pythons: list[str], expected: tuple[str, int]
) -> None:
    mains = [prefix.add_code(packages) for packages in code]
    for python in pythons:
        prefix.add_python(python)
    (prefix.root / "pyvenv.cfg").write_text(
        f"include-system-site-packages = false\nhomely = /nowhere\nhome = {prefix.root}/home\n"
    )
    result = run([prefix.pyrunc, "state", "x"])
    python, index = expected
    assert result.stdout.splitlines() == [
        f"{prefix.root}/{python}", "-I", "-S", "-B", "-X", "utf8",
        "-X", f"pyrunc={prefix.pyrunc}", str(mains[index]), "state", "x",
    ]  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


def test_a_relative_home_is_not_looked_up_from_the_working_directory(prefix: Prefix) -> None:
    prefix.add_code("lib/python3.29/site-packages")
    prefix.add_python("home/python3.29")
    (prefix.root / "pyvenv.cfg").write_text("home = home\n")
    result = run([prefix.pyrunc, "state", "x"], cwd=prefix.root)
    assert (result.returncode, result.stdout) == (1, "")


def remove_code(prefix: Prefix) -> str:
    return f"the Python code of {prefix.pyrunc} is not installed"


def code_without_interpreter(prefix: Prefix) -> str:
    main = prefix.add_code("lib/python3.29/site-packages")
    return f"no Python interpreter for {main}"


def interpreter_of_nothing(prefix: Prefix) -> str:
    prefix.add_code("lib/python3.29/site-packages")
    python = prefix.add_python("bin/python3.29")
    python.write_text("#!/no/such/shell\n")
    return f"execute {python}: No such file or directory"


@pytest.mark.parametrize("spoil", [remove_code, code_without_interpreter, interpreter_of_nothing])
def test_what_is_missing_is_said_in_one_line(
    prefix: Prefix, spoil: Callable[[Prefix], str]
) -> None:
    said = spoil(prefix)
    result = run([prefix.pyrunc, "create", "x"])
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"pyrunc: {said}")
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n")


# --- arguments


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="none"),
        pytest.param(["run", "", "-x", "--", "a b", "\t"], id="empty and blank"),
        pytest.param(["run", os.fsdecode(b"\xff\xfe")], id="not UTF-8"),
        pytest.param(["run", *(str(i) for i in range(50_000))], id="fifty thousand"),
    ],
)
def test_arguments_pass_unchanged(prefix: Prefix, arguments: list[str]) -> None:
    result = run([real_prefix(prefix).pyrunc, *arguments])
    assert json.loads(result.stdout)["argv"][1:] == arguments


def test_init_needs_neither_code_nor_python(prefix: Prefix) -> None:
    result = run([prefix.pyrunc, "init", "a", "b"])
    assert result.stdout.splitlines() == [str(prefix.pyrunc), "init", "a", "b"]
    assert result.returncode == 7


# --- what must not matter


def test_the_interpreter_is_isolated(prefix: Prefix) -> None:
    report = json.loads(run([real_prefix(prefix).pyrunc, "list"]).stdout)
    assert report["isolated"] and report["no_site"] and report["no_bytecode"] and report["utf8"]
    assert report["options"] == {"utf8": True, "pyrunc": str(prefix.pyrunc)}


def test_no_environment_and_no_folder_steers_the_imports(prefix: Prefix, tmp_path: Path) -> None:
    poison = tmp_path / "poison"
    poison.mkdir()
    for module in ("json", "os", "encodings", "sitecustomize", "usercustomize", "site"):
        (poison / f"{module}.py").write_text("raise SystemExit('poisoned')\n")
    for name in ("python3", f"python3.{sys.version_info.minor}"):
        (poison / name).write_text("#!/bin/sh\necho poisoned\n")
        (poison / name).chmod(0o755)
    # Beside PYTHONEXECUTABLE this would name another standard library, -I or not.
    (poison / "pyvenv.cfg").write_text(f"home = {poison}\n")
    env = {
        "PATH": f"{poison}:{os.environ['PATH']}", "HOME": str(poison), "LC_ALL": "C",
        "PYTHONPATH": str(poison), "PYTHONHOME": str(poison), "PYTHONSTARTUP": "json.py",
        "PYTHONPLATLIBDIR": "poison", "PYTHONUSERBASE": str(poison), "PYTHONINSPECT": "1",
        "PYTHONEXECUTABLE": str(poison / "python3"), "PYTHONVERBOSE": "1",
        "__PYVENV_LAUNCHER__": str(poison / "python3"),
    }  # fmt: skip
    pyrunc = real_prefix(prefix).pyrunc
    clean = json.loads(run([pyrunc, "list"], env={}, cwd=Path("/")).stdout)
    poisoned = run([pyrunc, "list"], env=env, cwd=poison)
    assert json.loads(poisoned.stdout) == clean
    assert poisoned.stderr == ""
    assert "" not in clean["path"]


def test_through_links_and_from_a_deleted_directory(prefix: Prefix, tmp_path: Path) -> None:
    real_prefix(prefix)
    (tmp_path / "second").symlink_to(prefix.pyrunc)
    (tmp_path / "first").symlink_to("second")
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {tmp_path}/first list"
    report = json.loads(run(["/bin/sh", "-c", script], env={}).stdout)
    assert report["options"]["pyrunc"] == str(prefix.pyrunc)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_open_again(
    prefix: Prefix, tmp_path: Path, closed: str
) -> None:
    script = f"exec 9>{tmp_path}/report; exec {real_prefix(prefix).pyrunc} list {closed}"
    assert run(["/bin/sh", "-c", script]).returncode == 0
    assert json.loads((tmp_path / "report").read_text())["open"] == [True, True, True]


def test_an_upgrade_while_it_starts_is_no_failure(prefix: Prefix) -> None:
    real_prefix(prefix)
    old_fd = os.open(prefix.pyrunc, os.O_RDONLY)
    new = prefix.pyrunc.with_name("new")
    shutil.copy(prefix.pyrunc, new)
    new.replace(prefix.pyrunc)
    result = subprocess.run(
        [sys.executable, "-c", f"import os; os.execve({old_fd}, ['pyrunc', 'list'], {{}})"],
        text=True, capture_output=True, pass_fds=[old_fd], timeout=20,
    )  # fmt: skip
    os.close(old_fd)
    assert json.loads(result.stdout)["options"]["pyrunc"] == str(prefix.pyrunc)


# --- what is refused


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: makes a set-user-ID copy")
@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_set_user_id_is_refused(prefix: Prefix, mode: int) -> None:
    if os.statvfs(prefix.root).f_flag & os.ST_NOSUID:
        pytest.skip("needs a file system without nosuid for temporary files")
    os.chown(prefix.pyrunc, 65534, 65534)
    prefix.pyrunc.chmod(mode)
    for arguments in (["list"], ["init"]):
        result = run([prefix.pyrunc, *arguments])
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("pyrunc: refusing to run with more rights")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: unmounts /proc in a namespace")
def test_without_proc_the_kernel_tells_the_path(prefix: Prefix, tmp_path: Path) -> None:
    real_prefix(prefix)
    (tmp_path / "link").symlink_to(prefix.pyrunc)
    script = f"umount -l /proc && cd {tmp_path} && exec ./link list"
    result = run(["unshare", "-m", "/bin/sh", "-c", script])
    assert json.loads(result.stdout)["options"]["pyrunc"] == str(prefix.pyrunc)


@pytest.mark.parametrize(
    ("wish", "argument", "status", "out"),
    [
        pytest.param(None, "quick", 3, "quick\n", id="fast"),
        pytest.param("only", "quick", 3, "quick\n", id="fast and nothing else"),
        pytest.param("", "quick", 3, "quick\n", id="empty is no wish"),
        pytest.param("no", "quick", 1, "", id="Python is asked"),
        pytest.param(None, "slow", 1, "", id="Python is needed"),
        pytest.param("only", "slow", 1, "", id="Python is needed and not allowed"),
    ],
)
def test_fast_commands(
    wish: str | None, argument: str, status: int, out: str, executable: Path
) -> None:
    env = {} if wish is None else {"PYRUNC_FAST": wish}
    done = subprocess.run([executable, argument], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (status, out)
    assert ("PYRUNC_FAST=only" in done.stderr) == (wish == "only" and argument == "slow")
    # Without code beside it, being asked shows in Python's absence.
    assert ("is not installed" in done.stderr) == (status == 1 and wish != "only")


def test_words_of_a_start_are_handed_on(prefix: Prefix) -> None:
    prefix.add_code("lib/python3.12/site-packages")
    prefix.add_python("bin/python3.12")
    assert "pyrunc_words=50" in run([prefix.pyrunc, "worded"]).stdout.splitlines()
    assert "pyrunc_words" not in run([prefix.pyrunc, "wordless"]).stdout
