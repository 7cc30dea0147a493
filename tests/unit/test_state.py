from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ConfigError, ContainerError, HostError, StatusError
from runtime.state import (
    VERSION,
    Container,
    StateStore,
    boot_id,
    check_id,
    is_alive,
    process_start,
    remove_folder,
)


def start_of(pid: int) -> int:
    found = process_start(pid)
    assert found is not None
    return found[0]


def document(**members: Any) -> dict[str, Any]:
    """A state as create writes it: of this very process, which runs."""
    me = os.getpid()
    return {
        "version": VERSION, "id": "c", "pid": me, "pidStart": start_of(me), "boot": boot_id(),
        "maker": [me, start_of(me)], "created": "", "bundle": "/b", "rootfs": "/b/rootfs",
        "cgroupPaths": {}, "config": {},
    } | members  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    tmp_path.chmod(0o700)
    return StateStore(str(tmp_path))


def saved(store: StateStore, **members: Any) -> Container:
    container = Container(store.claim("c"), document(**members), os.geteuid())
    container.save()
    return container


@pytest.mark.parametrize("name", ["a", "A-b_c+d.e", "0", "-x", "+", "x" * 255, "a..b"])
def test_ids(name: str) -> None:
    assert check_id(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a/b", "a b", "a\n", "é", "x" * 256])
def test_no_ids(name: str) -> None:
    with pytest.raises(ConfigError, match="invalid container ID format"):
        check_id(name)


class TestProcess:
    def test_identity_is_pid_and_start(self) -> None:
        me = os.getpid()
        assert is_alive(me, start_of(me))
        assert not is_alive(me, start_of(me) + 1)
        assert not is_alive(0, 0)
        assert process_start(2**22 + 1) is None

    def test_a_zombie_is_not_alive(self) -> None:
        child = subprocess.Popen(["/bin/true"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(child.pid, start_of(child.pid))
        child.wait()


class TestStatus:
    @pytest.mark.parametrize(
        ("members", "status"),
        [
            pytest.param({}, "running", id="init runs, no fifo"),
            pytest.param({"pidStart": 1}, "stopped", id="the pid is another's"),
            pytest.param({"boot": "another"}, "stopped", id="before a reboot"),
            pytest.param({"pid": 0}, "creating", id="its maker works"),
            pytest.param({"pid": 0, "maker": [1, 0]}, "stopped", id="its maker died"),
            pytest.param({"pid": 0, "boot": "another"}, "stopped", id="made before a reboot"),
        ],
    )
    def test_of(self, store: StateStore, members: dict[str, Any], status: str) -> None:
        assert saved(store, **members).status() == status

    def test_created_is_the_fifo(self, store: StateStore) -> None:
        container = saved(store)
        os.mkfifo(container.fifo)
        assert container.status() == "created"

    @pytest.mark.parametrize(
        ("key", "files", "status"),
        [
            ("", {"cgroup.freeze": "1"}, "paused"),
            ("", {"cgroup.freeze": "0"}, "running"),
            ("freezer", {"freezer.state": "FROZEN", "freezer.self_freezing": "1"}, "paused"),
            ("freezer", {"freezer.state": "FROZEN", "freezer.self_freezing": "0"}, "running"),
            ("freezer", {"freezer.state": "THAWED", "freezer.self_freezing": "0"}, "running"),
            ("freezer", {}, "running"),
        ],
    )
    def test_paused_is_the_freezer(
        self, store: StateStore, tmp_path: Path, key: str, files: dict[str, str], status: str
    ) -> None:
        folder = tmp_path / "cgroup"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text + "\n")
        assert saved(store, cgroupPaths={key: str(folder)}).status() == status


@pytest.mark.parametrize(
    ("namespaces", "own"),
    [([], False), ([{"type": "pid"}], True), ([{"type": "pid", "path": "/p"}], False)],
)
def test_own_pid_namespace(namespaces: list[dict[str, str]], own: bool) -> None:
    config = {"linux": {"namespaces": namespaces}}
    assert Container("/x", document(config=config), 0).has_own_pid_namespace() is own


def test_state_for_hooks_has_no_pid_when_stopped() -> None:
    container = Container("/x", document(config={"annotations": {"a": "1"}}), 0)
    running, stopped = container.oci_state("running"), container.oci_state("stopped", pid=0)
    assert running == {
        "ociVersion": running["ociVersion"], "id": "c", "status": "running", "pid": os.getpid(),
        "bundle": "/b", "annotations": {"a": "1"},
    }  # fmt: skip
    assert stopped == {k: v for k, v in running.items() if k != "pid"} | {"status": "stopped"}


def test_a_configuration_is_saved_as_it_was_written(store: StateStore) -> None:
    container = saved(store)
    container.data = {"extra": 1, **document(config={"a": "\u00fc"}), "late": 2}
    container.config_text = '{"a" : "\u00fc"\n}'
    container.save()
    text = Path(container.folder, "state.json").read_text()
    assert text.endswith(',"config":{"a" : "\u00fc"\n}}')
    assert store.load("c").data == container.data
    assert store.glance("c").id == "c"


class TestStore:
    def test_what_was_saved_is_loaded(self, store: StateStore) -> None:
        container = saved(store, bundle="/odd\udcff name")
        assert store.load("c").data == container.data
        assert store.ids() == ["c"]
        assert os.listdir(container.folder) == ["state.json"]

    def test_claim_is_won_once(self, store: StateStore) -> None:
        store.claim("c")
        with pytest.raises(StatusError, match="container with given ID already exists"):
            store.claim("c")

    def test_claim_wants_a_root_of_its_own(self, store: StateStore, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        with pytest.raises(HostError, match="can be written by others"):
            store.claim("c")
        assert os.listdir(tmp_path) == []

    def test_absent(self, store: StateStore) -> None:
        for call in (store.load, store.glance, store.locked):
            with pytest.raises(StatusError, match="container does not exist"):
                call("c")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is damaged"),
            ("{", "is damaged"),
            ("[]", "not written by this version"),
            (json.dumps(document(version=99)), "not written by this version"),
            (json.dumps(document(id="d")), "is of another container"),
            (json.dumps(document(pid="1")), '"pid" is missing or of the wrong type'),
            (json.dumps(document(pid=True)), '"pid" is missing'),
            (json.dumps(document(config=None)), '"config" is missing'),
        ],
    )
    def test_damage(self, store: StateStore, text: str, words: str) -> None:
        Path(store.claim("c"), "state.json").write_text(text)
        for call in (store.load, store.glance):
            with pytest.raises(HostError, match=words):
                call("c")

    @pytest.mark.parametrize("size", [0, 1 << 15], ids=["short", "longer than is read"])
    def test_glance(self, store: StateStore, size: int) -> None:
        """All but the configuration, whatever the other members hold."""
        annotations = {"a,": "b", "config": '{,"config":{}', "x": "y" * size}
        config = {"annotations": annotations, "linux": {"config": {"config": {}}}}
        data = document(bundle='/odd\udcff ,"config":{ name', annotations=annotations)
        data["config"] = data.pop("config") | config
        Container(store.claim("c"), data, 0).save()
        seen, loaded = store.glance("c"), store.load("c")
        assert seen.data == {k: v for k, v in loaded.data.items() if size or k != "config"}
        assert seen.annotations == loaded.annotations == annotations
        assert (seen.status(), seen.owner_uid) == ("running", os.geteuid())

    def test_glance_at_a_state_of_another_make(self, store: StateStore) -> None:
        """Of an older release, or with the configuration in front: it is loaded."""
        saved(store, config={"annotations": {"k": "v"}})
        assert store.glance("c").annotations == {"k": "v"}
        data = document(annotations={"k": "v"})
        text = json.dumps({"config": data.pop("config"), **data}, separators=(",", ":"))
        Path(store.root, "c/state.json").write_text(text)
        assert store.glance("c").data == store.load("c").data

    @pytest.mark.parametrize("end", [0.3, 0.5, 0.9, 0.99])
    def test_glance_at_half_a_state(self, store: StateStore, end: float) -> None:
        saved(store, config={"linux": {"x": ["y" * 500]}}, annotations={})
        path = Path(store.root, "c/state.json")
        text = path.read_bytes()
        path.write_bytes(text[: int(len(text) * end)])
        with pytest.raises(HostError, match="is damaged"):
            store.glance("c")

    def test_lock_of_what_is_deleted_meanwhile(
        self, store: StateStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Waiting for the lock, we learn that there is nothing left, or something new."""
        saved(store)
        monkeypatch.setattr("runtime.native.calls.lock", lambda _fd: store.load("c").remove())
        with pytest.raises(StatusError, match="container does not exist"):
            store.locked("c")
        saved(store)
        turns = []

        def replace(_fd: int) -> None:
            if not turns:
                turns.append(store.load("c").remove())
                saved(store, created="anew")

        monkeypatch.setattr("runtime.native.calls.lock", replace)
        container, fd = store.locked("c")
        os.close(fd)
        assert container.created == "anew"


class TestRemoveFolder:
    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        kept.mkdir()
        (kept / "file").touch()
        folder = tmp_path / "c"
        (folder / "deep").mkdir(parents=True)
        (folder / "link").symlink_to(kept)
        (folder / "deep" / "link").symlink_to(kept / "file")
        remove_folder(str(folder))
        assert sorted(os.listdir(tmp_path)) == ["kept"]
        assert os.listdir(kept) == ["file"]

    def test_nothing_and_no_folder_are_fine(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        remove_folder(str(tmp_path / "none"))
        remove_folder(str(tmp_path / "file"))
        assert os.listdir(tmp_path) == ["file"]


def test_errors_name_no_container_twice(store: StateStore) -> None:
    with pytest.raises(ContainerError) as caught:
        store.load("none")
    assert str(caught.value) == 'container "none": container does not exist'
