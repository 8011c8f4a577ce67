"""Notion's dates: what a write may hold, how it reads back, how filters compare.

A value without a time is a calendar day; a time without a zone is UTC.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from christmas_sandbox.notion_errors import refuse, refuse_body
from christmas_sandbox.wire import JsonObject

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")


def read_date(value: object, path: str, *, cut_to_minute: bool) -> JsonObject | None:
    """Check a date that is written, and give it as it reads back.

    Args:
        value: `{start, end?, time_zone?}` or None.
        path: Place in the body, for the error.
        cut_to_minute: Drop seconds, as Notion's own pages can't show them.

    Raises:
        VendorError: 400, the shape or a date is wrong.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        refuse_body(path, f"should be an object or `null`, instead was `{value!r}`")
    for key in value:
        if key not in {"start", "end", "time_zone"}:
            refuse_body(f"{path}.{key}", "should be not present")
    zone_name = value.get("time_zone")
    if zone_name is not None and zone_name not in available_timezones():
        refuse_body(f"{path}.time_zone", "should be a valid IANA time zone")
    if "start" not in value:
        refuse_body(f"{path}.start", "should be defined, instead was `undefined`")
    start = _written(value["start"], f"{path}.start", zone_name, cut_to_minute=cut_to_minute)
    end = value.get("end")
    if end is not None:
        end = _written(end, f"{path}.end", zone_name, cut_to_minute=cut_to_minute)
        if instant(end) < instant(start):
            refuse(f"{path}: start date must be before end date.")
    return {"start": start, "end": end, "time_zone": zone_name}


def instant(text: str) -> datetime:
    """Turn a stored or filtered date into an aware UTC datetime; a day is its midnight.

    Raises:
        ValueError: it is no ISO 8601 date.
    """
    if not _DAY.match(text) and not _MOMENT.match(text):
        raise ValueError(f"{text!r} is no ISO 8601 date")
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def is_day(text: str) -> bool:
    """Say whether a date has no time."""
    return bool(_DAY.match(text))


def week_start(day: date) -> date:
    """Give the Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def _written(value: object, path: str, zone_name: str | None, *, cut_to_minute: bool) -> str:
    if not isinstance(value, str):
        refuse_body(path, f"should be a valid ISO 8601 date string, instead was `{value!r}`")
    try:
        instant(value)
    except ValueError:
        refuse_body(path, f"should be a valid ISO 8601 date string, instead was `{value}`")
    if is_day(value):
        if zone_name is not None:
            refuse_body(path, "should have a time when a time zone is given")
        return value
    moment = datetime.fromisoformat(value)
    if zone_name is not None:
        if moment.tzinfo is not None:
            refuse_body(path, "should have no UTC offset when a time zone is given")
        moment = moment.replace(tzinfo=ZoneInfo(zone_name))
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if cut_to_minute:
        moment = moment.replace(second=0, microsecond=0)
    return moment.isoformat(timespec="milliseconds")
