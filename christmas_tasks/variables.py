"""The variables of the email templates: names, aliases and fallbacks (contract section 9). Their only home.

Values are text or numbers of other people; they are never read as template text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from christmas_tasks.segments import READINESS_ZONES, Segment

TIPS = {
    "GPS": "Write down the one number that must be true by New Year, and look at it every Monday.",
    "CREW": "Give each person on your team one result to own, and ask for it in a ten-minute weekly talk.",
    "ENGINE": "List your three best-selling offers and put your next hour of marketing into the first alone.",
    "FUEL": "Check your cash for the next six weeks today: what comes in, what goes out, and on which day.",
    "CABIN": "Ask your last five customers what nearly kept them from coming back, and mend the first answer.",
    "COCKPIT": "Block ninety minutes a week in which you work on the business, with the door closed.",
    "RADAR": "Call two customers you last saw three months ago: you will hear about trouble before it lands.",
    "AUTOPILOT": "Pick the task you repeat most often, and write its steps down so that somebody else can do it.",
}
FIXED_TIP = "Choose one change, give it two weeks, and only then choose the next."


@dataclass(frozen=True)
class Campaign:
    """What the settings give to every mail.

    Args:
        deadline: ``CAMPAIGN_DEADLINE``.
        calendly_link: Or empty.
        pdf_download_link: Or empty.
        spots_remaining: Or empty.
        bookings_count: Or empty.
        postal_address: Of the sender.
    """

    deadline: date
    calendly_link: str = ""
    pdf_download_link: str = ""
    spots_remaining: str = ""
    bookings_count: str = ""
    postal_address: str = ""


# What a payload may give, with what the mails say without it. Kept in the row's ``Variables`` under these names.
FALLBACKS: Mapping[str, str | int] = {
    "first_name": "there",
    "business_name": "your business",
    "assessment_score": "N/A",
    "weakest_system_1": "GPS",
    "weakest_system_2": "FUEL",
    "strongest_system": "CABIN",
    "red_systems": 0,
    "orange_systems": 0,
    "yellow_systems": 0,
    "green_systems": 0,
    "revenue_leak_total": 0,
    "portal_url": "",
    "diagnostic_call_date": "",
}

ALIASES: Mapping[str, str] = {
    "overall_score": "assessment_score",
    "weakest_system": "weakest_system_1",
    "WeakestSystem1": "weakest_system_1",
    "WeakestSystem": "weakest_system_1",
    "WeakestSystem2": "weakest_system_2",
    "StrongestSystem": "strongest_system",
}

_COMPUTED = (
    "segment",
    "readiness_zone",
    "TotalRevenueLeak_K",
    "days_to_deadline",
    "deadline_date",
    "personalized_tip_1",
    "personalized_tip_2",
    "personalized_tip_3",
    "calendly_link",
    "pdf_download_link",
    "spots_remaining",
    "bookings_count",
    "unsubscribe_url",
    "postal_address",
)

# The variables that are an address as they stand; every other one is text.
LINKS = frozenset({"calendly_link", "pdf_download_link", "portal_url", "unsubscribe_url"})

NAMES = frozenset({*FALLBACKS, *ALIASES, *_COMPUTED})


def build(
    given: Mapping[str, str | float],
    segment: Segment,
    campaign: Campaign,
    today: date,
    unsubscribe_url: str,
) -> dict[str, str | float]:
    """Every variable of contract section 9, fallbacks filled in.

    Args:
        given: The row's ``Variables``; a blank counts as absent.
        segment: The row's.
        campaign: From the settings.
        today: The campaign's local date at send time.
        unsubscribe_url: Made for this mail; may be empty for transactional ones.

    Returns:
        Exactly the names in ``NAMES``.
    """
    values: dict[str, str | float] = {
        name: given.get(name) if given.get(name) not in (None, "") else fallback  # type: ignore[misc]
        for name, fallback in FALLBACKS.items()
    }
    values |= {alias: values[name] for alias, name in ALIASES.items()}
    values |= {
        "diagnostic_call_date": _spoken_day(str(values["diagnostic_call_date"])),
        "segment": segment.value,
        "readiness_zone": READINESS_ZONES[segment],
        "TotalRevenueLeak_K": _thousands(values["revenue_leak_total"]),
        "days_to_deadline": max(0, (campaign.deadline - today).days),
        "deadline_date": _spoken(campaign.deadline),
        "personalized_tip_1": _tip(given.get("weakest_system_1"), "GPS"),
        "personalized_tip_2": _tip(given.get("weakest_system_2"), "CREW"),
        "personalized_tip_3": FIXED_TIP,
        "calendly_link": campaign.calendly_link,
        "pdf_download_link": campaign.pdf_download_link,
        "spots_remaining": campaign.spots_remaining,
        "bookings_count": campaign.bookings_count,
        "unsubscribe_url": unsubscribe_url,
        "postal_address": campaign.postal_address,
    }
    return values


def _spoken(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _spoken_day(text: str) -> str:
    # A bare ISO day reads like a file name in a mail; anything else is the caller's own wording.
    try:
        return _spoken(date.fromisoformat(text))
    except ValueError:
        return text


def _tip(system: object, fallback: str) -> str:
    return TIPS.get(str(system or "").strip().upper(), TIPS[fallback])


def _thousands(amount: str | float) -> int:
    # Halves go up, as people round money; Python's round() would make 14500 a 14.
    try:
        return int((float(amount) + 500) // 1000)
    except (ValueError, OverflowError):
        # The row's variables are people's to edit: what is no number there counts as absent.
        return 0
