"""Turn a .cdef file into the C source of a cffi module: called by meson.build.

    emit.py MODULE CDEF HEADER OUTPUT

MODULE is the dotted name of the module, CDEF the file with the declarations that Python
sees, HEADER what the generated source includes for the real ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cffi import FFI


def emit(module: str, cdef: Path, header: str, output: Path) -> None:
    """Write the C source of `module`; the C compiler checks it against `header`.

    The module keeps to the limited API, so that one build serves every CPython from the
    Py_LIMITED_API that meson.build names.
    """
    ffi = FFI()
    ffi.cdef(cdef.read_text())
    ffi.set_source(module, f'#include "{header}"\n', py_limited_api=True)
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(str(__doc__))
    emit(sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
