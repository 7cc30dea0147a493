"""Write the man pages and the completions: called by docs/meson.build.

    write_manual.py --list          PATH BELOW SHARE, one a line
    write_manual.py OUTPUT_FOLDER   the files, without the folders of their paths

They are made from the commands' tables of options, so none is kept in the tree.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Nothing but the tree's own modules: what is installed already may be older.
TREE = Path(os.environ.get("MESON_SOURCE_ROOT", Path(__file__).parents[1]))
sys.path.insert(0, str(TREE))

from runtime.cli.completion import completion_script  # noqa: E402
from runtime.cli.manpage import SECTION, command_page, general_page, page_name  # noqa: E402
from runtime.cli.manual import documented_commands  # noqa: E402

COMPLETIONS = {
    "bash": "bash-completion/completions/pyrunc",
    "zsh": "zsh/site-functions/_pyrunc",
    "fish": "fish/vendor_completions.d/pyrunc.fish",
}


def man_path(name: str) -> str:
    """Where man(1) looks for a page."""
    return f"man/man{SECTION}/{name}.{SECTION}"


def manual_files() -> dict[str, str]:
    """Path below share/ -> content."""
    files = {man_path(page_name("")): general_page()}
    for command in documented_commands():
        files[man_path(page_name(command.name))] = command_page(command)
    for shell, path in COMPLETIONS.items():
        files[path] = completion_script(shell)
    return files


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(str(__doc__))
    for path, text in manual_files().items():
        if sys.argv[1] == "--list":
            print(path)
        else:
            Path(sys.argv[1], Path(path).name).write_text(text, encoding="utf-8")
