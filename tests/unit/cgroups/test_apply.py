"""Writing values: order, second tries, missing files, words for refusals."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.cgroups.apply import apply_settings
from runtime.cgroups.setting import FAIL, IGNORE, WARN, Setting
from runtime.errors import KernelError


@pytest.fixture
def memory_fd(fake: Any) -> Iterator[int]:
    fake.layout("memory")
    fd = os.open(fake.top / "memory", os.O_RDONLY)
    yield fd
    os.close(fd)


def limit(value: int) -> Setting:
    return Setting("memory.limit_in_bytes", value, "f", after="memory.memsw.limit_in_bytes")


SWAP = Setting("memory.memsw.limit_in_bytes", 9, "f")


def test_in_order(fake: Any, memory_fd: int) -> None:
    apply_settings(memory_fd, "/cg", [limit(5), SWAP], [])
    assert [value for _, value in fake.writes] == ["5", "9"]


def test_a_limit_above_the_old_swap_waits_for_the_new_one(fake: Any, memory_fd: int) -> None:
    fake.refuse = {"memory/memory.limit_in_bytes": errno.EINVAL}
    apply_settings(memory_fd, "/cg", [limit(5), SWAP], [])
    assert [value for _, value in fake.writes] == ["9", "5"]


@pytest.mark.parametrize(
    ("settings", "number"),
    [([limit(5)], errno.EINVAL), ([limit(5), SWAP], errno.EBUSY)],
    ids=["nothing to wait for", "another refusal"],
)
def test_no_second_try(fake: Any, memory_fd: int, settings: list[Setting], number: int) -> None:
    fake.refuse = {"memory/memory.limit_in_bytes": number}
    with pytest.raises(KernelError) as caught:
        apply_settings(memory_fd, "/cg", settings, [])
    assert caught.value.errno == number


@pytest.mark.parametrize(("missing", "warned"), [(IGNORE, 0), (WARN, 1)])
def test_a_missing_file_may_be_fine(memory_fd: int, missing: int, warned: int) -> None:
    warnings: list[str] = []
    apply_settings(memory_fd, "/cg", [Setting("no.file", 1, "f", missing=missing)], warnings)
    assert len(warnings) == warned


def test_a_missing_file_is_an_error_that_names_it(memory_fd: int) -> None:
    with pytest.raises(KernelError) as caught:
        apply_settings(memory_fd, "/cg/x", [Setting("no.file", 1, "linux.f", missing=FAIL)], [])
    assert str(caught.value) == (
        'linux.f: failed to write "1" to /cg/x/no.file: write: no such file or directory; '
        "this kernel has no such control file"
    )


def test_instead(fake: Any, memory_fd: int) -> None:
    other = Setting("memory.memsw.limit_in_bytes", 2, "f")
    apply_settings(memory_fd, "/cg", [Setting("no.file", 1, "f", instead=other)], [])
    assert [value for _, value in fake.writes] == ["2"]
