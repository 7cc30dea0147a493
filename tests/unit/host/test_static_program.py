"""Which programs need nothing else to run."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from runtime.errors import ConfigError, HostError
from runtime.host import static_program
from runtime.host.static_program import find_tools, is_static


def elf(*kinds: int) -> bytes:
    """A 64-bit header and program headers of these kinds."""
    head = bytearray(64)
    head[:5] = b"\x7fELF\x02"
    struct.pack_into("=Q", head, 32, 64)
    struct.pack_into("=2H", head, 54, 56, len(kinds))
    return bytes(head) + b"".join(struct.pack("=I52x", kind) for kind in kinds)


@pytest.mark.parametrize(("kinds", "static"), [((1, 2), True), ((6, 3, 1), False), ((), True)])
def test_interpreter(tmp_path: Path, kinds: tuple[int, ...], static: bool) -> None:
    (tmp_path / "x").write_bytes(elf(*kinds))
    assert is_static(str(tmp_path / "x")) is static


def test_this_interpreter_is_dynamic() -> None:
    assert not is_static(sys.executable)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x09", elf(1)[:66]])
def test_no_program(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ConfigError, match="no ELF program"):
        is_static(str(tmp_path / "x"))


def test_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dynamic, static = tmp_path / "a", tmp_path / "b"
    dynamic.write_bytes(elf(3))
    static.write_bytes(elf(1))
    for path in (dynamic, static):
        path.chmod(0o755)
    monkeypatch.setattr(static_program, "PLACES", (str(dynamic), str(static)))
    assert find_tools() == str(static)
    monkeypatch.setattr(static_program, "PLACES", (str(dynamic),))
    with pytest.raises(HostError, match="no static busybox"):
        find_tools()
