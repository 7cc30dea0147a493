"""--trace: what create and run did, and when, on both sides, as a Chrome trace.

Loaded with the option alone, and the only module that knows of it: the functions that are steps
are replaced by ones that look at the clock. The child writes its times into memory that is
shared with it (csrc/trace.h), which is made here so that nothing is charged to its cgroup.

The clock is CLOCK_REALTIME: a time namespace shifts all others.
"""

from __future__ import annotations

import posix as os
import time
from _struct import Struct

from runtime.errors import ContainerError, HostError, errno_name
from runtime.jsonfile import dump_compact
from runtime.plan.kernel_calls import kernel_call
from runtime.plan.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STAMP = Struct("=2Q2i")  # struct stamp of csrc/trace.h
RUNTIME, CONTAINER = 1, 2  # the threads of the trace
# Module, function, what it does; in the order of the story.
WAITING = ("_accompany", "release")  # functions that mostly wait for the other side
STEPS = (
    ("runtime.lifecycle.create", "decide", "decide"),
    ("runtime.bundle", "load", "read and check config.json"),
    ("runtime.lifecycle.create", "read_facts", "ask the host"),
    ("runtime.lifecycle.create", "check_rules", "check the rules"),
    ("runtime.lifecycle.create", "decide_cgroup", "plan the cgroup"),
    ("runtime.lifecycle.create", "seccomp_filter", "compile or load the seccomp filter"),
    ("runtime.lifecycle.create", "make_plan", "plan the operations"),
    ("runtime.lifecycle.create", "_claim", "claim the id, write down what will be made"),
    ("runtime.lifecycle.create", "make_cgroup", "make the cgroup"),
    ("runtime.lifecycle.create", "_spawn", "start the process"),
    ("runtime.lifecycle.create", "open_slot", "open a descriptor for the process"),
    ("runtime.lifecycle.create", "_accompany", "meet the process at its barriers"),
    ("runtime.lifecycle.idmaps", "write_maps", "write the id maps"),
    ("runtime.lifecycle.idmaps", "write_time_offsets", "write the time offsets"),
    ("runtime.lifecycle.create", "_run_create_hooks", "run prestart and createRuntime hooks"),
    ("runtime.lifecycle.create", "_finish", "save the state and the pid file"),
    ("runtime.lifecycle.run", "release", "start the program"),
    ("runtime.lifecycle.run", "run_poststart", "run poststart hooks"),
)


class Step:
    """One call of a step: nanoseconds of its begin and end, and how it failed."""

    __slots__ = ("begin", "end", "error", "waits", "words")

    def __init__(self, words: str, begin: int, *, waits: bool) -> None:
        self.waits = waits
        self.words = words
        self.begin = begin
        self.end = 0
        self.error = ""


class Tracer:
    """Takes the times; `save` writes them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._steps: list[Step] = []
        self._plan: Plan | None = None
        self._memory_fd = -1
        self._is_saved = False

    def watch(self) -> None:
        """Have every step look at the clock from now on."""
        for module_name, name, words in STEPS:
            module = __import__(module_name, fromlist=(name,))
            setattr(module, name, self._timed(getattr(module, name), name, words))

    def _timed(self, function: Callable[..., Any], name: str, words: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            step = Step(words, time.time_ns(), waits=name in WAITING)
            self._steps.append(step)
            try:
                result = self._call(name, function, arguments, named)
            except BaseException as error:
                step.error = str(error) or type(error).__name__
                raise
            finally:
                step.end = time.time_ns()
            if name == "release":
                # The program runs from here on; a foreground run waits for it, perhaps for days.
                self.save()
            return result

        return timed

    def _call(
        self, name: str, function: Callable[..., Any], arguments: Any, named: dict[str, Any]
    ) -> Any:
        if name == "open_slot" and arguments[0].kind == "trace":
            return self._open_memory()
        result = function(*arguments, **named)
        if name == "make_plan" and isinstance(result, Plan):
            result.trace_slot = result.add_slot("trace", "the times", "--trace")
            self._plan = result
        return result

    def _open_memory(self) -> int:
        """Memory for the child's stamps, charged to us: every page is touched here."""
        assert self._plan is not None  # the slot is in it
        self._memory_fd = os.memfd_create("pyrunc-trace", os.MFD_CLOEXEC)
        os.write(self._memory_fd, bytes(STAMP.size * len(self._plan.ops)))
        return os.dup(self._memory_fd)

    def save(self) -> None:
        """Write the file, once.

        Errors:  HostError.
        """
        if self._is_saved:
            return
        self._is_saved = True
        text = dump_compact(self.document()) + "\n"
        try:
            with open(self._path, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise HostError(
                f"write {self._path}", field="--trace", errno=error.errno or 0
            ) from error

    def document(self) -> dict[str, Any]:
        """The trace, times in microseconds from its beginning.

        Source:  Trace Event Format, "JSON Object Format"; complete events ("X").
        """
        events = [
            _event(s.words, RUNTIME, s.begin, s.end, {"wait": True} if s.waits else {}, s.error)
            for s in self._steps
        ]
        events += self._operations()
        start = min((event["ts"] for event in events), default=0.0)
        for event in events:
            event["ts"] = round(event["ts"] - start, 3)
        names = ((RUNTIME, "runtime"), (CONTAINER, "container"))
        threads = [
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": tid, "args": {"name": name}}
            for tid, name in names
        ]
        return {"displayTimeUnit": "ms", "traceEvents": [*threads, *events]}

    def _operations(self) -> list[dict[str, Any]]:
        if self._plan is None or self._memory_fd < 0:
            return []
        data = os.pread(self._memory_fd, STAMP.size * len(self._plan.ops), 0)
        events = []
        for op, (begin, end, err, pid) in zip(self._plan.ops, STAMP.iter_unpack(data), strict=True):
            if begin:
                more = {"origin": op.origin, "call": kernel_call(op), "op": op.name, "pid": pid}
                if op.name in ("sync", "fifo"):
                    more["wait"] = True
                error = errno_name(err) if err else ""
                events.append(_event(op.what, CONTAINER, begin, end, more, error))
        return events


def _event(
    name: str, thread: int, begin: int, end: int, more: dict[str, Any], error: str
) -> dict[str, Any]:
    """What has no end yet lasts no time, and says so."""
    more = {**more, "error": error} if error else more
    if not end:
        more = {**more, "unfinished": True}
    return {
        "ph": "X", "name": name, "cat": "step" if thread == RUNTIME else "operation",
        "pid": 1, "tid": thread, "ts": begin / 1000,
        "dur": round((end - begin) / 1000, 3) if end else 0, "args": more,
    }  # fmt: skip


def traced(path: str, act: Callable[[], int | None]) -> int:
    """What `act` gives, its steps written to the file `path`, also when it fails.

    Errors:  what `act` raises; HostError when the file cannot be written.
    """
    tracer = Tracer(path)
    tracer.watch()
    try:
        status = act()
    except ContainerError as error:
        try:
            tracer.save()
        except HostError as failure:
            error.add_note(str(failure))
        raise
    tracer.save()
    return status or 0
