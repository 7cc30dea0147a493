"""Compiled seccomp filters, kept by content below the state root.

Compiling a profile of an engine takes libseccomp longer than all the rest of create takes.
Engines send the same profile again and again, so the program is kept in
<state root>/.seccomp/<digest of the profile>. With a hit neither libseccomp nor the module
around it is loaded.

A file is believed only when it is ours alone, whole, made for exactly this profile, and by
the very libraries that would be used again. Any other is compiled anew and replaced: a cache
that cannot be used costs time, never the container.
"""

from __future__ import annotations

import marshal
import posix as os
from _blake2 import blake2b
from _struct import Struct

from runtime.errors import HostError
from runtime.plan.seccomp import filter_flags, plan_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FOLDER = ".seccomp"  # no container id starts with a dot
FILES_MAX = 64
FILE_SIZE_MAX = 64 * 1024

# magic with the version of this format, size of the makers, size of the program, key; then
# the makers, the program and a digest of all before it.
HEADER = Struct("=8sII32s")
MAGIC = b"pyrscmp2"  # another number when our own part of the program changes
DIGEST_SIZE = 32

S_IFMT = 0o170000
S_IFREG = 0o100000


def load_or_compile(
    seccomp: Mapping[str, Any] | None,
    state_root: str,
    *,
    warnings: list[str] | None = None,
    debug: list[str] | None = None,
) -> tuple[bytes, int] | None:
    """The filter program and the flags for seccomp(2); None where no profile is asked for.

    `warnings` and `debug` receive lines for the log: a cache that cannot be used, system
    calls that libseccomp does not know.

    Errors:  ConfigError and HostError as `plan_filter` and `compile_filter` raise them.
    """
    request = plan_filter(seccomp)
    if seccomp is None or request is None:
        return None
    warnings = [] if warnings is None else warnings
    debug = [] if debug is None else debug
    flags = filter_flags(seccomp)
    key = profile_key(seccomp)
    folder_fd = _open_folder(state_root, warnings, debug)
    try:
        program = _load(folder_fd, key, warnings) if folder_fd >= 0 else None
        if program is not None:
            return program, flags
        # Here, not above: with a hit neither this module nor libseccomp is wanted.
        from runtime.native.seccomp import compile_filter

        skipped: list[str] = []
        program = compile_filter(request, skipped)
        if skipped:
            debug.append(f"linux.seccomp: unknown system calls skipped: {', '.join(skipped)}")
        if folder_fd >= 0:
            _keep(folder_fd, key, program, warnings)
        return program, flags
    finally:
        if folder_fd >= 0:
            os.close(folder_fd)


def profile_key(seccomp: Mapping[str, Any]) -> bytes:
    """A digest of all that the program depends on, except the libraries that make it.

    Two different profiles never have the same bytes to digest; the same profile written in
    another order may have others, and is compiled twice.
    """
    parts = (
        os.uname().machine,
        seccomp["defaultAction"],
        seccomp.get("defaultErrnoRet"),
        seccomp.get("architectures"),
        seccomp.get("syscalls"),
    )
    # Format 2: later ones write references, which depend on how the objects came to be.
    return blake2b(marshal.dumps(parts, 2), digest_size=DIGEST_SIZE).digest()


