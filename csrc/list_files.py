"""Print the files below a folder that end in one of some suffixes: called by meson.build.

    list_files.py FOLDER SUFFIX...

Meson wants every file named, and has no pattern for it. A module that somebody forgot to
name would be missing only where pyrunc is installed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def list_files(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Paths relative to the folder's parent, sorted, so that builds are the same."""
    return sorted(
        str(path.relative_to(folder.parent))
        for path in folder.rglob("*")
        if path.suffix in suffixes and path.is_file()
    )


if __name__ == "__main__":
    root = Path(os.environ.get("MESON_SOURCE_ROOT", "."))
    print("\n".join(list_files(root / sys.argv[1], tuple(sys.argv[2:]))))
