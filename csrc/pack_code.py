"""Pack the compiled Python modules into one file: called by meson.build.

    pack_code.py OUTPUT_FOLDER PACKAGE...

The file is named after the interpreter, whose byte code it is: cpython-311.code. It holds four
bytes with the size of the head, the marshalled head, and the groups of modules one after the
other. A group is a marshalled tuple of code objects: those of the modules that the same commands
need, because what is read together shares its strings. The head: name -> (is a package, group,
place in the group, modules of ours that it imports at once), and the groups' ends.

Left out is what only readers and checkers need: docstrings, asserts, annotations, what stands
below `if TYPE_CHECKING`, and the import of __future__, whose effect is in the code already.
runtime/launch.py reads the file.
"""

from __future__ import annotations
import __future__

import ast
import marshal
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import CodeType

DISPATCH = "runtime.cli.dispatch"  # what every command goes through
OFTEN = ("create", "run", "exec")  # the others are rare, or do without Python
LEFT_OUT = ("runtime.__main__", "runtime.launch")  # these run before the store is open


def module_name(path: Path) -> str:
    """``runtime/cli/call.py`` is runtime.cli.call, a package's __init__.py the package."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Strip(ast.NodeTransformer):
    """Takes out what has no effect on a program that never looks at its own annotations."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """``if TYPE_CHECKING`` is its else branch."""
        self.generic_visit(node)
        is_for_checkers = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if is_for_checkers else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """``name: type = value`` is an assignment, ``name: type`` nothing."""
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """The fields of a NamedTuple are annotations that it reads."""
        body: list[ast.stmt] = []
        for part in node.body:
            body += [part] if isinstance(part, ast.AnnAssign) else _many(self.visit(part))
        node.body = body
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """No ``-> type``."""
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """No ``argument: type``."""
        node.annotation = None
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """The only feature in use concerns annotations."""
        return None if node.module == "__future__" else node


def _many(visited: ast.stmt | list[ast.stmt] | None) -> list[ast.stmt]:
    return visited if isinstance(visited, list) else [visited] if visited is not None else []


def compile_module(tree: ast.Module, name: str) -> CodeType:
    """The code. Its file name is none that exists below a working directory."""
    flags = __future__.annotations.compiler_flag
    file = f"<pyrunc>/{name}"
    code: CodeType = compile(tree, file, "exec", flags=flags, dont_inherit=True, optimize=2)
    return code


def needs_of(nodes: Iterable[ast.AST], known: set[str]) -> tuple[str, ...]:
    """Our modules that the statements among `nodes` import, parents before children."""
    found: dict[str, None] = {}
    for node in nodes:
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


def is_command(tree: ast.Module) -> bool:
    """The module of a command defines its COMMAND."""
    targets = [node.targets for node in tree.body if isinstance(node, ast.Assign)]
    return any(isinstance(t, ast.Name) and t.id == "COMMAND" for names in targets for t in names)


def reach(start: set[str], needs: dict[str, tuple[str, ...]]) -> set[str]:
    """`start`, and all that these modules import at once, and so on."""
    reached, waiting = set(start), [*start]
    while waiting:
        fresh = set(needs[waiting.pop()]) - reached
        reached |= fresh
        waiting += fresh
    return reached


def groups_of(trees: dict[str, ast.Module], needs: dict[str, tuple[str, ...]]) -> list[list[str]]:
    """The modules that belong together, those that most commands need first.

    A command needs what its functions import, too. Of the commands that are called often, each
    needs all of a group or nothing of it; what only others need is grouped by these. What only
    functions import is a group by itself.
    """
    users: dict[str, list[str]] = {name: [] for name in trees}
    for command, tree in trees.items():
        if is_command(tree):
            for name in reach({command, *needs_of(ast.walk(tree), {*trees})}, needs):
                users[name].append(command.rpartition(".")[2])
    for name in reach({DISPATCH} & {*trees}, needs):
        users[name] = [*OFTEN, DISPATCH]
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, commands in users.items():
        often = tuple(command for command in (*OFTEN, DISPATCH) if command in commands)
        groups.setdefault(often or tuple(commands) or (name,), []).append(name)
    by_use = sorted(groups.items(), key=lambda item: len(item[0]), reverse=True)
    return [group for _, group in by_use]


def pack(root: Path, packages: list[str]) -> bytes:
    """The file for all modules of `packages` below `root`, always the same for the same."""
    paths, trees = {}, {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            relative = path.relative_to(root)
            name = module_name(relative)
            if name not in LEFT_OUT:
                paths[name] = relative
                trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    trees = {name: Strip().visit(tree) for name, tree in trees.items()}
    needs = {name: needs_of(tree.body, {*trees}) for name, tree in trees.items()}
    index, ends, codes = {}, [], b""
    for number, group in enumerate(groups_of(trees, needs)):
        compiled = tuple(compile_module(trees[name], str(paths[name])) for name in group)
        # Twice, because marshal writes strings that were shared before in another way.
        codes += marshal.dumps(marshal.loads(marshal.dumps(compiled)))
        ends.append(len(codes))
        for place, name in enumerate(group):
            index[name] = (paths[name].name == "__init__.py", number, place, needs[name])
    head = marshal.dumps((index, ends))
    return len(head).to_bytes(4, "little") + head + codes


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(str(__doc__))
    tree = Path(os.environ.get("MESON_SOURCE_ROOT", Path(__file__).parents[1]))
    output = Path(sys.argv[1]) / f"{sys.implementation.cache_tag}.code"
    output.write_bytes(pack(tree, sys.argv[2:]))
