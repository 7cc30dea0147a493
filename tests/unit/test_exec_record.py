"""The plan made in advance, and what csrc/fast_plan.c makes of it: what Python would plan."""

from __future__ import annotations

import copy
import json
import os
import re
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.plans import facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime import exec_record as module
from runtime.exec_record import HEAD, REST, exec_record_of, save_exec_record
from runtime.host.facts import HostFacts
from runtime.plan.capabilities import NAMES
from runtime.plan.encode import encode
from runtime.plan.exec import Target, make_exec_plan
from runtime.plan.exec_process import process_of_file
from runtime.plan.plan import FIRST_SLOT
from runtime.plan.process import RLIMITS
from runtime.state import Container

TREE = Path(__file__).parents[2]
HEADER = (TREE / "csrc/exec_record.h").read_text()
LEFT_TO_PYTHON = 3
FILTER = (b"\x06\0\0\0\0\0\xff\x7f" * 3, 1)
STAT = os.stat(__file__)

PROCESS: dict[str, Any] = {
    "args": ["/bin/sleep", "9"], "cwd": "/", "env": ["PATH=/bin", "TERM=xterm", "HOME=/h"],
    "user": {"uid": 0, "gid": 0, "umask": 0o27},
    "capabilities": {kind: ["CAP_KILL", "CAP_CHOWN"] for kind in
                     ("bounding", "effective", "permitted")},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 6},
                {"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1}],
    "oomScoreAdj": 77,
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "process": PROCESS,
    "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc")]},
}
ASKED: dict[str, Any] = {
    "args": ["check", "-a"], "cwd": "/tmp", "env": ["A=1", "PATH=/x", "A=2", "HOME="],
    "user": {"uid": 33, "gid": 44, "additionalGids": [1, 2]},
    "capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
}  # fmt: skip


def container(folder: Path, config: dict[str, Any], **data: Any) -> Container:
    members: dict[str, Any] = {
        "id": "c1", "pid": 12, "pidStart": 34, "bundle": "/b",
        "cgroupPaths": {"": "/u/c1", "pids": "/pids/c1", "cpu": "/cpu/c1", "cpuacct": "/cpu/c1"},
        "config": config, **data,
    }  # fmt: skip
    return Container(str(folder), members, 0)


def config_with(linux: dict[str, Any] | None = None, **process: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    config["process"].update(process)
    config["linux"].update(linux or {})
    return config


def record_of(
    made: Container, host: HostFacts | None = None, seccomp: tuple[bytes, int] | None = FILTER
) -> bytes:
    data = exec_record_of(made, host or facts(), seccomp, STAT)
    assert data is not None
    return data


def planned(
    made: Container, asked: Any, host: HostFacts | None = None,
    seccomp: tuple[bytes, int] | None = FILTER,
) -> bytes:  # fmt: skip
    """The plan that exec would make in Python."""
    process = process_of_file(asked, made.config["process"])
    target = Target(made.id, made.config, made.pid, made.cgroup_paths, keyring=True)  # type: ignore[arg-type]
    plan = make_exec_plan(target, process, host or facts(), seccomp, preserve_fds=0)
    return encode(plan.ops, FIRST_SLOT + len(plan.slots))


class Operations:
    """A plan on the wire as comparable values, wherever its strings lie."""

    def __init__(self, data: bytes) -> None:
        magic, version, size, count, _, slots, flags, _ = struct.unpack_from("=8I", data)
        assert size == len(data)
        self.head = (magic, version, count, slots, flags)
        self.ops = []
        for index in range(count):
            code, op_flags, *rest = struct.unpack_from("=2I4I5Q", data, 32 + 64 * index)
            strings = []
            for at in rest[:4]:
                length = struct.unpack_from("=I", data, at)[0] if at else 0
                strings.append(data[at + 4 : at + 4 + length] if at else None)
            self.ops.append((code, op_flags, strings, rest[4:]))


Dump = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Dump:
    """The C side under sanitizers, as a program."""
    folder = tmp_path_factory.mktemp("dump")
    sources = [TREE / "tests/unit/csrc/fast_plan_dump.c"]
    sources += [TREE / "csrc" / name for name in
                ("fast_plan.c", "fast_process.c", "exec_record.c", "plan.c")]  # fmt: skip
    subprocess.run(
        ["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-g", "-O1",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{TREE / 'csrc'}",
         "-o", folder / "dump", *sources],
        check=True,
    )  # fmt: skip

    def run(record: bytes, asked: Any = None) -> subprocess.CompletedProcess[bytes]:
        (folder / "record").write_bytes(record)
        command = [folder / "dump", folder / "record"]
        if asked is not None:
            (folder / "process").write_text(json.dumps(asked))
            command.append(folder / "process")
        return subprocess.run(command, capture_output=True)

    return run


def same(dump: Dump, made: Container, asked: Any, **rest: Any) -> None:
    done = dump(record_of(made, **rest), asked)
    assert done.returncode == 0, done.stderr
    ours, theirs = Operations(done.stdout), Operations(planned(made, asked, **rest))
    assert ours.head == theirs.head
    for one, other in zip(ours.ops, theirs.ops, strict=True):
        assert one == other


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAGIC", module.MAGIC), ("VERSION", module.VERSION), ("AT_MOST", module.AT_MOST),
     ("SETS_GROUPS", module.SETS_GROUPS), ("IDS_FIXED", module.IDS_FIXED),
     ("HAS_SCORE", module.HAS_SCORE)],
)  # fmt: skip
def test_both_sides_agree(name: str, value: int) -> None:
    found = re.search(rf"#define EXEC_{name} (\w+?)u?\s", HEADER)
    assert found is not None and int(found[1], 0) == value


