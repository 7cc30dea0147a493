"""kill: send a signal to a container's init."""

from __future__ import annotations

from runtime.cli.options import FLAG, Command, Option
from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call

COMMAND = Command(
    "kill",
    "CONTAINER-ID [SIGNAL]",
    "send a signal to a container's init",
    least=1,
    most=2,
    options=(
        Option("all", FLAG, "succeed on a stopped container, too", aliases=("a",), hidden=True),
    ),
    description="""
SIGNAL is a name (KILL, SIGKILL, kill) or a number; TERM by default, 0 only asks whether
there is a process.
""",
    in_order=True,
)
DEFAULT_SIGNAL = "SIGTERM"
# The names that runc knows: no real-time signals, and none of the second names.
SIGNAL_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP"
    " TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)


def main(call: Call) -> int:
    """Send the signal; 0."""
    from runtime.lifecycle.kill import kill

    store = call.store()
    container_id = call.container_id()
    try:
        number = signal_number(call.arguments[1] if len(call.arguments) > 1 else DEFAULT_SIGNAL)
    except ConfigError:
        # That there is no such container is the better answer, and runc's.
        store.load(container_id)
        raise
    kill(store, container_id, number, all_processes=call.flag("all"))
    return 0


def signal_number(text: str) -> int:
    """The number of a signal given as a number, or by name in any case, SIG or not.

    Errors:  ConfigError for a name that is none. Numbers are for the kernel to judge.
    """
    digits = text[1:] if text[:1] in ("-", "+") else text
    if digits.isascii() and digits.isdigit() and len(digits) <= 9:
        return int(text)
    name = text.upper().removeprefix("SIG")
    number: int | None = None
    if name in SIGNAL_NAMES.split():
        # The numbers differ between architectures, and not each has all names. The signal
        # module would know, but costs 3.5 ms for its enums; the built-in one below it is
        # free.
        number = getattr(__import__("_signal"), f"SIG{name}", None)
    if number is None:
        raise ConfigError(
            f'unknown signal "{text}"', hint="write a name such as SIGTERM or TERM, or a number"
        )
    return number
