"""The mount option table: every word of mounts[].options that is ours, and what it does.

A word that is in none of the tables goes to the filesystem. Later words win over earlier
ones, and a flag that was *cleared* by name is remembered as such: a bind mount keeps what its
source has unless a word says otherwise.

Source:  runtime-spec config.md, Linux mount options; mount(2) for what beats what.
"""

from __future__ import annotations

from runtime.plan.ops import PROPAGATION_BYTE, PROPAGATION_RECURSIVE

# MOUNT_ATTR_* of mount_setattr(2).
RDONLY = 1
NOSUID = 2
NODEV = 4
NOEXEC = 8
NOATIME = 0x10
STRICTATIME = 0x20
ATIME_MASK = 0x70  # relatime is 0 in it
NODIRATIME = 0x80
NOSYMFOLLOW = 0x200000

# Word -> (flag, is set). Each flag is one bit of its own; the atime family has bits that the
# kernel's attributes have not, because RELATIME is 0 there.
_RELATIME = 1 << 40
_NOATIME = 1 << 41
_STRICTATIME = 1 << 42
_ATIME_WORDS = _RELATIME | _NOATIME | _STRICTATIME
FLAG_WORDS = {
    "ro": (RDONLY, True), "rw": (RDONLY, False),
    "nosuid": (NOSUID, True), "suid": (NOSUID, False),
    "nodev": (NODEV, True), "dev": (NODEV, False),
    "noexec": (NOEXEC, True), "exec": (NOEXEC, False),
    "nosymfollow": (NOSYMFOLLOW, True), "symfollow": (NOSYMFOLLOW, False),
    "nodiratime": (NODIRATIME, True), "diratime": (NODIRATIME, False),
    "noatime": (_NOATIME, True), "atime": (_NOATIME, False),
    "relatime": (_RELATIME, True), "norelatime": (_RELATIME, False),
    "strictatime": (_STRICTATIME, True), "nostrictatime": (_STRICTATIME, False),
}  # fmt: skip

# Word -> (flag of the superblock, is set). They do nothing to a bind mount.
SUPERBLOCK_WORDS = {
    "sync": ("sync", True), "async": ("sync", False),
    "dirsync": ("dirsync", True),
    "mand": ("mand", True), "nomand": ("mand", False),
    "lazytime": ("lazytime", True), "nolazytime": ("lazytime", False),
    "iversion": ("iversion", True), "noiversion": ("iversion", False),
}  # fmt: skip

# `silent` and `loud` are about kernel messages, which no container reads.
IGNORED_WORDS = frozenset(("defaults", "silent", "loud"))
BIND_WORDS = {"bind": False, "rbind": True}

PROPAGATION_WORDS = {
    **PROPAGATION_BYTE,
    **{f"r{word}": code | PROPAGATION_RECURSIVE for word, code in PROPAGATION_BYTE.items()},
}
PROPAGATION_MOST = 4  # bytes that an operation has room for

# Word -> (attribute value, is set, mask); changed on the whole tree, after all else.
RECURSIVE_WORDS = {
    "rro": (RDONLY, True), "rrw": (RDONLY, False),
    "rnosuid": (NOSUID, True), "rsuid": (NOSUID, False),
    "rnodev": (NODEV, True), "rdev": (NODEV, False),
    "rnoexec": (NOEXEC, True), "rexec": (NOEXEC, False),
    "rnodiratime": (NODIRATIME, True), "rdiratime": (NODIRATIME, False),
    "rnosymfollow": (NOSYMFOLLOW, True), "rsymfollow": (NOSYMFOLLOW, False),
}  # fmt: skip
RECURSIVE_ATIME_WORDS = {
    "rrelatime": (0, True), "rnorelatime": (0, False),
    "rnoatime": (NOATIME, True), "ratime": (NOATIME, False),
    "rstrictatime": (STRICTATIME, True), "rnostrictatime": (STRICTATIME, False),
}  # fmt: skip

# Word -> whether the mounts below are id-mapped, too.
IDMAP_WORDS = {"idmap": False, "ridmap": True}

# Words of other runtimes that this version cannot serve.
UNSUPPORTED_WORDS = frozenset(
    ("copy-symlink", "src-nofollow", "dest-nofollow",
     "rsync", "rasync", "rdirsync", "rmand", "rnomand")
)  # fmt: skip


