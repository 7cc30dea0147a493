"""Hunts for differences that no test looks at: python tests/differential/hunt.py [options].

Combines changes of the configurations at random; the same seed gives the same combinations.
Prints what differs and is not listed, each kind once, with where it was seen.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from differential.compare import Pair, compare
from differential.configuration import Configuration, Stage
from differential.configurations import CONFIGURATIONS
from differential.differences import is_listed
from differential.laboratory import WAYS, Laboratory
from differential.surroundings import open_laboratory
from harness.bundle import Bundle

MOUNT_WORDS = (
    "ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime",
    "nodiratime", "relatime", "norelatime", "strictatime", "sync", "async", "dirsync", "private",
    "rprivate", "slave", "rslave", "shared", "unbindable",
)  # fmt: skip
CAPABILITIES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_NET_RAW", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE",
)  # fmt: skip


def combine(parts: list[Configuration]) -> Configuration:
    """One configuration of several: changes in turn, the last word on how it is run."""

    def change(bundle: Bundle, stage: Stage) -> None:
        for part in parts:
            part.change(bundle, stage)

    return Configuration(
        name="+".join(part.name for part in parts),
        change=change,
        options=tuple(option for part in parts for option in part.options),
        exec=tuple(option for part in parts for option in part.exec),
        caller=tuple(word for part in parts for word in part.caller),
        terminal=any(part.terminal for part in parts),
    )


def some_mounts(chance: random.Random) -> Configuration:
    """Mounts with options that nobody thought of together."""
    wanted = [
        (kind, chance.sample(MOUNT_WORDS, chance.randint(0, 5)))
        for kind in chance.choices(("tmpfs", "bind", "rbind"), k=3)
    ]

    def change(bundle: Bundle, stage: Stage) -> None:
        for number, (kind, options) in enumerate(wanted):
            if kind == "tmpfs":
                bundle.mount(f"/mnt/{number}", "tmpfs", "tmpfs", *options)
            else:
                bundle.bind(stage.volume, f"/mnt/{number}", kind, *options)

    name = ";".join(f"{kind}:{','.join(options)}" for kind, options in wanted)
    return Configuration(f"mounts {name}", change)


def some_process(chance: random.Random) -> Configuration:
    """A user with capabilities, limits and groups that nobody thought of together."""
    sets = {
        kind: chance.sample(CAPABILITIES, chance.randint(0, 6))
        for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")
        if chance.random() < 0.8
    }
    sets["effective"] = [c for c in sets.get("effective", []) if c in sets.get("permitted", [])]
    process = {
        "user": {
            "uid": chance.choice((0, 0, 8, 1000)),
            "gid": chance.choice((0, 8, 1000)),
            "additionalGids": chance.sample(range(20), chance.randint(0, 3)),
        },
        "capabilities": sets,
        "noNewPrivileges": chance.random() < 0.5,
        "rlimits": [
            {"type": f"RLIMIT_{kind}", "soft": soft, "hard": soft + chance.randint(0, 9)}
            for kind in chance.sample(("NOFILE", "NPROC", "CORE", "LOCKS", "SIGPENDING"), 2)
            for soft in [chance.randint(60, 400)]
        ],
        "cwd": chance.choice(("/", "/etc", "/new/folder", "/root")),
    }

    def change(bundle: Bundle, stage: Stage) -> None:
        bundle.process.update(process)

    return Configuration(f"process {process}".replace("/", "|"), change)


def draw(count: int, seed: int) -> list[Configuration]:
    """Combinations of one or two of what runc can do, often with something new besides."""
    chance = random.Random(seed)
    pieces = [wanted for wanted in CONFIGURATIONS.values() if not wanted.lacks]
    drawn = []
    for _ in range(count):
        parts = chance.sample(pieces, chance.choice((1, 2, 2)))
        parts += [make(chance) for make in (some_mounts, some_process) if chance.random() < 0.5]
        drawn.append(combine(parts))
    return drawn


def observe(laboratory: Laboratory, wanted: Configuration) -> dict[tuple[str, str], Pair]:
    """What differs and is not listed, by way and path."""
    try:
        seen = laboratory.observe(wanted)
    except (AssertionError, LookupError, OSError, ValueError) as error:
        # Changes that do not go together, or a call that failed where none may.
        print(f"-- {wanted.name}: {type(error).__name__}: {error}")
        return {}
    names = wanted.name.split("+")
    return {
        (way, path): pair
        for way in WAYS
        for path, pair in compare(seen["pyrunc"][way], seen["runc"][way]).items()
        if not any(is_listed(path, pair, name, way) for name in names)
    }


def main() -> int:
    """Hunt; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="configurations, or combinations with +")
    parser.add_argument("--count", type=int, default=200, help="how many combinations")
    parser.add_argument("--seed", type=int, default=1, help="of the combinations")
    parser.add_argument("--ways", default=",".join(WAYS), help="of starting the program")
    parser.add_argument("--all", action="store_true", help="every configuration by itself")
    options = parser.parse_args()
    if options.names:
        wanted = [combine([CONFIGURATIONS[n] for n in name.split("+")]) for name in options.names]
    elif options.all:
        wanted = [each for each in CONFIGURATIONS.values() if not each.lacks]
    else:
        wanted = draw(options.count, options.seed)
    found: dict[tuple[str, str], list[str]] = {}
    said: dict[str, str] = {}
    with open_laboratory() as laboratory:
        for each in wanted:
            for (way, path), pair in observe(laboratory, each).items():
                if way not in options.ways.split(","):
                    continue
                place = f"{each.name} [{way}]"
                found.setdefault((path, f"ours {pair.ours!r}, theirs {pair.theirs!r}"), []).append(
                    place
                )
                if path == "refused":
                    both = laboratory.seen[each.name]
                    said[place] = "; ".join(
                        seen[way].get("said", "runs").strip() for seen in both.values()
                    )
    for (path, values), places in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"{path}: {values}\n    {len(places)} times: {', '.join(places[:4])}")
        for place in places if path == "refused" else ():
            print(f"      {place}: {said[place]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
