"""What the manual says of each command beyond its table: loaded for help and completion only.

Texts are paragraphs with a blank line between them; what stands between backquotes is typed, or
printed, as it is.
"""

from __future__ import annotations

SHELLS = ("bash", "zsh", "fish")
CREATED, RUNNING, PAUSED, STOPPED = STATUSES = ("created", "running", "paused", "stopped")
ALIVE = (CREATED, RUNNING, PAUSED)
COMMON_EXIT = (("0", "success"), ("1", "failure, told on standard error or in the log"))


class Page:
    """One command's part of the manual.

    details   more paragraphs for the man page
    examples  caption, lines to type
    exits     exit status, meaning; those of most commands by default
    statuses  which containers the command is good for: what completion offers
    """

    __slots__ = ("details", "examples", "exits", "statuses")

    def __init__(
        self,
        details: str = "",
        *,
        examples: tuple[tuple[str, str], ...] = (),
        exits: tuple[tuple[str, str], ...] = COMMON_EXIT,
        statuses: tuple[str, ...] = STATUSES,
    ) -> None:
        self.details = details
        self.examples = examples
        self.exits = exits
        self.statuses = statuses


def page(name: str) -> Page:
    """The page of a command; an empty one where there is none."""
    return PAGES.get(name) or Page()


PAGES = {
    "create": Page(
        """
The namespaces, mounts, devices, the cgroup and its limits are made, the hooks prestart,
createRuntime and createContainer run, and the program is looked up in the root filesystem. What
fails is told and undone: no container is left.

With `process.terminal` in config.json a --console-socket is needed. pyrunc connects to it and
sends one message with the terminal's master end as its only descriptor.
""",
        examples=(
            ("Create a container from the bundle in a directory, then start it",
             "pyrunc create --bundle /srv/web web\npyrunc start web"),
            ("Write the pid of the container's init to a file",
             "pyrunc create --bundle /srv/web --pid-file /run/web.pid web"),
        ),
        statuses=(),
    ),
    "debug": Page(
        """
The program is copied into sealed memory and executed by its descriptor, so neither the container's
root filesystem nor the host's file can be reached or changed by way of it. Busybox runs its other
applets out of itself. /proc of the container must be mounted for that.

With --confined the process has the user, the capabilities and the seccomp filter that the
container's own has, to see what that one meets with. A filter that denies execveat keeps it from
running.
""",
        examples=(
            ("Look around in a container without a shell", "pyrunc debug web"),
            ("See what listens in it", "pyrunc debug web netstat -ltn"),
            ("See what its own user may read", "pyrunc debug --confined web ls -la /data"),
        ),
        exits=(
            ("N", "the exit status of the program"),
            ("128+N", "the program was ended by signal N"),
            ("255", "the program could not be run"),
        ),
        statuses=(RUNNING, CREATED),
    ),
    "delete": Page(
        """
A container that has been created but not started is killed and deleted. One that runs or is
paused is deleted with --force only. The poststop hooks run when all else is gone.
""",
        examples=(
            ("Delete a container that has stopped", "pyrunc delete web"),
            ("Kill and delete a container, if there is one", "pyrunc delete --force web"),
        ),
    ),
    "doctor": Page(
        """
`partly` means that it depends: on what is asked for, or on who asks. The answers are those for
the process that asks: inside a container, or as another user, they are others.
""",
        examples=(
            ("See what this host can do", "pyrunc doctor"),
            ("List what is missing, for a report",
             "pyrunc doctor --json | jq '.[] | select(.answer == \"no\")'"),
        ),
        exits=(
            ("0", "containers can be made"),
            ("1", "something is missing that every container needs"),
        ),
        statuses=(),
    ),
    "events": Page(
        """
Times are in nanoseconds, sizes in bytes. What the kernel does not count is left out.
""",
        examples=(
            ("See what a container uses now", "pyrunc events --stats web"),
            ("Follow it twice in a second", "pyrunc events --interval 500ms web"),
        ),
        statuses=ALIVE,
    ),
    "exec": Page(
        """
What is not given by an option is as config.json has it for the container's own program, except
for the terminal, which is given with --tty alone. --process takes all of it from a file instead;
the other options that describe the process then count for nothing.
""",
        examples=(
            ("Open a shell in a container", "pyrunc exec --tty web sh"),
            ("Run a program as another user, with one more variable",
             "pyrunc exec --user 1000:1000 --env LANG=C web id"),
            ("Leave a program running in the background",
             "pyrunc exec --detach --pid-file /run/job.pid web /bin/job"),
        ),
        exits=(
            ("N", "the exit status of the program"),
            ("128+N", "the program was ended by signal N"),
            ("255", "the program could not be run"),
            ("0", "with --detach: the program runs"),
        ),
        statuses=(RUNNING, CREATED),
    ),
    "explain": Page(
        """
The steps are those of create and start, in their order. The number before one is that of the
operation in the plan, which the process runs that becomes the container's; a dash is before what
the runtime does around it. The place behind it is a field of config.json, an option, or the name
of a default that nobody asked for.

The plan depends on the host: on its cgroups, on the user namespace that pyrunc runs in. Unless
the container has a user namespace, the plan is made as for root.
""",
        examples=(
            ("Read what a bundle asks for", "pyrunc explain --bundle /srv/web | less -R"),
            ("See what mounts.1 of config.json becomes",
             "pyrunc explain --json | jq '.stages[].steps[] | select(.origin == \"mounts[1]\")'"),
            ("See where runc goes another way", "pyrunc explain --as runc"),
        ),
        exits=(("0", "success"), ("1", "create would refuse, for the reason that is told")),
        statuses=(),
    ),
    "features": Page(
        """
The document is that of the runtime specification. `enabled` means that this build of pyrunc
knows how, not that this host lets it.
""",
        examples=(("See whether seccomp filters can be made",
                   "pyrunc features | jq .linux.seccomp.enabled"),),
    ),
    "gc": Page(
        """
A container that has stopped is left to its engine, which may not have asked for its end yet;
--stopped removes it as well. One whose state cannot be read is left too: `pyrunc delete --force`
removes it. The poststop hooks run. Each engine has a state root of its own, see --root.
""",
        examples=(
            ("See what a crash has left", "pyrunc gc --dry-run"),
            ("Remove what containerd's clients left",
             "pyrunc --root /run/containerd/runc/default gc"),
        ),
        exits=(("0", "success"), ("1", "something could not be removed")),
        statuses=(),
    ),
    "help": Page(
        """
Man pages and completions are installed with pyrunc below share/ of the prefix that it was
installed to. Where a shell or man(1) does not look there, --man and --completion print them.
""",
        examples=(
            ("Read the man page of a command", "pyrunc help --man kill | man -l -"),
            ("Complete command lines in this bash", "source <(pyrunc help --completion bash)"),
            ("Complete them in every zsh, given a directory of $fpath",
             "pyrunc help --completion zsh > ~/.zfunc/_pyrunc"),
            ("Complete them in every fish",
             "pyrunc help --completion fish > ~/.config/fish/completions/pyrunc.fish"),
        ),
        exits=(*COMMON_EXIT, ("3", "there is no such command")),
    ),
    "inspect": Page(
        """
What differs is marked with `!`; with `?` what cannot be compared, such as a file of the cgroup that
takes several values. The capabilities are those that a program has after execve(2), which are not
those of config.json for a user that is not root. A program may have changed them itself since.
""",
        examples=(
            ("Look at a container", "pyrunc inspect web"),
            ("See what an update, or somebody else, has changed", "pyrunc inspect --drift web"),
        ),
        exits=(*COMMON_EXIT, ("2", "with --drift: something differs")),
        statuses=ALIVE,
    ),
    "kill": Page(
        """
The signal goes to the container's init alone. KILL goes to every process of a container that has
no pid namespace of its own, where killing init would not end the rest; it also reaches a
container that is paused.

Init, as the first process of a pid namespace, is ended only by signals that it handles, and by
KILL.
""",
        examples=(
            ("Ask a container to end, then make it", "pyrunc kill web\npyrunc kill web KILL"),
            ("Ask whether it runs", "pyrunc kill web 0"),
        ),
        statuses=ALIVE,
    ),
    "list": Page(
        """
A container that cannot be read is named on standard error, and the others are listed.
""",
        examples=(
            ("List the containers of containerd's clients",
             "pyrunc --root /run/containerd/runc/default list"),
            ("Delete all that have stopped",
             "pyrunc list | awk '$3 == \"stopped\" { print $1 }' | xargs -rn 1 pyrunc delete"),
        ),
    ),
    "pause": Page(
        """
The freezer of the container's cgroup stops them, all at the same time.
""",
        examples=(("Stop a container for a while", "pyrunc pause web\npyrunc resume web"),),
        statuses=(RUNNING, CREATED),
    ),
    "ps": Page(
        examples=(
            ("Show the processes of a container", "pyrunc ps web"),
            ("Show other columns, PID among them", "pyrunc ps web -o pid,rss,args"),
            ("Print the pids alone", "pyrunc ps --format json web"),
        ),
    ),
    "resume": Page(
        examples=(("Let a paused container go on", "pyrunc resume web"),),
        statuses=(PAUSED,),
    ),
    "run": Page(
        """
In the foreground the container has the standard streams of pyrunc, or with `process.terminal` a
terminal of its own, to and from which is copied; signals that pyrunc gets go to the program.
""",
        examples=(
            ("Run a container from the bundle in the working directory", "pyrunc run web"),
            ("Leave it running, and see to it later",
             "pyrunc run --detach --bundle /srv/web web\npyrunc delete --force web"),
        ),
        exits=(
            ("N", "the exit status of the program"),
            ("128+N", "the program was ended by signal N"),
            ("1", "the program could not be run"),
            ("0", "with --detach: the program runs"),
        ),
        statuses=(),
    ),
    "spec": Page(
        """
The configuration has a shell on a terminal, in a root filesystem that is read-only, as its
program. A file that exists is never written over.
""",
        examples=(
            ("Make a bundle with a static busybox and run its shell",
             "mkdir -p web/rootfs/bin\n"
             "cp /bin/busybox web/rootfs/bin/sh\n"
             "pyrunc spec --bundle web\n"
             "pyrunc run --bundle web shell"),
        ),
    ),
    "start": Page(
        """
The startContainer hooks run in the container before its program, the poststart hooks outside
when it has been executed. A program that cannot be executed is a failure of start.
""",
        examples=(("Start a container that has been created", "pyrunc start web"),),
        statuses=(CREATED,),
    ),
    "state": Page(
        """
The members are those of the runtime specification, and rootfs, created and owner, as runc
prints them. The pid is the host's; it is 0 for a container that has stopped.
""",
        examples=(("Print the pid of a container's init", "pyrunc state web | jq .pid"),),
    ),
    "trace": Page(
        """
A bar is drawn to scale for each step of the runtime and for each operation of the process that
becomes the container's. Pale ones wait for the other side; red ones failed. The program itself is
not in it: the last operation is the one that executes it. After create, that is the one that waits
for start.

The times are those of CLOCK_REALTIME. Tracing costs a few microseconds for each operation; without
it nothing is measured.
""",
        examples=(
            ("See where the time of a container's start went",
             "pyrunc run --trace /tmp/web.json web\npyrunc trace /tmp/web.json"),
            ("The same as a page", "pyrunc trace --html /tmp/web.json > /tmp/web.html"),
        ),
        statuses=(),
    ),
    "update": Page(
        """
The file is a JSON object, as `linux.resources` of config.json; its members memory, cpu, blockIO,
pids and unified are used. Sizes are bytes, or have a unit: k, m, g, t or p, powers of 1024.
""",
        examples=(
            ("Change a container's limits",
             "pyrunc update --memory 256m --pids-limit 100 web"),
            ("Take them from standard input",
             "echo '{\"cpu\": {\"quota\": 50000}}' | pyrunc update --resources - web"),
        ),
        statuses=ALIVE,
    ),
    "validate": Page(
        """
All layers that create has are asked: JSON, the schema of the specification, the rules about
several properties, the limits that this host can set, the filter that libseccomp makes. What one
of them refuses is left out for the next. Then comes what create would accept without a word: the
namespaces, capabilities and paths of the host that the program gets, mounts hidden by later ones,
properties that the specification does not know. Everything is judged as for root on this host.

Every finding has a code that stays the same. With --json it has the members level, code, field,
pointer (RFC 6901), line, column, value, message, allowed and hint.

Editors that know JSON Schema complete and check a config.json by what --schema prints, when it
begins with a member such as `"$schema": "/etc/oci-config.schema.json"`, which pyrunc ignores.
""",
        examples=(
            ("Look at the bundle in the working directory", "pyrunc validate"),
            ("Refuse a configuration in CI, also for warnings",
             "pyrunc validate --strict --config config.json"),
            ("Count the findings by code",
             "pyrunc validate --json | jq -r '.findings[].code' | sort | uniq -c"),
            ("Write the schema for an editor", "pyrunc validate --schema > oci-config.schema.json"),
        ),
        exits=(
            ("0", "there are no errors"),
            ("1", "there are errors, or nothing could be read"),
            ("2", "with --strict: there are warnings, and no errors"),
        ),
        statuses=(),
    ),
}  # fmt: skip
