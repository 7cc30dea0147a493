"""What the kernel is told about the process: limits, settings, seccomp."""

from __future__ import annotations

from differential.configuration import Stage, configuration
from harness.bundle import Bundle
from harness.podman_bundle import CAPABILITIES, default_seccomp


@configuration()
def umask(bundle: Bundle, stage: Stage) -> None:
    bundle.process["user"]["umask"] = 0o077
    bundle.process["cwd"] = "/made/deep"


@configuration()
def umask_zero(bundle: Bundle, stage: Stage) -> None:
    bundle.process["user"]["umask"] = 0


@configuration()
def oom_score(bundle: Bundle, stage: Stage) -> None:
    bundle.process["oomScoreAdj"] = 321


@configuration()
def sysctls(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["sysctl"] = {
        "kernel.msgmax": "4096",
        "kernel.shm_rmid_forced": "1",
        "kernel.sem": "10 320 5 6",
        "fs.mqueue.msg_max": "7",
        "net.core.somaxconn": "99",
        "net/ipv4/conf/lo/forwarding": "1",
        "net.ipv4.ip_local_port_range": "2000 3000",
    }


@configuration(
    lacks="1.1 knows no domainname",
    expected={
        "kernel:domainname": "example.org",
        "kernel:sysctl:kernel/domainname": ["example.org"],
    },
)
def domainname(bundle: Bundle, stage: Stage) -> None:
    bundle.config["domainname"] = "example.org"


@configuration(
    lacks="1.1 knows no personality",
    expected={"process:personality": "0x8", "kernel:machine": "i686"},
)
def personality(bundle: Bundle, stage: Stage) -> None:
    bundle.linux["personality"] = {"domain": "LINUX32"}


@configuration(
    lacks="1.1 knows no scheduler",
    expected={"limits:scheduler:policy": 3, "limits:scheduler:nice": 5},
)
def scheduler(bundle: Bundle, stage: Stage) -> None:
    bundle.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}


@configuration(lacks="1.1 knows no I/O priority", expected={"limits:io priority": 2 << 13 | 6})
def io_priority(bundle: Bundle, stage: Stage) -> None:
    bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}


@configuration()
def seccomp(bundle: Bundle, stage: Stage) -> None:
    """The last thing before the program, as new privileges are out of reach."""
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": ["getcwd", "keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71},
            {"names": ["umask"], "action": "SCMP_ACT_LOG"},
        ],
    }


@configuration()
def seccomp_with_new_privileges(bundle: Bundle, stage: Stage) -> None:
    bundle.process["noNewPrivileges"] = False
    bundle.linux["seccomp"] = default_seccomp(CAPABILITIES)


@configuration()
def seccomp_without_flags(bundle: Bundle, stage: Stage) -> None:
    seccomp(bundle, stage)
    bundle.linux["seccomp"]["flags"] = []
