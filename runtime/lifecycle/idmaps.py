"""Write the id maps and clock offsets of new namespaces, as the parent may and the child not."""

from __future__ import annotations

import errno
import posix as os

from runtime.errors import HostError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.plan import IdMap, Plan

# Looked for here and nowhere else: they are set-uid programs, PATH is the caller's.
HELPER_FOLDERS = ("/usr/bin", "/usr/sbin", "/bin", "/usr/local/bin")


def write_maps(pid: int, plan: Plan) -> None:
    """uid_map, gid_map and, where it must be, setgroups of process `pid`.

    Errors:  KernelError naming the mapping; HostError when a helper is missing or refuses.
    Source:  user_namespaces(7); runtime-spec config-linux.md, User namespace mappings.
    """
    if plan.deny_setgroups:
        _write(f"/proc/{pid}/setgroups", b"deny", "linux.gidMappings")
    _write_map(pid, "uid_map", plan.uid_maps, "newuidmap", "linux.uidMappings")
    _write_map(pid, "gid_map", plan.gid_maps, "newgidmap", "linux.gidMappings")


def write_time_offsets(pid: int, plan: Plan) -> None:
    """The offsets of a time namespace, before its first process is in it.

    Source:  time_namespaces(7).
    """
    text = "".join(line + "\n" for line in plan.time_offsets).encode()
    _write(f"/proc/{pid}/timens_offsets", text, "linux.timeOffsets")


def write_oom_score(pid: int, value: int) -> None:
    """oom_score_adj of process `pid`."""
    _write(
        f"/proc/{pid}/oom_score_adj", b"%d" % value, "process.oomScoreAdj",
        hint="lowering it needs CAP_SYS_RESOURCE",
    )  # fmt: skip


def _write(path: str, data: bytes, field: str, *, hint: str = "") -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
    except OSError as error:
        shown = data.decode().strip().replace("\n", ", ")
        raise KernelError(
            f'write "{shown}" to {path}', field=field, syscall="write",
            errno=error.errno or 0, hint=hint,
        ) from error  # fmt: skip


def map_lines(maps: list[IdMap]) -> bytes:
    """What the kernel reads from uid_map and gid_map."""
    return "".join(f"{m.container} {m.host} {m.size}\n" for m in maps).encode()


def _write_map(pid: int, file: str, maps: list[IdMap], helper: str, field: str) -> None:
    try:
        _write(f"/proc/{pid}/{file}", map_lines(maps), field)
    except KernelError as error:
        if error.errno != errno.EPERM or os.geteuid() == 0:
            raise
        _run_helper(helper, pid, maps, field)


def _run_helper(name: str, pid: int, maps: list[IdMap], field: str) -> None:
    program = next((p for d in HELPER_FOLDERS if os.access(p := f"{d}/{name}", os.X_OK)), None)
    if program is None:
        raise HostError(
            f"{name} is not installed", field=field,
            hint="install the package uidmap, or map a single id, your own",
        )  # fmt: skip
    argv = [program, str(pid)]
    for one in maps:
        argv += [str(one.container), str(one.host), str(one.size)]
    child = os.posix_spawn(program, argv, {})
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise HostError(
            f"{' '.join(argv)} failed with exit status {os.waitstatus_to_exitcode(status)}",
            field=field, hint="the ranges must be yours in /etc/subuid and /etc/subgid",
        )  # fmt: skip
