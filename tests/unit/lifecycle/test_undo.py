from __future__ import annotations

import pytest

from runtime.errors import ContainerError
from runtime.lifecycle.undo import Undo


def test_steps_back_are_taken_in_reverse() -> None:
    taken: list[int] = []
    with pytest.raises(ContainerError, match="why"), Undo() as undo:
        for step in (1, 2, 3):
            undo.push(lambda step=step: taken.append(step))
        raise ContainerError("why")
    assert taken == [3, 2, 1]


def test_nothing_is_undone_after_commit() -> None:
    with Undo() as undo:
        undo.push(lambda: pytest.fail("undone"))
        undo.commit()


@pytest.mark.parametrize("fails", [True, False])
def test_what_is_done_at_the_end(fails: bool) -> None:
    taken: list[str] = []
    try:
        with Undo() as undo:
            undo.at_end(lambda: taken.append("end"))
            undo.push(lambda: taken.append("back"))
            if fails:
                raise ContainerError("why")
            undo.commit()
    except ContainerError:
        pass
    assert taken == (["back", "end"] if fails else ["end"])


def test_a_step_that_fails_is_a_note_and_the_others_are_taken() -> None:
    taken: list[int] = []

    def fail() -> None:
        raise ValueError("no way back")

    with pytest.raises(ContainerError) as caught, Undo() as undo:
        undo.push(lambda: taken.append(1))
        undo.push(fail)
        raise ContainerError("why")
    assert taken == [1]
    assert str(caught.value) == "why (cleaning up: no way back)"
