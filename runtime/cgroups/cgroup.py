"""A container's cgroup, in all hierarchies: who is in it, freeze, kill, remove.

make.py makes one; later commands load it from the paths in state.json.
"""

from __future__ import annotations

import errno
import posix as os
import time

from runtime.cgroups import files
from runtime.errors import KernelError
from runtime.host import cgroup_probe
from runtime.paths import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups.systemd import Scope
    from runtime.host.cgroup_layout import CgroupLayout, Hierarchy

SIGKILL = 9

# Killed processes leave within a millisecond, stuck ones do not leave at all.
KILL_PAUSES_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
FREEZE_TRIES = 1000


class Cgroup:
    """Directories, one a hierarchy. Without any it does nothing: a rootless container for
    which no cgroup could be had.

    created_dirs  absolute, in the order of making, parents first: what undo() removes
    scope         its unit, where systemd made it
    warnings      one line each, for the log
    """

    __slots__ = ("_dirs", "created_dirs", "scope", "warnings")

    def __init__(self, dirs: list[tuple[Hierarchy, str]]) -> None:
        self._dirs = dirs
        self.created_dirs: list[tuple[Hierarchy, str]] = []
        self.scope: Scope | None = None
        self.warnings: list[str] = []

    @classmethod
    def load(
        cls,
        saved: Mapping[str, str],
        layout: CgroupLayout | None = None,
        unit: Mapping[str, Any] | None = None,
    ) -> Cgroup:
        """The cgroup that saved() described, on the hierarchies that are mounted now.

        `unit` is systemd's name of it, for those who remove or update it.
        Errors:  HostError when /proc cannot be read.
        """
        dirs: list[tuple[Hierarchy, str]] = []
        if saved:
            for hierarchy in (layout or cgroup_probe.read_layout()).hierarchies:
                keys = ("",) if hierarchy.version == 2 else hierarchy.controllers
                paths = [saved[key] for key in keys if key in saved]
                if paths:
                    dirs.append((hierarchy, paths[0]))
        cgroup = cls(dirs)
        if unit:
            from runtime.cgroups.systemd import Scope

            cgroup.scope = Scope(unit["name"], is_user=unit["user"])
        return cgroup

    def saved(self) -> dict[str, str]:
        """controller -> directory, as runc's cgroup_paths; the key of v2 is ""."""
        paths: dict[str, str] = {}
        for hierarchy, directory in self._dirs:
            if hierarchy.version == 2:
                paths[""] = directory
            else:
                for controller in hierarchy.controllers:
                    paths[controller] = directory
        return paths

    def add_dir(self, hierarchy: Hierarchy, directory: str) -> None:
        """One directory more, while the cgroup is being made."""
        self._dirs.append((hierarchy, directory))

    def dirs(self) -> list[tuple[Hierarchy, str]]:
        """All directories, in joining order."""
        return list(self._dirs)

    def tasks_files(self) -> list[str]:
        """The v1 files that a process writes "0" to while it has one thread, to join.

        A thread that moves itself takes no kernel-wide lock, other than one whose pid is
        written to cgroup.procs. v2 is joined at birth, see clone_dir().
        """
        return [directory + "/tasks" for h, directory in self._dirs if h.version == 1]

    def place(self, controller: str) -> tuple[Hierarchy, str] | None:
        """The directory with a controller's files: v1's if it is mounted there, else v2's,
        which may lack them; "" is always v2's."""
        return self._v1(controller) or self._v2()

    def clone_dir(self) -> str | None:
        """The v2 directory for CLONE_INTO_CGROUP; None on a host with v1 alone."""
        v2 = self._v2()
        return v2[1] if v2 else None

    def attach(self, pid: int) -> None:
        """Move a process into the v2 directory: slow, but not counted against a pids limit.

        Errors:  KernelError, HostError.
        """
        v2 = self._v2()
        if self.scope is not None:
            self.scope.attach(pid)
        elif v2 is not None:
            try:
                self._write(v2, "cgroup.procs", str(pid))
            except OSError as error:
                raise self._failed(f"move a process to {v2[1]}", "write", error) from error

    def pids(self) -> list[int]:
        """All processes in the cgroup and below; none if it is gone.

        Errors:  KernelError, HostError.
        """
        main = self._v1("devices") or self._v2() or (self._dirs[0] if self._dirs else None)
        if main is None:
            return []
        hierarchy, directory = main
        try:
            fd = files.open_dir(directory, hierarchy)
            try:
                return files.pids_below(fd, hierarchy)
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno in files.GONE:
                return []
            raise self._failed(f"list the processes of {directory}", "read", error) from error

    def is_frozen(self) -> bool:
        """Whether pause was asked for here; a frozen parent does not count.

        Errors:  KernelError, HostError.
        """
        freezer = self._freezer()
        if freezer is None:
            return False
        version = freezer[0].version
        try:
            if version == 2:
                return self._read(freezer, "cgroup.freeze").strip() == "1"
            for _ in range(FREEZE_TRIES):
                state = self._read(freezer, "freezer.state").strip()
                if state != "FREEZING":
                    break
                time.sleep(0.001)
            else:
                state = "FROZEN"  # still on its way after a second: it is meant to be
            return state == "FROZEN" and self._read(freezer, "freezer.self_freezing").strip() == "1"
        except OSError as error:
            # A v2 kernel before 5.2 has no freezer.
            if error.errno in files.GONE:
                return False
            raise self._failed(f"read the freezer of {freezer[1]}", "read", error) from error

    def freeze(self) -> None:
        """Stop all processes, and come back when they have stopped.

        Errors:  KernelError; then everything is thawed again.
        """
        freezer = self._freezer()
        if freezer is None:
            raise KernelError("freeze the container: it has no cgroup with a freezer")
        try:
            done = self._freeze_v2(freezer) if freezer[0].version == 2 else self._freeze_v1(freezer)
        except OSError as error:
            self._thaw_after_failure(freezer)
            raise self._failed(f"freeze {freezer[1]}", "write", error) from error
        if not done:
            self._thaw_after_failure(freezer)
            raise KernelError(
                f"freeze {freezer[1]}: its processes did not stop",
                errno=errno.EBUSY,
                hint="one of them waits in the kernel, try again",
            )

    def thaw(self) -> None:
        """Let all processes go on; a cgroup that is gone, or has no freezer, needs nothing.

        Errors:  KernelError.
        """
        freezer = self._freezer()
        if freezer is None:
            return
        try:
            if freezer[0].version == 2:
                self._write(freezer, "cgroup.freeze", "0")
            else:
                self._write(freezer, "freezer.state", "THAWED")
        except OSError as error:
            if error.errno not in files.GONE:
                raise self._failed(f"thaw {freezer[1]}", "write", error) from error

    def kill_all(self) -> None:
        """SIGKILL to every process in the cgroup and below; none gets away by forking.

        Errors:  KernelError when some are still there after two seconds.
        """
        v2 = self._v2()
        killed = v2 is not None and self._kill_v2(v2)
        if killed:
            if len(self._dirs) == 1:
                return
            # A v1 freezer keeps even the killed: without this they would never die.
            self.thaw()
        for pause in KILL_PAUSES_S:
            if not self.pids():
                return
            # After cgroup.kill they are on their way out; only v1 may hold others.
            if not killed or pause >= 0.001:
                self._kill_frozen()
            time.sleep(pause)
        left = self.pids()
        if left:
            raise KernelError(
                f"kill the container: {len(left)} process(es) survive SIGKILL, one is {left[0]}",
                hint="they wait in the kernel, for a dead disk or network file system perhaps",
            )

    def oom_kills(self) -> int:
        """How many processes the kernel killed in it for want of memory, as far as known.

        Errors:  KernelError, HostError.
        """
        memory = self.place("memory")
        if memory is None:
            return 0
        file = "memory.oom_control" if memory[0].version == 1 else "memory.events"
        try:
            return files.counter(self._read(memory, file), "oom_kill")
        except OSError as error:
            if error.errno in files.GONE:
                return 0
            raise self._failed(f"read {memory[1]}/{file}", "read", error) from error

    def remove(self) -> None:
        """Remove the cgroup everywhere, and the cgroups that the container made in it.

        All hierarchies are tried. Parents stay, as with runc: others may be about to use them.
        Errors:  KernelError for the first that cannot be removed, the others as notes;
                 HostError when systemd cannot be asked to stop the unit.
        """
        if self.scope is not None:
            self.scope.stop()
        self._remove(self._dirs)

    def undo(self) -> None:
        """Remove what making it made, and nothing else.

        Errors:  KernelError, HostError.
        """
        if self.scope is not None:
            self.scope.stop()
        leaves = {directory for _, directory in self._dirs}
        self._remove([made for made in self.created_dirs if made[1] in leaves])
        for hierarchy, directory in reversed(self.created_dirs):
            if directory in leaves:
                continue
            try:
                os.rmdir(directory)
            except OSError as error:
                # A parent that another container moved into meanwhile stays.
                if error.errno not in (errno.EBUSY, *files.GONE):
                    what = f"remove {directory} of {hierarchy.mountpoint}"
                    raise self._failed(what, "rmdir", error) from error

    def _remove(self, dirs: list[tuple[Hierarchy, str]]) -> None:
        pauses = iter(files.RMDIR_PAUSES_S)
        first: KernelError | None = None
        for hierarchy, directory in dirs:
            try:
                files.remove_tree(directory, hierarchy, pauses)
            except OSError as error:
                failure = self._failed(f"remove the cgroup {directory}", "rmdir", error)
                if error.errno == errno.EBUSY:
                    failure.hint = "processes are left in it"
                if first is None:
                    first = failure
                    first.__cause__ = error
                else:
                    first.add_note(f"{failure.what} too")
        if first is not None:
            raise first

    def _kill_v2(self, v2: tuple[Hierarchy, str]) -> bool:
        """By cgroup.kill; False where the kernel has none (before 5.14)."""
        try:
            self._write(v2, "cgroup.kill", "1")
        except OSError as error:
            if error.errno in files.GONE:
                # Either the file or the whole cgroup is not there.
                return not is_there(v2[1])
            if error.errno == errno.EOPNOTSUPP:
                return False  # threaded: only whole processes can be killed
            raise self._failed(f"kill the processes of {v2[1]}", "write", error) from error
        return True

    def _kill_frozen(self) -> None:
        """Freeze, so that nobody forks and no pid is used anew, kill, thaw."""
        try:
            self.freeze()
        except KernelError:
            # Some cannot be frozen; killing round after round gets the others.
            pass
        try:
            _kill(self.pids())
        finally:
            self.thaw()

    def _freeze_v1(self, freezer: tuple[Hierarchy, str]) -> bool:
        for attempt in range(FREEZE_TRIES):
            if attempt % 50 == 49:
                # Two that wait for each other get a chance to come free.
                self._write(freezer, "freezer.state", "THAWED")
                time.sleep(0.01)
            # Again each time: a process that was forked meanwhile is frozen by it.
            self._write(freezer, "freezer.state", "FROZEN")
            if attempt % 25 == 24:
                time.sleep(0.00001)
            state = self._read(freezer, "freezer.state").strip()
            if state == "FROZEN":
                return True
            if state != "FREEZING":
                return False
            if attempt > 10:
                time.sleep(0.001)
        return False

    def _freeze_v2(self, freezer: tuple[Hierarchy, str]) -> bool:
        self._write(freezer, "cgroup.freeze", "1")
        for attempt in range(FREEZE_TRIES):
            if files.counter(self._read(freezer, "cgroup.events"), "frozen"):
                return True
            time.sleep(0.0002 if attempt < 20 else 0.01)
        return False

    def _thaw_after_failure(self, freezer: tuple[Hierarchy, str]) -> None:
        try:
            self.thaw()
        except KernelError as error:
            self.warnings.append(f"{freezer[1]} may stay frozen: {error}")

    def _v1(self, controller: str) -> tuple[Hierarchy, str] | None:
        for pair in self._dirs:
            if pair[0].version == 1 and controller in pair[0].controllers:
                return pair
        return None

    def _v2(self) -> tuple[Hierarchy, str] | None:
        for pair in reversed(self._dirs):
            if pair[0].version == 2:
                return pair
        return None

    def _freezer(self) -> tuple[Hierarchy, str] | None:
        return self.place("freezer")

    def _read(self, where: tuple[Hierarchy, str], name: str) -> str:
        fd = files.open_dir(where[1], where[0])
        try:
            return files.read_file(fd, name)
        finally:
            os.close(fd)

    def _write(self, where: tuple[Hierarchy, str], name: str, value: str) -> None:
        fd = files.open_dir(where[1], where[0])
        try:
            files.write_file(fd, name, value)
        finally:
            os.close(fd)

    def _failed(self, what: str, syscall: str, error: OSError) -> KernelError:
        return KernelError(what, syscall=syscall, errno=error.errno or 0)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise KernelError(
                f"kill process {pid} of the container", syscall="kill", errno=error.errno or 0
            ) from error
