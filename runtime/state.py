"""The state store: one folder a container below the state root.

    <root>/            0700, ours
      <id>/            0700; its mkdir is what claims the id
        state.json     0600, written beside and renamed
        exec.fifo      is there exactly while the container is created, not started
        record, exec   what the executable reads instead: record.py, exec_record.py
        notify/        the socket of NOTIFY_SOCKET, where one was asked for

state.json is written before anything is made (status creating, naming the cgroups about to
be made), so that delete can clean up after a runtime that was killed half-way.
"""

from __future__ import annotations

import errno
import posix as os
from _stat import S_ISREG
from errno import ENOENT, ENOTDIR

from runtime.errors import ConfigError, HostError, KernelError, StatusError
from runtime.jsonfile import dump_compact, parse
from runtime.paths import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
STATE_FILE = "state.json"
FIFO_FILE = "exec.fifo"
ID_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.")
ID_MAX = 255  # a folder bears the name, NAME_MAX
STATE_MAX_BYTES = 32 << 20
# glance() reads no more, and takes what stands before the last member.
GLANCE_BYTES = 32 << 10
CONFIG_BEGIN = b',"config":{'
# What a state must hold for the rest of the runtime to rely on it; the configuration, which
# is most of it, comes last.
MEMBERS: tuple[tuple[str, type], ...] = (
    ("pid", int), ("pidStart", int), ("boot", str), ("maker", list), ("created", str),
    ("bundle", str), ("rootfs", str), ("cgroupPaths", dict), ("config", dict),
)  # fmt: skip


def check_id(container_id: str) -> str:
    """The id, if it is one.

    Errors:  ConfigError.
    """
    if (
        not container_id
        or len(container_id) > ID_MAX
        or container_id[0] == "."
        or not ID_CHARACTERS.issuperset(container_id)
    ):
        shown = container_id if len(container_id) <= 40 else container_id[:40] + "..."
        raise ConfigError(
            f'invalid container ID format: "{shown}"',
            code="invalid-id",
            hint=f"use 1 to {ID_MAX} of A-Z a-z 0-9 _ + - . and no dot in front",
        )
    return container_id


def process_start(pid: int) -> tuple[int, str] | None:
    """(start time in clock ticks after boot, state letter) of a process; None if there is none.

    Source:  proc_pid_stat(5), fields 22 and 3.
    """
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(fd, 4096)
    except OSError:  # ESRCH: it died between the two calls
        return None
    finally:
        os.close(fd)
    # The name in the parentheses may hold anything, parentheses too.
    fields = text[text.rindex(b")") + 2 :].split()
    return int(fields[19]), fields[0].decode()


def is_alive(pid: int, start: int) -> bool:
    """Whether this very process runs; a zombie does not."""
    found = process_start(pid) if pid > 0 else None
    return found is not None and found[0] == start and found[1] not in "ZXx"


def boot_id() -> str:
    """This boot of the machine: pids and start times are of one boot.

    Source:  random(4). Where it cannot be read, every boot looks the same.
    """
    return _read_word("/proc/sys/kernel/random/boot_id")


