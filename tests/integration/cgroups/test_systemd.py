"""systemd's cgroup driver: a scope with all that was asked for, and gone afterwards."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from harness.bundle import Bundle
from harness.leaks import CGROUP_ROOT
from harness.runtime import Container, Runtime, run, wait_until
from harness.user import User, exists

IS_UNIFIED = (CGROUP_ROOT / "cgroup.controllers").is_file()

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.cgroup_v2,
    pytest.mark.skipif(not Path("/run/systemd/system").is_dir(), reason="systemd does not run"),
    pytest.mark.skipif(not IS_UNIFIED, reason="needs cgroup v2 alone"),
]


@pytest.fixture
def scoped(runtime: Runtime) -> Runtime:
    """The runtime under test with --systemd-cgroup."""
    runtime.global_options.append("--systemd-cgroup")
    return runtime


def show(unit: str, *names: str) -> list[str]:
    """Properties of a unit as systemctl prints them."""
    found = run(["systemctl", "show", unit, *(f"--property={name}" for name in names)]).check()
    values = dict(line.split("=", 1) for line in found.out.splitlines())
    return [values[name] for name in names]


def is_loaded(unit: str) -> bool:
    """Whether systemd still knows of the unit."""
    return show(unit, "LoadState", "ActiveState") != ["not-found", "inactive"]


def wait_until_gone(unit: str) -> None:
    """systemd lets go of a unit that has ended a moment later."""
    wait_until(
        lambda: not is_loaded(unit), 1,
        lambda: f"{unit} is {show(unit, 'LoadState', 'ActiveState', 'SubState')}",
    )  # fmt: skip


def folder_of(container: Container) -> Path:
    """The cgroup of a container's program."""
    path = Path(f"/proc/{container.pid}/cgroup").read_text().strip().removeprefix("0::")
    return CGROUP_ROOT / path.lstrip("/")


def unit_of(container: Container) -> str:
    """The scope of a container."""
    return folder_of(container).name


def running(runtime: Runtime, bundle: Bundle) -> Container:
    """A container that is up."""
    container = runtime.run_detached(bundle.sh("echo up; exec sleep 1000"))
    container.wait_for_output("up")
    return container


