"""The resctrl group of a container: made, joined, changed, removed."""

from __future__ import annotations

import errno
import posix as os

from runtime.errors import ConfigError, HostError, KernelError
from runtime.host.resctrl import last_words
from runtime.paths import is_there
from runtime.plan.resctrl import FIELD, differences, parse_schemata, schema_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from oci_schema.types import IntelRdt
    from runtime.plan.resctrl import GroupPlan
    from runtime.state import Container

READ_MOST = 65536


def saved(plan: GroupPlan) -> dict[str, Any]:
    """What the state keeps of the group that is about to be made.

    join    the directories whose tasks files a process is written to, in order
    remove  those to remove with the container
    """
    join, remove = [plan.directory], []
    if plan.monitor:
        join.append(plan.monitor)
        remove.append(plan.monitor)
    # One that somebody else has made stays his, also under the container's name.
    if plan.is_own and not is_there(plan.directory):
        remove.append(plan.directory)
    return {"root": plan.root, "join": join, "remove": remove}


def make_group(plan: GroupPlan) -> Callable[[], None]:
    """Make the group with its schemata, or find it as it should be; how to undo that.

    Errors:  ConfigError, KernelError; then nothing is left.
    Source:  runtime-spec config-linux.md, IntelRdt; kernel resctrl.rst.
    """
    made: list[str] = []

    def undo() -> None:
        for directory in reversed(made):
            _remove(directory)

    try:
        existed = is_there(plan.directory)
        if plan.must_exist and not existed:
            raise ConfigError(
                f"{plan.directory} does not exist", field=f"{FIELD}.closID",
                hint="with a schema it would be made",
            )  # fmt: skip
        if not existed:
            _make(plan.directory, plan.root, made)
        if plan.lines and existed and not plan.is_own:
            _compare(plan)
        elif plan.lines:
            write_schemata(plan.root, plan.directory, plan.lines)
        if plan.monitor:
            _make(plan.monitor, plan.root, made)
    except BaseException:
        undo()
        raise
    return undo


def join(group: dict[str, Any], pid: int) -> None:
    """Put a process, and whatever it forks from now on, into the container's group.

    Errors:  KernelError.
    """
    for directory in group["join"]:
        _write(f"{directory}/tasks", str(pid), group["root"])


def remove(group: dict[str, Any]) -> None:
    """What was made for the container; who is inside moves up.

    Errors:  HostError.
    """
    for directory in group["remove"]:
        _remove(directory)


def write_schemata(root: str, directory: str, lines: list[str]) -> None:
    """All lines in one write: the kernel takes all or none.

    Errors:  KernelError with the kernel's own words.
    """
    _write(f"{directory}/schemata", "".join(f"{line}\n" for line in lines), root)


def change_schemata(container: Container, asked: dict[str, str]) -> Callable[[], None]:
    """Other shares for a container; the rest of its schemata is written with them. The way back.

    Errors:  ConfigError, KernelError; then the old ones hold.
    """
    rdt = container.config["linux"].get("intelRdt")
    group = container.data.get("resctrl")
    if not rdt or group is None:
        raise ConfigError("updating a non-existent Intel RDT configuration is not supported")
    new: IntelRdt = {**rdt, **asked}  # type: ignore[typeddict-item]  # its members alone
    lines, directory = schema_lines(new), group["join"][0]
    try:
        parse_schemata(lines)
    except ValueError as error:
        raise ConfigError(f'"{error}" is no schema like L3:0=ff;1=f0', field=FIELD) from error
    before = [line.strip() for line in read_schemata(directory).splitlines()]
    write_schemata(group["root"], directory, lines)
    container.config["linux"]["intelRdt"] = new
    return lambda: write_schemata(group["root"], directory, before)


def read_schemata(directory: str) -> str:
    """The shares that a group has now.

    Errors:  KernelError.
    """
    path = f"{directory}/schemata"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(fd, READ_MOST).decode("utf-8", "replace")
        finally:
            os.close(fd)
    except OSError as error:
        raise KernelError(
            f"read {path}", field=FIELD, syscall="read", errno=error.errno or 0
        ) from error


def _compare(plan: GroupPlan) -> None:
    others = differences(plan.lines, read_schemata(plan.directory))
    if others:
        raise ConfigError(
            f"{plan.directory} has other schemata: {', '.join(others)}", field=FIELD,
            hint="a group that exists is used as it is, never changed",
        )  # fmt: skip


def _make(directory: str, root: str, made: list[str]) -> None:
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        return
    except OSError as error:
        hint = "all groups that the processor has are in use" if error.errno == errno.ENOSPC else ""
        raise KernelError(
            f"make the resctrl group {directory}", field=FIELD, syscall="mkdir",
            errno=error.errno or 0, hint=last_words(root) or hint,
        ) from error  # fmt: skip
    made.append(directory)


def _write(path: str, text: str, root: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        words = last_words(root)
        shown = text.strip().replace("\n", ", ")
        raise KernelError(
            f'write "{shown}" to {path}', field=FIELD, syscall="write", errno=error.errno or 0,
            hint=f"the kernel says: {words}" if words else "",
        ) from error  # fmt: skip


def _remove(directory: str) -> None:
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise HostError(
            f"remove the resctrl group {directory}", syscall="rmdir", errno=error.errno or 0
        ) from error
