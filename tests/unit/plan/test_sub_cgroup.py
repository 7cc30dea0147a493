"""exec --cgroup."""

from __future__ import annotations

import pytest

from runtime.errors import ConfigError
from runtime.plan.sub_cgroup import below, parse_sub_cgroups

CPU = "/c/cpu,cpuacct/x"
V1 = {"cpu": CPU, "cpuacct": CPU, "memory": "/c/memory/x"}


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        ([], {}),
        (["a/b"], {"": "a/b"}),
        (["memory:a"], {"memory": "a"}),
        (["cpu,memory:a", "pids:/b"], {"cpu": "a", "memory": "a", "pids": "/b"}),
        (["name=systemd:a:b"], {"name=systemd": "a:b"}),
    ],
)
def test_parse(arguments: list[str], paths: dict[str, str]) -> None:
    assert parse_sub_cgroups(arguments) == paths


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "b"], r"invalid --cgroup argument: a \(missing <controller>: prefix\)"),
        ([":a"], r"invalid --cgroup argument: :a \(empty <controller> prefix\)"),
        (["cpu,:a"], r"\(empty <controller> prefix\)"),
        (["cpu:a", "cpu:b"], r"argument\(s\): controller cpu specified multiple times"),
    ],
)
def test_parse_refuses(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_sub_cgroups(arguments)


@pytest.mark.parametrize(
    ("own", "wanted", "paths"),
    [
        ({"": "/c/x"}, {"": "a"}, {"": "/c/x/a"}),
        ({"": "/c/x"}, {"": "/"}, {"": "/c/x"}),
        ({"": "/c/x"}, {"": "//a/./b/"}, {"": "/c/x/a/b"}),
        (V1, {"": "a"}, {name: path + "/a" for name, path in V1.items()}),
        (V1, {"memory": "a"}, {**V1, "memory": "/c/memory/x/a"}),
        (V1, {"cpu": "a"}, {**V1, "cpu": f"{CPU}/a", "cpuacct": f"{CPU}/a"}),
        (V1, {"cpu": "a", "cpuacct": "a"}, {**V1, "cpu": f"{CPU}/a", "cpuacct": f"{CPU}/a"}),
    ],
)  # fmt: skip
def test_below(own: dict[str, str], wanted: dict[str, str], paths: dict[str, str]) -> None:
    assert below(own, wanted) == paths


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"": ".."}, r"--cgroup: bad sub cgroup path: \.\."),
        ({"": "a/../../y"}, "bad sub cgroup path"),
        ({"": "a\nb"}, "bad sub cgroup path"),
        ({"memory": "../"}, r"bad sub cgroup path: \.\./"),
        ({"moon": "a"}, "unknown controller moon in SubCgroupPaths"),
        ({"cpu": "a", "cpuacct": "b"}, "cpuacct shares its hierarchy"),
    ],
)
def test_below_refuses(wanted: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        below(V1, wanted)
