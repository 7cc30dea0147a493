"""linux.intelRdt: the resctrl group, its schemata, its monitoring."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import IntelRdt
    from runtime.host.resctrl import Resctrl
    from runtime.plan.findings import Findings

FIELD = "linux.intelRdt"
DECIMAL = ("MB", "SMBA")  # resources whose shares are not masks in hexadecimal
# Engines and users know these words of runc.
NOT_THERE = "intelRdt is specified in config, but Intel RDT is not supported or enabled"
NO_CACHE = "l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled"
NO_BANDWIDTH = "memBwSchema is specified in config, but Intel RDT/MBA is not enabled"


class GroupPlan:
    """The resctrl group of a container.

    root          where resctrl is mounted
    directory     the group
    is_own        it is named after the container and ends with it
    must_exist    nothing says what to make of it
    lines         what is to stand in its schemata
    monitor       the monitoring group, "" without one
    """

    __slots__ = ("directory", "is_own", "lines", "monitor", "must_exist", "root")

    def __init__(
        self, root: str, directory: str, lines: list[str], monitor: str,
        *, is_own: bool, must_exist: bool,
    ) -> None:  # fmt: skip
        self.root = root
        self.directory = directory
        self.lines = lines
        self.monitor = monitor
        self.is_own = is_own
        self.must_exist = must_exist


def check_resctrl(found: Findings, rdt: IntelRdt, resctrl: Resctrl | None) -> None:
    """Source:  runtime-spec config-linux.md, IntelRdt."""
    closid = rdt.get("closID", "")
    if closid in (".", "..") or ("/" in closid and closid != "/") or "\n" in closid:
        found.error(f"{FIELD}.closID", f'"{closid}" is no name of a group')
    for key, text in (
        ("l3CacheSchema", rdt.get("l3CacheSchema", "")),
        ("memBwSchema", rdt.get("memBwSchema", "")),
    ):
        _check_lines(found, f"{FIELD}.{key}", text.splitlines())
    for index, line in enumerate(rdt.get("schemata", ())):
        _check_lines(found, f"{FIELD}.schemata[{index}]", [line])
    if resctrl is None:
        found.error(FIELD, NOT_THERE)
        return
    if rdt.get("l3CacheSchema") and not resctrl.has_l3:
        found.error(FIELD, NO_CACHE)
    if rdt.get("memBwSchema") and not resctrl.has_mb:
        found.error(FIELD, NO_BANDWIDTH)


def _check_lines(found: Findings, field: str, lines: list[str]) -> None:
    for line in lines:
        try:
            parse_schemata([line])
        except ValueError:
            found.error(field, f'"{line}" is no schema like L3:0=ff;1=f0')


def plan_group(rdt: IntelRdt, container_id: str, resctrl: Resctrl) -> GroupPlan:
    """The group for a container with this id."""
    root, closid = resctrl.root, rdt.get("closID", "")
    directory = root if closid == "/" else f"{root}/{closid or container_id}"
    lines = schema_lines(rdt)
    monitor = f"{directory}/mon_groups/{container_id}" if rdt.get("enableMonitoring") else ""
    return GroupPlan(
        root, directory, lines, monitor,
        is_own=not closid, must_exist=bool(closid) and not lines,
    )  # fmt: skip


def schema_lines(rdt: IntelRdt) -> list[str]:
    """All that is to be written to the schemata, in order.

    A bandwidth in the schema for the cache gives way to one in its own.
    """
    bandwidth = rdt.get("memBwSchema", "").splitlines()
    cache = rdt.get("l3CacheSchema", "").splitlines()
    if bandwidth:
        cache = [line for line in cache if not line.strip().startswith("MB:")]
    lines = [*cache, *bandwidth, *rdt.get("schemata", ())]
    return [line.strip() for line in lines if line.strip()]


def parse_schemata(lines: list[str]) -> dict[tuple[str, int], int]:
    """(resource, domain) -> share: the same whatever the spelling.

    Errors:  ValueError with the line.
    """
    shares: dict[tuple[str, int], int] = {}
    for line in lines:
        if not line.strip():
            continue
        name, colon, rest = line.strip().partition(":")
        if not colon or not name:
            raise ValueError(line)
        for part in rest.split(";"):
            domain, _, share = part.strip().partition("=")
            try:
                shares[name, int(domain)] = int(share, 10 if name in DECIMAL else 16)
            except ValueError as error:
                raise ValueError(line) from error
    return shares


def differences(wanted: list[str], found: str) -> list[str]:
    """What a group's schemata have that differs from what is wanted; what is not named may.

    Source:  runtime-spec config-linux.md, IntelRdt.
    """
    present = parse_schemata([line for line in found.splitlines() if "=" in line])
    return [
        f"{name}:{domain}"
        for (name, domain), share in parse_schemata(wanted).items()
        if present.get((name, domain)) != share
    ]
