"""The cache of compiled filters: what is believed, what is made anew, what is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.native import seccomp_cache
from runtime.native.seccomp_cache import FILES_MAX, load_or_compile, profile_key

Profile = dict[str, Any]

PROFILE: Profile = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "syscalls": [{"names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW"}],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A state root."""
    path = tmp_path / "root"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that libseccomp was asked."""
    from runtime.native import seccomp

    made: list[int] = []
    real = seccomp.compile_filter

    def count(*args: Any) -> bytes:
        made.append(1)
        return real(*args)

    monkeypatch.setattr(seccomp, "compile_filter", count)
    return made


def kept_file(root: Path) -> Path:
    (path,) = (root / ".seccomp").iterdir()
    return path


@pytest.mark.parametrize("seccomp", [None, {}])
def test_no_profile_touches_nothing(root: Path, seccomp: Profile | None) -> None:
    assert load_or_compile(seccomp, str(root)) is None
    assert list(root.iterdir()) == []


def test_the_second_time_nothing_is_compiled(root: Path, compilations: list[int]) -> None:
    debug: list[str] = []
    first = load_or_compile(PROFILE, str(root), debug=debug)
    assert debug == ["linux.seccomp: unknown system calls skipped: no_such_call"]
    assert load_or_compile(PROFILE, str(root)) == first
    assert first is not None
    assert first[1] == 4
    assert len(compilations) == 1


def test_what_is_kept_is_private(root: Path) -> None:
    old = os.umask(0)
    try:
        load_or_compile(PROFILE, str(root))
    finally:
        os.umask(old)
    assert (root / ".seccomp").stat().st_mode & 0o7777 == 0o700
    assert kept_file(root).stat().st_mode & 0o7777 == 0o600


def test_flags_are_not_part_of_the_program(root: Path, compilations: list[int]) -> None:
    load_or_compile(PROFILE, str(root))
    other = load_or_compile({**PROFILE, "flags": []}, str(root))
    assert other is not None
    assert other[1] == 0
    assert len(compilations) == 1


def test_a_hit_does_not_excuse_what_is_wrong(root: Path) -> None:
    load_or_compile(PROFILE, str(root))
    with pytest.raises(ConfigError, match="flags"):
        load_or_compile({**PROFILE, "flags": ["TSYNC"]}, str(root))


def rule(**changes: Any) -> Profile:
    return {**PROFILE, "syscalls": [{**PROFILE["syscalls"][0], **changes}]}


def condition(**changes: Any) -> Profile:
    return rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ", **changes}])


def test_every_field_of_a_profile_changes_the_key() -> None:
    profiles: list[Profile] = [
        PROFILE,
        {**PROFILE, "defaultErrnoRet": 0},
        {**PROFILE, "defaultErrnoRet": 38},
        {**PROFILE, "defaultAction": "SCMP_ACT_KILL"},
        {**PROFILE, "architectures": ["SCMP_ARCH_X86"]},
        {**PROFILE, "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
        rule(names=["read"]),
        rule(names=["readno_such_call"]),
        rule(action="SCMP_ACT_LOG"),
        rule(action="SCMP_ACT_ERRNO", errnoRet=1),
        rule(action="SCMP_ACT_ERRNO", errnoRet=2),
        condition(),
        condition(index=1),
        condition(value=2),
        condition(op="SCMP_CMP_NE"),
        condition(valueTwo=1),
    ]
    assert len({profile_key(profile) for profile in profiles}) == len(profiles)


def test_equal_content_has_an_equal_key() -> None:
    """However the objects came to be: shared strings, interned ones, fresh ones."""
    shared = "".join(["re", "ad"])
    once = rule(names=[shared, shared])
    again = rule(names=["".join(["r", "ead"]), sys.intern("read")])
    assert profile_key(once) == profile_key(again)


def flip_byte(at: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        blob = bytearray(path.read_bytes())
        blob[at] ^= 1
        path.write_bytes(blob)

    return damage


def other_profiles_file(path: Path) -> None:
    root = path.parent.parent
    load_or_compile(rule(action="SCMP_ACT_LOG"), str(root))
    (other,) = (each for each in path.parent.iterdir() if each != path)
    other.rename(path)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def link(path: Path) -> None:
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        pytest.param(flip_byte(0), "damaged", id="magic"),
        pytest.param(flip_byte(8), "damaged", id="length"),
        pytest.param(flip_byte(20), "damaged", id="key"),
        pytest.param(flip_byte(-40), "damaged", id="program"),
        pytest.param(flip_byte(-1), "damaged", id="digest"),
        pytest.param(lambda path: path.write_bytes(b""), "damaged", id="empty"),
        pytest.param(lambda path: os.truncate(path, 50), "damaged", id="cut"),
        pytest.param(lambda path: os.truncate(path, 1 << 20), "no private file", id="huge"),
        pytest.param(other_profiles_file, "damaged", id="another profile's"),
        pytest.param(lambda path: path.chmod(0o644), "no private file", id="readable to others"),
        pytest.param(fifo, "no private file", id="a fifo"),
        pytest.param(link, "ymbolic link", id="a symbolic link"),
    ],
)
def test_a_bad_file_is_told_and_replaced(
    root: Path, compilations: list[int], damage: Callable[[Path], None], word: str
) -> None:
    good = load_or_compile(PROFILE, str(root))
    path = kept_file(root)
    damage(path)
    compilations.clear()
    warnings: list[str] = []
    assert load_or_compile(PROFILE, str(root), warnings=warnings) == good
    assert len(compilations) == 1
    assert len(warnings) == 1
    assert word in warnings[0]
    assert load_or_compile(PROFILE, str(root), warnings=warnings) == good
    assert (len(compilations), len(warnings)) == (1, 1)


def test_another_library_compiles_anew(
    root: Path, tmp_path: Path, compilations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.native import seccomp

    library = tmp_path / "libseccomp.so.2"
    library.write_text("one")
    monkeypatch.setattr(seccomp, "makers", lambda: [str(library)])
    load_or_compile(PROFILE, str(root))
    load_or_compile(PROFILE, str(root))
    assert len(compilations) == 1
    library.write_text("another")
    load_or_compile(PROFILE, str(root))
    assert len(compilations) == 2
    library.unlink()
    warnings: list[str] = []
    assert load_or_compile(PROFILE, str(root), warnings=warnings) is not None
    assert len(compilations) == 3
    assert "is not kept: No such file" in warnings[0]


def test_the_number_of_files_is_bounded(root: Path) -> None:
    for value in range(FILES_MAX + 3):
        load_or_compile(condition(value=value), str(root))
    assert len(list((root / ".seccomp").iterdir())) == FILES_MAX
    newest = profile_key(condition(value=FILES_MAX + 2)).hex()
    assert (root / ".seccomp" / newest).exists()


def test_before_the_first_container_there_is_no_root(tmp_path: Path) -> None:
    warnings: list[str] = []
    debug: list[str] = []
    missing = tmp_path / "missing"
    assert load_or_compile(PROFILE, str(missing), warnings=warnings, debug=debug) is not None
    assert not missing.exists()
    assert warnings == []
    assert debug[0].startswith(f"no {missing} yet")


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_folder_that_is_not_ours_alone_is_not_used(root: Path, tmp_path: Path, kind: str) -> None:
    folder = root / ".seccomp"
    if kind == "open":
        folder.mkdir()
        folder.chmod(0o755)
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.write_text("")
    warnings: list[str] = []
    assert load_or_compile(PROFILE, str(root), warnings=warnings) is not None
    assert len(warnings) == 1
    assert warnings[0].startswith("compiled filters are not kept: ")
    assert not list((tmp_path / "elsewhere").glob("*"))


def test_a_full_disk_costs_time_only(
    root: Path, monkeypatch: pytest.MonkeyPatch, compilations: list[int]
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    warnings: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(seccomp_cache.os, "write", full)
        assert load_or_compile(PROFILE, str(root), warnings=warnings) is not None
    assert "No space left on device" in warnings[0]
    assert list((root / ".seccomp").iterdir()) == []
    assert len(compilations) == 1


def test_no_descriptor_is_left(root: Path) -> None:
    before = os.listdir("/proc/self/fd")
    load_or_compile(PROFILE, str(root))
    load_or_compile(PROFILE, str(root))
    assert os.listdir("/proc/self/fd") == before


def test_a_hit_loads_neither_libseccomp_nor_what_is_slow(root: Path) -> None:
    load_or_compile(PROFILE, str(root))
    script = f"""
from __future__ import annotations
import os, sys
sys.path[:0] = {sys.path!r}
before = set(sys.modules)
from runtime.native.seccomp_cache import load_or_compile
assert load_or_compile({PROFILE!r}, {str(root)!r}) is not None
print(*sorted(set(sys.modules) - before))
print(any("libseccomp" in line for line in open("/proc/self/maps")))
"""
    command = [sys.executable, "-I", "-S", "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    modules, is_mapped = result.stdout.splitlines()
    ours = {name for name in modules.split() if name.startswith("runtime")}
    assert set(modules.split()) - ours <= {"errno", "marshal", "_blake2", "_struct"}
    assert "runtime.native.seccomp" not in ours
    assert is_mapped == "False"