def stamp(paths: list[str]) -> bytes:
    """Which files these are at the moment: another libseccomp makes another program.

    Errors:  OSError where one of them is gone.
    """
    lines = []
    for path in paths:
        found = os.stat(path)
        lines.append(f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {path}")
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _is_current(stamped: bytes) -> bool:
    paths = [
        line.split(" ", 4)[4] for line in stamped.decode("utf-8", "surrogateescape").split("\n")
    ]
    try:
        return stamp(paths) == stamped
    except OSError:
        return False  # replaced by a file of another name: an update of the library


def _pack(key: bytes, stamped: bytes, program: bytes) -> bytes:
    body = HEADER.pack(MAGIC, len(stamped), len(program), key) + stamped + program
    return body + blake2b(body, digest_size=DIGEST_SIZE).digest()


def _unpack(blob: bytes, key: bytes) -> tuple[bytes, bytes] | None:
    """The stamp and the program; None where the file is damaged or another's."""
    body, digest = blob[:-DIGEST_SIZE], blob[-DIGEST_SIZE:]
    if len(body) < HEADER.size:
        return None
    magic, stamp_size, program_size, kept_key = HEADER.unpack_from(body)
    start = HEADER.size + stamp_size
    if (
        magic != MAGIC
        or kept_key != key
        or len(body) != start + program_size
        or digest != blake2b(body, digest_size=DIGEST_SIZE).digest()
    ):
        return None
    return body[HEADER.size : start], body[start:]


def is_stale(name: str, blob: bytes) -> bool:
    """Whether a file of the cache would not be used again: half-written, damaged, of others."""
    try:
        kept = _unpack(blob, bytes.fromhex(name))
    except ValueError:
        return True
    return kept is None or not _is_current(kept[0])


def _open_folder(state_root: str, warnings: list[str], debug: list[str]) -> int:
    """A descriptor of the folder, made where missing; -1 where it cannot be used."""
    path = f"{state_root}/{FOLDER}"
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            folder_fd = os.open(path, flags)
        except FileNotFoundError:
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                pass  # another create was faster
            except FileNotFoundError:
                # The first create of all: the state store makes its root later.
                debug.append(f"no {state_root} yet: the compiled filter is not kept")
                return -1
            folder_fd = os.open(path, flags)
    except OSError as error:
        warnings.append(f"compiled filters are not kept: {path}: {error.strerror}")
        return -1
    if _is_ours(os.fstat(folder_fd)):
        return folder_fd
    os.close(folder_fd)
    warnings.append(f"compiled filters are not kept: {path} is open to others")
    return -1


def _is_ours(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _load(folder_fd: int, key: bytes, warnings: list[str]) -> bytes | None:
    """The program kept for this profile; None where there is none to be believed."""
    name = key.hex()
    # NONBLOCK: whatever lies there, a fifo too, opening it does not wait.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file_fd = os.open(name, flags, dir_fd=folder_fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        warnings.append(f"compiled filter {name} ignored: {error.strerror}")
        return None
    try:
        found = os.fstat(file_fd)
        is_file = found.st_mode & S_IFMT == S_IFREG and found.st_size <= FILE_SIZE_MAX
        if not is_file or not _is_ours(found):
            warnings.append(f"compiled filter {name} ignored: no private file")
            return None
        blob = os.read(file_fd, FILE_SIZE_MAX)
    except OSError as error:
        warnings.append(f"compiled filter {name} ignored: {error.strerror}")
        return None
    finally:
        os.close(file_fd)
    kept = _unpack(blob, key)
    if kept is None:
        warnings.append(f"compiled filter {name} ignored: damaged")
        return None
    stamped, program = kept
    return program if _is_current(stamped) else None


def _keep(folder_fd: int, key: bytes, program: bytes, warnings: list[str]) -> None:
    from runtime.native.seccomp import makers

    name = key.hex()
    try:
        _write(folder_fd, name, _pack(key, stamp(makers()), program))
        _prune(folder_fd)
    except OSError as error:
        warnings.append(f"compiled filter {name} is not kept: {error.strerror}")
    except HostError as error:
        warnings.append(f"compiled filter {name} is not kept: {error}")


def _write(folder_fd: int, name: str, blob: bytes) -> None:
    temporary = f".{os.urandom(8).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    file_fd = os.open(temporary, flags, 0o600, dir_fd=folder_fd)
    try:
        # Not synced: the digest shows what a crash leaves.
        left = blob
        while left:
            left = left[os.write(file_fd, left) :]
        os.rename(temporary, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except OSError:
        os.unlink(temporary, dir_fd=folder_fd)
        raise
    finally:
        os.close(file_fd)


def _prune(folder_fd: int) -> None:
    """Keep the newest files only; what a killed create left half-written is among the old."""
    names = os.listdir(folder_fd)
    if len(names) <= FILES_MAX:
        return
    by_age = []
    for name in names:
        try:
            found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            continue  # renamed or pruned by another create at the same time
        by_age.append((found.st_mtime_ns, name))
    by_age.sort()
    for _, name in by_age[:-FILES_MAX]:
        try:
            os.unlink(name, dir_fd=folder_fd)
        except FileNotFoundError:
            continue
