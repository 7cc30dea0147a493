"""Words of mounts[].options and what they come to."""

from __future__ import annotations

import pytest

from runtime.plan.mount_options import (
    ATIME_MASK,
    FLAG_WORDS,
    NOATIME,
    NODEV,
    NODIRATIME,
    NOEXEC,
    NOSUID,
    NOSYMFOLLOW,
    RDONLY,
    STRICTATIME,
    filesystem_options,
    split_options,
)


@pytest.mark.parametrize(
    ("words", "attr_set", "attr_clr"),
    [
        pytest.param([], 0, 0, id="nothing asked, nothing named"),
        pytest.param(["ro", "nosuid"], RDONLY | NOSUID, 0, id="flags add up"),
        pytest.param(["ro", "rw"], 0, RDONLY, id="last word wins, the clearing is remembered"),
        pytest.param(["rw", "ro"], RDONLY, 0, id="and the other way round"),
        pytest.param(["nodev", "dev", "noexec"], NOEXEC, NODEV, id="dev clears nodev"),
        pytest.param(["suid", "exec"], 0, NOSUID | NOEXEC, id="suid and exec clear"),
        pytest.param(["nosymfollow"], NOSYMFOLLOW, 0, id="nosymfollow"),
        pytest.param(["noatime"], NOATIME, ATIME_MASK, id="an atime mode clears the old one"),
        pytest.param(["relatime"], 0, ATIME_MASK, id="relatime is a mode of its own: 0"),
        pytest.param(["noatime", "relatime"], NOATIME, ATIME_MASK, id="noatime beats relatime"),
        pytest.param(
            ["strictatime", "noatime"], STRICTATIME, ATIME_MASK, id="strictatime beats noatime"
        ),
        pytest.param(["noatime", "atime"], 0, ATIME_MASK, id="atime clears noatime"),
        pytest.param(["strictatime", "nostrictatime"], 0, ATIME_MASK, id="nostrictatime clears it"),
        pytest.param(
            ["nodiratime"], NODIRATIME, ATIME_MASK, id="nodiratime alone means relatime, as ever"
        ),
        pytest.param(["nodiratime", "diratime"], 0, ATIME_MASK | NODIRATIME, id="diratime"),
    ],
)
def test_attributes(words: list[str], attr_set: int, attr_clr: int) -> None:
    options = split_options(words)
    assert (options.attr_set, options.attr_clr) == (attr_set, attr_clr)
    assert options.names_attrs == bool(words)
    assert options.data == []


@pytest.mark.parametrize("word", FLAG_WORDS)
def test_every_flag_word_names_an_attribute(word: str) -> None:
    assert split_options([word]).names_attrs


@pytest.mark.parametrize(
    ("words", "rec_set", "rec_clr"),
    [
        pytest.param(["rro"], RDONLY, 0, id="rro"),
        pytest.param(["rro", "rrw"], 0, RDONLY, id="rrw takes it back"),
        pytest.param(["rsuid", "rnosuid"], NOSUID, 0, id="the later one wins"),
        pytest.param(["rnoatime"], NOATIME, ATIME_MASK, id="the whole mask is cleared"),
        pytest.param(["rrelatime"], 0, ATIME_MASK, id="rrelatime"),
        pytest.param(["rstrictatime", "rnoatime"], NOATIME, ATIME_MASK, id="one mode at a time"),
        pytest.param(["rnoatime", "ratime"], 0, ATIME_MASK, id="ratime"),
        pytest.param(["rnodiratime", "rnosymfollow"], NODIRATIME | NOSYMFOLLOW, 0, id="others"),
    ],
)
def test_recursive_attributes(words: list[str], rec_set: int, rec_clr: int) -> None:
    options = split_options(words)
    assert (options.rec_set, options.rec_clr) == (rec_set, rec_clr)
    assert not options.names_attrs  # the plain attributes are another matter


@pytest.mark.parametrize(
    ("words", "packed"),
    [
        pytest.param(["private"], 0x01, id="private"),
        pytest.param(["rslave"], 0x82, id="rslave"),
        pytest.param(["rslave", "shared"], 0x0382, id="in order, the first in the low byte"),
        pytest.param(["runbindable"], 0x84, id="runbindable"),
        pytest.param(["rprivate"] * 4, 0x81818181, id="four fit"),
    ],
)
def test_propagation(words: list[str], packed: int) -> None:
    options = split_options(words)
    assert options.propagation == packed
    assert not options.too_many_propagations


def test_a_fifth_propagation_is_told() -> None:
    assert split_options(["private"] * 5).too_many_propagations


@pytest.mark.parametrize(
    ("words", "is_bind", "is_recursive"),
    [
        (["bind"], True, False),
        (["rbind"], True, True),
        (["rbind", "bind"], True, True),
        ([], False, False),
    ],
)
def test_bind(words: list[str], is_bind: bool, is_recursive: bool) -> None:
    options = split_options(words)
    assert (options.is_bind, options.is_recursive) == (is_bind, is_recursive)


@pytest.mark.parametrize(
    ("words", "is_ro", "result"),
    [
        pytest.param(["size=64k", "acl"], False, ["size=64k", "acl"], id="the rest is data"),
        pytest.param(["size=64k,mode=7"], False, ["size=64k", "mode=7"], id="several in a word"),
        pytest.param(["acl", "ro"], True, ["ro", "acl"], id="ro is the superblock's too"),
        pytest.param(
            ["sync", "dirsync", "mand", "lazytime", "iversion"],
            False,
            ["sync", "dirsync", "mand", "lazytime", "iversion"],
            id="flags of the superblock",
        ),
        pytest.param(["sync", "async", "nolazytime", "noiversion"], False, [], id="taken back"),
        pytest.param(["defaults", "silent", "loud", ""], False, [], id="no-ops"),
        pytest.param(
            ['context="u:r:t:s0:c1,c2"', "ro"],
            False,
            ['context="u:r:t:s0:c1,c2"'],
            id="a quoted comma is no separator",
        ),
        pytest.param(
            [r"lowerdir=/a\,b:/c,upperdir=/u"],
            False,
            [r"lowerdir=/a\,b:/c", "upperdir=/u"],
            id="nor is an escaped one",
        ),
    ],
)
def test_filesystem_options(words: list[str], is_ro: bool, result: list[str]) -> None:
    assert filesystem_options(split_options(words), is_ro=is_ro) == result


def test_words_of_other_versions_are_pointed_at() -> None:
    words = ["ro", "idmap=uids=0-1-1", "copy-symlink", "rsync"]
    assert split_options(words).unsupported == [1, 2, 3]


@pytest.mark.parametrize(
    ("words", "mapped", "below"),
    [
        (["bind"], False, False),
        (["bind", "idmap"], True, False),
        (["rbind", "ridmap"], True, True),
        (["ridmap", "idmap"], True, True),
    ],
)
def test_idmap(words: list[str], mapped: bool, below: bool) -> None:
    options = split_options(words)
    assert (options.is_idmapped, options.is_idmapped_below) == (mapped, below)
    assert (options.data, options.unsupported) == ([], [])


def test_remount_and_tmpcopyup() -> None:
    options = split_options(["remount", "tmpcopyup"])
    assert options.is_remount
    assert options.tmpcopyup
