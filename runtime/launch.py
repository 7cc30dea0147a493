"""From the interpreter's first line of ours to a command: what __main__.py calls.

Our modules come from one file, the code store that the build packed (csrc/pack_code.py): to
find, open and check sixty of them one by one takes longer than all that create does. Without
a store that fits this interpreter they are imported as everybody's.

No import of __future__ here: it is a file to be read like any other.
"""

import gc
import posix as os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import PathFinder
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

    Entry = tuple[bool, int, int, tuple[str, ...]]
    Head = tuple[dict[str, Entry], list[int]]

FIRST_READ = 96 << 10  # bytes; four times the head
DEBIAN_PACKAGES = (
    "/usr/lib/python3/dist-packages",
    "/usr/local/lib/python{0.major}.{0.minor}/dist-packages",
)


class CodeStore:
    """An importer for the modules of a packed file.

    The index says of every module: is it a package, where its code lies, and which of our
    modules it imports first of all. Those are run before it, straight away: by the time its
    import statements come they are answered in C, without the import system's 20 us each.
    The code of modules that are needed together is one group, which is read once.
    """

    __slots__ = ("_ends", "_file", "_groups", "_index", "_site", "_start")

    def __init__(self, file: "StoreFile", site: str) -> None:
        self._file = file
        size = int.from_bytes(file.read(0, 4), "little")
        self._start = 4 + size
        head: Head = loads(file.read(4, self._start))
        self._index, self._ends = head
        self._groups: dict[int, tuple[CodeType, ...]] = {}
        self._site = site

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """The import system asks for every module; ours are in the index."""
        return self._spec(name) if name in self._index else None

    def create_module(self, spec: ModuleSpec) -> "ModuleType | None":
        """The import system makes it."""
        return None

    def exec_module(self, module: "ModuleType") -> None:
        """Run the module's code, those that it needs before it."""
        loaded = sys.modules
        _, group, place, needs = self._index[module.__name__]
        for name in needs:
            if name not in loaded:
                self._load(name)
        if group not in self._groups:
            start = self._ends[group - 1] if group else 0
            part = self._file.read(self._start + start, self._start + self._ends[group])
            self._groups[group] = loads(part)
        exec(self._groups[group][place], module.__dict__)

    def _load(self, name: str) -> None:
        """What the import system does for a module, and nothing for what cannot be here."""
        spec = self._spec(name)
        module = type(sys)(name)
        module.__spec__ = spec
        module.__loader__ = spec.loader
        module.__file__ = spec.origin
        module.__package__ = spec.parent
        if spec.submodule_search_locations is not None:
            module.__path__ = spec.submodule_search_locations
        sys.modules[name] = module
        try:
            self.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)

    def _spec(self, name: str) -> ModuleSpec:
        place = f"{self._site}/{name.replace('.', '/')}"
        is_package = self._index[name][0]
        origin = place + ("/__init__.py" if is_package else ".py")
        spec = ModuleSpec(name, self, origin=origin)  # type: ignore[arg-type]  # a loader by shape
        spec.has_location = True
        if is_package:
            # The compiled modules lie beside, and are found in the usual way.
            spec.submodule_search_locations = [place]
        return spec


class StoreFile:
    """The store's bytes: the first of them at once, which is most of what a command needs.

    No descriptor stays open in between: the numbers from 3 on are the caller's.
    """

    __slots__ = ("_first", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._first = self._at(0, FIRST_READ)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`.

        Errors:  OSError.
        """
        return self._first[start:end] if end <= len(self._first) else self._at(start, end)

    def _at(self, start: int, end: int) -> bytes:
        fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, end - start, start)
        finally:
            os.close(fd)


def use_code_store(site: str) -> None:
    """Import our modules from the store, if there is one for this interpreter.

    Source:  csrc/pack_code.py: four bytes with the size of the head, the head, the groups.
    """
    file = f"{site}/runtime/{sys.implementation.cache_tag}.code"
    try:
        store = CodeStore(StoreFile(file), site)
    except (OSError, ValueError, EOFError, TypeError):
        return  # built by another Python: the sources are as good, and slower
    sys.meta_path.insert(0, store)


def find_cffi(here: str) -> None:
    """Append where cffi's backend lies, if it is not beside us."""
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


def main(site: str) -> None:
    """Run the command; does not return. `site` is the directory that holds us."""
    status = 1
    try:
        # A command lives for milliseconds and makes few cycles.
        gc.disable()
        open_missing_stdio()
        use_code_store(site)
        find_cffi(site)
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
