"""Which scope in which slice of systemd a configuration means. Pure."""

from __future__ import annotations

from runtime.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cgroups.systemd_plan import Property

PATH_FIELD = "linux.cgroupsPath"
PREFIX = "pyrunc"
SYSTEM_SLICE = "system.slice"
USER_SLICE = "user.slice"
ROOT_SLICE = "-.slice"
UNIT_MAX = 255
UNIT_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.\\-@")


class Unit:
    """A transient scope.

    name      the unit's full name
    slice     the slice it is asked for in, by its short name
    is_user   asked of the user's manager, not of the system's
    attach    the container's first process cannot be born in the cgroup, as the runtime's own
              and that one have no common ancestor that it may write to: systemd moves it
    """

    __slots__ = ("attach", "is_user", "name", "properties", "slice")

    def __init__(self, name: str, slice_name: str, *, is_user: bool) -> None:
        self.name = name
        self.slice = slice_name
        self.is_user = is_user
        self.attach = False
        self.properties: list[Property] = []


def plan_unit(cgroups_path: str | None, container_id: str, *, is_user: bool) -> Unit:
    """The unit that a configuration's ``slice:prefix:name`` means.

    Errors:  ConfigError, the first in runc's words.
    Source:  runc's documentation, docs/systemd.md; systemd.unit(5).
    """
    slice_name, prefix, name = "", PREFIX, container_id
    if cgroups_path:
        parts = cgroups_path.split(":")
        if len(parts) != 3:
            raise ConfigError(
                'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, '
                f'got "{cgroups_path}" instead',
                field=PATH_FIELD,
            )
        slice_name, prefix, name = parts
    slice_name = slice_name or (USER_SLICE if is_user else SYSTEM_SLICE)
    slice_path(slice_name)
    if name.endswith(".slice"):
        raise ConfigError(
            f"{name} is a slice, which takes no processes",
            field=PATH_FIELD,
            hint="name the container's scope, and the slice that it belongs into in front",
        )
    unit = f"{prefix}-{name}.scope" if prefix else f"{name}.scope"
    if not name or len(unit) > UNIT_MAX or not UNIT_CHARACTERS.issuperset(unit):
        raise ConfigError(
            f'"{unit}" is no name of a unit',
            field=PATH_FIELD,
            hint=f"use 1 to {UNIT_MAX} of A-Z a-z 0-9 : _ . - \\ and @",
        )
    return Unit(unit, slice_name, is_user=is_user)


def slice_path(name: str) -> str:
    """Where a slice lies: ``/a.slice/a-b.slice`` for ``a-b.slice``, "" for the root slice.

    Errors:  ConfigError.
    Source:  systemd.slice(5).
    """
    if name == ROOT_SLICE:
        return ""
    stem = name.removesuffix(".slice")
    parts = stem.split("-")
    if stem == name or "" in parts or not UNIT_CHARACTERS.issuperset(name):
        raise ConfigError(
            f"invalid slice name: {name}",
            field=PATH_FIELD,
            hint="it ends in .slice and names the slices above it, as in machine-web.slice",
        )
    return "".join(f"/{'-'.join(parts[: i + 1])}.slice" for i in range(len(parts)))
