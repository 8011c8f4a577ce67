"""Made-up leads to try templates with: one of each segment, and one of whom nothing is known. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from christmas_tasks.segments import Segment
from christmas_tasks.sequences import RULES, Enrolment, Sequence, template_name
from christmas_tasks.tracker import TrackerRow, Variables

ADDRESS = "sample@example.org"

# What each mail needs, where a trial has no settings of its own.
REQUIRED_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "EMAIL_FROM": "Your Name <you@example.org>",
        "PUBLIC_URL": "https://flows.example.org",
        "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
        "UNSUBSCRIBE_SIGNING_KEY": "a-sample-key-that-signs-no-real-link",
        "POSTAL_ADDRESS": "Example Ltd, 1 Example Street, Example Town",
    }
)
# What a mail can do without, so that its fuller form is seen.
OPTIONAL_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "CALENDLY_LINK": "https://calendly.example.org/call",
        "PDF_DOWNLOAD_LINK": "https://www.example.org/report.pdf",
        "SPOTS_REMAINING": "7",
        "BOOKINGS_COUNT": "23",
    }
)

# What every sequence knows from the contact, and what each one's own webhook adds.
_CONTACTS = frozenset(
    {
        "first_name",
        "business_name",
        "assessment_score",
        "red_systems",
        "orange_systems",
        "yellow_systems",
        "green_systems",
    }
)
_KNOWN: Mapping[Sequence, frozenset[str]] = MappingProxyType(
    {
        Sequence.FIVE_DAY: frozenset(
            {"weakest_system_1", "weakest_system_2", "strongest_system", "revenue_leak_total"}
        ),
        Sequence.NOSHOW: frozenset(),
        Sequence.POSTCALL: frozenset(),
        Sequence.ONBOARDING: frozenset({"portal_url", "diagnostic_call_date"}),
    }
)


@dataclass(frozen=True)
class Lead:
    """One made-up person.

    Args:
        name: In file names: lower case.
        title: For people.
        segment: Whose mails.
        variables: As a tracker row would hold them.
        has_settings: False: the optional settings are unset for this one as well.
    """

    name: str
    title: str
    segment: Segment
    variables: Variables
    has_settings: bool = True

    def row(self, sequence: Sequence, address: str = ADDRESS, cause: str = "a sample") -> TrackerRow:
        """The tracker row that this lead would have in *sequence*, with what that one knows; it is in no database."""
        enrolment = Enrolment("sample", sequence, address, cause)
        known = {name: value for name, value in self.variables.items() if name in _CONTACTS | _KNOWN[sequence]}
        return TrackerRow("", enrolment.key, address, sequence, self.segment, variables=known)


def _lead(segment: Segment, first_name: str, business_name: str, **facts: str | float) -> Lead:
    variables = {
        "first_name": first_name,
        "business_name": business_name,
        "portal_url": "https://portal.example.org/welcome",
        "diagnostic_call_date": "2025-12-01",
        **facts,
    }
    title = f"{segment.value}: {first_name}, {business_name}"
    return Lead(segment.value.lower(), title, segment, MappingProxyType(variables))


LEADS = (
    _lead(
        Segment.CRITICAL,
        "Sarah",
        "Golden Comb Salon",
        assessment_score=34,
        red_systems=3,
        orange_systems=2,
        yellow_systems=2,
        green_systems=1,
        weakest_system_1="FUEL",
        weakest_system_2="CREW",
        strongest_system="CABIN",
        revenue_leak_total=14700,
    ),
    _lead(
        Segment.URGENT,
        "Ümit",
        "Kern & Söhne",
        assessment_score=58,
        red_systems=1,
        orange_systems=3,
        yellow_systems=2,
        green_systems=2,
        weakest_system_1="RADAR",
        weakest_system_2="COCKPIT",
        strongest_system="ENGINE",
        revenue_leak_total=6200,
    ),
    _lead(
        Segment.OPTIMIZE,
        "Alexandra-Maria",
        "Bella & Bloom Beauty Parlour",
        assessment_score=87,
        red_systems=0,
        orange_systems=1,
        yellow_systems=3,
        green_systems=4,
        weakest_system_1="AUTOPILOT",
        weakest_system_2="GPS",
        strongest_system="CREW",
        revenue_leak_total=1900,
    ),
    Lead(
        "unknown",
        "Nothing known: every fallback, no optional setting",
        Segment.OPTIMIZE,
        MappingProxyType({}),
        has_settings=False,
    ),
)


def lead_of(segment: Segment) -> Lead:
    """The sample lead of a segment."""
    return next(lead for lead in LEADS if lead.segment is segment)


def email_of(name: str) -> tuple[Sequence, int] | None:
    """Which email a ``Template Name`` is for, the website's own included; None: nobody sends it."""
    for sequence, rules in RULES.items():
        for number in (*rules.website_numbers, *(rule.number for rule in rules.emails)):
            if template_name(sequence, number) == name:
                return sequence, number
    return None
