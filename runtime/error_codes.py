"""The codes by which programs know errors and warnings: they stay, whatever the words become.

Never loaded by a command that does its work; a test holds the table against the code, and
docs/errors.md is made from it.
"""

from __future__ import annotations

from runtime.plan.ops import CODES as OPERATIONS

# Code -> what has happened, what to do.
ERRORS = {
    "usage": ("The command line is wrong.", "`pyrunc help COMMAND` shows how it is called."),
    "unsupported": (
        "runc has this command, and pyrunc has not yet.", "Use another runtime for it."),
    "json": ("A file is no JSON, or JSON that no runtime should accept.",
             "The message has line and column."),
    "schema": ("The configuration does not follow the schema of the specification.",
               "`pyrunc validate` lists every place with what is allowed there."),
    "missing": ("Something that a container needs is not in the configuration.",
                "Add it where the message says."),
    "rule": ("Values contradict one another, or cannot be right on Linux or on this host.",
             "The message names the field and what is expected."),
    "invalid-config": ("The configuration, an option or another input is wrong.",
                       "The message names the field or the option."),
    "invalid-id": ("This is no name for a container.",
                   "Use letters, digits and `_+-.`, and neither `.` nor `..`."),
    "no-bundle": ("The bundle's directory cannot be entered.", "Name it with `--bundle`."),
    "no-config": ("There is no config.json in the bundle.", "`pyrunc spec` writes one."),
    "no-rootfs": ("The root filesystem is no directory.", "Unpack the image to `root.path`."),
    "not-found": ("There is no container of this name.",
                  "`pyrunc list` shows those of a state root; engines use one of their own, "
                  "see `--root`."),
    "id-in-use": ("A container of this name exists already.", "Delete it, or choose another name."),
    "creating": ("The container is still being created.", "Wait, or `pyrunc delete --force`."),
    "not-created": ("start wants a container that has been created and not started.",
                    "`pyrunc state` tells its status."),
    "not-running": ("The container's program has ended, or the container has not the status "
                    "that this command wants.", "`pyrunc state` tells its status."),
    "not-paused": ("resume wants a container that is paused.", "`pyrunc state` tells its status."),
    "paused": ("A process cannot join while all others are frozen.",
               "`pyrunc resume`, or `exec --ignore-paused`."),
    "not-stopped": ("delete wants a container that has stopped.",
                    "`pyrunc kill` it first, or `pyrunc delete --force`."),
    "wrong-status": ("The right command at the wrong moment.", "`pyrunc state` tells the status."),
    "damaged-state": ("What is saved of the container cannot be read.",
                      "`pyrunc delete --force` removes it."),
    "unsafe-root": ("Others may write to the state root.", "Give it the mode 0700, or choose "
                    "another with `--root`."),
    "host": ("This machine, or this process's rights on it, lack something.",
             "`pyrunc doctor` shows what this host can do."),
    "no-systemd": ("`--systemd-cgroup` was given, and systemd does not run.", "Leave it out."),
    "no-controller": ("A limit is asked for whose cgroup controller this host has not.",
                      "Enable the controller, or leave the limit out."),
    "cgroup": ("A value for the cgroup cannot be set, or has no effect.",
               "The message names the file and the kernel's answer."),
    "cgroup-not-empty": ("Other processes are in the cgroup already.",
                         "Choose another `linux.cgroupsPath`."),
    "cgroup-frozen": ("The cgroup is frozen, the process would never run.",
                      "Thaw it, or choose another `linux.cgroupsPath`."),
    "seccomp": ("libseccomp refuses the filter.", "The message names the rule."),
    "no-executable": ("The program is not in the container, or cannot be executed.",
                      "Look for it in the root filesystem; its interpreter and its dynamic "
                      "loader must be there as well."),
    "hook-failed": ("A hook failed, hung or could not be run.",
                    "The message has what it said."),
    "out-of-memory": ("The kernel ended the container's first process for want of memory.",
                      "Raise `linux.resources.memory.limit`."),
    "init-died": ("The container's first process ended before its time.",
                  "Look for who killed it: `dmesg` tells of the kernel."),
    "refused": ("A system call said no.", "The message names the call and the kernel's reason."),
    "failed": ("Something else went wrong.", "The message says what."),
}  # fmt: skip
WARNINGS = {
    "no-effect": "Something that was asked for does nothing here.",
    "groups-denied": "Additional groups are left out: setgroups is denied in a user namespace.",
    "unknown-capability": "A capability that this kernel does not know is left out.",
    "powerless-ambient": "An ambient capability is left out: not both permitted and inheritable.",
    "device-is-bound": "A device node is the host's, bound, with the host's owner and mode.",
    "unknown-property": "A property is none of the specification's, and ignored.",
    "unknown-syscall": "libseccomp does not know a system call: the rule has no effect.",
    "host-namespace": "A namespace of the host is shared with the program.",
    "mighty-capability": "A capability is as good as root on the host.",
    "capability-on-host": "A capability acts on a namespace of the host.",
    "capability-lost": "A capability is lost when the program is executed.",
    "new-privileges": "A set-user-ID program may gain privileges.",
    "no-path": "The program has no slash, and there is no PATH to look it up in.",
    "writable-proc": "Settings of the host can be changed through /proc.",
    "readable-proc": "Secrets of the host can be read through /proc.",
    "hidden-mount": "A mount is hidden by a later one.",
    "odd-option": "A mount option looks like a slip of the pen, and goes to the filesystem.",
    "host-path": "A path of the host that gives power over it is in the container.",
    "all-devices": "All devices of the host may be used.",
    "no-limit": "The program may use up the host.",
    "no-seccomp": "There is no filter of system calls.",
    "permissive-seccomp": "System calls that the filter does not name are allowed.",
    "deprecated": "The specification advises against it.",
    "not-notified": "The service manager could not be told that the container is ready.",
    "no-barrier": "The service manager has not answered.",
    "output-lost": "What the container printed could not be written.",
    "seccomp-cache": "The compiled filter could not be kept.",
    "warning": "Anything else.",
}


def operation_codes() -> dict[str, str]:
    """``mount-failed`` and its like: an operation of the plan that the kernel refused."""
    return {f"{name.replace('_', '-')}-failed": name for name in sorted(OPERATIONS)}
