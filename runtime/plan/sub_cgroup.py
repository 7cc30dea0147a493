"""exec --cgroup: the cgroup below the container's that the process joins."""

from __future__ import annotations

from runtime.errors import ConfigError

FIELD = "--cgroup"


def parse_sub_cgroups(arguments: list[str]) -> dict[str, str]:
    """controller -> path below the container's cgroup; "" stands for all of them.

    Errors:  ConfigError, in runc's words.
    """
    paths: dict[str, str] = {}
    for argument in arguments:
        names, colon, path = argument.partition(":")
        if not colon:
            if len(arguments) > 1:
                raise ConfigError(
                    f"invalid --cgroup argument: {argument} (missing <controller>: prefix)"
                )
            return {"": argument}
        for name in names.split(","):
            if not name:
                raise ConfigError(
                    f"invalid --cgroup argument: {argument} (empty <controller> prefix)"
                )
            if name in paths:
                raise ConfigError(
                    f"invalid --cgroup argument(s): controller {name} specified multiple times"
                )
            paths[name] = path
    return paths


def below(cgroup_paths: dict[str, str], wanted: dict[str, str]) -> dict[str, str]:
    """The container's `cgroup_paths`, each with what is `wanted` below it.

    Controllers of one hierarchy move together.
    Errors:  ConfigError for an unknown controller, for a path that leads out of the container's
             cgroup, for two paths in one hierarchy.
    """
    if "" in wanted:
        return {name: _inside(path, wanted[""]) for name, path in cgroup_paths.items()}
    moved: dict[str, str] = {}
    for name, path in wanted.items():
        if not name or name not in cgroup_paths:
            raise ConfigError(f"unknown controller {name} in SubCgroupPaths", field=FIELD)
        own = cgroup_paths[name]
        target = _inside(own, path)
        if moved.setdefault(own, target) != target:
            raise ConfigError(f"{name} shares its hierarchy with another controller", field=FIELD)
    return {name: moved.get(path, path) for name, path in cgroup_paths.items()}


def _inside(cgroup: str, path: str) -> str:
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names or "\n" in path:
        raise ConfigError(f"bad sub cgroup path: {path}", field=FIELD)
    return "/".join([cgroup, *names])
