"""What a resctrl group may use and does use, in the words of runc's events."""

from __future__ import annotations

import posix as os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Directory below info, what runc calls it, the files.
INFO = (
    ("L3", "l3_cache_info", ("cbm_mask", "min_cbm_bits", "num_closids")),
    (
        "MB",
        "mem_bw_info",
        ("bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"),
    ),
)
SCHEMAS = (("L3:", "l3_cache_schema"), ("MB:", "mem_bw_schema"))
# What runc calls a list of counters, the files in it; one entry for each domain of the cache.
COUNTERS = (
    ("mbm_stats", ("mbm_total_bytes", "mbm_local_bytes")),
    ("cmt_stats", ("llc_occupancy",)),
)
READ_MOST = 65536


def read_resctrl_stats(root: str, group: str, monitor: str) -> dict[str, Any]:
    """`root` is where resctrl is mounted, `monitor` the group whose counters are asked for.

    Files that are not there are left out: the processor cannot do it, or the group is gone.
    Source:  kernel resctrl.rst.
    """
    found: dict[str, Any] = {}
    for name, key, files in INFO:
        values = {file: text for file in files if (text := _text(f"{root}/info/{name}/{file}"))}
        if values:
            # The mask is a hexadecimal text, all else are numbers.
            found[key] = {k: v if k == "cbm_mask" else int(v) for k, v in values.items()}
    everybodys, own = _lines(f"{root}/schemata"), _lines(f"{group}/schemata")
    for start, key in SCHEMAS:
        for lines, suffix in ((everybodys, "_root"), (own, "")):
            if line := next((line for line in lines if line.startswith(start)), ""):
                found[key + suffix] = line
    if own:
        found["schemata"] = own
    return found | _counters(f"{monitor}/mon_data")


def _counters(folder: str) -> dict[str, Any]:
    try:
        domains = sorted(name for name in os.listdir(folder) if name.startswith("mon_L3_"))
    except OSError:
        return {}
    found: dict[str, Any] = {}
    for key, files in COUNTERS:
        for domain in domains:
            texts = {file: _text(f"{folder}/{domain}/{file}") for file in files}
            # "Unavailable" as long as the hardware has not counted yet.
            values = {file: int(text) for file, text in texts.items() if text.isdecimal()}
            if values:
                found.setdefault(key, []).append(values)
    return found


def _lines(path: str) -> list[str]:
    return [line.strip() for line in _text(path).splitlines() if line.strip()]


def _text(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, READ_MOST).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)
