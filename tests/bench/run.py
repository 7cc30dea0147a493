"""How fast: ratios to other runtimes from one hyperfine run, and the interpreter's part.

    sudo python3 tests/bench/run.py [--runs N] [--crun] [--runtime PATH]

Prints what `run` of /bin/true on a podman-like bundle takes (back to back, and with pauses, as
joining a cgroup is cheap only when the last one was a moment ago), what each of create, start,
state, kill and delete takes, what exec of /bin/true takes, how long `create` runs Python before
it clones, and what `list` takes for 500 containers.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.bundle import Bundle
from harness.hugetlb import hugetlb_on_v1
from harness.leaks import remove_cgroups
from harness.locate import find_runtime
from harness.podman_bundle import like_podman
from harness.rootfs import make_rootfs, make_template

GOAL_RATIO = 0.8
GOAL_EXEC_RATIO = 1.0
GOAL_INTERPRETER_MS = 11.0
GOAL_LIST_MS = 40.0
BARE_PYTHON = ["/usr/bin/python3", "-I", "-S", "-c", "pass"]


def hyperfine(commands: dict[str, str], folder: Path, *options: str) -> dict[str, list[float]]:
    """The times of named commands in milliseconds, from one run of hyperfine."""
    report = folder / "report.json"
    words = ["hyperfine", "-N", "--style", "none", "--export-json", str(report), *options]
    for name, command in commands.items():
        words += ["--command-name", name, command]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    results = json.loads(report.read_text())["results"]
    return {r["command"]: [t * 1000 for t in r["times"]] for r in results}


def show(title: str, times: dict[str, list[float]], reference: str) -> None:
    """A table: median, spread, ratio to the reference."""
    print(f"\n{title}")
    base = statistics.median(times[reference])
    for name, values in times.items():
        middle = statistics.median(values)
        low, high = min(values), max(values)
        print(f"  {name:24} {middle:8.2f} ms  ({low:.2f} to {high:.2f})  {middle / base:5.2f}")


def make_bundle(folder: Path) -> Bundle:
    """The podman-like bundle; every runtime runs the same."""
    busybox = make_template(folder / "template")
    make_rootfs(folder / "bundle/rootfs", busybox)
    bundle = like_podman(Bundle(folder / "bundle"), f"/bench-{folder.name}")
    bundle.save()
    return bundle


def make_plain_bundle(folder: Path) -> Bundle:
    """The smallest usual one: what `spec` writes, more or less; no seccomp."""
    make_rootfs(folder / "plain/rootfs", folder / "template/busybox")
    bundle = Bundle(folder / "plain")
    bundle.linux["cgroupsPath"] = f"/bench-{folder.name}/plain"
    bundle.save()
    return bundle


def run_command(runtime: str, folder: Path, bundle: Bundle) -> str:
    """One `run` of the bundle; the id can be used again and again."""
    root = folder / f"root-{Path(runtime).name}"
    return shlex.join(
        [runtime, "--root", str(root), "run", "--bundle", str(bundle.path), "bench"]
    )  # fmt: skip


def measure_run(runtimes: list[str], folder: Path, bundle: Bundle, runs: int) -> float:
    """Both ways of running; the ratio of the first runtime to the second, back to back."""
    commands = {Path(r).name: run_command(r, folder, bundle) for r in runtimes}
    commands["python3 -I -S -c pass"] = shlex.join(BARE_PYTHON)
    reference = Path(runtimes[1]).name
    runs_option = ("--runs", str(runs))
    times = hyperfine(commands, folder, "--warmup", "3", *runs_option)
    show("run of /bin/true, back to back", times, reference)
    paused = hyperfine(commands, folder, "--prepare", "sleep 0.1", "--warmup", "3", *runs_option)
    show("run of /bin/true, pauses of 100 ms", paused, reference)
    ours = statistics.median(times[Path(runtimes[0]).name])
    return ours / statistics.median(times[reference])


def measure_exec(runtimes: list[str], folder: Path, bundle: Bundle, runs: int) -> float:
    """exec of /bin/true in a container of each runtime, as a health check does; the ratio."""
    own_path = bundle.linux.pop("cgroupsPath")  # each container has one of its own name
    bundle.args("/bin/sleep", "1000").save()
    commands = {}
    with ExitStack() as stack:
        for runtime in runtimes:
            name = Path(runtime).name
            container = f"bench-{folder.name}-{name}"
            base = [runtime, "--root", str(folder / f"root-{name}")]
            start = [*base, "run", "-d", "--bundle", str(bundle.path), container]
            subprocess.run(start, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            stack.callback(subprocess.run, [*base, "delete", "--force", container])
            commands[name] = shlex.join([*base, "exec", container, "/bin/true"])
        options = ("--warmup", "3", "--runs", str(runs))
        times = hyperfine(commands, folder, *options)
        paused = hyperfine(commands, folder, "--prepare", "sleep 0.1", *options)
    bundle.linux["cgroupsPath"] = own_path
    bundle.args("/bin/true").save()
    ours, reference = (Path(runtime).name for runtime in runtimes[:2])
    show("exec of /bin/true, back to back", times, reference)
    show("exec of /bin/true, pauses of 100 ms", paused, reference)
    return statistics.median(times[ours]) / statistics.median(times[reference])


def measure_steps(runtimes: list[str], folder: Path, bundle: Bundle, rounds: int) -> None:
    """create, start, state, kill, delete of the same container, runtimes taking turns."""
    steps = ("create", "start", "state", "kill", "delete")
    times: dict[str, dict[str, list[float]]] = {
        step: {Path(r).name: [] for r in runtimes} for step in steps
    }
    bundle.args("/bin/sleep", "1000").save()
    for number in range(rounds):
        for runtime in runtimes:
            name = Path(runtime).name
            base = [runtime, "--root", str(folder / f"root-{name}")]
            pid_file = folder / "pid"
            words = {
                "create": ["--bundle", str(bundle.path), "--pid-file", str(pid_file)],
                "kill": [],
            }
            for step in steps:
                command = [*base, step, *words.get(step, []), f"steps{number}"]
                command += ["KILL"] if step == "kill" else []
                begin = time.perf_counter()
                subprocess.run(
                    command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                )
                times[step][name].append((time.perf_counter() - begin) * 1000)
                if step == "kill":
                    wait_gone(int(pid_file.read_text()))
    for step in steps:
        show(step, times[step], Path(runtimes[1]).name)
    bundle.args("/bin/true").save()


def wait_gone(pid: int) -> None:
    """Wait until init was reaped by whoever has it now."""
    while True:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if stat[stat.rindex(")") + 2] == "Z":
            return
        time.sleep(0.001)


class Stopwatch:
    """Times a program of Python from its exec to its first clone.

    Not by strace, which stops what it watches for a millisecond here and there.
    """

    def __init__(self, folder: Path) -> None:
        here = Path(__file__).parent
        self._stamp, self._library = folder / "stamp", folder / "stopwatch.so"
        self._times = folder / "times"
        compiler = ["cc", "-O2", "-Wall", "-Wextra", "-Werror"]
        shared = ["-shared", "-fPIC"]
        for options, output in (([], self._stamp), (shared, self._library)):
            source = here / output.with_suffix(".c").name
            subprocess.run([*compiler, *options, "-o", str(output), str(source)], check=True)

    def run(self, command: list[str]) -> tuple[float, float]:
        """Milliseconds from the exec to the first clone, or the end; to when it was waited for."""
        subprocess.run(
            [str(self._stamp), str(self._library), *command], check=True,
            stdin=subprocess.DEVNULL, env={**os.environ, "STOPWATCH": str(self._times)},
        )  # fmt: skip
        now = time.monotonic_ns()
        begin, clone = (int(word) for word in self._times.read_text().split())
        return (clone - begin) / 1e6, (now - begin) / 1e6


def as_the_front_does(command: list[str]) -> list[str]:
    """The command line of the interpreter that the executable becomes."""
    runtime, *arguments = command
    site = next(Path(runtime).resolve().parents[1].glob("lib*/python3*/*-packages/runtime"))
    options = ["-I", "-S", "-B", "-X", "utf8", "-X", f"pyrunc={runtime}"]
    return [BARE_PYTHON[0], *options, str(site / "__main__.py"), *arguments]


def measure_list(runtime: str, folder: Path, bundle: Bundle, runs: int) -> float:
    """What `list` takes for 500 containers more than for none, in milliseconds.

    One is real, the others are copies of its state: all are looked at in the same way.
    """
    roots = {"none": folder / "list-none", "500": folder / "list-500"}
    for root in roots.values():
        root.mkdir(mode=0o700)
    many = roots["500"]
    base = [runtime, "--root", str(many)]
    bundle.args("/bin/sleep", "1000").save()
    subprocess.run(
        [*base, "create", "--bundle", str(bundle.path), "c000"],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    bundle.args("/bin/true").save()
    text = (many / "c000/state.json").read_text()
    for number in range(1, 500):
        copy = many / f"c{number:03}"
        copy.mkdir()
        (copy / "state.json").write_text(text.replace('"c000"', f'"{copy.name}"', 1))
    times: dict[str, list[float]] = {}
    try:
        for form in ("table", "json"):
            commands = {
                f"{form}, {name}": shlex.join([runtime, "--root", str(root), "list", "-f", form])
                for name, root in roots.items()
            }
            times.update(hyperfine(commands, folder, "--warmup", "3", "--runs", str(runs)))
    finally:
        for copy in many.glob("c*"):
            if copy.name != "c000":
                shutil.rmtree(copy)
        subprocess.run([*base, "delete", "--force", "c000"], check=True)
    show(f"list ({len(text)} bytes of state each)", times, "table, none")
    return max(
        statistics.median(times[f"{form}, 500"]) - statistics.median(times[f"{form}, none"])
        for form in ("table", "json")
    )


def measure_interpreter(
    runtime: str, folder: Path, bundle: Bundle, rounds: int
) -> tuple[float, float]:
    """From the interpreter's exec to the clone of the container; a whole bare one, in turns.

    Of `run`, whose way to the clone is that of `create`.
    """
    stopwatch = Stopwatch(folder)
    plain = make_plain_bundle(folder)
    ours = {
        name: as_the_front_does(shlex.split(run_command(runtime, folder, one)))
        for name, one in (("podman-like bundle", bundle), ("plain bundle", plain))
    }
    bare = "python3 -I -S -c pass"
    times: dict[str, list[float]] = {name: [] for name in (*ours, bare)}
    for _ in range(rounds):
        for name, command in ours.items():
            times[name].append(stopwatch.run(command)[0])
        times[bare].append(stopwatch.run(BARE_PYTHON)[1])
    show("from exec to clone", times, bare)
    return statistics.median(times["podman-like bundle"]), statistics.median(times[bare])


def main() -> int:
    """Measure, print, and say by the exit status whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runtime", default=find_runtime(), help="the runtime to judge")
    parser.add_argument("--reference", default="runc", help="what it is held against")
    parser.add_argument("--crun", action="store_true", help="measure crun too")
    parser.add_argument("--runs", type=int, default=40)
    options = parser.parse_args()
    runtimes = [options.runtime, shutil.which(options.reference) or options.reference]
    if options.crun:
        runtimes.append(shutil.which("crun") or "crun")
    folder = Path(tempfile.mkdtemp(prefix="pb"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        stack.enter_context(hugetlb_on_v1(wanted=options.crun))
        stack.callback(remove_cgroups, f"bench-{folder.name}")
        bundle = make_bundle(folder)
        ratio = measure_run(runtimes, folder, bundle, options.runs)
        exec_ratio = measure_exec(runtimes, folder, bundle, options.runs)
        measure_steps(runtimes, folder, bundle, options.runs // 2)
        part, bare = measure_interpreter(options.runtime, folder, bundle, options.runs)
        listing = measure_list(options.runtime, folder, bundle, options.runs)
    # The goals are stated for a machine on which the bare interpreter takes 6 ms.
    goal = GOAL_INTERPRETER_MS * bare / 6
    list_goal = GOAL_LIST_MS * bare / 6
    print(f"\nrun: {ratio:.2f} of {options.reference} (goal {GOAL_RATIO}); interpreter's part: "
          f"{part:.2f} ms (goal {goal:.2f}, which is 11 ms where a bare one takes 6)")  # fmt: skip
    print(f"exec: {exec_ratio:.2f} of {options.reference} (goal {GOAL_EXEC_RATIO})")
    print(f"list: 500 containers {listing:.1f} ms more than none (goal {list_goal:.1f})")
    is_fast = ratio <= GOAL_RATIO and exec_ratio <= GOAL_EXEC_RATIO
    return 0 if is_fast and part <= goal and listing <= list_goal else 1


if __name__ == "__main__":
    sys.exit(main())
