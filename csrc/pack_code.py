"""Pack the compiled Python modules into one file: called by meson.build.

    pack_code.py OUTPUT_FOLDER PACKAGE...

The file is named after the interpreter, whose byte code it is: cpython-311.code. It holds four
bytes with the size of the index, the marshalled index, and the marshalled code of the modules
one after the other. The index: name -> (is a package, start, end, modules of ours that it
imports at once). Docstrings and asserts are left out, and the import of __future__, whose
effect is in the code already. runtime/launch.py reads it.
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


def compile_module(tree: ast.Module, name: str) -> bytes:
    """The marshalled code. Its file name is none that exists below a working directory."""
    flags = 0
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
            tree.body.remove(node)
    code = compile(tree, f"<pyrunc>/{name}", "exec", flags=flags, dont_inherit=True, optimize=2)
    return marshal.dumps(code)


def needs_of(tree: ast.Module, known: set[str]) -> tuple[str, ...]:
    """Our modules that the statements at the top of a module import, parents before children."""
    found: dict[str, None] = {}
    for node in tree.body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            for count in range(1, len(parts) + 1):
                if (prefix := ".".join(parts[:count])) in known:
                    found[prefix] = None
    return tuple(found)


def pack(root: Path, packages: list[str]) -> bytes:
    """The file for all modules of `packages` below `root`, always the same for the same."""
    trees = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            relative = path.relative_to(root)
            if module_name(relative) not in LEFT_OUT:
                trees[relative] = ast.parse(path.read_text(encoding="utf-8"))
    known = {module_name(relative) for relative in trees}
    index = {}
    codes = b""
    for relative, tree in trees.items():
        needs = needs_of(tree, known)
        code = compile_module(tree, str(relative))
        place = (len(codes), len(codes) + len(code))
        index[module_name(relative)] = (relative.name == "__init__.py", *place, needs)
        codes += code
    head = marshal.dumps(index)
    return len(head).to_bytes(4, "little") + head + codes


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(str(__doc__))
    tree = Path(os.environ.get("MESON_SOURCE_ROOT", Path(__file__).parents[1]))
    output = Path(sys.argv[1]) / f"{sys.implementation.cache_tag}.code"
    output.write_bytes(pack(tree, sys.argv[2:]))