class MountOptions:
    """One options list, taken apart.

    attr_set      MOUNT_ATTR_* that were asked for
    attr_clr      MOUNT_ATTR_* that were cleared by name; ATIME_MASK in it whenever any word
                  of the atime family was given, as mount_setattr(2) wants it
    names_attrs   any of both: a bind mount gets exactly `attr_set` then
    rec_set, rec_clr   the same for the whole tree
    propagation   packed, in the order of the words
    is_bind, is_recursive   bind, rbind
    is_remount, tmpcopyup
    is_idmapped, is_idmapped_below   idmap or ridmap; ridmap
    superblock    the superblock's flags, in the filesystem's words
    data          what the filesystem is to understand, "key" or "key=value"
    unsupported   positions of words that this version cannot serve
    too_many_propagations   there is no room for all of them
    """

    __slots__ = (
        "attr_clr", "attr_set", "data", "is_bind", "is_idmapped", "is_idmapped_below",
        "is_recursive", "is_remount", "names_attrs", "propagation", "rec_clr", "rec_set",
        "superblock", "tmpcopyup", "too_many_propagations", "unsupported",
    )  # fmt: skip

    def __init__(self) -> None:
        self.attr_set = 0
        self.attr_clr = 0
        self.names_attrs = False
        self.rec_set = 0
        self.rec_clr = 0
        self.propagation = 0
        self.too_many_propagations = False
        self.is_bind = False
        self.is_recursive = False
        self.is_remount = False
        self.is_idmapped = False
        self.is_idmapped_below = False
        self.tmpcopyup = False
        self.superblock: list[str] = []
        self.data: list[str] = []
        self.unsupported: list[int] = []


def split_options(words: list[str] | tuple[str, ...]) -> MountOptions:
    """What a list of options means; unknown words are the filesystem's."""
    result = MountOptions()
    is_set = is_cleared = propagations = 0
    for index, word in enumerate(words):
        if word in FLAG_WORDS:
            flag, on = FLAG_WORDS[word]
            if on:
                is_set, is_cleared = is_set | flag, is_cleared & ~flag
            else:
                is_set, is_cleared = is_set & ~flag, is_cleared | flag
        elif word in PROPAGATION_WORDS:
            if propagations == PROPAGATION_MOST:
                result.too_many_propagations = True
                continue
            result.propagation |= PROPAGATION_WORDS[word] << 8 * propagations
            propagations += 1
        elif word in BIND_WORDS:
            result.is_bind = True
            result.is_recursive = result.is_recursive or BIND_WORDS[word]
        elif word in RECURSIVE_WORDS:
            flag, on = RECURSIVE_WORDS[word]
            if on:
                result.rec_set, result.rec_clr = result.rec_set | flag, result.rec_clr & ~flag
            else:
                result.rec_set, result.rec_clr = result.rec_set & ~flag, result.rec_clr | flag
        elif word in RECURSIVE_ATIME_WORDS:
            flag, on = RECURSIVE_ATIME_WORDS[word]
            result.rec_set = result.rec_set & ~ATIME_MASK | flag if on else result.rec_set & ~flag
            # The kernel takes a new atime mode only if the old one is cleared whole.
            result.rec_clr |= ATIME_MASK
        elif word in SUPERBLOCK_WORDS:
            name, on = SUPERBLOCK_WORDS[word]
            if name in result.superblock:
                result.superblock.remove(name)
            if on:
                result.superblock.append(name)
        elif word in IDMAP_WORDS:
            result.is_idmapped = True
            result.is_idmapped_below = result.is_idmapped_below or IDMAP_WORDS[word]
        elif word == "remount":
            result.is_remount = True
        elif word == "tmpcopyup":
            result.tmpcopyup = True
        elif word in UNSUPPORTED_WORDS or word.startswith("idmap="):
            result.unsupported.append(index)
        elif word and word not in IGNORED_WORDS:
            result.data += _split_data(word)
    result.names_attrs = bool(is_set | is_cleared)
    result.attr_set, result.attr_clr = _attributes(is_set, is_cleared)
    return result


def _attributes(is_set: int, is_cleared: int) -> tuple[int, int]:
    """The kernel's attributes: mount(2) lets strictatime win over noatime over relatime."""
    attr_set, attr_clr = is_set & ~_ATIME_WORDS, is_cleared & ~_ATIME_WORDS
    if is_set & _STRICTATIME:
        attr_set |= STRICTATIME
    elif is_set & _NOATIME:
        attr_set |= NOATIME
    if (is_set | is_cleared) & (_ATIME_WORDS | NODIRATIME):
        attr_clr |= ATIME_MASK
    return attr_set, attr_clr


def _split_data(word: str) -> list[str]:
    """The single options of one string: mount(2) took several, comma-separated.

    Commas inside of double quotes (an SELinux context) and after a backslash (an overlay
    path) belong to the value.
    """
    if "," not in word:
        return [word]
    if '"' not in word and "\\" not in word:
        return [part for part in word.split(",") if part]
    parts = [""]
    is_quoted = is_escaped = False
    for char in word:
        if char == "," and not is_quoted and not is_escaped:
            parts.append("")
            continue
        is_quoted ^= char == '"' and not is_escaped
        is_escaped = char == "\\" and not is_escaped
        parts[-1] += char
    return [part for part in parts if part]


def filesystem_options(options: MountOptions, *, is_ro: bool) -> list[str]:
    """What the filesystem is given: the superblock's flags as mount(2) would set them, the data.

    The executor knows which of them fsconfig(2) cannot carry, and calls mount(2) for those.
    """
    return ["ro"] * is_ro + options.superblock + options.data
