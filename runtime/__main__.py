"""The Python side of pyrunc: run by the executable, never imported.

The executable calls ``python -I -S -B -X utf8 -X pyrunc=/path/of/pyrunc <this file> ARGV...``:
sys.path then holds the standard library and nothing else, whatever the environment, the
working directory or the user's home may suggest.
"""

from __future__ import annotations

import gc
import os
import sys
from _frozen_importlib_external import PathFinder

DEBIAN_PACKAGES = (
    "/usr/lib/python3/dist-packages",
    "/usr/local/lib/python{0.major}.{0.minor}/dist-packages",
)


def fill_sys_path() -> None:
    """Append where `runtime` lies, and where cffi's backend does if it is not there too.

    Appended, so that nothing there can take the place of a standard module.
    """
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path.append(here)
    # Debian's python3-cffi-backend puts it where -S keeps Python from looking. All of
    # these directories are root's.
    if PathFinder.find_spec("_cffi_backend", [here]) is None:
        sys.path += [path.format(sys.version_info) for path in DEBIAN_PACKAGES]


def open_missing_stdio() -> None:
    """Open /dev/null for each of the descriptors 0, 1 and 2 that the caller closed.

    Else the next file that is opened becomes standard output, and a result lands in it.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest free number is `fd`, as those below it are open by now.
            os.set_inheritable(os.open("/dev/null", os.O_RDWR), True)


def end(status: int) -> None:
    """Leave at once: finalising the interpreter would take a millisecond and free memory only."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                # Results are written and checked by write_out. What is left in a stream
                # here is a remark that has lost its reader.
                pass
    os._exit(status)


def main() -> None:
    """Run the command; does not return."""
    status = 1
    try:
        # A command lives for milliseconds and makes few cycles.
        gc.disable()
        open_missing_stdio()
        fill_sys_path()
        from runtime.cli.dispatch import main as dispatch

        status = dispatch(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    except BaseException as error:
        # The net below the net: an installation with parts missing, an error while an
        # error was told. Still one line and no traceback.
        text = f"internal error: {type(error).__name__}: {error}"
        try:
            os.write(2, f"pyrunc: {' '.join(text.split())}\n".encode("utf-8", "replace"))
        except OSError:
            pass  # nobody is left to be told; the status says it
    finally:
        end(status)


if __name__ == "__main__":
    main()
