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


def test_profile_while_the_paths_of_proc_are_open() -> None:
    config = minimal(process={"apparmorProfile": "default"})
    config["linux"]["maskedPaths"] = ["/proc/x"]
    plan = plan_of(config, facts(apparmor=True))
    ops = ops_named(plan, "pivot", "apparmor", "mask_path")
    assert [op.name for op in ops] == ["pivot", "apparmor", "mask_path"]
    assert ops[1].strings == ("default",)


def test_label_of_the_process_and_of_its_keys() -> None:
    plan = plan_of(minimal(process={"selinuxLabel": LABEL}), facts(selinux=True))
    keyring, label, bounding = ops_named(plan, "keyring", "process_label", "bounding")
    assert keyring.strings == ("_ses.c1", LABEL)
    assert (label.name, label.strings, bounding.name) == ("process_label", (LABEL,), "bounding")


def test_nothing_asked_nothing_planned() -> None:
    plan = plan_of(minimal(process={"apparmorProfile": "", "selinuxLabel": ""}))
    assert ops_named(plan, "apparmor", "process_label") == []
    assert ops_named(plan, "keyring")[0].strings == ("_ses.c1", None)
