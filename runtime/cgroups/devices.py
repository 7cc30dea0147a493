"""Which devices a container may use: rules in, a policy with exceptions out; pure.

The kernel's v1 devices controller keeps a default (allow or deny all) and a list of
exceptions to it. Rules are applied to a model of that, so that both versions end up with
the same policy: v1 by the fewest writes that lead there, v2 by a program (device_program.py).
"""

from __future__ import annotations

from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    # (type "b" or "c", major, minor); ANY is a wildcard
    Device = tuple[str, int, int]

ANY = -1
LARGEST_NUMBER = 0xFFFFFFFF

# The kernel's numbers for access, those a v2 program sees.
MKNOD = 1
READ = 2
WRITE = 4
ALL = MKNOD | READ | WRITE
ACCESS_BITS = {"r": READ, "w": WRITE, "m": MKNOD}

FIELD = "linux.resources.devices"

# Every container may make any node, but use only these: type, major, minor, access, path.
# A default goes when linux.devices has a device of its own at that path.
DEFAULTS: tuple[tuple[str, int, int, int, str], ...] = (
    ("c", ANY, ANY, MKNOD, ""),
    ("b", ANY, ANY, MKNOD, ""),
    ("c", 1, 3, ALL, "/dev/null"),
    ("c", 1, 8, ALL, "/dev/random"),
    ("c", 1, 7, ALL, "/dev/full"),
    ("c", 5, 0, ALL, "/dev/tty"),
    ("c", 1, 5, ALL, "/dev/zero"),
    ("c", 1, 9, ALL, "/dev/urandom"),
    ("c", 136, ANY, ALL, ""),  # /dev/pts/N
    ("c", 5, 2, ALL, ""),  # /dev/ptmx
    ("c", 10, 200, ALL, ""),  # /dev/net/tun
)


class DevicePolicy:
    """A default, and the accesses of single devices for which the opposite holds."""

    __slots__ = ("allows", "exceptions")

    def __init__(self, *, allows: bool, exceptions: dict[Device, int] | None = None) -> None:
        self.allows = allows
        self.exceptions = exceptions if exceptions is not None else {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DevicePolicy):
            return NotImplemented
        return self.allows == other.allows and self.exceptions == other.exceptions

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DevicePolicy(allows={self.allows}, exceptions={self.exceptions})"

    def reset(self, *, allows: bool) -> None:
        """The rule for all devices: everything before it is forgotten."""
        self.allows = allows
        self.exceptions.clear()

    def apply(self, device: Device, access: int, *, allow: bool, field: str) -> None:
        """One rule for one device or wildcard.

        A rule against the default adds an exception; one that agrees with it takes away
        from the exception for exactly this device.
        Errors:  ConfigError when a wider exception covers the device: the kernel cannot
                 hold an exception to an exception.
        """
        if allow != self.allows:
            self.exceptions[device] = self.exceptions.get(device, 0) | access
            return
        for wider in wider_than(device):
            if self.exceptions.get(wider, 0) & access:
                verb = "allow" if allow else "deny"
                opposite = "denies" if allow else "allows"
                raise ConfigError(
                    f"cannot {verb} {rule_words(device, access)}: an earlier rule {opposite} "
                    f"{rule_words(wider, self.exceptions[wider])}, cannot punch hole in it",
                    field=field,
                    hint="name the devices of the earlier rule one by one",
                )
        left = self.exceptions.get(device, 0) & ~access
        if left:
            self.exceptions[device] = left
        else:
            self.exceptions.pop(device, None)


def wider_than(device: Device) -> list[Device]:
    """The wildcards that cover `device`, itself excluded."""
    kind, major, minor = device
    wildcards = [(kind, ANY, minor), (kind, major, ANY), (kind, ANY, ANY)]
    return [wildcard for wildcard in wildcards if wildcard != device]


