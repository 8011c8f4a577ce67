"""From counts to the segment: contract section 4, for every pair of counts."""

import pytest

from christmas_tasks.segments import READINESS_ZONES, SYSTEMS_TOTAL, Segment, classify


@pytest.mark.parametrize("orange", range(9))
@pytest.mark.parametrize("red", range(9))
def test_every_pair_of_counts_has_its_segment(red: int, orange: int) -> None:
    """CRITICAL: red >= 2. URGENT: red = 1, or orange >= 2. OPTIMIZE: otherwise."""
    if red in {2, 3, 4, 5, 6, 7, 8}:
        wanted = "CRITICAL"
    elif red == 1 or orange in {2, 3, 4, 5, 6, 7, 8}:
        wanted = "URGENT"
    else:
        wanted = "OPTIMIZE"
    assert classify(red, orange) == wanted


@pytest.mark.parametrize(
    ("red", "orange", "segment"),
    [
        (0, 0, "OPTIMIZE"),
        (0, 1, "OPTIMIZE"),
        (0, 2, "URGENT"),
        (1, 0, "URGENT"),
        (1, 8, "URGENT"),
        (2, 0, "CRITICAL"),
        (8, 0, "CRITICAL"),
    ],
)
def test_the_boundaries_stand_where_the_contract_has_them(red: int, orange: int, segment: str) -> None:
    """The pairs on both sides of each border, spelled out."""
    assert classify(red, orange) == segment


def test_each_segment_has_the_contracts_zone() -> None:
    """Crisis, Warning and Growth Zone, in that order."""
    assert {segment.value: zone for segment, zone in READINESS_ZONES.items()} == {
        "CRITICAL": "Crisis Zone",
        "URGENT": "Warning Zone",
        "OPTIMIZE": "Growth Zone",
    }
    assert set(READINESS_ZONES) == set(Segment)


def test_there_are_eight_systems() -> None:
    """Counts run from 0 to 8."""
    assert SYSTEMS_TOTAL == 8
