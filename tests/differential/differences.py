"""Where the probe sees something else under Debian's runc 1.1.5, and why ours is right.

"runc 1.2 and later" means: so does today's runc, whose behaviour we follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from differential.compare import Pair, matches


class Difference(NamedTuple):
    """One kind of difference.

    path            pattern of the place in the report; compare.matches() explains it
    configurations  names, blanks between them; "*" for all
    ways            of starting the program, commas between them; "*" for all
    reason          why ours is right
    holds           whether the values differ in just this way
    always          False where a race inside of 1.1 decides, or which 1.1 it is
    """

    path: str
    configurations: str
    ways: str
    reason: str
    holds: Callable[[Pair], bool] = lambda pair: True
    always: bool = True


def is_pair(ours: object, theirs: object) -> Callable[[Pair], bool]:
    """These values and no others."""
    return lambda pair: pair == (ours, theirs)


def adds_options(*starts: str) -> Callable[[Pair], bool]:
    """Ours has all that theirs has, and more options that begin so."""

    def holds(pair: Pair) -> bool:
        if not isinstance(pair.ours, list) or not isinstance(pair.theirs, list):
            return False
        more = set(pair.ours) - set(pair.theirs)
        return set(pair.theirs) <= set(pair.ours) and all(one.startswith(starts) for one in more)

    return holds


USER_NAMESPACES = "rootless devices-in-a-user-namespace all-namespaces user-in-a-user-namespace"
TERMINALS = "terminal terminal-of-a-user"

DIFFERENCES: list[Difference] = [
    # --- mounts
    Difference(
        "mounts:**:super options", "*", "*",
        "mode= says to the new tmpfs what 1.1 sets by chmod(2) afterwards (runc 1.2 and later); "
        "that of masked directories is bounded, so that it costs a page at most",
        adds_options("mode=", "nr_inodes=2", "size=4k"),
    ),
    Difference(
        "paths:**:mode",
        "*", "*",
        "a masked directory: nobody may write to it, so its mode does not say that all may",
        is_pair("0755", "1777"),
    ),
    Difference(
        "paths:/sys/fs/cgroup:*",
        "docker cgroup-mount cgroup-mount-writable cgroup-mount-and-namespace", "*",
        "mode=755 as asked for; 1.1 lets the mode of what lies below win",
    ),
    Difference(
        "mounts:/proc/keys:#1:**", "masked-paths masked-paths-of-a-user", "*",
        "a path that is named twice is masked once (runc 1.2 and later)",
    ),
    Difference(
        "mounts:**:propagation", "root-propagation-shared", "*",
        "1.1 forgets [r]shared after pivot_root; config-linux.md, Rootfs Mount Propagation",
    ),
    Difference(
        "devices:mqueue:gid", USER_NAMESPACES, "*",
        "the message queues of the new ipc namespace belong to the root of the user namespace; "
        "1.1 makes them before it is a member of the group",
    ),
    Difference("paths:/dev/mqueue:gid", USER_NAMESPACES, "*", "as devices:mqueue:gid"),
    Difference(
        "refused", "least no-procfs", "*",
        "ours needs no procfs of the container: config-linux.md, Default Filesystems, says "
        "SHOULD",
    ),
    Difference(
        "refused", "nested-mounts", "*",
        "1.1 makes a read-only tmpfs read-only by its path when another mount hides it",
    ),
    Difference(
        "refused", "host-network-in-a-user-namespace", "*",
        "the host's /sys is bound read-only where a sysfs may not be mounted, as crun does",
    ),
    # --- the image
    Difference(
        "rootfs:**", "podman docker bind-files", "run",
        "a file made to be mounted upon is 0644, not executable (runc 1.2 and later)",
        is_pair("-rw-r--r-- 0:0", "-rwxr-xr-x 0:0"),
    ),
    Difference(
        "rootfs:**", "caller-with-umask-and-descriptors", "run",
        "the caller's umask is none of the image's business (runc 1.2 and later)",
        is_pair("drwxr-xr-x 0:0", "drwx------ 0:0"),
    ),
    Difference(
        "paths:/made:mode", "caller-with-umask-and-descriptors", "*",
        "the tmpfs has the mode of the folder that was made for it",
        is_pair("0755", "0700"),
    ),
    Difference(
        "mounts:/made:#0:super options", "caller-with-umask-and-descriptors", "*",
        "as paths:/made:mode, where the kernel shows it",
        is_pair(["mode=755", "rw"], ["mode=700", "rw"]), always=False,
    ),
    # --- streams and terminals
    Difference(
        "descriptors:*:*id", USER_NAMESPACES, "run, exec, exec --process",
        "the streams are the caller's own: nothing is copied, and what the container's root does "
        "not own in create is not given to him in run either",
    ),
    Difference(
        "descriptors:*:flags", TERMINALS, "*",
        "opened by TIOCGPTPEER, which no path can redirect and which keeps O_CLOEXEC among the "
        "flags; 1.1 opens the path /dev/pts/N",
    ),
    Difference(
        "terminals:*:window", TERMINALS, "run, exec, exec --process",
        "the size is that of the caller's terminal before the program can ask for it; 1.1 sets it "
        "some time later",
        lambda pair: pair.ours == [24, 80], always=False,
    ),
    Difference(
        "terminals:*:modes", TERMINALS, "run, exec, exec --process",
        "ONLCR is cleared before the program can ask for it; 1.1 clears it some time later",
        lambda pair: pair.ours[1] == "0001" and pair.theirs[1] == "0005", always=False,
    ),
    # --- the process
    Difference(
        "identity:session keyring", USER_NAMESPACES, "*",
        "its owner may search it too: exec joins it from inside of the user namespace",
    ),
    Difference(
        "identity:session keyring id", USER_NAMESPACES, "exec, exec --process",
        "exec joins the keyring of the container; 1.1 makes another one of the same name",
        is_pair("container", "another"),
    ),
    Difference(
        "process:umask", "umask umask-zero", "exec, exec --process",
        "user.umask holds for what joins the container as well (runc 1.2 and later)",
    ),
    Difference("proc:status Umask", "umask umask-zero", "exec, exec --process", "as process:umask"),
    Difference(
        "process:umask", "caller-with-umask-and-descriptors", "exec, exec --process",
        "0022 where nothing is said, as for init; 1.1 hands on what the caller has",
        is_pair("0022", "0077"),
    ),
    Difference(
        "proc:status Umask", "caller-with-umask-and-descriptors", "exec, exec --process",
        "as process:umask",
    ),
    Difference(
        "process:environment", "exec-as-another", "exec",
        "the last of two stands where it was said last (runc 1.2 and later)",
    ),
    Difference(
        "process:environment", "environment-oddities", "*",
        "the last of two stands where it was said last (runc 1.2 and later)",
    ),
    Difference(
        "limits:cpus", "caller-on-one-cpu", "*",
        "a container may use all CPUs of its cgroup, not only the caller's (runc 1.2 and later)",
    ),
    Difference("proc:status Cpus_allowed_list", "caller-on-one-cpu", "*", "as limits:cpus"),
    Difference(
        "signals:blocked", "caller-with-signals", "*",
        "a program starts with an empty mask; signals that its caller blocked would never come",
    ),
    Difference(
        "limits:rlimits:NOFILE", "caller-with-limits", "*",
        "the soft limit is the caller's; Go's runtime raises its own, and 1.1 hands that on",
    ),
]  # fmt: skip


def applies(entry: Difference, name: str, way: str) -> bool:
    """Whether the entry is about this configuration and way."""
    names, ways = entry.configurations.split(), entry.ways.split(", ")
    return (names == ["*"] or name in names) and (ways == ["*"] or way in ways)


def explains(entry: Difference, path: str, pair: Pair) -> bool:
    """Whether it is this difference."""
    return matches(entry.path, path) and entry.holds(pair)


def is_listed(path: str, pair: Pair, name: str, way: str) -> bool:
    """Whether a difference at `path` is known and told why."""
    return any(applies(entry, name, way) and explains(entry, path, pair) for entry in DIFFERENCES)
