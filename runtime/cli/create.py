"""create: make a container from a bundle, up to the moment before its program starts."""

from __future__ import annotations

from runtime.cli.call import absolute
from runtime.cli.options import BOOLEANS, FLAG, NUMBER, TEXT, Command, Option
from runtime.errors import ConfigError
from runtime.plan.options import CreateOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call
    from runtime.plan.options import GlobalOptions

# run takes these as well.
CREATE_OPTIONS = (
    Option(
        "bundle", TEXT, "the bundle's directory (default: the working directory)",
        aliases=("b",), metavar="DIR",
    ),
    Option(
        "config", TEXT, "take the configuration from FILE (default: config.json in the bundle)",
        aliases=("f",), metavar="FILE",
    ),
    Option(
        "console-socket", TEXT, "send the master end of the terminal to this UNIX socket",
        metavar="SOCKET",
    ),
    Option(
        "pidfd-socket", TEXT, "send a pidfd of the container's init to this UNIX socket",
        metavar="SOCKET",
    ),
    Option("pid-file", TEXT, "write the pid of the container's init to FILE", metavar="FILE"),
    Option("no-pivot", FLAG, "change the root with chroot, for a rootfs on the initial ramdisk"),
    Option("no-new-keyring", FLAG, "keep the caller's session keyring"),
    Option(
        "preserve-fds", NUMBER, "pass N descriptors more, those from 3 on, to the container",
        metavar="N", default=0,
    ),
    Option(
        "trace", TEXT, "write what is done, and when, to FILE, for pyrunc trace", metavar="FILE"
    ),
)  # fmt: skip
COMMAND = Command(
    "create",
    "CONTAINER-ID",
    "create a container from a bundle",
    least=1,
    most=1,
    options=CREATE_OPTIONS,
    description="""
The bundle's config.json says what the container is; its program waits until
`pyrunc start` is called. CONTAINER-ID names the container and must not be in use.
""",
    failure_prefix="pyrunc create failed: ",
)


def main(call: Call) -> int:
    """Create the container; 0."""
    from runtime.lifecycle.create import create

    options = create_options(call)
    options.detach = True  # nobody stays to copy for a terminal
    globals_ = creation_globals(call)
    if options.trace:
        from runtime.lifecycle.trace import traced

        return traced(options.trace, lambda: create(options, globals_, call.log))
    create(options, globals_, call.log)
    return 0


def create_options(call: Call) -> CreateOptions:
    """What create and run share.

    Errors:  ConfigError for an empty id; HostError when a relative file lost its directory.
    """
    options = CreateOptions(call.container_id())
    options.bundle = call.text("bundle")
    options.console_socket = call.text("console-socket")
    options.pidfd_socket = call.text("pidfd-socket")
    pid_file = call.text("pid-file")
    config_file = call.text("config")
    # Relative to the caller's directory, not to the bundle, where create goes next.
    options.pid_file = absolute(pid_file, "--pid-file") if pid_file else ""
    options.config_file = absolute(config_file, "--config") if config_file else ""
    trace = call.text("trace")
    options.trace = absolute(trace, "--trace") if trace else ""
    options.no_pivot = call.flag("no-pivot")
    options.no_new_keyring = call.flag("no-new-keyring")
    options.preserve_fds = max(call.number("preserve-fds"), 0)
    return options


def creation_globals(call: Call) -> GlobalOptions:
    """The global options, with those that matter to a new container only.

    Errors:  ConfigError for a --rootless that is no boolean.
    """
    options = call.global_options()
    rootless = call.text("rootless")
    if rootless not in ("", "auto"):
        if rootless not in BOOLEANS:
            raise ConfigError(
                f'"{rootless}" is neither true nor false nor auto', field="--rootless"
            )
        options.rootless = BOOLEANS[rootless]
    return options
