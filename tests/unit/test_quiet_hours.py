"""Quiet hours: to their end, not earlier and not dropped, and right over a change of the clock."""

from datetime import UTC, datetime, time, timedelta

import pytest

from christmas_tasks.quiet_hours import QuietHours, known_zone

NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("21:00-08:00", time(21), time(8)),
        (" 00:00-23:59 ", time(0), time(23, 59)),
        ("12:30-13:00", time(12, 30), time(13)),
    ],
)
def test_the_form_is_two_clock_times(text: str, start: time, end: time) -> None:
    """``HH:MM-HH:MM``."""
    assert QuietHours.parse(text, "UTC") == QuietHours(start, end, "UTC")


@pytest.mark.parametrize(
    "text",
    ["", "21:00", "21-08", "24:00-08:00", "21:60-08:00", "9:00-10:00", "21:00 - 08:00", "08:00-08:00", "a:b-c:d"],
)
def test_another_form_or_an_empty_span_is_refused(text: str) -> None:
    """With an example to copy."""
    with pytest.raises(ValueError, match="21:00-08:00"):
        QuietHours.parse(text, "UTC")


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2025-11-20T20:59:59", "2025-11-20T20:59:59"),
        ("2025-11-20T21:00:00", "2025-11-21T08:00:00"),
        ("2025-11-20T23:59:59", "2025-11-21T08:00:00"),
        ("2025-11-21T00:00:00", "2025-11-21T08:00:00"),
        ("2025-11-21T07:59:59", "2025-11-21T08:00:00"),
        ("2025-11-21T08:00:00", "2025-11-21T08:00:00"),
        ("2025-12-31T22:00:00", "2026-01-01T08:00:00"),
    ],
)
def test_a_span_over_midnight_has_sharp_borders(at: str, allowed: str) -> None:
    """The beginning is quiet, the end is not."""
    assert QuietHours(time(21), time(8)).next_allowed(utc(at)) == utc(allowed)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2025-11-20T11:59:59", "2025-11-20T11:59:59"),
        ("2025-11-20T12:00:00", "2025-11-20T14:00:00"),
        ("2025-11-20T13:59:59", "2025-11-20T14:00:00"),
        ("2025-11-20T14:00:00", "2025-11-20T14:00:00"),
        ("2025-11-20T00:00:00", "2025-11-20T00:00:00"),
    ],
)
def test_a_span_within_a_day_has_sharp_borders(at: str, allowed: str) -> None:
    """A nap at noon ends on the same day."""
    assert QuietHours(time(12), time(14)).next_allowed(utc(at)) == utc(allowed)


def test_the_clock_is_that_of_the_setting_or_of_the_contact() -> None:
    """03:00 UTC is 22:00 in New York, and noon in Tokyo."""
    quiet = QuietHours(time(21), time(8), NEW_YORK)
    at = utc("2025-11-20T03:00")
    assert quiet.next_allowed(at) == utc("2025-11-20T13:00")
    assert quiet.next_allowed(at, "Asia/Tokyo") == at


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", None, "../x", "America"])
def test_a_zone_that_nobody_knows_is_that_of_the_setting(zone: str | None) -> None:
    """The row is a person's to edit: a typing mistake there must not keep a mail from going out."""
    quiet = QuietHours(time(21), time(8), NEW_YORK)
    assert quiet.next_allowed(utc("2025-11-20T03:00"), zone) == utc("2025-11-20T13:00")


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        # Summer time ends on 2 November 2025 at 06:00 UTC: 08:00 is 13:00 UTC then, and 12:00 the day before.
        ("2025-11-01T05:00", "2025-11-01T12:00"),
        ("2025-11-02T05:00", "2025-11-02T13:00"),
        ("2025-11-02T12:59", "2025-11-02T13:00"),
        # It begins on 8 March 2026 at 07:00 UTC.
        ("2026-03-07T05:00", "2026-03-07T13:00"),
        ("2026-03-08T05:00", "2026-03-08T12:00"),
        ("2026-03-08T11:59", "2026-03-08T12:00"),
        ("2026-03-08T12:00", "2026-03-08T12:00"),
    ],
)
def test_the_end_is_the_wall_clocks_over_a_change(at: str, allowed: str) -> None:
    """The night of a change is an hour longer or shorter; its end is 08:00 all the same."""
    assert QuietHours(time(21), time(8), NEW_YORK).next_allowed(utc(at)) == utc(allowed)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2025-11-02T05:10", "2025-11-02T05:30"),
        ("2025-11-02T05:45", "2025-11-02T05:45"),
        ("2025-11-02T06:10", "2025-11-02T06:30"),
        ("2025-11-02T06:30", "2025-11-02T06:30"),
    ],
)
def test_an_end_that_occurs_twice_ends_both_spans(at: str, allowed: str) -> None:
    """01:30 comes twice that night: whoever waits is never sent back in time."""
    assert QuietHours(time(22), time(1, 30), NEW_YORK).next_allowed(utc(at)) == utc(allowed)


def test_an_end_that_the_change_skips_is_not_dropped() -> None:
    """02:30 does not exist on 8 March 2026: the mail goes out within the hour, outside the quiet clock."""
    quiet = QuietHours(time(22), time(2, 30), NEW_YORK)
    allowed = quiet.next_allowed(utc("2026-03-08T06:30"))
    assert utc("2026-03-08T07:00") <= allowed <= utc("2026-03-08T08:00")
    assert quiet.next_allowed(allowed) == allowed


def test_a_beginning_that_the_change_skips_is_still_quiet_afterwards() -> None:
    """Quiet from 02:30: at 03:00 summer time it has begun."""
    quiet = QuietHours(time(2, 30), time(6), NEW_YORK)
    assert quiet.next_allowed(utc("2026-03-08T06:59")) == utc("2026-03-08T06:59")
    assert quiet.next_allowed(utc("2026-03-08T07:00")) == utc("2026-03-08T10:00")


def test_a_day_without_its_allowed_minutes_is_waited_out() -> None:
    """Quiet but for 02:00-02:15, on the night that skips them: the next day's, not quiet 03:00."""
    quiet = QuietHours(time(2, 15), time(2), "Europe/Berlin")
    assert quiet.next_allowed(utc("2026-03-29T00:00")) == utc("2026-03-30T00:00")


def test_the_result_is_utc() -> None:
    """Notion and Kestra get one zone only."""
    moved = QuietHours(time(21), time(8), NEW_YORK).next_allowed(utc("2025-11-20T03:00"))
    assert moved.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("America/New_York", "America/New_York"),
        ("UTC", "UTC"),
        ("", None),
        ("Mars/Olympus", None),
        ("America", None),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
        ("x" * 5000, None),
        ("a\x00b", None),
        ("\N{CHRISTMAS TREE}", None),
    ],
)
def test_a_zone_is_known_or_none(name: str, known: str | None) -> None:
    """Nothing that a body can hold leads to another file or an error."""
    assert known_zone(name) == known
