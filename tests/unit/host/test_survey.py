"""What the kernel's files say becomes an answer, with a remedy where it is no yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.host import survey as module
from runtime.host.survey import NO, PARTLY, YES, Answer, release_numbers, survey


def of(answers: list[Answer], question: str) -> Answer:
    return next(one for one in answers if one.question == question)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host that has everything."""
    files = {
        "proc/sys/user/max_user_namespaces": "100",
        "proc/filesystems": "nodev\toverlay\nnodev\tmqueue\n\tfuse\n",
        "proc/sys/kernel/seccomp/actions_avail": "allow errno",
        "proc/self/status": "CapEff:\t000001ffffffffff\nSeccomp:\t0\n",
        "etc/subuid": "u:1:1", "etc/subgid": "u:1:1",
        **{f"proc/self/ns/{name}": "" for name in module.NAMESPACES},
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


QUESTIONS = ("all eight kinds", "user namespaces", "user namespaces made by users",
             "ranges of ids for users", "seccomp filters", "overlay", "capabilities",
             "free of a seccomp filter")  # fmt: skip


def test_a_host_that_has_everything(root: Path) -> None:
    answers = survey(str(root))
    assert {question: of(answers, question).answer for question in QUESTIONS} == dict.fromkeys(
        QUESTIONS, YES
    )


@pytest.mark.parametrize(
    ("file", "text", "question", "answer"),
    [
        ("proc/self/ns/time", None, "all eight kinds", NO),
        ("proc/sys/user/max_user_namespaces", "0", "user namespaces", NO),
        ("proc/sys/kernel/unprivileged_userns_clone", "0", "user namespaces made by users", NO),
        ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
         "user namespaces made by users", PARTLY),
        ("etc/subgid", "", "ranges of ids for users", NO),
        ("proc/sys/kernel/seccomp/actions_avail", None, "seccomp filters", NO),
        ("proc/filesystems", "ext4", "overlay", NO),
        ("proc/self/status", "CapEff:\t0\n", "capabilities", NO),
        ("proc/self/status", "CapEff:\t00000000a80425fb\n", "capabilities", PARTLY),
        ("proc/self/status", "CapEff:\t1ffffffffff\nSeccomp:\t2\n", "free of a seccomp filter",
         PARTLY),
        ("proc/sys/fs/mount-max", "100", "fs.mount-max", PARTLY),
    ],
)  # fmt: skip
def test_what_is_missing(
    root: Path, file: str, text: str | None, question: str, answer: str
) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink() if text is None else path.write_text(text)
    found = of(survey(str(root)), question)
    assert found.answer == answer
    assert found.needed_by and found.remedy


@pytest.mark.parametrize(
    ("release", "numbers"),
    [("6.18.5-cloud", (6, 18)), ("5.4", (5, 4)), ("odd", (0, 0)), ("x.y-z", (0, 0))],
)
def test_release(release: str, numbers: tuple[int, int]) -> None:
    assert release_numbers(release) == numbers


def test_an_old_kernel() -> None:
    answers = module._kernel("5.4.0-generic", "")
    assert {one.answer for one in answers} == {NO}
