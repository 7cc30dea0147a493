"""exec: run one process more in a container."""

from __future__ import annotations

from runtime.cli.call import absolute
from runtime.cli.options import FLAG, LIST, NO_MAXIMUM, NUMBER, TEXT, Command, GrammarError, Option
from runtime.errors import ContainerError
from runtime.plan.exec_process import ExecOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

FAILURE_STATUS = 255  # nothing ran: told apart from the statuses of programs
GID_LAST = 2**32 - 2

COMMAND = Command(
    "exec",
    "CONTAINER-ID [COMMAND [ARG...]]",
    "run a process in a container",
    least=1,
    most=NO_MAXIMUM,
    in_order=True,
    options=(
        Option(
            "console-socket", TEXT, "send the master end of the terminal to this UNIX socket",
            metavar="SOCKET",
        ),
        Option(
            "pidfd-socket", TEXT, "send a pidfd of the process to this UNIX socket",
            metavar="SOCKET",
        ),
        Option("cwd", TEXT, "the working directory in the container", metavar="PATH"),
        Option("env", LIST, "set an environment variable", aliases=("e",), metavar="NAME=VALUE"),
        Option("tty", FLAG, "give the process a terminal", aliases=("t",)),
        Option("user", TEXT, "the user and group, as numbers", aliases=("u",),
               metavar="UID[:GID]"),
        Option("additional-gids", LIST, "add a supplementary group, a number", aliases=("g",),
               metavar="GID"),
        Option(
            "process", TEXT, "read the process from FILE, as config.json has it",
            aliases=("p",), metavar="FILE",
        ),
        Option("detach", FLAG, "leave the process running and return", aliases=("d",)),
        Option("pid-file", TEXT, "write the pid of the process to FILE", metavar="FILE"),
        Option("process-label", TEXT, "the SELinux label of the process", metavar="LABEL"),
        Option("apparmor", TEXT, "the AppArmor profile of the process", metavar="PROFILE"),
        Option("no-new-privs", FLAG, "keep execve from granting privileges, or =false"),
        Option("cap", LIST, "add a capability, by its full name", aliases=("c",),
               metavar="CAP_NAME"),
        Option(
            "preserve-fds", NUMBER, "pass N descriptors more, from 3 on",
            metavar="N", default=0,
        ),
        Option(
            "cgroup", LIST, "join this cgroup below the container's (v1: of some controllers)",
            metavar="[CTRL[,CTRL]:]PATH",
        ),
        Option("ignore-paused", FLAG, "let the process wait in a paused container"),
    ),
    description="""
The process is that of the bundle's config.json with another COMMAND, changed by the
options; or the one that --process names, and options about the process are ignored.
Without --detach pyrunc exits with the status of the process, or with 128+N when signal N
ended it; with 255 when it could not be started.
""",
    failure_prefix="exec failed: ",
)  # fmt: skip


def main(call: Call) -> int:
    """Run the process: 0 when detached, else its exit status."""
    from runtime.lifecycle.exec import execute

    groups = [_group(text) for text in call.texts("additional-gids")]
    try:
        return execute(exec_options(call, groups), call.global_options(), call.log)
    except ContainerError as error:
        if error.exit_status == 1:
            error.exit_status = FAILURE_STATUS
        raise


def exec_options(call: Call, groups: list[int]) -> ExecOptions:
    """What the command line says.

    Errors:  ConfigError for an empty id; HostError when a relative --pid-file lost its
             directory.
    """
    options = ExecOptions(call.container_id())
    options.args = call.arguments[1:]
    options.process_file = call.text("process")
    options.tty = call.flag("tty")
    options.cwd = call.text("cwd")
    options.env = call.texts("env")
    options.user = call.text("user")
    options.additional_gids = groups
    options.caps = call.texts("cap")
    options.no_new_privs = call.flag("no-new-privs") if call.is_given("no-new-privs") else None
    options.apparmor = call.text("apparmor")
    options.process_label = call.text("process-label")
    options.console_socket = call.text("console-socket")
    options.pidfd_socket = call.text("pidfd-socket")
    pid_file = call.text("pid-file")
    options.pid_file = absolute(pid_file, "--pid-file") if pid_file else ""
    options.preserve_fds = max(call.number("preserve-fds"), 0)
    options.detach = call.flag("detach")
    options.cgroup = call.texts("cgroup")
    options.ignore_paused = call.flag("ignore-paused")
    return options


def _group(text: str) -> int:
    """Errors:  GrammarError, as for any other malformed value."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= GID_LAST):
        raise GrammarError(f"additional-gids must be a positive number {text}")
    return int(text)
