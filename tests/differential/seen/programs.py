"""Environment, arguments, working directory, descriptors and terminals."""

from __future__ import annotations

import os

from differential.configuration import Stage, configuration
from harness.bundle import Bundle


@configuration()
def environment_oddities(bundle: Bundle, stage: Stage) -> None:
    bundle.process["env"] = [
        "A=1", "B=", "A=2", "C= blanks and = signs ", "ÜMLAUT=ä\n", "PATH=/none:/bin", "HOME=",
        "B=3",
    ]  # fmt: skip


@configuration()
def environment_empty(bundle: Bundle, stage: Stage) -> None:
    bundle.process["env"] = []


@configuration()
def environment_home_of_a_user(bundle: Bundle, stage: Stage) -> None:
    bundle.process["user"] = {"uid": 8, "gid": 8}


@configuration()
def argument_oddities(bundle: Bundle, stage: Stage) -> None:
    bundle.args("probe", "", " a  b ", "--", "-x", "'\"\\$HOME", "ä\n", "x" * 5000)


@configuration()
def program_relative_to_cwd(bundle: Bundle, stage: Stage) -> None:
    bundle.process["cwd"] = "/bin"
    bundle.args("./probe")


@configuration()
def program_behind_a_link(bundle: Bundle, stage: Stage) -> None:
    os.symlink("/bin/probe", bundle.rootfs / "opt/linked")
    bundle.process["env"] = ["PATH=/opt"]
    bundle.args("linked")


@configuration()
def program_is_a_script(bundle: Bundle, stage: Stage) -> None:
    bundle.file("opt/script", "#!/bin/probe of script\n", 0o755)
    bundle.args("/opt/script", "more")


@configuration()
def cwd_is_made(bundle: Bundle, stage: Stage) -> None:
    bundle.process["cwd"] = "/made/deep"
    bundle.process["user"] = {"uid": 1000, "gid": 1000}


@configuration()
def cwd_for_the_user_alone(bundle: Bundle, stage: Stage) -> None:
    (bundle.rootfs / "home/own").mkdir(mode=0o700)
    os.chown(bundle.rootfs / "home/own", 1000, 1000)
    bundle.process.update({"cwd": "/home/own", "user": {"uid": 1000, "gid": 1000}})
    bundle.process["noNewPrivileges"] = False


@configuration()
def cwd_behind_a_link(bundle: Bundle, stage: Stage) -> None:
    os.symlink("/var/./", bundle.rootfs / "made")
    bundle.process["cwd"] = "/made/../made//deep/"


@configuration(options=("--no-new-keyring",))
def no_new_keyring(bundle: Bundle, stage: Stage) -> None:
    """The caller's session keyring stays."""


@configuration(
    options=("--preserve-fds", "2"),
    exec=("--preserve-fds", "2"),
    caller=("sh", "-c", 'exec 3</dev/null 4>/dev/null 7</dev/zero; exec "$@"', "-"),
)
def preserved_descriptors(bundle: Bundle, stage: Stage) -> None:
    """Two of three that are open."""


@configuration(caller=("sh", "-c", 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3</dev/zero', "-"))
def socket_activation(bundle: Bundle, stage: Stage) -> None:
    """One descriptor handed on, as systemd does it."""


@configuration(terminal=True)
def terminal(bundle: Bundle, stage: Stage) -> None:
    bundle.process["terminal"] = True


@configuration(terminal=True)
def terminal_of_a_user(bundle: Bundle, stage: Stage) -> None:
    bundle.process["terminal"] = True
    bundle.process["consoleSize"] = {"height": 33, "width": 77}
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.config["root"]["readonly"] = True
