"""What a row of the tracker still owes, and in which zone its contact lives."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from christmas_tasks.tracker import EmailState, EmailStatus
from tests.unit.rows import T0, five_day, sent, state


def numbers(states: Iterable[EmailState]) -> list[int]:
    return [one.number for one in states]


def test_pending_is_what_kestra_still_owes() -> None:
    """Without what has an end, and without the website's #1."""
    row = five_day(e1=state(1, T0), e3=sent(3, T0), e4=state(4, T0, None), e5=state(5, None, None))
    assert numbers(row.pending()) == [2, 4]
    assert numbers(five_day(e2=state(2, T0, EmailStatus.FAILED)).pending()) == [3, 4, 5]


@pytest.mark.parametrize(
    ("variables", "zone"), [({}, None), ({"time_zone": ""}, None), ({"time_zone": "Asia/Tokyo"}, "Asia/Tokyo")]
)
def test_the_contacts_zone_comes_from_the_rows_variables(variables: dict[str, str], zone: str | None) -> None:
    """Calendly gives one; else the setting's holds."""
    assert replace(five_day(), variables=variables).time_zone == zone
