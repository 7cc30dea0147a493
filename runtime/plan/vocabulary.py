"""Which words a place of the configuration takes: for suggestions after a typing error.

The tables are those that the planner works by. Loaded when somebody asks what is wrong.
"""

from __future__ import annotations

from runtime.plan import mount_options
from runtime.plan.capabilities import NAMES
from runtime.plan.devices import TYPES
from runtime.plan.namespaces import FLAGS
from runtime.plan.process import PERSONALITIES, RLIMITS
from runtime.plan.rootfs import PROPAGATION_FIELD, PROPAGATIONS
from runtime.plan.scheduling import IO_CLASSES, POLICIES, SCHEDULER_FLAGS
from runtime.plan.seccomp import ACTIONS, ARCHITECTURES, OPERATORS
from runtime.plan.seccomp import FLAGS as SECCOMP_FLAGS
from runtime.suggest import did_you_mean

# A field without its indexes -> what it takes.
WORDS = {
    **{
        f"process.capabilities.{name}": NAMES
        for name in ("bounding", "effective", "permitted", "inheritable", "ambient")
    },
    "process.rlimits.type": tuple(RLIMITS),
    "process.scheduler.policy": tuple(POLICIES),
    "process.scheduler.flags": tuple(SCHEDULER_FLAGS),
    "process.ioPriority.class": tuple(IO_CLASSES),
    "linux.namespaces.type": tuple(FLAGS),
    "linux.devices.type": tuple(TYPES),
    "linux.personality.domain": tuple(PERSONALITIES),
    PROPAGATION_FIELD: tuple(PROPAGATIONS),
    "linux.seccomp.defaultAction": tuple(ACTIONS),
    "linux.seccomp.architectures": tuple(ARCHITECTURES),
    "linux.seccomp.flags": tuple(SECCOMP_FLAGS),
    "linux.seccomp.syscalls.action": tuple(ACTIONS),
    "linux.seccomp.syscalls.args.op": tuple(OPERATORS),
}
MOUNT_WORDS = (
    *mount_options.FLAG_WORDS,
    *mount_options.SUPERBLOCK_WORDS,
    *mount_options.BIND_WORDS,
    *mount_options.PROPAGATION_WORDS,
    *mount_options.RECURSIVE_WORDS,
    *mount_options.RECURSIVE_ATIME_WORDS,
    *mount_options.IDMAP_WORDS,
    "remount",
    "tmpcopyup",
)
# Words that the usual file systems of containers take, and which look like slips of ours.
FILESYSTEM_WORDS = frozenset(
    ("acl", "noacl", "index", "xattr", "noxattr", "newinstance", "noswap", "volatile", "userxattr",
     "all", "none", "nsdelegate", "cpu", "cpuset", "memory", "pids", "devices", "freezer", "name")
)  # fmt: skip


def known_words(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The words for the value at `path`; none where any text will do."""
    return WORDS.get(".".join(step for step in path if isinstance(step, str)), ())


def suggestion(word: str, known: tuple[str, ...]) -> str:
    """A question that may help: ``did you mean CAP_NET_RAW?``; "" where nothing comes near.

    The end of a long word counts as the word, in any case: net_raw, allow, nofile.
    """
    lower = word.lower()
    for one in known:
        if one.lower() == lower or (len(word) > 1 and one.lower().endswith("_" + lower)):
            return f"did you mean {one}?"
    return did_you_mean(word, known) or did_you_mean(word.upper(), known)


def odd_options(words: list[str]) -> list[tuple[int, str]]:
    """Mount options that go to the file system and look like a slip: position and question."""
    found = []
    for index, word in enumerate(words):
        if "=" in word or word in MOUNT_WORDS or word in FILESYSTEM_WORDS:
            continue
        if word in mount_options.IGNORED_WORDS or word in mount_options.UNSUPPORTED_WORDS:
            continue
        if question := did_you_mean(word, MOUNT_WORDS):
            found.append((index, question))
    return found
