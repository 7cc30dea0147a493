"""ps: the processes of a container, as pids of the host or as a table of ps(1)."""

from __future__ import annotations

from runtime.cgroups.cgroup import Cgroup
from runtime.environment import variable
from runtime.errors import ContainerError, HostError
from runtime.lifecycle.pause import warn_of_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.log import Log
    from runtime.state import StateStore

# Engines call without any PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_WORDS = ("-ef",)


def pids(store: StateStore, container_id: str, log: Log) -> list[int]:
    """The pids of all processes, those in cgroups of its own making too; none when stopped.

    Errors:  StatusError for no container; KernelError, HostError.
    """
    container = store.load(container_id)
    try:
        return sorted(set(Cgroup.load(container.cgroup_paths).pids()))
    except ContainerError as error:
        warn_of_access("ps", error, log)
        raise


def ps_output(words: list[str]) -> bytes:
    """What ``ps WORDS`` prints.

    Errors:  ContainerError "exit status N: OUTPUT" when ps fails; HostError without ps.
    """
    # For this form alone: its import costs 9 ms.
    import subprocess

    env = None if variable("PATH") else {"PATH": DEFAULT_PATH}
    try:
        done = subprocess.run(
            ["ps", *(words or DEFAULT_WORDS)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
        )  # fmt: skip
    except OSError as error:
        raise HostError(
            "run ps", errno=error.errno or 0, hint="install procps, or use --format json"
        ) from error
    if done.returncode:
        output = done.stdout.decode("utf-8", "replace").strip()
        raise ContainerError(f"exit status {done.returncode}: {output}")
    return done.stdout


def lines_of(pids_wanted: list[int], output: bytes) -> bytes:
    """The header of ps's table and the lines of the wanted processes.

    Errors:  ContainerError when there is no PID column, or no number in it.
    """
    header, *lines = output.splitlines(keepends=True) or [b""]
    titles = header.split()
    if b"PID" not in titles:
        raise ContainerError(
            "couldn't find PID field in ps output", hint="ask ps for it, as in -o pid,comm"
        )
    column = titles.index(b"PID")
    wanted = {b"%d" % pid for pid in pids_wanted}
    kept = [header]
    for line in lines:
        cells = line.split(None, column + 1)
        if not cells:
            continue
        if len(cells) <= column or not cells[column].isdigit():
            raise ContainerError(
                f"no pid in column {column + 1} of ps output: {line.decode('utf-8', 'replace')}",
                hint="put the pid before columns that hold spaces",
            )
        if cells[column] in wanted:
            kept.append(line)
    return b"".join(kept)
