"""What events tells of a resctrl group."""

from __future__ import annotations

from pathlib import Path

from harness.resctrl import Tree

from runtime.host.resctrl_stats import read_resctrl_stats


def put(folder: Path, **files: str) -> None:
    """Files with a newline at the end, as the kernel's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text + "\n")


def test_all_of_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    group = tree.group("c1", "    MB:0=20\n    L3:0=f;1=f0\n")
    put(tree.root / "info" / "L3", cbm_mask="fffff", min_cbm_bits="1", num_closids="16")
    put(tree.root / "info" / "MB", bandwidth_gran="10", min_bandwidth="10", num_closids="8")
    monitor = group / "mon_groups" / "c1"
    put(monitor / "mon_data" / "mon_L3_00", llc_occupancy="4096", mbm_total_bytes="7")
    put(monitor / "mon_data" / "mon_L3_01", llc_occupancy="Unavailable", mbm_local_bytes="9")
    put(monitor / "mon_data" / "mon_other", llc_occupancy="1")
    assert read_resctrl_stats(str(tree.root), str(group), str(monitor)) == {
        "l3_cache_info": {"cbm_mask": "fffff", "min_cbm_bits": 1, "num_closids": 16},
        "mem_bw_info": {"bandwidth_gran": 10, "min_bandwidth": 10, "num_closids": 8},
        "l3_cache_schema_root": "L3:0=fffff;1=fffff",
        "l3_cache_schema": "L3:0=f;1=f0",
        "mem_bw_schema_root": "MB:0=100;1=100",
        "mem_bw_schema": "MB:0=20",
        "schemata": ["MB:0=20", "L3:0=f;1=f0"],
        "mbm_stats": [{"mbm_total_bytes": 7}, {"mbm_local_bytes": 9}],
        "cmt_stats": [{"llc_occupancy": 4096}],
    }


def test_nothing_is_there(tmp_path: Path) -> None:
    assert read_resctrl_stats(str(tmp_path), str(tmp_path / "c1"), str(tmp_path / "c1")) == {}
