"""Who the program is, and what it may do."""

from __future__ import annotations

from differential.changes import (
    DOCKER_CAPABILITIES,
    capabilities,
    user_namespace,
)
from differential.configuration import Stage, configuration
from harness.bundle import Bundle


@configuration()
def user_and_groups(bundle: Bundle, stage: Stage) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 2000, "additionalGids": [5, 10, 4294967]}


@configuration()
def user_in_a_user_namespace(bundle: Bundle, stage: Stage) -> None:
    user_namespace(bundle)
    bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}


@configuration(exec=("--user", "8:9", "--additional-gids", "7", "--cwd", "/etc", "--env", "A=2"))
def exec_as_another(bundle: Bundle, stage: Stage) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
    bundle.process["env"] += ["A=1", "HOME=/opt"]


@configuration(exec=("--cap", "CAP_NET_RAW", "--cap", "CAP_CHOWN"))
def exec_with_capabilities(bundle: Bundle, stage: Stage) -> None:
    capabilities(bundle, "CAP_KILL", "CAP_NET_RAW")


@configuration(exec=("--no-new-privs",))
def exec_without_new_privileges(bundle: Bundle, stage: Stage) -> None:
    bundle.process["noNewPrivileges"] = False


@configuration()
def no_capabilities(bundle: Bundle, stage: Stage) -> None:
    bundle.process["capabilities"] = {}


@configuration()
def capabilities_absent(bundle: Bundle, stage: Stage) -> None:
    del bundle.process["capabilities"]


@configuration()
def capabilities_of_root_may_grow(bundle: Bundle, stage: Stage) -> None:
    bundle.process["noNewPrivileges"] = False
    bundle.process["capabilities"] = {
        "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_SYS_ADMIN"],
        "permitted": ["CAP_KILL"],
        "effective": [],
        "inheritable": ["CAP_CHOWN"],
    }


@configuration()
def capabilities_ambient(bundle: Bundle, stage: Stage) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process["capabilities"] = {
        "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"],
        "permitted": ["CAP_KILL", "CAP_CHOWN"],
        "effective": ["CAP_KILL"],
        "inheritable": ["CAP_KILL", "CAP_NET_RAW"],
        "ambient": ["CAP_KILL"],
    }


@configuration()
def capabilities_of_a_user(bundle: Bundle, stage: Stage) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process["noNewPrivileges"] = False
    capabilities(bundle, *DOCKER_CAPABILITIES)


@configuration()
def rlimits(bundle: Bundle, stage: Stage) -> None:
    values = {
        "AS": 1 << 33, "CORE": 0, "CPU": 3600, "DATA": 1 << 32, "FSIZE": 1 << 30, "LOCKS": 11,
        "MEMLOCK": 1 << 16, "MSGQUEUE": 1000, "NICE": 0, "NOFILE": 100, "NPROC": 500,
        "RSS": 1 << 30, "RTPRIO": 0, "RTTIME": 1 << 40, "SIGPENDING": 70, "STACK": 1 << 22,
    }  # fmt: skip
    bundle.process["rlimits"] = [
        {"type": f"RLIMIT_{name}", "soft": value, "hard": value} for name, value in values.items()
    ]


@configuration()
def rlimits_unlimited(bundle: Bundle, stage: Stage) -> None:
    bundle.process["rlimits"] = [
        {"type": f"RLIMIT_{name}", "soft": (1 << 64) - 1, "hard": (1 << 64) - 1}
        for name in ("CORE", "CPU", "STACK")
    ]
