"""Compile the static executable: called by meson.build, which cannot mix two C compilers.

    link_static.py OUTPUT COMPILER HOST_COMPILER [-DNAME=VALUE...] SOURCE...

COMPILER links statically (musl-gcc, or cc with a static libc); HOST_COMPILER is the one that
sees the kernel's headers. Each may be a command with arguments in one word (``ccache gcc``).
Whatever goes wrong ends the build: there is no half-good executable.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = [
    "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O2", "-fstack-protector-strong",
    "-ffunction-sections", "-fdata-sections",
]  # fmt: skip
LINK_FLAGS = ["-static", "-Wl,--gc-sections", "-Wl,-z,noexecstack", "-s"]
KERNEL_HEADERS = ("linux", "asm", "asm-generic")
KERNEL_PROBE = "#include <linux/types.h>\n#include <asm/types.h>\n#include <asm-generic/types.h>\n"


def compiles(compiler: list[str], flags: list[str], text: str) -> bool:
    """Whether `text` compiles without a warning."""
    command = [*compiler, *flags, "-Werror", "-x", "c", "-c", "-o", os.devnull, "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True).returncode == 0


def fortify_flags(compiler: list[str]) -> list[str]:
    """The strongest _FORTIFY_SOURCE this libc knows; musl knows none and does not mind."""
    for level in ("3", "2"):
        flags = ["-O2", "-U_FORTIFY_SOURCE", f"-D_FORTIFY_SOURCE={level}"]
        if compiles(compiler, flags, "#include <stdio.h>\n"):
            return flags[1:]
    return []


def kernel_headers(host_compiler: list[str], folder: Path) -> list[str]:
    """Flags that make the kernel's headers visible to musl-gcc, whose own path lacks them.

    Only linux/, asm/ and asm-generic/ are shown, by links in `folder`: with all of
    /usr/include in the search path a header that musl lacks would silently be glibc's.
    """
    depends = subprocess.run(
        [*host_compiler, "-M", "-x", "c", "-"],
        input=KERNEL_PROBE, text=True, capture_output=True, check=True,
    ).stdout.split()  # fmt: skip
    for name in KERNEL_HEADERS:
        found = next(path for path in depends if path.endswith(f"/{name}/types.h"))
        (folder / name).symlink_to(Path(found).parent)
    return ["-isystem", str(folder)]


def link(output: str, compiler: list[str], host_compiler: list[str], sources: list[str]) -> None:
    """Compile and link `sources` into the static executable `output`.

    Errors:  subprocess.CalledProcessError; the compiler has said why on standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        flags = FLAGS + fortify_flags(compiler)
        if not compiles(compiler, [], KERNEL_PROBE):
            flags += kernel_headers(host_compiler, Path(folder))
        subprocess.run([*compiler, *flags, *LINK_FLAGS, "-o", output, *sources], check=True)


def main(arguments: list[str]) -> int:
    """The exit status of the build step."""
    if len(arguments) < 4:
        sys.exit(str(__doc__))
    output, compiler, host_compiler, *sources = arguments
    try:
        link(output, shlex.split(compiler), shlex.split(host_compiler), sources)
    except subprocess.CalledProcessError as error:
        if error.stderr:
            print(error.stderr, file=sys.stderr)
        print(f"{shlex.join(error.cmd)}: exit status {error.returncode}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
