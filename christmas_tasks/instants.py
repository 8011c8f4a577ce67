"""Times as text: read leniently, kept as aware UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Moment:
    """An instant read from text.

    Args:
        instant: Aware UTC.
        had_zone: Whether the text named its zone.
    """

    instant: datetime
    had_zone: bool


def read_instant(value: object) -> Moment | None:
    """Read ISO 8601; a text without a zone is UTC. None if it can't be read."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            return Moment(moment.replace(tzinfo=UTC), had_zone=False)
        return Moment(moment.astimezone(UTC), had_zone=True)
    except (ValueError, OverflowError):
        return None
