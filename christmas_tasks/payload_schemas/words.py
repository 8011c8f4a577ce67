"""What the schemas say in words: titles, descriptions and examples. Addresses are of example.org alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Words:
    """One field in words.

    Args:
        description: What it is, and what absent means where that matters.
        examples: Values that are taken as they are.
    """

    description: str
    examples: tuple[Any, ...]


TITLES: Mapping[str, tuple[str, str]] = {
    "signup-handler": (
        "Signup",
        "A visitor has signed up. Creates or updates the contact; sends and plans nothing.",
    ),
    "assessment-handler": (
        "Assessment",
        "The website has sent email #1 of 5-Day Nurture: starts #2 to #5. Counts that don't add up to 8: a warning.",
    ),
    "noshow-recovery-handler": (
        "No-show, flat form",
        "A missed call: starts No-Show Recovery. The id, URI or time tells one missed call from another.",
    ),
    "postcall-maybe-handler": (
        "Post-call maybe",
        'A contact said "maybe" on a call: starts Post-Call Maybe. Another call_date is another enrolment.',
    ),
    "onboarding-handler": (
        "Onboarding",
        "A payment: stops the sales sequences and starts Onboarding. Any other status writes and sends nothing.",
    ),
}

FIELDS: Mapping[str, Words] = {
    "email": Words(
        "One e-mail address, at most 200 characters; trimmed and lower-cased, a display name is stripped.",
        ("anna@example.org",),
    ),
    "first_name": Words('Absent: the first word of name, else "there" in mails.', ("Anna",)),
    "last_name": Words("Absent: what follows the first word of name.", ("Smith",)),
    "name": Words("The full name, where first and last name are not known apart.", ("Anna Smith",)),
    "business_name": Words('Absent: "your business" in mails.', ("Anna's Salon",)),
    "source": Words("Where the signup came from.", ("landing-page",)),
    "red_systems": Words("Systems rated red, from 0 to 8. Write 2, not 2.0.", (2,)),
    "orange_systems": Words("Systems rated orange, from 0 to 8. Write 1, not 1.0.", (1,)),
    "yellow_systems": Words("Systems rated yellow, from 0 to 8.", (2,)),
    "green_systems": Words("Systems rated green, from 0 to 8.", (3,)),
    "email_1_sent_at": Words(
        "When the website sent email #1: ISO 8601 with a zone; without one it is UTC. The delays count from it. "
        "Absent, unreadable, or more than a day ahead: the time of receipt.",
        ("2025-11-24T10:00:00Z", "2025-11-24T11:00:00+01:00"),
    ),
    "email_1_status": Words(
        'Whether email #1 went out: "sent", else it is recorded as failed; #2 to #5 are planned all the same. '
        "Absent: sent.",
        ("sent", "failed"),
    ),
    "assessment_score": Words("The overall score, from 0 to 100.", (52,)),
    "weakest_system_1": Words("The weakest system; it chooses the tip of the mails.", ("GPS",)),
    "weakest_system_2": Words("The second weakest system.", ("FUEL",)),
    "strongest_system": Words("The strongest system.", ("CABIN",)),
    "revenue_leak_total": Words("Money lost, in whole currency units, not in thousands.", (14700,)),
    "calendly_event_id": Words("Last part of the scheduled event's URI.", ("EVENT1",)),
    "calendly_event_uri": Words(
        "The scheduled event's URI; it means the same event as its last part alone.",
        ("https://api.calendly.com/scheduled_events/EVENT1",),
    ),
    "scheduled_time": Words("When the missed call was to begin.", ("2025-11-24T10:00:00Z",)),
    "event_type": Words("What was booked.", ("Intro call",)),
    "reschedule_url": Words(
        "An https address; any other is left out.", ("https://calendly.example.org/reschedulings/1",)
    ),
    "time_zone": Words("IANA name of the contact's zone, for quiet hours.", ("Europe/Berlin",)),
    "call_date": Words("When the call was. Absent: one enrolment for each campaign.", ("2025-11-20",)),
    "interest_level": Words("In the words of the team.", ("warm",)),
    "call_outcome": Words("In the words of the team.", ("maybe",)),
    "call_notes": Words("Cut at 2,000 characters; mailed to nobody.", ("Wants to talk to her partner first.",)),
    "objections": Words("What speaks against it.", (["price", "time"],)),
    "follow_up_priority": Words("In the words of the team.", ("high",)),
    "payment_status": Words("paid, completed or succeeded start the sequence.", ("paid",)),
    "payment_confirmed": Words("true starts the sequence whatever payment_status says.", (True,)),
    "payment_date": Words(
        "When it was paid. Another date is another enrolment; absent: one for each campaign.", ("2025-11-21",)
    ),
    "payment_amount": Words("As it shall stand in Notion.", ("1,200 EUR",)),
    "package_type": Words("What was bought.", ("Phase 1",)),
    "docusign_completed": Words("Whether the contract is signed.", (True,)),
    "portal_url": Words("An https address for the mails; any other is left out.", ("https://portal.example.org/anna",)),
    "diagnostic_call_date": Words("As it shall stand in the mails.", ("Tuesday, 2 December, 10:00",)),
    "salon_address": Words("For Notion alone.", ("1 Example Street, Example Town",)),
    "start_date": Words("For Notion alone.", ("2026-01-05",)),
    "observation_dates": Words("For Notion alone.", (["2026-01-07", "2026-01-08"],)),
}

_WHO = {"email": "anna@example.org", "first_name": "Anna", "business_name": "Anna's Salon"}

EXAMPLES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "signup-handler": ({"email": "anna@example.org", "name": "Anna Smith", "source": "landing-page"},),
    "assessment-handler": (
        {
            **_WHO,
            "red_systems": 2,
            "orange_systems": 1,
            "yellow_systems": 2,
            "green_systems": 3,
            "assessment_score": 52,
            "weakest_system_1": "GPS",
            "weakest_system_2": "FUEL",
            "strongest_system": "CABIN",
            "revenue_leak_total": 14700,
            "email_1_sent_at": "2025-11-24T10:00:00Z",
            "email_1_status": "sent",
        },
    ),
    "noshow-recovery-handler": (
        {**_WHO, "calendly_event_id": "EVENT1", "scheduled_time": "2025-11-24T10:00:00Z", "event_type": "Intro call"},
    ),
    "postcall-maybe-handler": ({**_WHO, "call_date": "2025-11-20", "objections": ["price"]},),
    "onboarding-handler": (
        {**_WHO, "payment_status": "paid", "payment_date": "2025-11-21", "package_type": "Phase 1"},
    ),
}
