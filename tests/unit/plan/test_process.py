"""Identity, privileges, limits, environment and program."""

from __future__ import annotations

import resource
from typing import Any

import pytest
from harness.plans import minimal, ops_named, plan_of

from runtime.plan import ops
from runtime.plan.capabilities import BITS, SYS_ADMIN
from runtime.plan.process import RLIMITS, Environment

FILTER = (b"filter..", 4)
KILL = BITS["CAP_KILL"]


class TestTerminal:
    def test_none(self) -> None:
        size = {"height": 25, "width": 80}
        assert ops_named(plan_of(minimal(process={"consoleSize": size})), "console") == []

    @pytest.mark.parametrize(
        ("size", "numbers"), [(None, (0, 0)), ({"height": 25, "width": 80}, (25, 80))]
    )
    def test_size(self, size: dict[str, int] | None, numbers: tuple[int, int]) -> None:
        process = {"terminal": True} | ({"consoleSize": size} if size else {})
        (op,) = ops_named(plan_of(minimal(process=process)), "console")
        assert op.numbers == numbers

    @pytest.mark.parametrize(("namespaces", "flags"), [(["mount"], ops.CONSOLE_BIND), ([], 0)])
    def test_dev_console_is_never_bound_on_the_host(
        self, namespaces: list[str], flags: int
    ) -> None:
        linux = {"namespaces": [{"type": kind} for kind in namespaces]}
        plan = plan_of(minimal(process={"terminal": True}, linux=linux))
        (op,) = ops_named(plan, "console")
        assert op.flags == flags

    def test_after_the_pivot_before_anything_turns_read_only(self) -> None:
        config = minimal(process={"terminal": True}, root={"path": "rootfs", "readonly": True})
        names = [op.name for op in plan_of(config).ops]
        order = ["setsid", "pivot", "stdio_null", "console", "remount_ro", "stdio_owner"]
        assert sorted(order, key=names.index) == order


@pytest.mark.parametrize(
    ("variables", "kept", "search_path", "default_home"),
    [
        pytest.param([], [], None, True, id="nothing is inherited"),
        pytest.param(["A=1", "B=2", "A=3"], ["B=2", "A=3"], None, True, id="the last one stays"),
        pytest.param(
            ["PATH=/bin"], ["PATH=/bin"], "/bin", True, id="where programs are looked for"
        ),
        pytest.param(["PATH="], ["PATH="], "", True, id="an empty PATH is one"),
        pytest.param(["HOME=/h"], ["HOME=/h"], None, False, id="HOME"),
        pytest.param(["HOME=", "A=1"], ["A=1"], None, True, id="an empty HOME is none"),
        pytest.param(["HOME=/h", "HOME="], [], None, True, id="also when it is the last"),
        pytest.param(["A=b=c", "B="], ["A=b=c", "B="], None, True, id="values are free"),
    ],
)
def test_environment(
    variables: list[str], kept: list[str], search_path: str | None, default_home: bool
) -> None:
    found = Environment(variables)
    assert found.variables == kept
    assert (found.search_path, found.default_home) == (search_path, default_home)


def test_rlimit_numbers_are_the_kernels() -> None:
    names = {name: number for name, number in vars(resource).items() if name in RLIMITS}
    assert names.items() <= RLIMITS.items()
    assert len(names) >= 10


def test_rlimits() -> None:
    limits = [
        {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1},
    ]
    found = plan_of(minimal(process={"rlimits": limits})).rlimits
    assert [(r.resource, r.soft, r.hard, r.origin) for r in found] == [
        (7, 1, 2, "process.rlimits[0]"),
        (4, 0, 2**64 - 1, "process.rlimits[1]"),
    ]


@pytest.mark.parametrize(("user", "mask"), [({}, 0o022), ({"umask": 0}, 0), ({"umask": 63}, 0o77)])
def test_umask(user: dict[str, int], mask: int) -> None:
    assert ops_named(plan_of(minimal(process={"user": user})), "umask")[0].numbers == (mask,)


