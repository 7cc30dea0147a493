"""The door to libseccomp. Imported only when a filter must be compiled: it costs."""

from __future__ import annotations

import posix as os
from _struct import pack, unpack_from

import runtime._seccomp as _seccomp
from runtime.errors import ConfigError, ContainerError, HostError
from runtime.plan.seccomp import ARCHITECTURES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.seccomp import FilterRequest

ffi = _seccomp.ffi
lib = _seccomp.lib

PROGRAM_MAX = 4096 * 8  # BPF_MAXINSNS of the kernel, 8 bytes an instruction
PATH_MAX = 4096
CPU_SECONDS = 2  # a hundred times what a large profile takes
EDOM = 33
EEXIST = 17


def compile_filter(request: FilterRequest, skipped: list[str] | None = None) -> bytes:
    """The program for seccomp(2): an array of struct sock_filter in this machine's order.

    `skipped` receives the names of system calls that this libseccomp does not know: rules
    for them have no effect.

    Errors:  ConfigError naming the entry that libseccomp refuses, or rules for which it
             finds no end; HostError where this libseccomp lacks an architecture.
    """
    result = _compile_apart(request) if _may_not_end(request) else _compile(request)
    if result.size < 0:
        raise _explain(request, result.step, result.index, result.name, -result.size)
    if skipped is not None:
        names = [name for rule in request.rules for name in rule.names]
        skipped += [name for name, flag in zip(names, result.unknown, strict=True) if flag]
    return result.program


class _Result:
    """What filter_compile gave back; `unknown` has a byte for each name."""

    __slots__ = ("index", "name", "program", "size", "step", "unknown")

    def __init__(self, numbers: tuple[int, ...], unknown: bytes, program: bytes) -> None:
        self.size, self.step, self.index, self.name = numbers
        self.unknown = unknown
        self.program = program


def _compile(request: FilterRequest) -> _Result:
    rules = request.rules
    names = [name for rule in rules for name in rule.names]
    args = [arg for rule in rules for arg in rule.args]
    # Encoded as paths are: whatever the configuration held, it is one unknown name.
    blob = b"".join([name.encode("utf-8", "surrogateescape") + b"\0" for name in names])
    # One call with flat tables: a call for each of some 400 names would take longer than
    # the compilation.
    arches = [ARCHITECTURES[name] for name in request.architectures]
    arch_table = ffi.from_buffer("uint32_t[]", pack(f"={len(arches)}I", *arches))
    rule_table = ffi.from_buffer(
        "struct filter_rule[]",
        b"".join([pack("=III", rule.ret, len(rule.names), len(rule.args)) for rule in rules]),
    )
    arg_table = ffi.from_buffer(
        "struct filter_arg[]", b"".join([pack("=IIQQ", *arg) for arg in args])
    )
    name_table = ffi.from_buffer("char[]", blob)
    table = ffi.new(
        "struct filter_request *",
        {
            "default_ret": request.default_ret,
            "wants_enosys": request.wants_enosys,
            "optimize": request.is_large,
            "arch_count": len(arches),
            "rule_count": len(rules),
            "arg_count": len(args),
            "names_size": len(blob),
            "arches": arch_table,
            "rules": rule_table,
            "args": arg_table,
            "names": name_table,
        },
    )
    program = ffi.new("uint8_t[]", PROGRAM_MAX)
    unknown = ffi.new("uint8_t[]", len(names) + 1)
    failure = ffi.new("struct filter_failure *")
    size = lib.filter_compile(table, program, PROGRAM_MAX, unknown, len(names), failure)
    return _Result(
        (size, failure.step, failure.index, failure.name),
        bytes(ffi.buffer(unknown, len(names))),
        bytes(ffi.buffer(program, max(size, 0))),
    )


