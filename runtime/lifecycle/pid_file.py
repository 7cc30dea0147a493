"""The pid file that engines ask for."""

from __future__ import annotations

import posix as os

from runtime.errors import HostError


def write_pid_file(path: str, pid: int) -> None:
    """Digits and nothing else, complete when the name appears: engines poll for it.

    Errors:  HostError.
    """
    folder, _, name = path.rpartition("/")
    temporary = f"{folder}/.{name}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            os.write(fd, b"%d" % pid)
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise HostError(
            f"write the pid file {path}", field="--pid-file", errno=error.errno or 0
        ) from error
