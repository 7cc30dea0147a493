"""The options of create and run, as every layer below the command line takes them."""

from __future__ import annotations


class GlobalOptions:
    """What stands before the command.

    root      state root, absolute
    root_given  --root was on the command line (a missing explicit root is an error for list)
    log       path of the log or "" for standard error
    log_format  "text" or "json"
    rootless  None is auto
    """

    __slots__ = ("debug", "log", "log_format", "root", "root_given", "rootless", "systemd_cgroup")

    def __init__(self) -> None:
        self.root = ""
        self.root_given = False
        self.log = ""
        self.log_format = "text"
        self.debug = False
        self.systemd_cgroup = False
        self.rootless: bool | None = None


class CreateOptions:
    """What create and run take."""

    __slots__ = (
        "bundle", "config_file", "console_socket", "container_id", "detach", "keep",
        "no_new_keyring", "no_pivot", "no_subreaper", "pid_file", "pidfd_socket", "preserve_fds",
        "trace",
    )  # fmt: skip

    def __init__(self, container_id: str) -> None:
        self.container_id = container_id
        self.bundle = ""  # "" is the working directory
        self.config_file = ""  # absolute; "" is config.json in the bundle
        self.console_socket = ""
        self.pidfd_socket = ""
        self.pid_file = ""
        self.no_pivot = False
        self.no_new_keyring = False
        self.preserve_fds = 0
        self.detach = False
        self.keep = False
        self.no_subreaper = False
        self.trace = ""  # absolute path of the file that takes the times; "" is none