def test_names_of_capabilities_and_limits() -> None:
    text = (TREE / "csrc/fast_process.c").read_text()
    lists = [re.findall(r'"(\w+)"', found) for found in
             re.findall(r"names\[\] = \{(.*?)\};", text, re.DOTALL)]  # fmt: skip
    assert [f"CAP_{name}" for name in lists[0]] == [*NAMES]
    assert [f"RLIMIT_{name}" for name in lists[1]] == [*RLIMITS]


def test_header_and_strings(tmp_path: Path) -> None:
    data = record_of(container(tmp_path, CONFIG))
    magic, version, size, checksum = HEAD.unpack_from(data)
    assert (magic, version, size) == (module.MAGIC, module.VERSION, len(data))
    assert checksum == zlib.crc32(data[16:])
    start, inode, mtime, caps, pid, flags, score, count, offset, _ = REST.unpack_from(data, 16)
    assert (start, inode, mtime, pid) == (34, STAT.st_ino, STAT.st_mtime_ns, 12)
    assert (caps, flags, score) == ((1 << 41) - 1, module.SETS_GROUPS | module.HAS_SCORE, 77)
    strings = data[HEAD.size + REST.size : offset].decode().split("\0")[:count]
    # The limit of processes is joined after the fork.
    assert strings[:2] == ["/b/config.json", "/u/c1"]
    assert sorted(strings[2:]) == ["cgroup /cpu/c1", "cgroup /pids/c1", "init"]
    assert offset % 8 == 0 and data[offset : offset + 4] == b"PYRP"


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(config_with(apparmorProfile="p"), id="profile"),
        pytest.param(config_with(selinuxLabel="l"), id="label"),
        pytest.param(config_with(scheduler={"policy": "SCHED_OTHER"}), id="scheduler"),
        pytest.param(config_with(ioPriority={"class": "IOPRIO_CLASS_IDLE"}), id="I/O priority"),
        pytest.param(config_with(execCPUAffinity={"final": "0"}), id="CPUs"),
        pytest.param(config_with({"namespaces": [{"type": "pid"}]}), id="no mount namespace"),
        pytest.param(config_with({"intelRdt": {"closID": "x"}}), id="resctrl"),
    ],
)
def test_unusual_ones_have_none(config: dict[str, Any], tmp_path: Path) -> None:
    assert exec_record_of(container(tmp_path, config), facts(), None, STAT) is None
    save_exec_record(container(tmp_path, config), facts(), None, STAT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("user", [False, True])
def test_who_may_join_a_users_scope_depends_on_the_caller(user: bool, tmp_path: Path) -> None:
    made = container(tmp_path, CONFIG, systemdUnit={"name": "x.scope", "user": user})
    assert (exec_record_of(made, facts(), None, STAT) is None) == user


def test_a_user_s_systemd_has_to_move_the_process(tmp_path: Path) -> None:
    for is_user in (True, False):
        made = container(tmp_path, CONFIG, systemdUnit={"name": "x.scope", "user": is_user})
        assert (exec_record_of(made, facts(), None, STAT) is None) == is_user


def test_saved(tmp_path: Path) -> None:
    made = container(tmp_path, CONFIG)
    save_exec_record(made, facts(), FILTER, STAT)
    assert (tmp_path / "exec").read_bytes() == record_of(made)
    save_exec_record(made, facts(), FILTER, None)
    assert [path.name for path in tmp_path.iterdir()] == ["exec"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as it stands"),
        pytest.param({"capabilities": None}, id="the container's capabilities"),
        pytest.param({"user": {}}, id="root"),
        pytest.param({"user": {"uid": 1, "umask": 0}}, id="own umask"),
        pytest.param({"env": []}, id="no environment"),
        pytest.param({"env": ["HOME=/x", "PATH="]}, id="home, empty path"),
        pytest.param({"env": ["A=1", "B=2", "A=3", "AB=1"]}, id="named twice"),
        pytest.param({"oomScoreAdj": -5}, id="own score"),
        pytest.param({"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1},
                                  {"type": "RLIMIT_CORE", "soft": 1, "hard": 2}]}, id="limits"),
        pytest.param({"rlimits": []}, id="the container's limits"),
        pytest.param({"capabilities": {"effective": ["CAP_SYS_ADMIN"],
                                       "permitted": ["CAP_SYS_ADMIN"]}}, id="with SYS_ADMIN"),
        pytest.param({"args": ["x" * 9000, "", "\n"]}, id="long, empty, odd arguments"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seccomp", [None, FILTER], ids=["no filter", "filter"])
def test_the_plan_is_python_s(
    changes: dict[str, Any], seccomp: tuple[bytes, int] | None, dump: Dump, tmp_path: Path
) -> None:
    asked = {key: value for key, value in {**ASKED, **changes}.items() if value is not None}
    made = container(tmp_path, CONFIG)
    if seccomp and "CAP_SYS_ADMIN" in str(changes):
        # Without the first of two capsets it is another shape.
        assert dump(record_of(made, seccomp=seccomp), asked).returncode == LEFT_TO_PYTHON
    else:
        same(dump, made, asked, seccomp=seccomp)


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        pytest.param(config_with(noNewPrivileges=True), ASKED, id="no_new_privs of container"),
        pytest.param(CONFIG, {**ASKED, "noNewPrivileges": True}, id="no_new_privs of process"),
        pytest.param(CONFIG, {**ASKED, "rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]},
                     id="another limit"),
        pytest.param(config_with(rlimits=[], oomScoreAdj=None), {**ASKED, "oomScoreAdj": 1},
                     id="a score, and nobody would ask"),
        pytest.param(CONFIG, {**ASKED, "capabilities": {"effective": ["CAP_KILL"]}}, id="excess"),
        pytest.param(CONFIG, {**ASKED, "env": ["A"]}, id="no variable"),
        pytest.param(CONFIG, {**ASKED, "terminal": True}, id="terminal"),
        pytest.param(
            config_with({"namespaces": [{"type": "user"}, {"type": "mount"}],
                         "uidMappings": [{"containerID": 0, "hostID": 1, "size": 9}],
                         "gidMappings": [{"containerID": 0, "hostID": 1, "size": 9}]}),
            ASKED, id="ids of a user namespace",
        ),
    ],
)  # fmt: skip
def test_left_to_python(
    config: dict[str, Any], asked: dict[str, Any], dump: Dump, tmp_path: Path
) -> None:
    config["process"] = {k: v for k, v in config["process"].items() if v is not None}
    record = record_of(container(tmp_path, config))
    assert dump(record, asked).returncode == LEFT_TO_PYTHON


def test_groups_that_cannot_be_set(dump: Dump, tmp_path: Path) -> None:
    record = record_of(container(tmp_path, CONFIG), facts(setgroups_allowed=False))
    assert dump(record, ASKED).returncode == LEFT_TO_PYTHON
    without = {**ASKED, "user": {"uid": 1}}
    assert dump(record, without).returncode == 0


def test_the_container_s_own_process(dump: Dump, tmp_path: Path) -> None:
    made = container(tmp_path, CONFIG)
    done = dump(record_of(made))
    asked = {**PROCESS, "args": ["/bin/other", "word"]}
    assert Operations(done.stdout).ops == Operations(planned(made, asked)).ops


@pytest.mark.parametrize("at", [0, 4, 8, 12, 16, 60, 100, -1])
def test_damage_is_seen(at: int, dump: Dump, tmp_path: Path) -> None:
    data = bytearray(record_of(container(tmp_path, CONFIG)))
    data[at] ^= 1
    assert dump(bytes(data), ASKED).returncode == 2
    assert dump(bytes(data[: len(data) // 2]), ASKED).returncode == 2


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
CAPS = st.lists(st.sampled_from(["CAP_KILL", "CAP_CHOWN", "CAP_SETUID"]), unique=True)


@st.composite
def processes(draw: st.DrawFn) -> dict[str, Any]:
    permitted = draw(CAPS)
    names = st.sampled_from(["A", "B", "HOME", "PATH", "HOME2"])
    process: dict[str, Any] = {
        "args": [draw(WORDS.filter(bool)), *draw(st.lists(WORDS, max_size=3))],
        "cwd": "/" + draw(WORDS),
        "env": [f"{name}={value}" for name, value in draw(st.lists(st.tuples(names, WORDS)))],
        "user": {"uid": draw(st.integers(0, 2**32 - 2)), "gid": draw(st.integers(0, 2**32 - 2)),
                 "additionalGids": draw(st.lists(st.integers(0, 2**32 - 2), max_size=4))},
        "capabilities": {"bounding": draw(CAPS), "permitted": permitted, "effective": permitted,
                         "inheritable": permitted, "ambient": permitted},
    }  # fmt: skip
    for key in ("env", "user", "capabilities"):
        if draw(st.booleans()):
            del process[key]
    return process


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=processes())
def test_any_process(asked: dict[str, Any], dump: Dump) -> None:
    same(dump, container(Path("/nowhere"), CONFIG), asked)
