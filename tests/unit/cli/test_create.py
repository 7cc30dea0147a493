from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.plan.options import CreateOptions, GlobalOptions

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Outcome, World

    Pyrunc = Callable[..., Outcome]


def as_dict(options: CreateOptions | GlobalOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.__slots__}


DEFAULTS = as_dict(CreateOptions("a"))


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a", {}),
        ("--bundle /b a", {"bundle": "/b"}),
        ("-b rel a", {"bundle": "rel"}),
        ("--config /c a", {"config_file": "/c"}),
        ("-f c a", {"config_file": "{cwd}/c"}),
        ("--console-socket /s a", {"console_socket": "/s"}),
        ("--pidfd-socket /s a", {"pidfd_socket": "/s"}),
        ("--pid-file /p a", {"pid_file": "/p"}),
        ("--pid-file p a", {"pid_file": "{cwd}/p"}),
        ("--pid-file= a", {"pid_file": ""}),
        ("--no-pivot a", {"no_pivot": True}),
        ("--no-pivot=false a", {"no_pivot": False}),
        ("--no-new-keyring a", {"no_new_keyring": True}),
        ("--preserve-fds 3 a", {"preserve_fds": 3}),
        ("--preserve-fds -3 a", {"preserve_fds": 0}),
        ("a --bundle /b", {"bundle": "/b"}),
    ],
)
@pytest.mark.parametrize("verb", ["create", "run"])
def test_options_of_create_and_run(
    verb: str,
    line: str,
    changed: dict[str, Any],
    pyrunc: Pyrunc,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert pyrunc(f"{verb} {line}") == (0, "", "")
    name, (options, _, _), _ = world.only_call()
    changed = {k: v.format(cwd=tmp_path) if isinstance(v, str) else v for k, v in changed.items()}
    assert name == verb
    assert as_dict(options) == DEFAULTS | {"detach": verb == "create"} | changed


@pytest.mark.parametrize("option", ["--detach", "--keep", "--no-subreaper", "-d"])
def test_create_has_no_options_of_run(option: str, pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc(f"create {option} a").status == 1
    assert world.calls == []


@pytest.mark.parametrize(
    ("words", "rootless"),
    [
        ("", None),
        ("--rootless auto", None),
        ("--rootless=", None),
        ("--rootless true", True),
        ("--rootless=1", True),
        ("--rootless false", False),
    ],
)
def test_rootless(words: str, rootless: bool | None, pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc(f"{words} create a").status == 0
    assert world.only_call()[1][1].rootless is rootless


def test_a_wrong_rootless_fails_here_only(pyrunc: Pyrunc, world: World) -> None:
    status, _, err = pyrunc("--rootless bogus create a")
    assert (status, world.calls) == (1, [])
    assert "--rootless: " in err
    assert "is neither true nor false nor auto" in err
    assert pyrunc("--rootless bogus list").status == 0


@pytest.mark.parametrize("verb", ["create", "run"])
def test_systemd_cgroups_are_for_a_new_container(verb: str, pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc(f"--systemd-cgroup {verb} a").status == 0
    assert world.only_call()[1][1].systemd_cgroup


def test_global_options_reach_create(pyrunc: Pyrunc, world: World) -> None:
    assert pyrunc("--root /r --debug create a").status == 0
    global_options = world.only_call()[1][1]
    assert (global_options.root, global_options.root_given) == ("/r", True)
    assert global_options.debug
