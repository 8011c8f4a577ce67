"""The variables of the mails: every row of the table in contract section 9."""

from datetime import date
from typing import Any

import pytest

from christmas_tasks.segments import Segment
from christmas_tasks.variables import FIXED_TIP, NAMES, TIPS, Campaign, build

CAMPAIGN = Campaign(
    date(2025, 12, 5), "https://example.org/call", "https://example.org/pdf", "12", "40", "1 Example Street"
)
TODAY = date(2025, 11, 20)
LINK = "https://example.org/u?token=t"


def built(segment: Segment = Segment.OPTIMIZE, today: date = TODAY, **given: Any) -> dict[str, str | float]:
    return build(given, segment, CAMPAIGN, today, LINK)


def test_without_any_data_every_variable_has_its_fallback() -> None:
    """The whole table, at once; exactly the names that templates may use."""
    values = built()
    assert values == {
        "first_name": "there",
        "business_name": "your business",
        "overall_score": "N/A",
        "assessment_score": "N/A",
        "segment": "OPTIMIZE",
        "readiness_zone": "Growth Zone",
        "weakest_system_1": "GPS",
        "weakest_system": "GPS",
        "WeakestSystem1": "GPS",
        "WeakestSystem": "GPS",
        "weakest_system_2": "FUEL",
        "WeakestSystem2": "FUEL",
        "strongest_system": "CABIN",
        "StrongestSystem": "CABIN",
        "red_systems": 0,
        "orange_systems": 0,
        "yellow_systems": 0,
        "green_systems": 0,
        "revenue_leak_total": 0,
        "TotalRevenueLeak_K": 0,
        "days_to_deadline": 15,
        "deadline_date": "December 5, 2025",
        "personalized_tip_1": TIPS["GPS"],
        "personalized_tip_2": TIPS["CREW"],
        "personalized_tip_3": FIXED_TIP,
        "calendly_link": "https://example.org/call",
        "pdf_download_link": "https://example.org/pdf",
        "spots_remaining": "12",
        "bookings_count": "40",
        "portal_url": "",
        "diagnostic_call_date": "",
        "unsubscribe_url": LINK,
        "postal_address": "1 Example Street",
    }
    assert set(values) == NAMES


@pytest.mark.parametrize(
    ("given", "names", "value"),
    [
        ({"first_name": "Ann"}, ["first_name"], "Ann"),
        ({"business_name": "Salon"}, ["business_name"], "Salon"),
        ({"assessment_score": 41}, ["assessment_score", "overall_score"], 41),
        ({"assessment_score": 0}, ["assessment_score", "overall_score"], 0),
        (
            {"weakest_system_1": "CREW"},
            ["weakest_system_1", "weakest_system", "WeakestSystem1", "WeakestSystem"],
            "CREW",
        ),
        ({"weakest_system_2": "RADAR"}, ["weakest_system_2", "WeakestSystem2"], "RADAR"),
        ({"strongest_system": "ENGINE"}, ["strongest_system", "StrongestSystem"], "ENGINE"),
        ({"red_systems": 3}, ["red_systems"], 3),
        ({"orange_systems": 2}, ["orange_systems"], 2),
        ({"yellow_systems": 2}, ["yellow_systems"], 2),
        ({"green_systems": 1}, ["green_systems"], 1),
        ({"revenue_leak_total": 14700}, ["revenue_leak_total"], 14700),
        ({"portal_url": "https://example.org/p"}, ["portal_url"], "https://example.org/p"),
        ({"diagnostic_call_date": "Monday, 9"}, ["diagnostic_call_date"], "Monday, 9"),
        ({"diagnostic_call_date": "2025-12-01"}, ["diagnostic_call_date"], "December 1, 2025"),
    ],
)
def test_what_is_known_takes_the_place_of_the_fallback(given: dict[str, Any], names: list[str], value: object) -> None:
    """Under each of its names, snake case and camel case."""
    values = built(**given)
    assert [values[name] for name in names] == [value] * len(names)


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_counts_as_absent(blank: object) -> None:
    """A cleared cell in Notion brings the fallback back."""
    assert built(first_name=blank, assessment_score=blank, red_systems=blank) == built()


def test_data_cannot_take_the_place_of_what_is_computed_or_set() -> None:
    """Only the names of the personal data are taken from the row."""
    hostile: dict[str, str | float] = {
        "unsubscribe_url": "https://evil.example.org",
        "postal_address": "x",
        "segment": "CRITICAL",
        "overall_score": 99,
        "days_to_deadline": 99,
        "unknown": "x",
    }
    assert build(hostile, Segment.OPTIMIZE, CAMPAIGN, TODAY, LINK) == built()


@pytest.mark.parametrize(
    ("segment", "zone"),
    [(Segment.CRITICAL, "Crisis Zone"), (Segment.URGENT, "Warning Zone"), (Segment.OPTIMIZE, "Growth Zone")],
)
def test_the_zone_follows_the_segment(segment: Segment, zone: str) -> None:
    """One for each."""
    values = built(segment)
    assert (values["segment"], values["readiness_zone"]) == (segment.value, zone)


@pytest.mark.parametrize(
    ("total", "thousands"),
    [(0, 0), (499, 0), (500, 1), (1000, 1), (14499.99, 14), (14500, 15), (14700, 15), (15500, 16), ("14700", 15)],
)
def test_the_leak_in_thousands_is_rounded(total: float | str, thousands: int) -> None:
    """14700 is 15; a half goes up."""
    assert built(revenue_leak_total=total)["TotalRevenueLeak_K"] == thousands


@pytest.mark.parametrize(
    ("today", "days"),
    [
        (date(2025, 12, 4), 1),
        (date(2025, 12, 5), 0),
        (date(2025, 12, 6), 0),
        (date(2026, 12, 5), 0),
        (date(2025, 11, 5), 30),
    ],
)
def test_the_days_to_the_deadline_are_never_below_0(today: date, days: int) -> None:
    """Counted on the day of the send."""
    assert built(today=today)["days_to_deadline"] == days


@pytest.mark.parametrize("system", ["GPS", "CREW", "ENGINE", "FUEL", "CABIN", "COCKPIT", "RADAR", "AUTOPILOT"])
def test_each_of_the_eight_systems_has_a_tip(system: str) -> None:
    """In any case of letters; one for the weakest, one for the second."""
    values = built(weakest_system_1=f" {system.title()} ", weakest_system_2=system.lower())
    assert values["personalized_tip_1"] == values["personalized_tip_2"] == TIPS[system]


def test_the_tips_differ() -> None:
    """Eight systems, eight tips, and a fixed one."""
    assert len({*TIPS.values(), FIXED_TIP}) == 9


@pytest.mark.parametrize("system", ["", None, "WINGS", 7])
def test_an_unknown_system_has_the_fallbacks_tip(system: object) -> None:
    """GPS's for the first, CREW's for the second; the third is always the fixed one."""
    values = built(weakest_system_1=system, weakest_system_2=system)
    assert values["personalized_tip_1"] == TIPS["GPS"]
    assert values["personalized_tip_2"] == TIPS["CREW"]
    assert values["personalized_tip_3"] == FIXED_TIP


@pytest.mark.parametrize("total", ["much", "nan", "inf", "1e999"])
def test_a_total_that_a_person_has_spoilt_is_0_in_thousands(total: str) -> None:
    """The row is a person's to edit: no mail fails over it."""
    assert built(revenue_leak_total=total)["TotalRevenueLeak_K"] == 0
