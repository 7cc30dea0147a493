"""Device rules: what policy they add up to, and the writes that lead there on v1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups.devices import (
    ALL,
    ANY,
    DEFAULTS,
    MKNOD,
    READ,
    WRITE,
    DevicePolicy,
    parse_access,
    parse_list,
    plan_policy,
    rule_words,
    transition,
)
from runtime.errors import ConfigError

if TYPE_CHECKING:
    from runtime.cgroups.devices import Device

    Exceptions = dict[Device, int]

DEFAULT_EXCEPTIONS: Exceptions = {(k, a, b): access for k, a, b, access, _ in DEFAULTS}


def rule(allow: bool, words: str) -> dict[str, Any]:
    """``c 1:3 rw`` as a rule of the configuration; ``a`` for all."""
    kind, *rest = words.split()
    made: dict[str, Any] = {"allow": allow, "type": kind, "access": "rwm"}
    if rest:
        major, minor = (None if n == "*" else int(n) for n in rest[0].split(":"))
        made.update(major=major, minor=minor, access=rest[1])
    return made


def allow(words: str) -> dict[str, Any]:
    return rule(True, words)


def deny(words: str) -> dict[str, Any]:
    return rule(False, words)


@pytest.mark.parametrize(
    ("rules", "allows", "exceptions"),
    [
        pytest.param([], False, DEFAULT_EXCEPTIONS, id="the defaults apply without any rule"),
        pytest.param([deny("a")], False, DEFAULT_EXCEPTIONS, id="what every engine sends"),
        pytest.param([allow("a")], True, {}, id="privileged"),
        pytest.param([allow("b 8:0 rw"), deny("a")], False, DEFAULT_EXCEPTIONS, id="order counts"),
        pytest.param(
            [deny("a"), allow("b 8:0 r"), allow("b 8:0 w")], False,
            {("b", 8, 0): READ | WRITE, **DEFAULT_EXCEPTIONS}, id="accesses add up",
        ),
        pytest.param(
            [allow("b 8:0 rw"), deny("b 8:0 w")], False,
            {("b", 8, 0): READ, **DEFAULT_EXCEPTIONS}, id="and are taken away",
        ),
        pytest.param([deny("b 9:9 rwm")], False, DEFAULT_EXCEPTIONS, id="denied anyway"),
        pytest.param(
            [allow("a"), deny("b 8:* rwm")], True, {("b", 8, ANY): ALL}, id="allowed, but",
        ),
        pytest.param(
            [allow("a"), deny("c 1:3 w")], True, {}, id="a default allows it again",
        ),
    ],
)  # fmt: skip
def test_policy(rules: list[dict[str, Any]], allows: bool, exceptions: Exceptions) -> None:
    assert plan_policy(rules, []) == DevicePolicy(allows=allows, exceptions=exceptions)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        pytest.param(
            [deny("a"), allow("c *:* rw"), deny("c 7:7 r")], "linux.resources.devices[2]",
            id="a hole in a wildcard",
        ),
        pytest.param(
            [deny("a"), allow("c 7:* w"), deny("c 7:7 w")], "linux.resources.devices[2]",
            id="a hole in a major",
        ),
        pytest.param(
            [allow("a"), deny("c 1:* w")], "default devices", id="a default is inside it",
        ),
        pytest.param([{"allow": True, "type": "p", "access": "r"}],
                     "linux.resources.devices[0].type", id="type"),
        pytest.param([{"allow": True, "type": "c", "access": ""}],
                     "linux.resources.devices[0].access", id="no access"),
        pytest.param([{"allow": True, "type": "c", "access": "rx"}],
                     "linux.resources.devices[0].access", id="unknown access"),
        pytest.param([{"allow": True, "type": "c", "access": "r", "major": -2}],
                     "linux.resources.devices[0].major", id="major"),
        pytest.param([{"allow": True, "type": "c", "access": "r", "minor": 1 << 32}],
                     "linux.resources.devices[0].minor", id="minor"),
    ],
)  # fmt: skip
def test_refused(rules: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_policy(rules, [])
    assert caught.value.field == field


def test_a_node_of_ones_own_takes_the_default_away() -> None:
    policy = plan_policy([], [{"path": "/dev/null"}, {"path": "/dev/fuse"}])
    assert ("c", 1, 3) not in policy.exceptions
    assert ("c", 1, 5) in policy.exceptions
    assert ("c", 5, 2) in policy.exceptions


def test_access_words() -> None:
    assert parse_access("mr", "") == MKNOD | READ
    assert rule_words(("c", 5, ANY), ALL) == "c 5:* rwm"
    assert rule_words(("b", ANY, ANY), MKNOD) == "b *:* m"


def test_devices_list() -> None:
    assert parse_list("a *:* rwm\n") == DevicePolicy(allows=True)
    assert parse_list("c 1:3 rwm\nb *:* m\n").exceptions == {
        ("c", 1, 3): ALL, ("b", ANY, ANY): MKNOD,
    }  # fmt: skip
    assert parse_list("") == DevicePolicy(allows=False)


def deny_all(**exceptions: int) -> DevicePolicy:
    """null=ALL names c 1:3, zero c 1:5."""
    numbers = {"null": 3, "zero": 5}
    named: Exceptions = {("c", 1, numbers[name]): access for name, access in exceptions.items()}
    return DevicePolicy(allows=False, exceptions=named)


ALLOW_ALL = DevicePolicy(allows=True)


@pytest.mark.parametrize(
    ("now", "wanted", "lines"),
    [
        pytest.param(ALLOW_ALL, ALLOW_ALL, [], id="a privileged container costs no write"),
        pytest.param(
            ALLOW_ALL, deny_all(null=ALL), ["deny a *:* rwm", "allow c 1:3 rwm"], id="the usual"
        ),
        pytest.param(deny_all(null=ALL), deny_all(null=ALL), [], id="inherited"),
        pytest.param(
            deny_all(null=ALL), deny_all(zero=READ), ["deny c 1:3 rwm", "allow c 1:5 r"],
            id="the difference",
        ),
        pytest.param(deny_all(null=ALL), deny_all(null=READ), ["deny c 1:3 wm"], id="a bit less"),
        pytest.param(deny_all(null=ALL), ALLOW_ALL, ["allow a *:* rwm"], id="opened"),
        pytest.param(
            ALLOW_ALL, DevicePolicy(allows=True, exceptions={("b", 8, ANY): WRITE}),
            ["allow a *:* rwm", "deny b 8:* w"], id="allowed, but",
        ),
    ],
)  # fmt: skip
def test_transition(now: DevicePolicy, wanted: DevicePolicy, lines: list[str]) -> None:
    words = [f"{'allow' if allow else 'deny'} {line}" for allow, line in transition(now, wanted)]
    assert words == lines


def devices() -> st.SearchStrategy[Device]:
    return st.tuples(st.sampled_from("bc"), st.integers(-1, 2), st.integers(-1, 2))


def policies() -> st.SearchStrategy[DevicePolicy]:
    return st.builds(
        lambda allows, exceptions: DevicePolicy(allows=allows, exceptions=exceptions),
        st.booleans(),
        st.dictionaries(devices(), st.integers(1, 7), max_size=5),
    )


class V1Kernel:
    """What security/device_cgroup.c does with a write."""

    def __init__(self, policy: DevicePolicy) -> None:
        self.policy = DevicePolicy(allows=policy.allows, exceptions=dict(policy.exceptions))

    def write(self, *, allow: bool, line: str) -> None:
        if line.startswith("a"):
            self.policy = DevicePolicy(allows=allow)
            return
        ((device, access),) = parse_list(line).exceptions.items()
        old = self.policy.exceptions.pop(device, 0)
        new = old & ~access if allow == self.policy.allows else old | access
        if new:
            self.policy.exceptions[device] = new

    def devices_list(self) -> DevicePolicy:
        return DevicePolicy(allows=True) if self.policy.allows else self.policy


@given(policies(), policies())
def test_a_transition_arrives(start: DevicePolicy, wanted: DevicePolicy) -> None:
    kernel = V1Kernel(start)
    if start.allows:
        # Exceptions of an allowing cgroup cannot be seen, and none are inherited by a new one.
        start.exceptions.clear()
        kernel = V1Kernel(start)
    for allow_file, line in transition(kernel.devices_list(), wanted):
        kernel.write(allow=allow_file, line=line)
    assert kernel.policy == wanted
