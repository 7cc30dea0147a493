from __future__ import annotations

import json
import os
import posix
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli import call
from runtime.cli.call import Call, json_text, state_root
from runtime.errors import ConfigError, HostError
from runtime.log import Log

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["", "  ", "\t"]))
def test_json_is_json(value: Any, indent: str) -> None:
    assert json.loads(json_text(value, indent)) == value


@pytest.mark.parametrize(
    ("value", "indent", "text"),
    [
        ({"a": 1, "b": [True, None]}, "", '{"a":1,"b":[true,null]}'),
        ({"a": 1, "b": ["x"]}, "  ", '{\n  "a": 1,\n  "b": [\n    "x"\n  ]\n}'),
        ({"a": {}, "b": []}, "\t", '{\n\t"a": {},\n\t"b": []\n}'),
        ("<&>é\u2028", "", '"\\u003c\\u0026\\u003eé\\u2028"'),
        ("bad byte \udcff", "", '"bad byte \ufffd"'),
    ],
)
def test_json_is_spelled_as_go_spells_it(value: Any, indent: str, text: str) -> None:
    assert json_text(value, indent) == text


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posix, "geteuid", lambda: 65534)


def root_of(monkeypatch: pytest.MonkeyPatch, uid_map: str) -> None:
    monkeypatch.setattr(posix, "geteuid", lambda: 0)
    monkeypatch.setattr(call, "_read_uid_map", uid_map.split)


INITIAL = "         0          0 4294967295\n"
ROOTLESS = "         0       1000          1\n         1     100000      65536\n"


@pytest.mark.parametrize(
    ("given_root", "root"),
    [
        ("/r", "/r"),
        ("/r/", "/r"),
        ("/r/../s", "/s"),
        ("r", "{cwd}/r"),
        ("", "{cwd}"),
    ],
)
def test_an_explicit_root_is_made_absolute(
    given_root: str, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert state_root(given_root) == root.format(cwd=tmp_path)


@pytest.mark.parametrize("given_root", ["/", "//", "///", "/..", "/x/.."])
def test_the_root_of_everything_is_refused(given_root: str) -> None:
    with pytest.raises(ConfigError, match="Option --root argument should not be set to /"):
        state_root(given_root)


def test_a_relative_root_needs_a_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(HostError, match="--root: the working directory of this process: no such"):
        state_root("r")
    assert state_root("/r") == "/r"


@pytest.mark.parametrize(
    ("uid_map", "user", "is_own"),
    [
        pytest.param(INITIAL, None, False, id="root of the machine"),
        pytest.param(INITIAL, "anna", False, id="root of the machine by another name"),
        pytest.param(ROOTLESS, None, True, id="root of a namespace"),
        pytest.param(ROOTLESS, "anna", True, id="root of a namespace, a user's"),
        pytest.param(ROOTLESS, "root", False, id="root of a namespace, started by root"),
        pytest.param("", None, False, id="no user namespaces, or no /proc"),
    ],
)
def test_where_root_keeps_states(
    uid_map: str, user: str | None, is_own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root_of(monkeypatch, uid_map)
    monkeypatch.setitem(posix.environ, b"XDG_RUNTIME_DIR", os.fsencode(str(tmp_path)))
    monkeypatch.delitem(posix.environ, b"USER", raising=False)
    if user:
        monkeypatch.setitem(posix.environ, b"USER", os.fsencode(user))
    assert state_root(None) == (f"{tmp_path}/pyrunc" if is_own else "/run/pyrunc")


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("value", ["", None])
def test_without_a_runtime_dir_the_default_stays(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(posix.environ, b"XDG_RUNTIME_DIR", raising=False)
    if value is not None:
        monkeypatch.setitem(posix.environ, b"XDG_RUNTIME_DIR", os.fsencode(value))
    assert state_root(None) == "/run/pyrunc"


@pytest.mark.usefixtures("nobody")
def test_the_users_place_is_made_private_and_sticky(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(posix.environ, b"XDG_RUNTIME_DIR", os.fsencode(str(tmp_path)))
    for _ in range(2):
        root = state_root(None)
        assert os.stat(root).st_mode & 0o7777 == 0o1700


@pytest.mark.usefixtures("nobody")
def test_a_users_place_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setitem(posix.environ, b"XDG_RUNTIME_DIR", os.fsencode(str(tmp_path / "file")))
    with pytest.raises(HostError, match="XDG_RUNTIME_DIR must be writable by the user"):
        state_root(None)


def test_global_options() -> None:
    given_options = Call(
        {
            "root": "/r", "debug": True, "log": "/l", "log-format": "json",
            "systemd-cgroup": True, "rootless": "true",
        },
        [],
        Log(),
    ).global_options()  # fmt: skip
    assert given_options.root == "/r"
    assert given_options.root_given
    assert given_options.debug
    assert given_options.log == "/l"
    assert given_options.log_format == "json"
    assert given_options.systemd_cgroup
    assert given_options.rootless is None, "only a new container asks for it"


def test_global_options_that_are_not_given() -> None:
    options = Call({"log-format": ""}, [], Log()).global_options()
    assert not options.root_given
    assert options.log == ""
    assert options.log_format == "text"
    assert not options.debug
    assert not options.systemd_cgroup


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(ConfigError, match="container id cannot be empty"):
        Call({}, [""], Log()).container_id()
