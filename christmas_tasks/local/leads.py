"""The leads of the demonstration: what a campaign's website, Calendly and Resend send in one busy minute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WEBSITE, CALENDLY, RESEND = "WEBSITE_WEBHOOK_KEY", "CALENDLY_WEBHOOK_KEY", "RESEND_WEBHOOK_KEY"

# Contract section 5, written down once more on purpose: the demonstration judges the library by the contract.
MINUTES = {
    "5day": {2: 1, 3: 2, 4: 3, 5: 4},
    "noshow": {1: 1, 2: 2, 3: 3},
    "postcall": {1: 1, 2: 2, 3: 3},
    "onboarding": {1: 1, 2: 2, 3: 3},
}
# How long a testing minute lasts in the demonstration.
MINUTE_S = 2.0


@dataclass(frozen=True)
class Lead:
    """One webhook and what must follow from it.

    Args:
        flow: The handler.
        email: Whose.
        body: What is posted.
        sequence: The sequence it must start; empty: none.
        segment: The segment that its mails must carry.
        key: Which caller's webhook key.
        times: How often the very same webhook comes, in parallel.
        stops: What is posted right after it, so that nothing more is sent: ``booked``, ``paid`` or ``unsubscribe``.
    """

    flow: str
    email: str
    body: Mapping[str, Any]
    sequence: str = ""
    segment: str = "OPTIMIZE"
    key: str = WEBSITE
    times: int = 1
    stops: str = ""


@dataclass(frozen=True)
class BadBody:
    """A webhook that must be refused readably and write nothing.

    Args:
        flow: The handler.
        content: The body as it is posted.
        key: Which caller's webhook key.
        state: How the execution must end.
    """

    flow: str
    content: bytes
    key: str = WEBSITE
    state: str = "FAILED"


@dataclass(frozen=True)
class Script:
    """Everything that the demonstration posts."""

    leads: tuple[Lead, ...]
    bad_bodies: tuple[BadBody, ...] = field(default=())


def script(sent_at: str) -> Script:
    """The demonstration's webhooks: over 30 leads, all segments, all handlers, repeats, stops, bad bodies.

    Args:
        sent_at: ISO 8601; when the website has sent #1 of ``5day``.
    """
    return Script(
        (*_signups(), *_assessments(sent_at), *_no_shows(), *_post_calls(), *_onboardings(), *_stopped(sent_at)),
        (
            BadBody("signup-handler", b"[1, 2, 3]"),
            BadBody("assessment-handler", b'{"email": "not an address", "red_systems": true}'),
            BadBody("assessment-handler", b'{"red_systems": 1, "orange_systems": 1}'),
            BadBody("noshow-recovery-handler", b"this is no JSON", CALENDLY),
            BadBody("postcall-maybe-handler", b'{"email": ["a@example.org"]}'),
            BadBody(
                "onboarding-handler", b'{"email": "unpaid@example.org", "payment_status": "pending"}', state="WARNING"
            ),
        ),
    )


def _signups() -> tuple[Lead, ...]:
    return tuple(
        Lead("signup-handler", f"signup{n}@example.org", {"email": f"signup{n}@example.org", "name": f"Visitor {n}"})
        for n in range(1, 6)
    )


def _assessments(sent_at: str) -> tuple[Lead, ...]:
    counts = [
        (3, 2, "CRITICAL"), (2, 0, "CRITICAL"), (8, 0, "CRITICAL"),
        (1, 0, "URGENT"), (0, 2, "URGENT"), (1, 5, "URGENT"),
        (0, 1, "OPTIMIZE"), (0, 0, "OPTIMIZE"),
    ]  # fmt: skip
    weakest = ("GPS", "CREW", "ENGINE", "FUEL", "CABIN", "COCKPIT", "RADAR", "AUTOPILOT")
    return tuple(
        Lead(
            "assessment-handler",
            f"{segment.lower()}{n}@example.org",
            {
                "email": f" {segment.title()}{n}@Example.ORG ",
                "first_name": f"Lead {n}",
                "business_name": f'Salon "{n}" & Co <b>',
                "red_systems": red,
                "orange_systems": str(orange),
                "green_systems": 8 - red - orange,
                "weakest_system_1": weakest[n - 1],
                "revenue_leak_total": 14_700 + n,
                "overall_score": 40 + n,
                "email_1_sent_at": sent_at,
            },
            "5day",
            segment,
            times=5 if n == 1 else 2 if n == 4 else 1,  # noqa: PLR2004 - a few of them come more than once
        )
        for n, (red, orange, segment) in enumerate(counts, start=1)
    )


def _no_shows() -> tuple[Lead, ...]:
    flat = tuple(
        Lead(
            "noshow-recovery-handler",
            f"noshow{n}@example.org",
            {"email": f"noshow{n}@example.org", "first_name": "Nora", "calendly_event_id": f"EVENT{n}"},
            "noshow",
            key=CALENDLY,
            times=3 if n == 1 else 1,
        )
        for n in range(1, 4)
    )
    envelope = {
        "event": "invitee_no_show.created",
        "payload": {
            "email": "calendly@example.org",
            "name": "Carla Caller",
            "first_name": None,
            "last_name": None,
            "timezone": "Europe/Berlin",
            "scheduled_event": {
                "uri": "https://api.calendly.com/scheduled_events/ENVELOPE1",
                "name": "Intro call",
                "start_time": "2025-11-20T09:00:00.000000Z",
            },
        },
    }
    return (*flat, Lead("noshow-recovery-handler", "calendly@example.org", envelope, "noshow", key=CALENDLY))


def _post_calls() -> tuple[Lead, ...]:
    return tuple(
        Lead(
            "postcall-maybe-handler",
            f"maybe{n}@example.org",
            {"email": f"maybe{n}@example.org", "call_date": f"2025-11-{n:02d}", "objections": ["price", "time"]},
            "postcall",
        )
        for n in range(1, 5)
    )


def _onboardings() -> tuple[Lead, ...]:
    return tuple(
        Lead(
            "onboarding-handler",
            f"paid{n}@example.org",
            {"email": f"paid{n}@example.org", "payment_status": " Paid ", "payment_date": "2025-11-21"},
            "onboarding",
        )
        for n in range(1, 4)
    )


def _stopped(sent_at: str) -> tuple[Lead, ...]:
    body = {"red_systems": 1, "orange_systems": 1, "first_name": "Sam", "email_1_sent_at": sent_at}
    return tuple(
        Lead(
            "assessment-handler",
            f"{reason}@example.org",
            {"email": f"{reason}@example.org", **body},
            "5day",
            "URGENT",
            stops=reason,
        )
        for reason in ("booked", "paid", "unsubscribe")
    ) + tuple(
        Lead(
            "assessment-handler",
            f"plain{n}@example.org",
            {"email": f"plain{n}@example.org", "red_systems": 0, "orange_systems": n % 2},
            "5day",
        )
        for n in range(1, 5)
    )
