"""Units and slices."""

from __future__ import annotations

import pytest

from runtime.cgroups.systemd_unit import plan_unit, slice_path
from runtime.errors import ConfigError


@pytest.mark.parametrize(
    ("path", "is_user", "slice_name", "unit"),
    [
        (None, False, "system.slice", "pyrunc-c1.scope"),
        ("", True, "user.slice", "pyrunc-c1.scope"),
        ("machine.slice:libpod:abc", False, "machine.slice", "libpod-abc.scope"),
        (":cri:abc", False, "system.slice", "cri-abc.scope"),
        ("-.slice:a:b", False, "-.slice", "a-b.scope"),
        ("a-b.slice::name", False, "a-b.slice", "name.scope"),
    ],
)
def test_unit(path: str | None, is_user: bool, slice_name: str, unit: str) -> None:
    found = plan_unit(path, "c1", is_user=is_user)
    assert (found.slice, found.name, found.is_user) == (slice_name, unit, is_user)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "/a/b",
            'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, '
            'got "/a/b" instead',
        ),
        ("a:b", 'got "a:b" instead'),
        ("a:b:c:d", 'got "a:b:c:d" instead'),
        ("a:b:c", "invalid slice name: a"),
        ("a/b.slice:p:c", "invalid slice name: a/b.slice"),
        ("a--b.slice:p:c", "invalid slice name: a--b.slice"),
        (".slice:p:c", "invalid slice name: .slice"),
        ("a.slice:p:b.slice", "b.slice is a slice, which takes no processes"),
        ("::", "no name of a unit"),
        ("a.slice:p:", "no name of a unit"),
        ("a.slice:p:a/b", "no name of a unit"),
        ("a.slice:p:" + "n" * 255, "no name of a unit"),
    ],
)
def test_no_unit(path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_unit(path, "c1", is_user=False)
    assert words in str(caught.value)
    assert caught.value.field == "linux.cgroupsPath"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("-.slice", ""),
        ("a.slice", "/a.slice"),
        ("a-b.slice", "/a.slice/a-b.slice"),
        ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"),
    ],
)
def test_slice(name: str, path: str) -> None:
    assert slice_path(name) == path
