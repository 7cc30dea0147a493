"""The door to libseccomp. Imported only when a filter must be compiled: it costs."""

from __future__ import annotations

from _struct import pack

import runtime._seccomp as _seccomp
from runtime.errors import ConfigError, ContainerError, HostError
from runtime.plan.seccomp import ARCHITECTURES
from runtime.plan.seccomp_conditions import assemble
from runtime.plan.seccomp_split import plan_blocks, split_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.seccomp import FilterRequest, FilterRule

ffi = _seccomp.ffi
lib = _seccomp.lib

INSTRUCTION = 8  # bytes of a struct sock_filter
PROGRAM_MAX = 4096 * INSTRUCTION  # BPF_MAXINSNS of the kernel
PATH_MAX = 4096
EDOM = 33


def compile_filter(request: FilterRequest, skipped: list[str] | None = None) -> bytes:
    """The program for seccomp(2): an array of struct sock_filter in this machine's order.

    `skipped` receives the names of system calls that this libseccomp does not know: rules
    for them have no effect.

    Errors:  ConfigError naming the entry that libseccomp refuses, or for too large a program;
             HostError where this libseccomp lacks an architecture.
    """
    split = split_rules(request)
    result = _compile(request, split.plain)
    if result.size < 0:
        raise _explain(request, split.plain, result, -result.size)
    if skipped is not None:
        names = [name for rule in split.plain for name in rule.names]
        skipped += [name for name, flag in zip(names, result.unknown, strict=True) if flag]
    program = assemble(plan_blocks(split, request, lib.filter_native(), _number)) + result.program
    if len(program) > PROGRAM_MAX:
        raise _too_large(len(program) // INSTRUCTION)
    return program


def _number(arch: int, name: str) -> int:
    number: int = lib.filter_number(arch, name.encode("utf-8", "surrogateescape"))
    return number


class _Result:
    """What filter_compile gave back; `unknown` has a byte for each name."""

    __slots__ = ("index", "name", "program", "size", "step", "unknown")

    def __init__(self, numbers: tuple[int, ...], unknown: bytes, program: bytes) -> None:
        self.size, self.step, self.index, self.name = numbers
        self.unknown = unknown
        self.program = program


def _compile(request: FilterRequest, rules: list[FilterRule]) -> _Result:
    names = [name for rule in rules for name in rule.names]
    # Encoded as paths are: whatever the configuration held, it is one unknown name.
    blob = b"".join([name.encode("utf-8", "surrogateescape") + b"\0" for name in names])
    # One call with flat tables: a call for each of some 400 names would take longer than
    # the compilation.
    arches = [ARCHITECTURES[name] for name in request.architectures]
    arch_table = ffi.from_buffer("uint32_t[]", pack(f"={len(arches)}I", *arches))
    rule_table = ffi.from_buffer(
        "struct filter_rule[]",
        b"".join([pack("=II", rule.ret, len(rule.names)) for rule in rules]),
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
            "names_size": len(blob),
            "arches": arch_table,
            "rules": rule_table,
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


def _too_large(count: int) -> ConfigError:
    return ConfigError(
        f"the filter has {count} instructions, the kernel takes {PROGRAM_MAX // INSTRUCTION}",
        field="linux.seccomp.syscalls",
        hint="fewer rules or fewer architectures make it smaller",
    )


def _explain(
    request: FilterRequest, rules: list[FilterRule], result: _Result, errno: int
) -> ContainerError:
    step, index = result.step, result.index
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
        rule, name = rules[index], result.name
        return ConfigError(
            f"libseccomp refuses the rule for {rule.names[name]}",
            field=f"{rule.origin}.names[{name}]",
            errno=errno,
            code="seccomp",
        )
    if step == lib.FILTER_SIZE:
        return _too_large(index)
    steps = {
        lib.FILTER_INIT: "libseccomp refuses the default action",
        lib.FILTER_OPTIMIZE: "libseccomp refuses to optimize",
        lib.FILTER_TABLE: "the rules do not fit their tables",
        lib.FILTER_EXPORT: "libseccomp cannot write the filter",
    }
    return HostError(steps[step], field="linux.seccomp", errno=errno)