def _may_not_end(request: FilterRequest) -> bool:
    """Whether a system call has two rules that both want more than one argument.

    There libseccomp 2.5 can walk in a circle: "a0 > 1 and a1 >= 0" beside "a0 > 1 and
    a1 != 0" never comes back, in any runtime.
    """
    seen: set[str] = set()
    for rule in request.rules:
        if len(rule.args) > 1:
            if not seen.isdisjoint(rule.names):
                return True
            seen.update(rule.names)
    return False


def _compile_apart(request: FilterRequest) -> _Result:
    """As `_compile`, in a process of its own that the kernel stops after CPU_SECONDS.

    Errors:  ConfigError when it was stopped or crashed; OSError of pipe and fork.
    """
    # Here: only a rare profile comes this way.
    import resource

    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            made = _compile(request)
            numbers = pack("=iIII", made.size, made.step, made.index, made.name)
            left = numbers + made.unknown + made.program
            while left:
                left = left[os.write(write_fd, left) :]
            os._exit(0)
        finally:
            # Whatever happened, the runtime goes on in one process only; it sees the status.
            os._exit(1)
    os.close(write_fd)
    with open(read_fd, "rb") as reader:
        answer = reader.read()
    _, status = os.waitpid(pid, 0)
    if status != 0:
        how = f"signal {status & 0x7F}" if status & 0x7F else f"exit status {status >> 8}"
        raise ConfigError(
            f"libseccomp does not come to an end with these rules ({how})",
            field="linux.seccomp.syscalls",
            hint="it cannot merge two rules for one system call that share a condition: "
            "write them as one",
        )
    count = sum(len(rule.names) for rule in request.rules)
    return _Result(unpack_from("=iIII", answer), answer[16 : 16 + count], answer[16 + count :])


def library() -> tuple[str, tuple[int, int, int]]:
    """The file that libseccomp was loaded from and its version.

    Errors:  HostError where the dynamic loader cannot tell.
    """
    path = ffi.new("char[]", PATH_MAX)
    version = ffi.new("unsigned int[3]")
    result = lib.filter_library(path, PATH_MAX, version)
    if result < 0:
        raise HostError("find the file of libseccomp", syscall="dladdr", errno=-result)
    name = ffi.string(path).decode("utf-8", "surrogateescape")
    return name, (version[0], version[1], version[2])


def makers() -> list[str]:
    """The files whose code decides what a program looks like: libseccomp and this module's."""
    return [library()[0], _seccomp.__file__]


def _explain(
    request: FilterRequest, step: int, index: int, name: int, errno: int
) -> ContainerError:
    if step == lib.FILTER_ARCH:
        field = f"linux.seccomp.architectures[{index}]"
        arch = request.architectures[index]
        if errno == EDOM:
            return ConfigError(
                f"{arch} has another byte order than this machine",
                field=field,
                hint="a filter serves one order: take it out",
            )
        version = ".".join(map(str, library()[1]))
        return HostError(
            f"libseccomp {version} refuses {arch}",
            field=field,
            errno=errno,
            hint="take it out, or install a newer libseccomp",
        )
    if step == lib.FILTER_RULE:
        rule = request.rules[index]
        field = f"{rule.origin}.names[{name}]"
        if errno == EEXIST:
            return ConfigError(
                f"another action for {rule.names[name]} under the same conditions stands before",
                field=field,
                hint="keep one of the two",
            )
        return ConfigError(
            f"libseccomp refuses the rule for {rule.names[name]}",
            field=field,
            errno=errno,
            code="seccomp",
        )
    if step == lib.FILTER_SIZE:
        return ConfigError(
            f"the filter has {index} instructions, the kernel takes {PROGRAM_MAX // 8}",
            field="linux.seccomp.syscalls",
            hint="fewer rules or fewer architectures make it smaller",
        )
    steps = {
        lib.FILTER_INIT: "libseccomp refuses the default action",
        lib.FILTER_OPTIMIZE: "libseccomp refuses to optimize",
        lib.FILTER_TABLE: "the rules do not fit their tables",
        lib.FILTER_EXPORT: "libseccomp cannot write the filter",
    }
    return HostError(steps[step], field="linux.seccomp", errno=errno)
