"""Capabilities: their numbers, and the five sets of a configuration as bit masks."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Capabilities

# In kernel order: the position is the number. Source: linux/capability.h.
NAMES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
    "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
    "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
    "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip
BITS = {name: 1 << number for number, name in enumerate(NAMES)}
SYS_ADMIN = BITS["CAP_SYS_ADMIN"]


class CapabilitySets:
    """The five sets as masks. An absent set, and the absent section, is the empty set.

    runc keeps all that the runtime has where the section is absent; the specification does
    not give anything away, neither do we.

    unknown    set name -> names that this kernel does not know, left out
    powerless  ambient capabilities that are not both permitted and inheritable, left out: the
               kernel would refuse to raise them
    excess     effective ones that are not permitted: an error
    """

    __slots__ = (
        "ambient", "bounding", "effective", "excess", "inheritable", "permitted", "powerless",
        "unknown",
    )  # fmt: skip

    def __init__(self, capabilities: Capabilities, last_cap: int) -> None:
        self.unknown: dict[str, list[str]] = {}
        self.bounding = self._mask("bounding", capabilities.get("bounding", ()), last_cap)
        self.effective = self._mask("effective", capabilities.get("effective", ()), last_cap)
        self.inheritable = self._mask("inheritable", capabilities.get("inheritable", ()), last_cap)
        self.permitted = self._mask("permitted", capabilities.get("permitted", ()), last_cap)
        ambient = self._mask("ambient", capabilities.get("ambient", ()), last_cap)
        self.ambient = ambient & self.permitted & self.inheritable
        self.powerless = ambient & ~self.ambient
        self.excess = self.effective & ~self.permitted

    def _mask(self, name: str, words: list[str] | tuple[str, ...], last_cap: int) -> int:
        mask = 0
        for word in words:
            bit = BITS.get(word, 0)
            if not bit or bit >> last_cap > 1:
                self.unknown.setdefault(name, []).append(word)
            else:
                mask |= bit
        return mask


def names_of(mask: int) -> str:
    """The names in a mask, for messages: ``CAP_CHOWN, CAP_KILL``."""
    return ", ".join(name for name, bit in BITS.items() if mask & bit)
