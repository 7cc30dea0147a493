"""The caller's own oddities: none of them is the container's business."""

from __future__ import annotations

from differential.configuration import Stage, configuration
from harness.bundle import Bundle


@configuration(caller=("sh", "-c", 'umask 077; exec "$@" 3</dev/null 9</dev/zero', "-"))
def caller_with_umask_and_descriptors(bundle: Bundle, stage: Stage) -> None:
    bundle.mount("/made", "tmpfs", "tmpfs")
    bundle.process["cwd"] = "/made-too/deep"


@configuration(caller=("nice", "-n", "7", "ionice", "-c", "2", "-n", "7"))
def caller_with_priorities(bundle: Bundle, stage: Stage) -> None:
    """Nice and I/O priority go on to the container."""


@configuration(caller=("taskset", "1"))
def caller_on_one_cpu(bundle: Bundle, stage: Stage) -> None:
    """Affinity does not."""


@configuration(
    caller=("env", "--ignore-signal=HUP,INT,QUIT,PIPE,CHLD,USR1", "--block-signal=USR2,WINCH,TERM")
)
def caller_with_signals(bundle: Bundle, stage: Stage) -> None:
    """Ignored and blocked ones."""


@configuration(
    caller=("setpriv", "--groups", "4242,5", "--inh-caps", "+net_raw,+kill", "--ambient-caps",
            "+net_raw", "--securebits", "+noroot")
)  # fmt: skip
def caller_with_privileges(bundle: Bundle, stage: Stage) -> None:
    bundle.process["noNewPrivileges"] = False


@configuration(caller=("prlimit", "--nofile=500:600", "--core=0:0", "--stack=1048576", "--"))
def caller_with_limits(bundle: Bundle, stage: Stage) -> None:
    """Limits that the configuration does not name go on."""


@configuration(caller=("choom", "-n", "456", "--"))
def caller_with_oom_score(bundle: Bundle, stage: Stage) -> None:
    """Goes on as well, where the configuration is silent."""


@configuration(caller=("setarch", "x86_64", "-R"))
def caller_with_personality(bundle: Bundle, stage: Stage) -> None:
    """No address space randomisation."""
