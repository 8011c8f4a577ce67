"""Quiet hours: a mail that falls into them moves to their end (contract section 5, ``QUIET_HOURS``)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class QuietHours:
    """A daily span of local time without mails; it may pass midnight.

    Args:
        start: Local time at which quiet begins (included).
        end: Local time at which mails may go out again (excluded from quiet).
        zone: IANA name that holds unless the contact has a zone.
    """

    start: time
    end: time
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, zone: str) -> "QuietHours":
        """Read ``HH:MM-HH:MM``.

        Raises:
            ValueError: Another form, or an empty span.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None or match[1] + match[2] == match[3] + match[4]:
            raise ValueError("must look like 21:00-08:00")
        return cls(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])), zone)

    def next_allowed(self, at: datetime, contact_zone: str | None = None) -> datetime:
        """The first instant from *at* on that is outside quiet hours, aware UTC; *at* itself if it is.

        Local times are the wall clock's, so the result is right over a change to or from summer time: an end that the
        change skips is as far behind it as the old clock would have reached; one that occurs twice ends both spans.
        """
        # The contact's zone stands in a row that people edit: one that nobody knows must not keep a mail back.
        zone = ZoneInfo(known_zone(contact_zone or "") or self.zone)
        local = at.astimezone(zone)
        clock = local.time().replace(tzinfo=None)
        if not self._is_quiet(clock):
            return at
        ends_on = local.date() if clock < self.end else local.date() + timedelta(days=1)
        end = _instant(ends_on, self.end, zone)
        # In the hour that occurs twice the wall clock may already have passed the end's first occurrence.
        if end < at:
            end = _instant(ends_on, self.end.replace(fold=1), zone)
        # An end that the change skips may leave nothing of a short span without quiet: then the next day's counts.
        return self.next_allowed(end, contact_zone) if self._is_quiet(end.astimezone(zone).time()) else end

    def _is_quiet(self, clock: time) -> bool:
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def known_zone(name: str) -> str | None:
    """*name* if it is an IANA time zone, else None."""
    try:
        return ZoneInfo(name).key if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
