"""gc: find and remove what a crashed host, engine or runtime left in a state root.

What may still be wanted stays: a container that has stopped in this boot is its engine's to
delete. Processes are asked for by pid, start time and boot, so none is taken for another.
"""

from __future__ import annotations

import os
import time

from runtime.errors import ContainerError, HostError, StatusError
from runtime.lifecycle.delete import destroy, run_poststop
from runtime.native.seccomp_cache import FOLDER, is_stale
from runtime.state import remove_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.log import Log
    from runtime.state import Container, StateStore

CLAIM_S = 60  # from making the folder to writing the state a runtime takes a millisecond
CONTAINER, FOLDER_KIND, FILTER = "container", "folder", "filter"


class Leftover:
    """One thing that nobody will come back for.

    kind     CONTAINER, FOLDER_KIND (of a container without a state) or FILTER (a compiled one)
    error    why it could not be removed; "" is no failure
    """

    __slots__ = ("error", "kind", "name", "reason")

    def __init__(self, kind: str, name: str, reason: str) -> None:
        self.kind = kind
        self.name = name
        self.reason = reason
        self.error = ""


def collect(store: StateStore, log: Log, *, dry_run: bool, stopped: bool) -> list[Leftover]:
    """What was removed, or with `dry_run` would be; `stopped` containers too if that is asked for.

    Errors:  HostError when the state root cannot be read; a missing one holds nothing.
    """
    try:
        ids = store.ids()
    except HostError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        raise
    found = [one for name in ids if (one := _judge(store, name, stopped=stopped)) is not None]
    found += stale_filters(store.root)
    if not dry_run:
        for leftover in found:
            try:
                _remove(store, leftover, log, stopped=stopped)
            except ContainerError as error:
                leftover.error = str(error)
    return found


def _judge(store: StateStore, name: str, *, stopped: bool) -> Leftover | None:
    """Why the folder of this name may go, None where it stays."""
    try:
        container = store.load(name)
    except StatusError:
        age_s = time.time() - _changed(f"{store.root}/{name}")
        return Leftover(FOLDER_KIND, name, "without a state") if age_s > CLAIM_S else None
    except ContainerError:
        # Damaged, or of another version: what belongs to it is not known. delete --force tells.
        return None
    reason = reason_to_go(container, stopped=stopped)
    return Leftover(CONTAINER, name, reason) if reason else None


def reason_to_go(container: Container, *, stopped: bool) -> str:
    """Why nobody will come back for it; "" where somebody may."""
    if not container.is_of_this_boot():
        return "of an earlier boot"
    status = container.status()
    if status == "stopped" and container.pid == 0:
        return "its maker died before it was created"
    return "stopped" if status == "stopped" and stopped else ""


def _changed(path: str) -> float:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return time.time()  # gone meanwhile: not ours to judge


def _remove(store: StateStore, leftover: Leftover, log: Log, *, stopped: bool) -> None:
    if leftover.kind == FILTER:
        try:
            os.unlink(f"{store.root}/{FOLDER}/{leftover.name}")
        except FileNotFoundError:
            pass  # replaced by a create at the same time
        except OSError as error:
            raise HostError(f"remove {leftover.name}", errno=error.errno or 0) from error
        return
    if leftover.kind == FOLDER_KIND:
        remove_folder(f"{store.root}/{leftover.name}")
        return
    try:
        container, lock = store.locked(leftover.name)
    except StatusError:
        return  # deleted meanwhile
    try:
        # Once more, now that nobody else can act on it.
        if not reason_to_go(container, stopped=stopped):
            leftover.error = "not removed: it is in use again"
        elif container.is_of_this_boot():
            destroy(container, "stopped", log)
        else:
            # Its cgroup went with the boot; one of that name would be somebody else's.
            container.remove()
            run_poststop(container, log)
    finally:
        os.close(lock)


def stale_filters(root: str) -> list[Leftover]:
    """Compiled filters that this libseccomp, or this version, would not use."""
    folder = f"{root}/{FOLDER}"
    found = []
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise HostError(f"read {folder}", errno=error.errno or 0) from error
    for name in names:
        if time.time() - _changed(f"{folder}/{name}") < CLAIM_S:
            continue  # being written, perhaps
        try:
            with open(f"{folder}/{name}", "rb") as file:
                stale = is_stale(name, file.read())
        except OSError:
            stale = True
        if stale:
            found.append(Leftover(FILTER, name, "made by another version"))
    return found
