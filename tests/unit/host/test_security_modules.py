"""Whether AppArmor or SELinux is on, told by files as a kernel shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.host.security_modules import has_apparmor, has_selinux


@pytest.mark.parametrize(("text", "on"), [("Y\n", True), ("N\n", False), ("", False)])
def test_apparmor(tmp_path: Path, text: str, on: bool) -> None:
    (tmp_path / "enabled").write_text(text)
    assert has_apparmor(str(tmp_path / "enabled")) is on


def test_a_kernel_without_apparmor(tmp_path: Path) -> None:
    assert not has_apparmor(str(tmp_path / "enabled"))


def test_selinux(tmp_path: Path) -> None:
    assert not has_selinux(str(tmp_path / "enforce"))
    (tmp_path / "enforce").write_text("0")
    assert has_selinux(str(tmp_path / "enforce")), "permissive is on, too"
