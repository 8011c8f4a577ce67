"""From the counts of red and orange systems to the segment, and what a segment is called in the mails."""

from enum import StrEnum

SYSTEMS_TOTAL = 8
_CRITICAL_RED = 2
_URGENT_RED = 1
_URGENT_ORANGE = 2


class Segment(StrEnum):
    """How urgent a lead is (contract section 4)."""

    CRITICAL = "CRITICAL"
    URGENT = "URGENT"
    OPTIMIZE = "OPTIMIZE"


READINESS_ZONES = {
    Segment.CRITICAL: "Crisis Zone",
    Segment.URGENT: "Warning Zone",
    Segment.OPTIMIZE: "Growth Zone",
}


def classify(red_systems: int, orange_systems: int) -> Segment:
    """Tell the segment of an assessment (contract section 4).

    Args:
        red_systems: 0 to 8.
        orange_systems: 0 to 8.
    """
    if red_systems >= _CRITICAL_RED:
        return Segment.CRITICAL
    if red_systems >= _URGENT_RED or orange_systems >= _URGENT_ORANGE:
        return Segment.URGENT
    return Segment.OPTIMIZE
