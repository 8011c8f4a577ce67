"""The stage of a contact: forwards only (contract section 8)."""

import itertools

import pytest

from christmas_tasks.contacts import STAGE_OF_SEQUENCE, STAGES, next_stage
from christmas_tasks.sequences import Sequence


def test_the_stages_begin_as_the_contract_has_them() -> None:
    """Signed Up, Nurture Sequence, and then one for each later sequence."""
    assert STAGES[:2] == ("Signed Up", "Nurture Sequence")
    assert [STAGE_OF_SEQUENCE[sequence] for sequence in Sequence] == list(STAGES[1:])


@pytest.mark.parametrize("wanted", STAGES)
def test_a_new_contact_starts_anywhere(wanted: str) -> None:
    """Also with a sequence, without a signup."""
    assert next_stage("", wanted) == wanted


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(STAGES, STAGES)))
def test_a_stage_never_moves_backwards(current: str, wanted: str) -> None:
    """Every pair: forwards is written, the same and backwards are left."""
    moves_on = STAGES.index(wanted) > STAGES.index(current)
    assert next_stage(current, wanted) == (wanted if moves_on else None)


@pytest.mark.parametrize("wanted", STAGES)
def test_a_stage_is_known_in_any_case_of_letters(wanted: str) -> None:
    """Notion's options are a person's spelling."""
    assert next_stage("SIGNED UP", wanted) == (None if wanted == "Signed Up" else wanted)
    assert next_stage("onboarding", wanted) is None


@pytest.mark.parametrize("wanted", STAGES)
def test_a_persons_own_stage_is_left_alone(wanted: str) -> None:
    """What the campaign doesn't know it doesn't overwrite."""
    assert next_stage("Won", wanted) is None
