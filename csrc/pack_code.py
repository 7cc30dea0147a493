"""Pack the compiled Python modules into one file: called by meson.build.

    pack_code.py OUTPUT_FOLDER PACKAGE...

The file is named after the interpreter, whose byte code it is: cpython-311.code. It holds a
marshalled table, module name -> (is a package, marshalled code). Docstrings and asserts are
left out, and the import of __future__, whose effect is in the code already.
runtime/launch.py reads it.
"""

from __future__ import annotations
import __future__

import ast
import marshal
import os
import sys
from pathlib import Path

LEFT_OUT = ("runtime.__main__", "runtime.launch")  # these run before the store is open


def module_name(path: Path) -> str:
    """``runtime/cli/call.py`` is runtime.cli.call, a package's __init__.py the package."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def compile_module(source: str, name: str) -> bytes:
    """The marshalled code. Its file name is none that exists below a working directory."""
    tree = ast.parse(source)
    flags = 0
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
            tree.body.remove(node)
    code = compile(tree, f"<pyrunc>/{name}", "exec", flags=flags, dont_inherit=True, optimize=2)
    return marshal.dumps(code)


def pack(root: Path, packages: list[str]) -> bytes:
    """The table for all modules of `packages` below `root`, in an order that is always the same."""
    modules = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            relative = path.relative_to(root)
            name = module_name(relative)
            if name not in LEFT_OUT:
                code = compile_module(path.read_text(encoding="utf-8"), str(relative))
                modules[name] = (relative.name == "__init__.py", code)
    return marshal.dumps(modules)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(str(__doc__))
    tree = Path(os.environ.get("MESON_SOURCE_ROOT", Path(__file__).parents[1]))
    output = Path(sys.argv[1]) / f"{sys.implementation.cache_tag}.code"
    output.write_bytes(pack(tree, sys.argv[2:]))