def plan_policy(
    rules: Sequence[Mapping[str, Any]], device_nodes: Sequence[Mapping[str, Any]]
) -> DevicePolicy:
    """The policy of a container: deny all, then the configured rules, then the defaults.

    `rules` are linux.resources.devices, `device_nodes` linux.devices.
    Errors:  ConfigError naming the rule.
    Source:  runtime-spec config-linux.md, Device allowlist.
    """
    policy = DevicePolicy(allows=False)
    for index, rule in enumerate(rules):
        field = f"{FIELD}[{index}]"
        allow = bool(rule["allow"])
        kind = rule.get("type") or "a"
        access = parse_access(rule.get("access") or "", field)
        if kind == "a":
            policy.reset(allows=allow)
        elif kind in ("b", "c"):
            device = (kind, _number(rule, "major", field), _number(rule, "minor", field))
            policy.apply(device, access, allow=allow, field=field)
        else:
            raise ConfigError(
                f"{kind!r} is no device type", field=f"{field}.type", hint="a, b or c"
            )
    replaced = {node.get("path") for node in device_nodes}
    for kind, major, minor, access, path in DEFAULTS:
        if path and path in replaced:
            continue
        policy.apply((kind, major, minor), access, allow=True, field="default devices")
    return policy


def parse_access(access: str, field: str) -> int:
    """``rwm`` as bits.

    Errors:  ConfigError for another letter, or none at all.
    """
    bits = 0
    for letter in access:
        bit = ACCESS_BITS.get(letter)
        if bit is None:
            bits = 0
            break
        bits |= bit
    if not bits:
        raise ConfigError(
            f"{access!r} is no access", field=f"{field}.access", hint="one or more of r, w and m"
        )
    return bits


def _number(rule: Mapping[str, Any], name: str, field: str) -> int:
    value = rule.get(name)
    if value is None or value == ANY:
        return ANY
    if isinstance(value, int) and 0 <= value <= LARGEST_NUMBER:
        return value
    raise ConfigError(f"{value} is no device number", field=f"{field}.{name}", hint="-1 is any")


def rule_words(device: Device, access: int) -> str:
    """A line of devices.allow: ``c 1:3 rwm``, ``b *:* m``."""
    kind, major, minor = device
    numbers = ":".join("*" if n == ANY else str(n) for n in (major, minor))
    letters = "".join(letter for letter, bit in ACCESS_BITS.items() if access & bit)
    return f"{kind} {numbers} {letters}"


def parse_list(text: str) -> DevicePolicy:
    """The policy that a v1 devices.list shows.

    In allow mode the kernel shows ``a *:* rwm`` and hides the exceptions.
    """
    policy = DevicePolicy(allows=False)
    for line in text.splitlines():
        kind, numbers, letters = line.split()
        if kind == "a":
            return DevicePolicy(allows=True)
        major, minor = (ANY if n == "*" else int(n) for n in numbers.split(":"))
        policy.exceptions[(kind, major, minor)] = parse_access(letters, FIELD)
    return policy


def transition(now: DevicePolicy, wanted: DevicePolicy) -> list[tuple[bool, str]]:
    """The fewest writes that lead from `now`, read from a v1 cgroup, to `wanted`.

    Returns (allow, line) in order: True goes to devices.allow, False to devices.deny. What is
    in both policies is not touched, so a running container never loses a device for a
    moment. From allow mode the start is always anew: its exceptions cannot be read.
    """
    lines: list[tuple[bool, str]] = []
    before = now.exceptions
    if now.allows and wanted.allows and not wanted.exceptions and not before:
        # Exceptions inherited from a parent in allow mode cannot be lifted here anyway.
        return lines
    if now.allows or now.allows != wanted.allows:
        lines.append((wanted.allows, "a *:* rwm"))
        before = {}
    devices = sorted({*before, *wanted.exceptions}, key=lambda d: (d[1], d[2], d[0]))
    for device in devices:
        gone = before.get(device, 0) & ~wanted.exceptions.get(device, 0)
        if gone:
            lines.append((wanted.allows, rule_words(device, gone)))
    for device in devices:
        new = wanted.exceptions.get(device, 0) & ~before.get(device, 0)
        if new:
            lines.append((not wanted.allows, rule_words(device, new)))
    return lines
