"""The planner's vocabulary against the executor's: csrc/ops.def, and the flags its files name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.plan import ops
from runtime.plan.ops import Op

CSRC = Path(__file__).resolve().parents[3] / "csrc"
TABLE = {
    name: (int(number), strings)
    for number, name, strings in re.findall(
        r'^OP\((\d+), (\w+), "([solb-]{4})"\)$', (CSRC / "ops.def").read_text(), re.MULTILINE
    )
}
RETIRED = {12}  # numbers are never reused

# One of each constructor.
MADE = [
    ops.setns("linux.namespaces[0]", 2, 0x20000000, "/proc/1/ns/pid", ops.SETNS_MAY_DEFER),
    ops.unshare("linux.namespaces[1]", 0x10000000),
    ops.fork("linux.namespaces", 0),
    ops.sync(ops.BARRIER_MAPS),
    ops.sync_last(ops.BARRIER_PROGRAM, wait=False),
    ops.join(3, 0x60000000),
    ops.enter_root(2),
    ops.cgroup_join("linux.cgroupsPath", 3, "/c1"),
    ops.become_root(setgroups=True),
    ops.setsid(),
    ops.keyring("_ses.c1", in_user_namespace=True),
    ops.keyring("_ses.c1", in_user_namespace=False, label="system_u:system_r:container_t:s0"),
    ops.scheduler("SCHED_BATCH", 3, 1, -20, 0, 0, 0, 0),
    ops.io_priority("IOPRIO_CLASS_BE", 2, 7),
    ops.cpu_affinity("process.execCPUAffinity.final", "0", b"\1\0\0\0\0\0\0\0"),
    ops.every_cpu(),
    ops.memory_policy("MPOL_BIND", "0", 2, b"\1\0\0\0\0\0\0\0"),
    ops.apparmor("containers-default"),
    ops.file_label("linux.mountLabel", "/dev/mqueue", "system_u:object_r:container_file_t:s0"),
    ops.process_label("system_u:system_r:container_t:s0"),
    ops.rlimit("process.rlimits[0]", "RLIMIT_NOFILE", 7, 1024, 2**64 - 1),
    ops.link_up("lo"),
    ops.hostname("h"),
    ops.domainname("d"),
    ops.sysctl("linux.sysctl", "net/ipv4/ip_forward", "1"),
    ops.root_propagation("linux.rootfsPropagation", 0x80000),
    ops.root("/bundle/rootfs", ops.ROOT_SLAVE),
    ops.mount("mounts[0]", fstype="proc", source="proc", target="/proc", options=["hidepid=2"]),
    ops.bind("mounts[1]", source="/srv", target="/srv", slot=4),
    ops.bind("mounts[2]", source=None, target="/srv", flags=ops.BIND_SOURCE_IS_SLOT, slot=4),
    ops.mkdir("default devices", "/dev/net"),
    ops.symlink("default devices", "/proc/self/fd", "/dev/fd", replace=True),
    ops.mknod("linux.devices[0]", "/dev/null", 0o20666, 1, 3, 0, 0),
    ops.hook("hooks.createContainer[0]", "/bin/true", ["true"], ["A=b"], 3, '{"pid":', "}"),
    ops.pivot(),
    ops.move_root(),
    ops.chroot(),
    ops.remount_ro("root.readonly", "/"),
    ops.readonly_path("linux.readonlyPaths[0]", "/proc/sys"),
    ops.mask_path("linux.maskedPaths[0]", "/proc/kcore"),
    ops.umask("process.user.umask", 0o22),
    ops.stdio_owner(1000),
    ops.stdio_null(),
    ops.console(25, 80, bind=True),
    ops.no_new_privs(),
    ops.seccomp(b"\6\0\0\0\0\0\xff\x7f", 0),
    ops.bounding(1),
    ops.user("process.user", 1000, 1000, [10, 20], setgroups=True),
    ops.caps(1, 2, 4, 8),
    ops.personality(8),
    ops.chdir("/home"),
    ops.executable("sh", "/bin:/usr/bin"),
    ops.executable("/bin/sh", None),
    ops.fifo(2),
    ops.execute(["sh", "-c", "true"], ["A=b"], 0, 0, default_home=True),
]
ids = [f"{op.name}-{index}" for index, op in enumerate(MADE)]


def kind_fits(kind: str, value: object) -> bool:
    """Whether a slot of this kind in ops.def takes the value."""
    if kind == "s":
        return isinstance(value, str)
    if kind == "o":
        return value is None or isinstance(value, str)
    if kind == "l":
        return value is None or isinstance(value, list)
    if kind == "b":
        return isinstance(value, bytes)
    return value is None


def test_names_and_numbers_are_those_of_the_executor() -> None:
    assert {name: number for name, (number, _) in TABLE.items()} == ops.CODES


def test_numbers_are_unique_and_never_reused() -> None:
    numbers = [number for number, _ in TABLE.values()]
    assert len(set(numbers)) == len(numbers)
    assert not RETIRED & set(numbers)
    assert set(numbers) | RETIRED == set(range(1, max(numbers) + 1))


def test_every_operation_is_made_by_a_constructor_here() -> None:
    assert {op.name for op in MADE} == set(TABLE)


def test_every_constructor_is_tried_here() -> None:
    constructors = {
        name
        for name, value in vars(ops).items()
        if inspect.isfunction(value) and value.__module__ == ops.__name__
    }
    source = Path(__file__).read_text()
    assert {name for name in constructors if f" ops.{name}(" not in source} == set()


@pytest.mark.parametrize("op", MADE, ids=ids)
def test_strings_are_what_the_executor_takes(op: Op) -> None:
    kinds = TABLE[op.name][1]
    values = [*op.strings, *[None] * (4 - len(op.strings))]
    assert [
        (kind, value)
        for kind, value in zip(kinds, values, strict=True)
        if not kind_fits(kind, value)
    ] == []


@pytest.mark.parametrize("op", MADE, ids=ids)
def test_an_operation_fits_its_record(op: Op) -> None:
    assert len(op.numbers) <= 5 and all(0 <= number < 1 << 64 for number in op.numbers)
    assert 0 <= op.flags < 1 << 32
    assert op.code == ops.CODES[op.name]


@pytest.mark.parametrize("op", MADE, ids=ids)
def test_an_operation_says_what_it_does_and_who_asked(op: Op) -> None:
    assert op.what and op.origin
    assert "\n" not in op.what
    assert op.name in repr(op) and op.origin in repr(op)


@pytest.mark.parametrize("op", MADE, ids=ids)
def test_the_executor_reads_no_number_that_nobody_wrote(op: Op) -> None:
    used = numbers_read(op.name)
    assert used <= set(range(len(op.numbers))), f"op_{op.name} reads numbers {used}"


def numbers_read(name: str) -> set[int]:
    """The indexes of `op->number[]` in the executor's function, not in what it calls."""
    for source in CSRC.glob("op_*.c"):
        found = re.search(rf"^int op_{name}\(.*?^}}", source.read_text(), re.MULTILINE | re.DOTALL)
        if found:
            return {int(index) for index in re.findall(r"op->number\[(\d)\]", found[0])}
    raise AssertionError(f"no op_{name} in csrc/op_*.c")