class TestUnit:
    def test_slice_and_name(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.linux["cgroupsPath"] = f"{scoped.tag}-a.slice:web:one"
        container = running(scoped, bundle)
        slices = f"{scoped.tag}.slice/{scoped.tag}-a.slice"
        assert folder_of(container) == CGROUP_ROOT / slices / "web-one.scope"
        assert show("web-one.scope", "Slice", "Delegate", "ActiveState", "DefaultDependencies") == [
            f"{scoped.tag}-a.slice", "yes", "active", "no",
        ]  # fmt: skip
        container.delete("--force")
        container.wait()
        run(["systemctl", "stop", f"{scoped.tag}.slice"]).check()

    def test_default_has_the_id(self, scoped: Runtime, bundle: Bundle) -> None:
        container = running(scoped, bundle)
        assert folder_of(container).parent == CGROUP_ROOT / "system.slice"
        assert unit_of(container) == f"{scoped.kind}-{container.id}.scope"

    def test_root_slice(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.linux["cgroupsPath"] = f"-.slice:{scoped.tag}:top"
        container = running(scoped, bundle)
        assert folder_of(container) == CGROUP_ROOT / f"{scoped.tag}-top.scope"

    def test_nobody_else_is_in_it(self, scoped: Runtime, bundle: Bundle) -> None:
        container = scoped.create(bundle.sleep())
        assert (folder_of(container) / "cgroup.procs").read_text() == f"{container.pid}\n"
        container.start()
        assert (folder_of(container) / "cgroup.procs").read_text().split()[0] == str(container.pid)

    def test_limits_are_there_when_create_returns(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["memory"] = {"limit": 64 << 20}
        container = scoped.create(bundle.sleep())
        assert (folder_of(container) / "memory.max").read_text() == f"{64 << 20}\n"

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            (
                "/a/b",
                'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, '
                'got "/a/b" instead',
            ),
            ("a:b:c", "invalid slice name: a"),
            ("a--b.slice:b:c", "invalid slice name: a--b.slice"),
        ],
    )
    def test_refused(self, scoped: Runtime, bundle: Bundle, path: str, words: str) -> None:
        bundle.linux["cgroupsPath"] = path
        result = scoped.attempt("create", bundle)
        assert result.status == 1
        # runc's log escapes the quotes.
        assert words in result.text.replace("\\", "")

    def test_a_name_that_is_in_use(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.linux["cgroupsPath"] = f":{scoped.tag}:twice"
        first = running(scoped, bundle)
        result = scoped.attempt("create", bundle)
        assert result.status == 1
        assert "cgroup is not empty" in result.text
        assert first.status == "running"

    def test_a_name_that_failed_before(self, scoped: Runtime, bundle: Bundle) -> None:
        """A failed unit of the same name is forgotten, not in the way."""
        name = f"{scoped.tag}-failed.scope"
        bundle.linux["cgroupsPath"] = f":{scoped.tag}:failed"
        run(["systemd-run", "--scope", f"--unit={name}", "-p", "RuntimeMaxSec=1", "sleep", "60"])
        running(scoped, bundle)
        assert show(name, "ActiveState") == ["active"]


class TestEnd:
    def test_gone_after_delete(self, scoped: Runtime, bundle: Bundle) -> None:
        container = running(scoped, bundle)
        unit, folder = unit_of(container), folder_of(container)
        scoped.global_options.clear()  # engines do not repeat it
        container.delete("--force")
        container.wait()
        wait_until_gone(unit)
        assert not folder.exists()

    def test_gone_after_run(self, scoped: Runtime, bundle: Bundle) -> None:
        name = scoped.new_id()
        assert scoped.run(bundle.sh("exit 3"), container_id=name).status == 3
        wait_until_gone(f"{scoped.kind}-{name}.scope")

    @pytest.mark.parametrize("change", ["program", "mount", "limit"])
    def test_gone_after_a_failure(self, scoped: Runtime, bundle: Bundle, change: str) -> None:
        if change == "program":
            bundle.args("/none")
        elif change == "mount":
            bundle.mount("/mnt", "tmpfs", "tmpfs", "size=64Q")
        else:
            bundle.linux["resources"]["unified"] = {"memory.max": "much"}
        name = scoped.new_id()
        assert scoped.attempt("create", bundle, container_id=name).status == 1
        wait_until_gone(f"{scoped.kind}-{name}.scope")

    def test_stopped_by_systemd(self, scoped: Runtime, bundle: Bundle) -> None:
        container = scoped.run_detached(bundle.sleep())
        unit = unit_of(container)
        run(["systemctl", "stop", unit]).check()
        container.wait()
        assert container.status == "stopped"
        container.delete()
        wait_until_gone(unit)

    def test_of_many_processes(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.without_namespace("pid")
        bundle.sh("for i in 1 2 3; do setsid sleep 1000 & done; echo up; exec sleep 1000")
        container = scoped.run_detached(bundle)
        container.wait_for_output("up")
        unit, folder = unit_of(container), folder_of(container)
        wait_until(lambda: len((folder / "cgroup.procs").read_text().split()) == 4, 5)
        pids = [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
        container.delete("--force")
        for pid in pids:
            assert os.waitpid(pid, 0)[0] == pid
        wait_until_gone(unit)

    def test_of_one_whose_maker_was_killed(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.hook("createRuntime", "while kill -0 $PPID; do sleep 0.1; done")
        process = scoped.run_background(bundle)
        name = f"{scoped.tag}-{scoped.root.name}-1"
        unit = f"{scoped.kind}-{name}.scope"
        wait_until(lambda: is_loaded(unit), 10)
        time.sleep(0.2)
        process.kill()
        process.wait()
        scoped.global_options.clear()
        scoped.call("delete", "--force", name).check()
        wait_until_gone(unit)


PROPERTIES: list[tuple[dict[str, Any], dict[str, str], dict[str, str]]] = [
    (
        {"memory": {"limit": 64 << 20, "reservation": 32 << 20}},
        {"MemoryMax": str(64 << 20), "MemoryLow": str(32 << 20)},
        {"memory.max": str(64 << 20), "memory.low": str(32 << 20)},
    ),
    (
        {"memory": {"limit": 64 << 20, "swap": 96 << 20}},
        {"MemorySwapMax": str(32 << 20)},
        {"memory.swap.max": str(32 << 20)},
    ),
    ({"memory": {"limit": -1}}, {"MemoryMax": "infinity"}, {"memory.max": "max"}),
    ({"cpu": {"shares": 2048}}, {"CPUWeight": "174"}, {"cpu.weight": "174"}),
    (
        {"cpu": {"quota": 20000, "period": 40000}},
        {"CPUQuotaPerSecUSec": "500ms", "CPUQuotaPeriodUSec": "40ms"},
        {"cpu.max": "20000 40000"},
    ),
    ({"cpu": {"idle": 1}}, {"CPUWeight": "idle"}, {"cpu.idle": "1"}),
    ({"cpu": {"cpus": "0", "mems": "0"}}, {"AllowedCPUs": "0"}, {"cpuset.cpus": "0"}),
    ({"pids": {"limit": 50}}, {"TasksMax": "50"}, {"pids.max": "50"}),
    ({"pids": {"limit": -1}}, {"TasksMax": "infinity"}, {"pids.max": "max"}),
    ({"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}, {}, {"hugetlb.2MB.max": "0"}),
    (
        {"unified": {"memory.high": "50000000", "pids.max": "60"}},
        {"TasksMax": "60", "MemoryHigh": "50000000"},
        {"memory.high": "49999872", "pids.max": "60"},
    ),
]


NAMES = [
    "limit",
    "swap",
    "no-limit",
    "shares",
    "quota",
    "idle",
    "cpuset",
    "pids",
    "no-pids",
    "hugetlb",
    "unified",
]


@pytest.mark.parametrize(("resources", "properties", "files"), PROPERTIES, ids=NAMES)
def test_limits(
    scoped: Runtime, bundle: Bundle, resources: dict[str, Any], properties: dict[str, str],
    files: dict[str, str],
) -> None:  # fmt: skip
    """systemd knows them, the kernel keeps them, and a reload of systemd changes neither."""
    bundle.linux["resources"].update(resources)
    container = running(scoped, bundle)
    for moment in ("at first", "after a reload"):
        assert show(unit_of(container), *properties) == [*properties.values()], moment
        found = {name: (folder_of(container) / name).read_text().strip() for name in files}
        assert found == files, moment
        run(["systemctl", "daemon-reload"]).check()


class TestTiny:
    """Neither the runtime nor who keeps the place for it counts against the container."""

    def test_memory(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["memory"] = {"limit": 512 * 1024}
        assert scoped.run(bundle.args("/bin/true")).check().text == ""

    @pytest.mark.parametrize("limit", [0, 1, 2, 3])
    @pytest.mark.parametrize("staged", [False, True], ids=["direct", "user namespace"])
    def test_processes(self, scoped: Runtime, bundle: Bundle, limit: int, staged: bool) -> None:
        bundle.linux["resources"]["pids"] = {"limit": limit}
        if staged:
            bundle.namespace("user")
            for name in ("uidMappings", "gidMappings"):
                bundle.linux[name] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        bundle.args("/bin/cat", "/proc/self/cgroup")
        assert ".scope" in scoped.run(bundle).check().out


class TestUpdate:
    def test_values(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["memory"] = {"limit": 64 << 20}
        container = running(scoped, bundle)
        scoped.global_options.clear()
        scoped.call(
            "update", "--memory", "32m", "--pids-limit", "40", "--cpu-quota", "50000",
            "--cpu-share", "512", container.id,
        ).check()  # fmt: skip
        names = ("MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "CPUWeight")
        for _ in range(2):
            assert show(unit_of(container), *names) == [str(32 << 20), "40", "500ms", "59"]
            folder = folder_of(container)
            assert (folder / "memory.max").read_text() == f"{32 << 20}\n"
            assert (folder / "pids.max").read_text() == "40\n"
            assert (folder / "cpu.max").read_text() == "50000 100000\n"
            assert (folder / "cpu.weight").read_text() == "59\n"
            run(["systemctl", "daemon-reload"]).check()

    def test_is_all_or_nothing(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.linux["resources"]["memory"] = {"limit": 64 << 20}
        container = running(scoped, bundle)
        result = scoped.call("update", "--memory", "32m", "--cpuset-cpus", "900", container.id)
        assert result.status == 1
        assert show(unit_of(container), "MemoryMax") == [str(64 << 20)]
        assert (folder_of(container) / "memory.max").read_text() == f"{64 << 20}\n"

    def test_of_a_paused_container(self, scoped: Runtime, bundle: Bundle) -> None:
        container = running(scoped, bundle)
        scoped.call("pause", container.id).check()
        assert container.status == "paused"
        scoped.call("update", "--memory", "32m", container.id).check()
        assert container.status == "paused"
        scoped.call("resume", container.id).check()
        assert show(unit_of(container), "MemoryMax") == [str(32 << 20)]


class TestAnnotations:
    def test_become_properties(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.config["annotations"] = {
            "org.systemd.property.TimeoutStopSec": "7",
            "org.systemd.property.CollectMode": "'inactive-or-failed'",
            "org.systemd.property.KillSignal": "int32 9",
        }
        container = running(scoped, bundle)
        assert show(unit_of(container), "TimeoutStopUSec", "CollectMode", "KillSignal") == [
            "7s", "inactive-or-failed", "9",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("Kill-Mode", "1", "annotation org.systemd.property.Kill-Mode name incorrect"),
            ("KillMode", "word", "annotation org.systemd.property.KillMode=word value parse error"),
        ],
    )
    def test_refused(
        self, scoped: Runtime, bundle: Bundle, name: str, value: str, words: str
    ) -> None:
        bundle.config["annotations"] = {f"org.systemd.property.{name}": value}
        result = scoped.attempt("create", bundle)
        assert result.status == 1
        assert words.lower() in result.text.lower()

    def test_a_property_that_systemd_does_not_know(self, scoped: Runtime, bundle: Bundle) -> None:
        bundle.config["annotations"] = {"org.systemd.property.NoSuchThing": "true"}
        result = scoped.attempt("create", bundle)
        assert result.status == 1
        assert "NoSuchThing" in result.text


DENY_ALL: dict[str, Any] = {"allow": False, "access": "rwm"}
KMSG = {"type": "c", "major": 1, "minor": 11, "access": "r"}


class TestDevices:
    @pytest.mark.parametrize(
        ("rules", "policy", "opens"),
        [
            pytest.param([DENY_ALL], "strict", False, id="defaults"),
            pytest.param([DENY_ALL, {"allow": True, **KMSG}], "strict", True, id="one more"),
            pytest.param([{"allow": True, "access": "rwm"}], "auto", True, id="all"),
            pytest.param(
                [{"allow": True, "access": "rwm"}, {"allow": False, **KMSG}], "auto", False,
                id="all but one",
            ),
        ],
    )  # fmt: skip
    def test_policy(
        self, scoped: Runtime, bundle: Bundle, rules: list[dict[str, Any]], policy: str, opens: bool
    ) -> None:
        """Also after a reload, when systemd installs its own program again."""
        bundle.linux["resources"]["devices"] = rules
        bundle.linux["devices"] = [{"path": "/dev/node", **KMSG}]
        del bundle.linux["devices"][0]["access"]
        bundle.capabilities("CAP_SYSLOG", "CAP_SYS_ADMIN")
        bundle.file("probe", "head -c 0 /dev/node && echo open; echo x >/dev/null && echo null")
        bundle.sh("sh /probe; until [ -e /again ]; do sleep 0.1; done; sh /probe; echo done")
        container = scoped.run_detached(bundle)
        container.wait_for_output("null")
        if scoped.kind == "pyrunc":
            assert show(unit_of(container), "DevicePolicy") == [policy]
        run(["systemctl", "daemon-reload"]).check()
        bundle.file("again", "")
        lines = container.wait_for_output("done").splitlines()
        assert lines.count("null") == 2
        assert lines.count("open") == (2 if opens else 0)


@pytest.mark.skipif(not exists(), reason="there is no user for it")
class TestOrdinaryUser:
    """Scopes of the user's own systemd."""

    @pytest.fixture
    def user(self) -> User:
        return User()

    @pytest.fixture
    def his(self, runtime: Runtime, user: User) -> list[str]:
        """His call of the runtime, with a state root of his own."""
        root = user.make_folder(runtime.root / "his")
        runtime.root.chmod(0o711)
        return [runtime.path, "--root", str(root), "--systemd-cgroup"]

    @pytest.fixture
    def his_bundle(self, bundle: Bundle, user: User) -> Bundle:
        """A bundle that he may run."""
        bundle.namespace("user")
        bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": user.uid, "size": 1}]
        bundle.linux["gidMappings"] = [{"containerID": 0, "hostID": user.gid, "size": 1}]
        for mount in bundle.config["mounts"]:
            mount["options"] = [o for o in mount.get("options", []) if o != "gid=5"]
        bundle.linux["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}}
        return bundle

    @pytest.mark.parametrize("place", ["outside", "in a service"])
    def test_lives_in_his_tree(
        self, runtime: Runtime, his: list[str], his_bundle: Bundle, user: User, place: str
    ) -> None:
        name = runtime.new_id()
        his_bundle.args("/bin/cat", "/proc/self/cgroup").save()
        call = user.call if place == "outside" else user.call_in_service
        result = call(*his, "run", "--bundle", str(his_bundle.path), name).check()
        unit = f"{runtime.kind}-{name}.scope"
        top = f"/user.slice/user-{user.uid}.slice/user@{user.uid}.service"
        assert result.out == f"0::{top}/user.slice/{unit}\n"
        wait_until(lambda: user.show(unit, "LoadState") == ["not-found"], 1)

    def test_a_life(self, runtime: Runtime, his: list[str], his_bundle: Bundle, user: User) -> None:
        name = runtime.new_id()
        his_bundle.sleep().save()
        output = user.make_folder(his_bundle.path / "his") / "out"
        command = f"exec {' '.join(his)} run -d --bundle {his_bundle.path} {name} >{output} 2>&1"
        assert user.call("sh", "-c", command).status == 0, output.read_text()
        unit = f"{runtime.kind}-{name}.scope"
        assert user.show(unit, "MemoryMax", "TasksMax") == [str(64 << 20), "50"]
        user.call(*his, "update", "--memory", "32m", name).check()
        assert user.show(unit, "MemoryMax") == [str(32 << 20)]
        inside = user.call(*his, "exec", name, "cat", "/proc/self/cgroup").check().out
        assert inside.endswith(f"/{unit}\n")
        user.call(*his, "pause", name).check()
        user.call(*his, "resume", name).check()
        user.call(*his, "delete", "--force", name).check()
        states = ("LoadState", "ActiveState", "SubState", "Result")
        wait_until(
            lambda: user.show(unit, "LoadState") == ["not-found"], 1,
            lambda: f"{unit} is {user.show(unit, *states)}",
        )  # fmt: skip

    def test_no_session(self, his: list[str], his_bundle: Bundle, user: User) -> None:
        his_bundle.save()
        del user.env["XDG_RUNTIME_DIR"], user.env["DBUS_SESSION_BUS_ADDRESS"]
        result = user.call(*his, "create", "--bundle", str(his_bundle.path), "x")
        assert result.status == 1
        assert "DBUS_SESSION_BUS_ADDRESS" in result.err