class Container:
    """What is known of one container. `data` is what state.json holds.

    config_text  the configuration as it was written, a JSON object: spares save() to write it
                 anew; "" if it is not at hand
    """

    __slots__ = ("config_text", "data", "folder", "id", "owner_uid")

    def __init__(self, folder: str, data: dict[str, Any], owner_uid: int) -> None:
        self.folder = folder
        self.data = data
        self.config_text = ""
        self.id: str = data["id"]
        self.owner_uid = owner_uid

    @property
    def pid(self) -> int:
        """The init's pid as the host sees it, 0 while creating."""
        return int(self.data["pid"])

    @property
    def pid_start(self) -> int:
        """When init started, clock ticks after boot."""
        return int(self.data["pidStart"])

    @property
    def bundle(self) -> str:
        """The bundle's directory."""
        return str(self.data["bundle"])

    @property
    def rootfs(self) -> str:
        """The root filesystem's path."""
        return str(self.data["rootfs"])

    @property
    def created(self) -> str:
        """When init was ready, RFC 3339 with nanoseconds."""
        return str(self.data["created"])

    @property
    def config(self) -> dict[str, Any]:
        """config.json as it was at create."""
        config: dict[str, Any] = self.data["config"]
        return config

    @property
    def annotations(self) -> dict[str, str]:
        """Its annotations."""
        annotations: dict[str, str] | None = self.data.get("annotations")
        return (self.config.get("annotations") or {}) if annotations is None else annotations

    @property
    def cgroup_paths(self) -> dict[str, str]:
        """controller -> directory, "" for v2."""
        paths: dict[str, str] = self.data["cgroupPaths"]
        return paths

    @property
    def unit(self) -> dict[str, Any] | None:
        """Its scope, where systemd made the cgroup: {"name": ..., "user": ...}."""
        unit: dict[str, Any] | None = self.data.get("systemdUnit")
        return unit

    @property
    def last_ops(self) -> list[list[str]]:
        """The operations after the exec fifo, for what may fail in them: see report.py."""
        ops: list[list[str]] = self.data.get("lastOps") or []
        return ops

    @property
    def fifo(self) -> str:
        """The path of the exec fifo."""
        return f"{self.folder}/{FIFO_FILE}"

    def has_own_pid_namespace(self) -> bool:
        """Whether killing init ends every process of the container."""
        for namespace in (self.config.get("linux") or {}).get("namespaces") or ():
            if namespace["type"] == "pid":
                return not namespace.get("path")
        return False

    def is_init_alive(self) -> bool:
        """Whether init runs, and is the process that we started."""
        return self.is_of_this_boot() and is_alive(self.pid, self.pid_start)

    def is_maker_alive(self) -> bool:
        """Whether the runtime that makes it is still at work."""
        maker, start = self.data["maker"]
        return self.is_of_this_boot() and is_alive(maker, start)

    def is_of_this_boot(self) -> bool:
        """Whether its pids mean anything now: a state root on a disk outlives them."""
        return str(self.data["boot"]) == boot_id()

    def is_frozen(self) -> bool:
        """Whether the container is paused, by its freezer."""
        paths = self.cgroup_paths
        freezer = paths.get("freezer")
        if freezer is not None:
            return (
                _read_word(f"{freezer}/freezer.state") in ("FROZEN", "FREEZING")
                and _read_word(f"{freezer}/freezer.self_freezing") == "1"
            )
        return "" in paths and _read_word(f"{paths['']}/cgroup.freeze") == "1"

    def status(self) -> str:
        """creating, created, running, paused or stopped, as of now.

        Source:  runtime-spec runtime.md, State; paused is what all runtimes add.
        """
        if self.pid == 0:
            return "creating" if self.is_maker_alive() else "stopped"
        if self.is_frozen():
            return "paused"
        if not self.is_init_alive():
            return "stopped"
        return "created" if is_there(self.fifo) else "running"

    def oci_state(self, status: str, *, pid: int | None = None) -> dict[str, Any]:
        """The state as hooks read it."""
        from runtime.version import SPEC_VERSION

        state: dict[str, Any] = {"ociVersion": SPEC_VERSION, "id": self.id, "status": status}
        pid = self.pid if pid is None else pid
        if pid:
            state["pid"] = pid
        state["bundle"] = self.bundle
        if self.annotations:
            state["annotations"] = self.annotations
        return state

    def save(self) -> None:
        """Write state.json, whole or not at all.

        No fsync: after a power failure there is no container that it could describe.
        Errors:  HostError.
        """
        temporary = f"{self.folder}/.{STATE_FILE}"
        text = self._text().encode("utf-8", "surrogateescape")
        try:
            fd = os.open(
                temporary,
                os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC,
                0o600,
            )
            try:
                left = memoryview(text)
                while left:
                    left = left[os.write(fd, left) :]
            finally:
                os.close(fd)
            os.rename(temporary, f"{self.folder}/{STATE_FILE}")
        except OSError as error:
            raise HostError(
                f"write {self.folder}/{STATE_FILE}", errno=error.errno or 0,
                hint="is the state root full or read-only?",
            ) from error  # fmt: skip

    def _text(self) -> str:
        if not self.config_text:
            return dump_compact(self.data)
        rest = {name: value for name, value in self.data.items() if name != "config"}
        return f'{dump_compact(rest)[:-1]},"config":{self.config_text}}}'

    def remove(self) -> None:
        """Remove the folder and the files in it that are ours.

        Errors:  HostError.
        """
        remove_folder(self.folder)