@pytest.mark.parametrize(("score", "planned"), [({}, None), ({"oomScoreAdj": 0}, 0)])
def test_oom_score_zero_is_not_absent(score: dict[str, int], planned: int | None) -> None:
    assert plan_of(minimal(process=score)).oom_score_adj == planned


@pytest.mark.parametrize(("domain", "number"), [("LINUX", 0), ("LINUX32", 8)])
def test_personality(domain: str, number: int) -> None:
    plan = plan_of(minimal(linux={"personality": {"domain": domain}}))
    assert ops_named(plan, "personality")[0].numbers == (number,)


def test_user() -> None:
    user = {"uid": 1000, "gid": 100, "additionalGids": [5, 2**32 - 2]}
    plan = plan_of(minimal(process={"user": user}))
    (op,) = ops_named(plan, "user")
    assert (op.numbers, op.strings) == ((1000, 100), (b"\x05\0\0\0\xfe\xff\xff\xff",))
    assert op.flags == ops.USER_SETGROUPS  # an empty list is set as well
    assert ops_named(plan, "stdio_owner")[0].numbers == (1000,)
    assert ops_named(plan, "exec")[0].numbers == (0, 1000)


def test_without_capabilities_there_are_none() -> None:
    plan = plan_of(minimal())
    assert ops_named(plan, "bounding")[0].numbers == (0,)
    assert [op.numbers for op in ops_named(plan, "caps")] == [(0, 0, 0, 0)]


def names_of_end(process: dict[str, Any], seccomp: tuple[bytes, int] | None) -> list[str]:
    """The operations from the bounding set on."""
    names = [op.name for op in plan_of(minimal(process=process), seccomp=seccomp).ops]
    return names[names.index("bounding") :]


def test_the_order_of_giving_up() -> None:
    start = ["bounding", "stdio_owner", "chdir", "user", "caps", "chdir", "executable", "sync",
             "fifo"]  # fmt: skip
    nnp = {"noNewPrivileges": True}
    assert names_of_end({}, None) == [*start, "exec"]
    assert names_of_end(nnp, FILTER) == [*start, "seccomp", "exec"]
    assert names_of_end({}, FILTER) == [*start, "seccomp", "caps", "exec"]


def test_a_filter_without_no_new_privs_needs_cap_sys_admin_until_it_is_in() -> None:
    capabilities = {"permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}
    plan = plan_of(minimal(process={"capabilities": capabilities}), seccomp=FILTER)
    assert [op.numbers for op in ops_named(plan, "caps")] == [
        (KILL | SYS_ADMIN, KILL | SYS_ADMIN, 0, 0), (KILL, KILL, 0, 0),
    ]  # fmt: skip


def test_who_keeps_cap_sys_admin_sets_capabilities_once() -> None:
    names = ["CAP_SYS_ADMIN"]
    capabilities = {"permitted": names, "effective": names}
    plan = plan_of(minimal(process={"capabilities": capabilities}), seccomp=FILTER)
    assert len(ops_named(plan, "caps")) == 1


def test_working_directory() -> None:
    plan = plan_of(minimal(process={"cwd": "/srv"}))
    assert [op.strings[0] for op in ops_named(plan, "mkdir")] == ["/srv"]
    assert [op.flags for op in ops_named(plan, "chdir")] == [ops.CHDIR_TRY, ops.CHDIR_AGAIN]
    assert ops_named(plan_of(minimal()), "mkdir") == []


def test_program() -> None:
    plan = plan_of(minimal(process={"args": ["sh", "-c"], "env": ["PATH=/bin"]}))
    (op,) = ops_named(plan, "executable")
    assert (op.strings, op.flags) == (("sh", "/bin"), 0)
    assert ops_named(plan, "exec")[0].strings == (["sh", "-c"], ["PATH=/bin"])
    (op,) = ops_named(plan_of(minimal()), "executable")
    assert (op.strings, op.flags) == (("/bin/true", None), ops.EXECUTABLE_NO_PATH)
