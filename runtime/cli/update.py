"""update: change the limits of a container."""

from __future__ import annotations

from runtime.cli.options import NUMBER, TEXT, Command, Option
from runtime.cli.sizes import parse_size
from runtime.errors import ConfigError, HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.cli.call import Call

COMMAND = Command(
    "update",
    "CONTAINER-ID",
    "change the limits of a container",
    least=1,
    most=1,
    options=(
        Option(
            "resources", TEXT, "read linux.resources from FILE, - is standard input",
            aliases=("r",), metavar="FILE",
        ),
        Option("blkio-weight", NUMBER, "weight for block I/O, 10 to 1000", metavar="N"),
        Option("cpu-period", TEXT, "period of the CPU quota in microseconds", metavar="US"),
        Option(
            "cpu-quota", TEXT, "CPU time in each period in microseconds, -1 is no limit",
            metavar="US",
        ),
        Option(
            "cpu-burst", TEXT, "unused quota that may be added to a period, in microseconds",
            metavar="US",
        ),
        Option("cpu-share", TEXT, "weight for CPU time, 2 to 262144", metavar="N"),
        Option("cpu-rt-period", TEXT, "period of real-time tasks in microseconds", metavar="US"),
        Option(
            "cpu-rt-runtime", TEXT, "CPU time of real-time tasks in each period in microseconds",
            metavar="US",
        ),
        Option("cpu-idle", TEXT, "1: run only when nobody else would, 0: as others", metavar="N"),
        Option("cpuset-cpus", TEXT, "CPUs to run on, such as 0-2,7", metavar="LIST"),
        Option("cpuset-mems", TEXT, "memory nodes to use, such as 0,1", metavar="LIST"),
        Option("memory", TEXT, "limit of memory, such as 64m; -1 is no limit", metavar="SIZE"),
        Option(
            "memory-reservation", TEXT, "memory that is left to it when others want some",
            metavar="SIZE",
        ),
        Option(
            "memory-swap", TEXT, "limit of memory and swap together; -1 is no limit",
            metavar="SIZE",
        ),
        Option("kernel-memory", TEXT, "ignored", metavar="SIZE", hidden=True),
        Option("kernel-memory-tcp", TEXT, "ignored", metavar="SIZE", hidden=True),
        Option("pids-limit", NUMBER, "most processes and threads, -1 is no limit", metavar="N"),
        Option("l3-cache-schema", TEXT, "L3 cache schema of Intel RDT", metavar="SCHEMA"),
        Option("mem-bw-schema", TEXT, "memory bandwidth schema of Intel RDT", metavar="SCHEMA"),
    ),
    description="""
What is not named stays as it is. All that is named is changed, or nothing is. With --resources
the other options are ignored. Devices cannot be changed.
""",
)  # fmt: skip

# Option -> member of linux.resources.
SIZES = {
    "memory": "limit", "memory-reservation": "reservation", "memory-swap": "swap",
}  # fmt: skip
UNSIGNED = {
    "cpu-period": "period", "cpu-burst": "burst", "cpu-share": "shares",
    "cpu-rt-period": "realtimePeriod",
}  # fmt: skip
SIGNED = {
    "cpu-quota": "quota", "cpu-rt-runtime": "realtimeRuntime", "cpu-idle": "idle",
}  # fmt: skip
LISTS = {"cpuset-cpus": "cpus", "cpuset-mems": "mems"}
KERNEL_MEMORY = ("kernel-memory", "kernel-memory-tcp")
# Option -> member of linux.intelRdt, and what runc says where the host cannot do it.
RDT = {
    "l3-cache-schema": ("l3CacheSchema", "Intel RDT/CAT: l3 cache schema is not enabled"),
    "mem-bw-schema": ("memBwSchema", "Intel RDT/MBA: memory bandwidth schema is not enabled"),
}


def main(call: Call) -> int:
    """Update the container; 0."""
    from runtime.lifecycle.update import update

    store = call.store()
    container_id = call.container_id()
    # That there is no such container is a better answer than what is wrong with a value.
    store.load(container_id)
    request = read_request(call)
    update(store, container_id, request, call.log, read_rdt(call))
    return 0


def read_request(call: Call) -> dict[str, Any]:
    """The part of linux.resources that the command line names, valid by the schema.

    Errors:  ConfigError.
    """
    from runtime.lifecycle.resources_file import checked, read_resources

    if path := call.text("resources"):
        return read_resources(path)
    for name in KERNEL_MEMORY:
        if call.text(name):
            call.log.warning(
                "Kernel memory settings are ignored and will be removed", code="no-effect"
            )
            break
    memory = {member: parse_size(call.text(n), n) for n, member in SIZES.items() if call.text(n)}
    cpu: dict[str, Any] = {m: call.text(n) for n, m in LISTS.items() if call.text(n)}
    for table, is_signed in ((UNSIGNED, False), (SIGNED, True)):
        for name, member in table.items():
            if text := call.text(name):
                cpu[member] = whole_number(text, name, is_signed=is_signed)
    request: dict[str, Any] = {"memory": memory, "cpu": cpu}
    if call.is_given("pids-limit"):
        request["pids"] = {"limit": call.number("pids-limit")}
    if call.is_given("blkio-weight"):
        request["blockIO"] = {"weight": call.number("blkio-weight")}
    return checked(request, "the command line")


def whole_number(text: str, name: str, *, is_signed: bool) -> int:
    """A decimal number, with a sign only where that makes sense.

    Errors:  ConfigError.
    """
    digits = text[1:] if is_signed and text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        kind = "a whole number" if is_signed else "a whole number without a sign"
        raise ConfigError(f'invalid value for {name}: "{text}" is not {kind}')
    return int(text)


def read_rdt(call: Call) -> dict[str, str]:
    """The part of linux.intelRdt that the command line names.

    Errors:  HostError for what this host cannot do.
    """
    asked = {name: call.text(name) for name in RDT if call.text(name)}
    if not asked:
        return {}
    from runtime.host.resctrl import read_resctrl

    resctrl = read_resctrl()
    for name, is_there in (
        ("l3-cache-schema", resctrl is not None and resctrl.has_l3),
        ("mem-bw-schema", resctrl is not None and resctrl.has_mb),
    ):
        if name in asked and not is_there:
            raise HostError(RDT[name][1], field=f"--{name}")
    return {RDT[name][0]: text for name, text in asked.items()}
