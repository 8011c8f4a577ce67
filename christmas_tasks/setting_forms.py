"""The forms that the values of settings have: each reads a text, or says in a ``ValueError`` what it must be."""

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.text import is_safe_link

_DURATION = re.compile(r"(?:P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?)|(?:(\d+)\s*([dhm]))", re.IGNORECASE)
_LONGEST_DURATION = timedelta(days=3_660)
_CAMPAIGN_LIMIT = 100  # a select option of Notion
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration(value: str) -> timedelta:
    """A duration: ``6h``, ``7d``, ``PT6H``."""
    match = _DURATION.fullmatch(value)
    if match is None or not any(match.groups()):
        raise ValueError("must be a duration, for example 6h, 7d or PT6H")
    days, hours, minutes, amount, unit = match.groups()
    try:
        if amount:
            found = timedelta(**{_UNITS[unit.lower()]: int(amount)})
        else:
            found = timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0))
    except OverflowError:
        found = timedelta.max
    if found > _LONGEST_DURATION:
        raise ValueError("is too long a duration (ten years at most), for example 6h, 7d or PT6H")
    return found


def zone(value: str) -> str:
    """A time zone's name."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone's name, for example America/New_York") from None
    return value


def day(value: str) -> date:
    """A date."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date, for example 2025-12-05") from None


def seconds(value: str) -> float:
    """A number of seconds, at most an hour."""
    try:
        found = float(value)
    except ValueError:
        raise ValueError("must be a number of seconds, for example 60") from None
    if not 0 < found <= 3600:  # noqa: PLR2004 - an hour for a minute is a typing mistake
        raise ValueError("must be more than 0 and at most 3600 seconds, for example 60")
    return found


def rate(value: str) -> float:
    """Calls a second."""
    try:
        per_second = float(value)
    except ValueError:
        raise ValueError("must be a number of calls a second, for example 3") from None
    if not 0.1 <= per_second <= 10_000:  # noqa: PLR2004 - one call in ten seconds; more than any vendor takes
        raise ValueError("must be from 0.1 to 10000 calls a second, for example 3")
    return per_second


def quiet_hours(value: str) -> str:
    """Quiet hours, as written; they can be read."""
    QuietHours.parse(value, "UTC")
    return value


def link(value: str) -> str:
    """An https address for a mail."""
    if not is_safe_link(value):
        raise ValueError("must be an https address, for example https://example.org/page")
    return value


def base_url(value: str) -> str:
    """An address of this campaign, without a slash at its end: https, or this machine."""
    text = value.rstrip("/")
    if not re.fullmatch(r"https://[^\s\"'<>]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^\s\"'<>]*)?", text):
        raise ValueError("must be an https address (http only for 127.0.0.1), for example https://flows.example.org")
    return text


def vendor_url(value: str) -> str:
    """The address of a vendor, or of a stand-in on this machine or beside it."""
    text = value.rstrip("/")
    # A name without a dot is a neighbour in the same Compose network: the sandbox.
    return text if re.fullmatch(r"http://[a-z][a-z0-9-]*(:\d+)?", text) else base_url(text)


def sender(value: str) -> str:
    """One address, with or without a name."""
    if not re.fullmatch(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+", value):
        raise ValueError('must be one address, for example "Anna <anna@example.org>"')
    return value


def text(value: str) -> str:
    """Text as it stands."""
    return value


def only_true_is_on(value: str) -> bool:
    """A switch that only ``true``, in any case, turns on (contract section 5)."""
    return value.lower() == "true"


def campaign(value: str) -> str:
    """The campaign's name, short enough for a select option of Notion."""
    if len(value) > _CAMPAIGN_LIMIT:
        raise ValueError(f"must have at most {_CAMPAIGN_LIMIT} characters, for example Christmas 2025")
    return value
