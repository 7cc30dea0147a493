"""debug: a shell with tools in a container that has none."""

from __future__ import annotations

import posix as os

from runtime.cli.call import absolute
from runtime.cli.options import FLAG, LIST, NO_MAXIMUM, TEXT, Command, Option
from runtime.errors import ConfigError, ContainerError
from runtime.plan.exec_process import ExecOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

STDIN = 0
FAILURE_STATUS = 255
SHELL = ("sh",)
# The applets of busybox itself; the rest is for what the container has.
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

COMMAND = Command(
    "debug",
    "CONTAINER-ID [COMMAND [ARG...]]",
    "open a shell with tools in a container that has none",
    least=1,
    most=NO_MAXIMUM,
    in_order=True,
    options=(
        Option("tool", TEXT, "bring FILE, a static program (default: a busybox of the host)",
               metavar="FILE"),
        Option("confined", FLAG, "keep to the container's user, capabilities and seccomp filter"),
        Option("env", LIST, "set an environment variable", aliases=("e",), metavar="NAME=VALUE"),
        Option("cwd", TEXT, "the working directory in the container", metavar="PATH"),
    ),
    description="""
The program is in memory, not in the container's root filesystem, and leaves nothing there. COMMAND
is an applet of busybox, sh by default. It runs as root with all capabilities of pyrunc and without
the container's seccomp filter, in the container's namespaces and cgroup.
""",
    failure_prefix="debug failed: ",
)  # fmt: skip


def main(call: Call) -> int:
    """Run the program: its exit status."""
    from runtime.lifecycle.exec import execute

    try:
        return execute(debug_options(call), call.global_options(), call.log)
    except ContainerError as error:
        if error.exit_status == 1:
            error.exit_status = FAILURE_STATUS
        raise


def debug_options(call: Call) -> ExecOptions:
    """What the command line says, and the program to bring.

    Errors:  ConfigError for an empty id, or a program that is not static; HostError without a
             busybox.
    """
    from runtime.host.static_program import find_tools, is_static

    options = ExecOptions(call.container_id())
    tool = call.text("tool")
    options.tool = absolute(tool, "--tool") if tool else find_tools()
    if tool and not is_static(options.tool):
        raise ConfigError(
            f"{options.tool} needs a loader and libraries, which the container may not have",
            field="--tool", hint="link it statically",
        )  # fmt: skip
    default = (options.tool.rpartition("/")[2],) if tool else SHELL
    options.args = call.arguments[1:] or [*default]
    options.tty = os.isatty(STDIN)
    options.cwd = call.text("cwd")
    options.env = [PATH, *call.texts("env")]
    if not call.flag("confined"):
        _free(options)
    return options


def _free(options: ExecOptions) -> None:
    """Root, with all that we have ourselves: what nobody has cannot be given."""
    from runtime.host.process_files import ProcessFiles
    from runtime.plan.capabilities import BITS

    held = ProcessFiles(os.getpid()).capabilities("permitted")
    options.user = "0:0"
    options.caps = [name for name, bit in BITS.items() if held & bit]
    options.no_new_privs = False
    options.without_filter = True