def _read_word(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (ENOENT, errno.ENODEV):
            return ""
        raise KernelError(f"read {path}", syscall="open", errno=error.errno or 0) from error
    try:
        return os.read(fd, 64).decode().strip()
    except OSError as error:
        if error.errno == errno.ENODEV:  # the cgroup went meanwhile
            return ""
        raise KernelError(f"read {path}", syscall="read", errno=error.errno or 0) from error
    finally:
        os.close(fd)


def remove_folder(folder: str) -> None:
    """Remove a container's folder; gone already is fine, and what is no folder is none of
    ours. Links are not followed.

    Errors:  HostError.
    """
    try:
        try:
            os.rmdir(folder)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        remove_folder(entry.path)
                    else:
                        os.unlink(entry.path)
            os.rmdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise HostError(f"remove {folder}", errno=error.errno or 0) from error


def _is_still(folder: str, fd: int) -> bool:
    """Whether the open directory is the one that bears the name."""
    try:
        now = os.stat(folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    then = os.fstat(fd)
    return (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)


def absent(container_id: str) -> StatusError:
    """The error that there is no such container; engines know these words."""
    return StatusError(f'container "{container_id}": container does not exist', code="not-found")


def _checked(
    path: str, data: bytes, container_id: str, members: tuple[tuple[str, type], ...]
) -> dict[str, Any]:
    """The parsed state, if it is of this container and has the members that it must have.

    Errors:  HostError.
    """
    try:
        loaded: Any = parse(data, path, allow_surrogates=True)
    except ConfigError as error:
        raise HostError(
            f"{path} is damaged: {error}",
            hint=f"pyrunc delete --force {container_id}",
            code="damaged-state",
        ) from error
    if type(loaded) is not dict or loaded.get("version") != VERSION:
        raise HostError(
            f"{path} was not written by this version of pyrunc",
            code="damaged-state",
            hint=f"pyrunc delete --force {container_id}",
        )
    if loaded.get("id") != container_id:
        raise HostError(f"{path} is of another container")
    for name, kind in members:
        if type(loaded.get(name)) is not kind:
            raise HostError(
                f'{path} is damaged: "{name}" is missing or of the wrong type',
                code="damaged-state",
                hint=f"pyrunc delete --force {container_id}",
            )
    return loaded


class StateStore:
    """The state root."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = root

    def load(self, container_id: str) -> Container:
        """The container of this id.

        Errors:  ConfigError for an id that is none, StatusError "container does not exist",
                 HostError for a state that cannot be read.
        """
        folder = f"{self.root}/{container_id}"
        fd, status = self._open(container_id)
        path = f"{folder}/{STATE_FILE}"
        try:
            data = b""
            while chunk := os.read(fd, max(status.st_size + 1 - len(data), 1)):
                data += chunk
        except OSError as error:
            raise HostError(f"read {path}", errno=error.errno or 0) from error
        finally:
            os.close(fd)
        return Container(folder, _checked(path, data, container_id, MEMBERS), status.st_uid)

    def glance(self, container_id: str) -> Container:
        """The container without its config, for who asks for hundreds.

        Parsing a configuration takes ten times what the rest does. It is the last member, and
        what its beginning looks like stands nowhere else before it: within a string there is
        a backslash before every quote.
        Errors:  as load(), but damage within the configuration goes unnoticed.
        """
        folder = f"{self.root}/{container_id}"
        path = f"{folder}/{STATE_FILE}"
        fd, status = self._open(container_id)
        try:
            data = os.read(fd, GLANCE_BYTES)
            is_whole = os.pread(fd, 1, max(status.st_size - 1, 0)) == b"}"
        except OSError as error:
            raise HostError(f"read {path}", errno=error.errno or 0) from error
        finally:
            os.close(fd)
        end = data.find(CONFIG_BEGIN)
        if end < 0 or not is_whole:
            return self.load(container_id)
        members = _checked(path, data[:end] + b"}", container_id, MEMBERS[:-1])
        if "annotations" not in members:
            return self.load(container_id)
        return Container(folder, members, status.st_uid)

    def _open(self, container_id: str) -> tuple[int, os.stat_result]:
        """A descriptor of state.json, and what fstat(2) says of it.

        Errors:  as load().
        """
        check_id(container_id)
        path = f"{self.root}/{container_id}/{STATE_FILE}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (ENOENT, ENOTDIR):
                raise absent(container_id) from error
            raise HostError(f"open {path}", errno=error.errno or 0) from error
        status = os.fstat(fd)
        if not S_ISREG(status.st_mode) or status.st_size > STATE_MAX_BYTES:
            os.close(fd)
            raise HostError(f"{path} is no state of ours")
        return fd, status

    def locked(self, container_id: str) -> tuple[Container, int]:
        """The container, and a descriptor that holds its lock until it is closed.

        It is loaded under the lock: what another command did while we waited is known.
        Errors:  as load().
        """
        from runtime.native import calls

        check_id(container_id)
        folder = f"{self.root}/{container_id}"
        while True:
            try:
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError as error:
                if error.errno in (ENOENT, ENOTDIR):
                    raise absent(container_id) from error
                raise HostError(f"open {folder}", errno=error.errno or 0) from error
            try:
                calls.lock(fd)
                if _is_still(folder, fd):
                    return self.load(container_id), fd
            except BaseException:
                os.close(fd)
                raise
            # Deleted while we waited; there may be a new one of the same name.
            os.close(fd)

    def ids(self) -> list[str]:
        """The ids of all containers, sorted.

        Errors:  HostError, with errno ENOENT when there is no state root.
        """
        try:
            with os.scandir(self.root) as entries:
                found = [
                    entry.name
                    for entry in entries
                    if entry.name[0] != "." and entry.is_dir(follow_symlinks=False)
                ]
        except OSError as error:
            raise HostError(f"read the state root {self.root}", errno=error.errno or 0) from error
        return sorted(found)

    def claim(self, container_id: str) -> str:
        """Take the id: the new folder's path. Exactly one caller wins.

        Errors:  ConfigError, StatusError when it is taken, HostError when the root is not to
                 be trusted or written.
        """
        check_id(container_id)
        folder = f"{self.root}/{container_id}"
        try:
            try:
                os.mkdir(folder, 0o700)
            except FileNotFoundError:
                from os import makedirs  # seldom

                makedirs(self.root, 0o700, exist_ok=True)
                os.mkdir(folder, 0o700)
            root = os.stat(self.root)
        except FileExistsError as error:
            raise StatusError(
                f'container "{container_id}": container with given ID already exists',
                hint=f"pyrunc delete {container_id}",
                code="id-in-use",
            ) from error
        except OSError as error:
            raise HostError(
                f"make {folder}", errno=error.errno or 0, hint="choose a writable --root"
            ) from error
        if root.st_uid != os.geteuid() or root.st_mode & 0o022:
            os.rmdir(folder)
            raise HostError(
                f"the state root {self.root} can be written by others",
                code="unsafe-root",
                hint="it must belong to you and be mode 0700: another user could forge state",
            )
        return folder
