"""The code store: packed by csrc/pack_code.py, read by runtime/launch.py."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TREE = Path(__file__).parents[2]


def packer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack_code", TREE / "csrc/pack_code.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A package `runtime` with the real launch.py, and modules that say what they see."""
    package = tmp_path / "site" / "runtime"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "deep" / "__init__.py").touch()
    (package / "launch.py").write_text((TREE / "runtime/launch.py").read_text())
    (package / "low.py").write_text('"""Gone."""\nassert False, "left out"\nVALUE = 7\n')
    (package / "deep" / "top.py").write_text(
        "from __future__ import annotations\n"
        "import os\n"
        "from runtime import low\n"
        "from runtime.low import VALUE\n"
        "def f(x: Unknown) -> None: ...\n"
        "class C:\n    field: Unknown\n    def g(self, x: Unknown) -> None: ...\n"
        "TYPE_CHECKING = False\n"
        "if TYPE_CHECKING:\n    from nowhere import Unknown\nelse:\n    import gc\n"
    )
    return package.parent


def pack(site: Path) -> Path:
    store = site / "runtime" / f"{sys.implementation.cache_tag}.code"
    store.write_bytes(packer().pack(site, ["runtime"]))
    return store


def look(site: Path, expression: str) -> str:
    program = (
        f"import sys; sys.path.append({str(site)!r})\n"
        "from runtime.launch import use_code_store\n"
        f"use_code_store({str(site)!r})\n"
        "import runtime.deep.top as top, runtime.low\n"
        f"print(({expression}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        pytest.param("top.VALUE, runtime.low.__doc__", "(7, None)", id="docstrings are left out"),
        pytest.param("type(sys.modules['runtime.low'].__loader__).__name__", "CodeStore",
                     id="run before it is asked for"),
        pytest.param("top.__spec__.parent, top.__package__", "('runtime.deep', 'runtime.deep')",
                     id="package"),
        pytest.param("runtime.deep.__path__[0].endswith('/runtime/deep')", "True", id="path"),
        pytest.param("'__future__' in sys.modules", "False", id="no __future__"),
        pytest.param("top.f.__annotations__", "{}", id="annotations are left out"),
        pytest.param("top.C.__annotations__, top.C.g.__annotations__",
                     "({'field': 'Unknown'}, {})", id="but those of fields"),
        pytest.param("top.gc.__name__", "gc", id="else of TYPE_CHECKING"),
        pytest.param("top.f.__code__.co_filename", "<pyrunc>/runtime/deep/top.py", id="file name"),
    ],
)  # fmt: skip
def test_modules_come_from_the_store(site: Path, expression: str, result: str) -> None:
    pack(site)
    assert look(site, expression) == result


@pytest.mark.parametrize("content", [b"", b"abcdefgh", b"\xff\xff\xff\x7fzz", None])
def test_without_a_good_store_the_sources_serve(site: Path, content: bytes | None) -> None:
    store = pack(site)
    (site / "runtime" / "low.py").write_text("VALUE = 8\n")
    if content is None:
        store.unlink()
    else:
        store.write_bytes(content)
    assert look(site, "top.VALUE") == "8"


def test_a_module_that_fails_is_not_kept(site: Path) -> None:
    (site / "runtime" / "low.py").write_text("raise ValueError('no')\n")
    pack(site)
    program = (
        f"import sys; sys.path.append({str(site)!r})\n"
        "from runtime.launch import use_code_store\n"
        f"use_code_store({str(site)!r})\n"
        "try: import runtime.deep.top\n"
        "except ValueError: print(sorted(n for n in sys.modules if n.startswith('runtime')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program], capture_output=True, text=True
    )
    assert done.stdout == "['runtime', 'runtime.deep', 'runtime.launch']\n", done.stderr


def test_packing_twice_gives_the_same() -> None:
    assert packer().pack(TREE, ["runtime"]) == packer().pack(TREE, ["runtime"])


def test_needs_name_parents_first_and_only_what_is_packed() -> None:
    tree = ast.parse("import os\nfrom runtime.a import b, C\ndef f():\n    import runtime.late\n")
    known = {"runtime", "runtime.a", "runtime.a.b", "runtime.late"}
    assert packer().needs_of(tree.body, known) == ("runtime", "runtime.a", "runtime.a.b")