def c_constants() -> dict[str, int]:
    """The #define NAME NUMBERu of the executor that bear the prefix of an operation."""
    found: dict[str, int] = {}
    for source in sorted(CSRC.glob("op_*.c")):
        for name, value in re.findall(
            r"^#define ([A-Z][A-Z_]+) (\d+)u\b", source.read_text(), re.M
        ):
            assert found.setdefault(name, int(value)) == int(value), name
    return found


@pytest.mark.parametrize(("name", "value"), sorted(c_constants().items()))
def test_flags_mean_the_same_on_both_sides(name: str, value: int) -> None:
    if name == "MOVE_ROOT_CHROOT":  # the one that is a constructor of its own
        assert ops.chroot().flags == value and ops.move_root().flags == 0
    else:
        assert getattr(ops, name) == value


@pytest.mark.parametrize(
    ("make", "flags"),
    [
        pytest.param(lambda: ops.become_root(setgroups=False), 0, id="become root, groups denied"),
        pytest.param(lambda: ops.become_root(setgroups=True), 1, id="become root"),
        pytest.param(lambda: ops.user("u", 0, 0, [], setgroups=False), 0, id="groups denied"),
        pytest.param(lambda: ops.symlink("o", "a", "b"), 0, id="an existing entry is kept"),
        pytest.param(lambda: ops.executable("sh", ""), 0, id="an empty PATH is a PATH"),
        pytest.param(
            lambda: ops.executable("sh", None), ops.EXECUTABLE_NO_PATH, id="no PATH at all"
        ),
        pytest.param(
            lambda: ops.execute(["x"], [], 0, 0, default_home=False), 0, id="HOME is there"
        ),
    ],
)
def test_flags_of_constructors(make: Callable[[], Op], flags: int) -> None:
    assert make().flags == flags


def test_groups_are_packed_as_gid_t() -> None:
    packed = ops.user("process.user", 0, 0, [1, 0xFFFFFFFE], setgroups=True).strings[0]
    assert packed == b"\x01\0\0\0\xfe\xff\xff\xff"


def test_a_slot_shares_the_fifth_number_of_a_bind_with_propagation() -> None:
    op = ops.bind("mounts[0]", source=None, target="/x", propagation=0x81, slot=9)
    assert op.numbers[4] & 0xFFFFFFFF == 0x81
    assert op.numbers[4] >> 32 == 9


def test_a_device_is_bound_from_its_own_path_unless_told() -> None:
    assert ops.mknod("o", "/dev/x", 0o20600, 1, 3, 0, 0).strings == ("/dev/x", "/dev/x")
    assert ops.mknod("o", "/dev/x", 0o20600, 1, 3, 0, 0, source="/dev/null").strings == (
        "/dev/x",
        "/dev/null",
    )
