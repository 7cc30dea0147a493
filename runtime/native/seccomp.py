"""The door to libseccomp. Imported only when a filter must be compiled: it costs."""

from __future__ import annotations

from _struct import pack

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
EDOM = 33
EEXIST = 17


def compile_filter(request: FilterRequest, skipped: list[str] | None = None) -> bytes:
    """The program for seccomp(2): an array of struct sock_filter in this machine's order.

    `skipped` receives the names of system calls that this libseccomp does not know: rules
    for them have no effect.

    Errors:  ConfigError naming the entry that libseccomp refuses; HostError where this
             libseccomp lacks an architecture.
    """
    rules = request.rules
    names = [name for rule in rules for name in rule.names]
    args = [arg for rule in rules for arg in rule.args]
    # Encoded as paths are: whatever the configuration held, it is one unknown name.
    blob = b"".join([name.encode("utf-8", "surrogateescape") + b"\0" for name in names])
    # One call with flat tables: a call for each of some 400 names would take longer than
    # the compilation.
    arch_table = ffi.from_buffer(
        "uint32_t[]",
        pack(
            f"={len(request.architectures)}I",
            *[ARCHITECTURES[name] for name in request.architectures],
        ),
    )
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
            "arch_count": len(request.architectures),
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
    unknown = ffi.new("uint8_t[]", len(names))
    failure = ffi.new("struct filter_failure *")
    size = lib.filter_compile(table, program, PROGRAM_MAX, unknown, len(names), failure)
    if size < 0:
        raise _explain(request, failure.step, failure.index, failure.name, -size)
    if skipped is not None:
        flags = ffi.unpack(unknown, len(names)) if names else []
        skipped += [name for name, flag in zip(names, flags, strict=True) if flag]
    return bytes(ffi.buffer(program, size))


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
            f"libseccomp refuses the rule for {rule.names[name]}", field=field, errno=errno
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
