from __future__ import annotations

import pytest

from runtime.cli.sizes import parse_size
from runtime.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("-1", -1),
        ("0", 0),
        ("512", 512),
        ("512b", 512),
        ("4k", 4096),
        ("4K", 4096),
        ("4kb", 4096),
        ("4KiB", 4096),
        ("4 KiB", 4096),
        ("1.5m", 3 << 19),
        (".5g", 1 << 29),
        ("2.g", 2 << 30),
        ("1GB", 1 << 30),
        ("3t", 3 << 40),
        ("1p", 1 << 50),
        ("1e3", 1000),
        ("1.9", 1),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text, "memory") == size


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("64x", "invalid suffix: 'x'"),
        ("64bb", "invalid suffix: 'bb'"),
        ("64bib", "invalid suffix: 'bib'"),
        ("64mbb", "invalid suffix: 'mbb'"),
        ("64mi", "invalid suffix: 'mi'"),
        ("k", "invalid size: 'k'"),
        ("", "invalid size: ''"),
        ("-5", "invalid size: '-5'"),
        ("-1k", "invalid size: '-1k'"),
        ("1.2.3", "invalid size: '1.2.3'"),
        ("1 2", "invalid size: '1 2'"),
        ("inf1", "invalid size: 'inf1'"),
        ("1_0", "invalid size: '1_0'"),
        ("9p9", "invalid size: '9p9'"),
        ("8192p", "invalid size: '8192p'"),
        ("1e400", "invalid size: '1e400'"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_size(text, "memory-swap")
    assert str(caught.value).startswith(f"invalid value for memory-swap: {reason}; ")
