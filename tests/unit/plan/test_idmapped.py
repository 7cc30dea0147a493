"""Which mounts are id-mapped and how; what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from harness.plans import facts, minimal, ops_named, plan_of, problems_of

from runtime.host.facts import HostFacts
from runtime.plan import ops
from runtime.plan.idmapped import IDMAPPED_MOST
from runtime.plan.plan import IdMap, Slot

OWN = [{"containerID": 0, "hostID": 1000, "size": 10}]
CONTAINERS = [{"containerID": 0, "hostID": 100000, "size": 65536}]
MAPPED = {"uidMappings": OWN, "gidMappings": OWN}
USERS: dict[str, Any] = {
    "namespaces": [{"type": "mount"}, {"type": "user"}],
    "uidMappings": CONTAINERS,
    "gidMappings": CONTAINERS,
}


def entry(*words: str, **members: Any) -> dict[str, Any]:
    """A bind mount."""
    return {"destination": "/x", "source": "/s", "options": ["bind", *words]} | members


def slots_of(*entries: dict[str, Any], **linux: Any) -> list[Slot]:
    """The slots for id-mapped mounts in a plan with these mounts."""
    plan = plan_of(minimal(mounts=list(entries), linux=linux))
    return [slot for slot in plan.slots if slot.kind == "idmap"]


def triples(maps: list[IdMap]) -> list[tuple[int, int, int]]:
    """Maps to compare."""
    return [(m.container, m.host, m.size) for m in maps]


def test_mappings_alone_ask_for_it() -> None:
    (slot,) = slots_of(entry(**MAPPED))
    assert (slot.path, slot.origin) == ("/s", "mounts[0]")
    assert slot.idmap is not None
    assert triples(slot.idmap.uid_maps) == triples(slot.idmap.gid_maps) == [(0, 1000, 10)]
    assert slot.idmap.namespace == ""


def test_the_operation_binds_the_slot() -> None:
    plan = plan_of(minimal(mounts=[entry("ro"), entry("ro", "rslave", "ridmap", **MAPPED)]))
    plain, mapped = ops_named(plan, "bind")
    number = next(i for i, slot in enumerate(plan.slots, 2) if slot.kind == "idmap")
    assert not plain.flags & ops.BIND_SOURCE_IS_SLOT
    assert mapped.flags & ops.BIND_SOURCE_IS_SLOT
    assert mapped.numbers[4] == 0x82 | number << 32
    assert mapped.numbers[:4] == plain.numbers[:4]


def test_mappings_of_the_container() -> None:
    (slot,) = slots_of(entry("idmap", source="vol"), **USERS)
    assert slot.path == "/bundle/vol"
    assert slot.idmap is not None
    assert triples(slot.idmap.uid_maps) == [(0, 100000, 65536)]


def test_mappings_of_its_own_win() -> None:
    (slot,) = slots_of(entry("idmap", **MAPPED), **USERS)
    assert slot.idmap is not None
    assert triples(slot.idmap.uid_maps) == [(0, 1000, 10)]


def test_a_user_namespace_that_is_joined() -> None:
    joined = [{"type": "mount"}, {"type": "user", "path": "/proc/7/ns/user"}]
    (slot,) = slots_of(entry("idmap"), namespaces=joined)
    assert slot.idmap is not None
    assert slot.idmap.namespace == "/proc/7/ns/user"
    (slot,) = slots_of(entry("idmap", **MAPPED), namespaces=joined)
    assert slot.idmap is not None
    assert slot.idmap.namespace == ""


@pytest.mark.parametrize(
    ("words", "recursive", "below"),
    [
        (["bind"], False, False),
        (["bind", "ridmap"], False, True),
        (["rbind", "idmap"], True, False),
        (["rbind", "ridmap"], True, True),
    ],
)
def test_recursion(words: list[str], recursive: bool, below: bool) -> None:
    (slot,) = slots_of(entry(**MAPPED) | {"options": words})
    assert slot.idmap is not None
    assert (slot.idmap.is_recursive, slot.idmap.is_idmapped_below) == (recursive, below)


@pytest.mark.parametrize(
    ("mount", "linux", "host", "problem"),
    [
        pytest.param(
            entry("idmap"), {}, facts(),
            "mounts[0]: is to be id-mapped, but neither it nor the container has mappings",
            id="no mappings",
        ),
        pytest.param(
            {"destination": "/x", "type": "tmpfs", **MAPPED}, {}, facts(),
            "mounts[0]: only a bind mount can be id-mapped",
            id="a filesystem",
        ),
        pytest.param(
            entry(uidMappings=OWN), {}, facts(),
            "mounts[0].gidMappings: is missing, the one is of no use without the other",
            id="users alone",
        ),
        pytest.param(
            entry(gidMappings=OWN), {}, facts(),
            "mounts[0].uidMappings: is missing, the one is of no use without the other",
            id="groups alone",
        ),
        pytest.param(
            entry(uidMappings=OWN, gidMappings=[OWN[0] | {"size": 0}]), {}, facts(),
            "mounts[0].gidMappings[0].size: is 0, expected at least 1",
            id="empty range",
        ),
        pytest.param(
            entry(**MAPPED), USERS, facts(euid=1000),
            "mounts[0]: an id-mapped mount needs root",
            id="rootless",
        ),
        pytest.param(
            entry(**MAPPED), {"namespaces": [{"type": "mount", "path": "/m"}]}, facts(),
            "mounts[0]: an id-mapped mount needs a new mount namespace",
            id="a mount namespace that is joined",
        ),
    ],
)  # fmt: skip
def test_refused(
    mount: dict[str, Any], linux: dict[str, Any], host: HostFacts, problem: str
) -> None:
    assert problems_of(minimal(mounts=[mount], linux=linux), host) == [problem]


def test_the_first_ids_need_not_be_mapped() -> None:
    high = [{"containerID": 1000, "hostID": 2000, "size": 1}]
    assert problems_of(minimal(mounts=[entry(uidMappings=high, gidMappings=high)])) == []


def test_too_many() -> None:
    config = minimal(mounts=[entry(**MAPPED)] * (IDMAPPED_MOST + 1))
    assert problems_of(config) == ["mounts: 201 are id-mapped, pyrunc can do 200"]
