"""AppArmor profiles and SELinux labels."""

from __future__ import annotations

import pytest
from harness.plans import facts, minimal, ops_named, plan_of, problems_of

LABEL = "system_u:system_r:container_t:s0:c1,c2"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (
            "apparmorProfile",
            "process.apparmorProfile: an AppArmor profile is specified, but AppArmor is disabled "
            "or not supported",
        ),
        (
            "selinuxLabel",
            "process.selinuxLabel: selinux label is specified in config, but selinux is disabled "
            "or not supported",
        ),
    ],
)
def test_a_label_that_the_host_cannot_apply_is_an_error(key: str, problem: str) -> None:
    config = minimal(process={key: "x"})
    assert problems_of(config, facts(apparmor=False, selinux=False)) == [problem]
    assert problems_of(config, facts(apparmor=True, selinux=True)) == []


@pytest.mark.spec("process.apparmorProfile")
def test_profile_while_the_paths_of_proc_are_open() -> None:
    config = minimal(process={"apparmorProfile": "default"})
    config["linux"]["maskedPaths"] = ["/proc/x"]
    plan = plan_of(config, facts(apparmor=True))
    ops = ops_named(plan, "pivot", "apparmor", "mask_path")
    assert [op.name for op in ops] == ["pivot", "apparmor", "mask_path"]
    assert ops[1].strings == ("default",)


@pytest.mark.spec("process.selinuxLabel")
def test_label_of_the_process_and_of_its_keys() -> None:
    plan = plan_of(minimal(process={"selinuxLabel": LABEL}), facts(selinux=True))
    keyring, label, bounding = ops_named(plan, "keyring", "process_label", "bounding")
    assert keyring.strings == ("_ses.c1", LABEL)
    assert (label.name, label.strings, bounding.name) == ("process_label", (LABEL,), "bounding")


def test_nothing_asked_nothing_planned() -> None:
    plan = plan_of(minimal(process={"apparmorProfile": "", "selinuxLabel": ""}))
    assert ops_named(plan, "apparmor", "process_label") == []
    assert ops_named(plan, "keyring")[0].strings == ("_ses.c1", None)


LINUX = {"mountLabel": LABEL, "maskedPaths": ["/secret"]}
CONTEXT = f'context="{LABEL}"'


@pytest.mark.spec("linux.mountLabel")
class TestMountLabel:
    def options(self, *mounts: dict[str, object]) -> list[object]:
        """What the filesystems are given."""
        plan = plan_of(minimal(linux=LINUX, mounts=list(mounts)), facts(selinux=True))
        return [op.strings[3] for op in ops_named(plan, "mount")]

    def test_needs_selinux(self) -> None:
        words = "selinux label is specified in config, but selinux is disabled or not supported"
        config = minimal(linux=LINUX)
        assert problems_of(config, facts()) == [f"linux.mountLabel: {words}"]
        assert problems_of(config, facts(selinux=True)) == []

    def test_a_quote(self) -> None:
        found = problems_of(minimal(linux={"mountLabel": 'a"b'}), facts(selinux=True))
        assert found == ["linux.mountLabel: has a quote in it, which no SELinux label has"]

    @pytest.mark.parametrize(
        ("kind", "is_labelled"),
        [("tmpfs", True), ("devpts", True), ("proc", False), ("sysfs", False), ("mqueue", False)],
    )
    def test_filesystems(self, kind: str, is_labelled: bool) -> None:
        target = f"/{kind}" if kind == "proc" else "/x"
        (found,) = self.options({"type": kind, "destination": target})
        assert found == ([CONTEXT] if is_labelled else [])

    def test_one_that_has_its_own(self) -> None:
        mount = {"type": "tmpfs", "destination": "/x", "options": ["context=mine"]}
        assert self.options(mount) == [["context=mine"]]

    def test_a_message_queue_is_labelled_afterwards(self) -> None:
        config = minimal(linux=LINUX, mounts=[{"type": "mqueue", "destination": "/mq"}])
        plan = plan_of(config, facts(selinux=True))
        mount, label = ops_named(plan, "mount", "file_label")
        assert (mount.name, label.strings) == ("mount", ("/mq", LABEL))

    def test_masks(self) -> None:
        plan = plan_of(minimal(linux=LINUX), facts(selinux=True))
        assert ops_named(plan, "mask_path")[0].strings == ("/secret", CONTEXT)

    def test_binds_keep_their_labels(self) -> None:
        mount = {"destination": "/x", "source": "/s", "options": ["bind"]}
        plan = plan_of(minimal(linux=LINUX, mounts=[mount]), facts(selinux=True))
        assert ops_named(plan, "mount", "file_label") == []
