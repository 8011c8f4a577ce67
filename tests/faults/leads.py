"""The leads of a storm: who comes when over which handler, and what must follow. Everything from one seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import cycle
from random import Random
from typing import Any

from tests.integration.world import CALENDLY, WEBSITE


class Stop(StrEnum):
    """What ends the sequences of a lead early; the value is the reason that the tracker must show."""

    UNSUBSCRIBE = "unsubscribed"
    BOUNCE = "bounced"
    BOOKING = "booked a call"
    PAYMENT = "paid"


@dataclass(frozen=True)
class Lead:
    """One webhook, its repeats, and the stop that follows.

    Args:
        address: Whose; no two leads share one.
        flow: The handler.
        body: What is posted.
        sequence: What it must start; empty: nothing.
        at_s: Seconds from the storm's beginning.
        key: Which caller's webhook key.
        times: How often the very same webhook comes, in parallel.
        stop: What ends it, once its row or its first mail is there.
        is_hot: CRITICAL: one alert is due.
    """

    address: str
    flow: str
    body: Mapping[str, Any]
    sequence: str
    at_s: float
    key: str = WEBSITE
    times: int = 1
    stop: Stop | None = None
    is_hot: bool = False


@dataclass(frozen=True)
class _Kind:
    flow: str
    sequence: str
    key: str = WEBSITE
    stops: tuple[Stop, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


_SALES = (Stop.UNSUBSCRIBE, Stop.BOUNCE, Stop.BOOKING, Stop.PAYMENT)
_KINDS = {
    "assessment": _Kind("assessment-handler", "5day", stops=_SALES),
    "relay": _Kind("noshow-recovery-handler", "noshow", CALENDLY, (Stop.BOOKING, Stop.PAYMENT)),
    "postcall": _Kind(
        "postcall-maybe-handler", "postcall", stops=(Stop.PAYMENT, Stop.BOUNCE), fields={"call_date": "2025-11-20"}
    ),
    "calendly": _Kind("noshow-recovery-handler", "noshow", CALENDLY, (Stop.BOUNCE, Stop.UNSUBSCRIBE)),
    "onboarding": _Kind("onboarding-handler", "onboarding", stops=(Stop.BOUNCE,), fields={"payment_status": "Paid"}),
    "signup": _Kind("signup-handler", ""),
}
_ORDER = ("assessment", "relay", "postcall", "assessment", "calendly", "onboarding", "signup")
_EVERY_STOPPED = 3


def draw(seed: int, count: int, over_s: float) -> tuple[Lead, ...]:
    """*count* leads over all handlers, in the order of their coming; every kind and every stop is among them.

    Args:
        seed: The same one gives the same leads.
        count: At least 20 to have every kind with every stop.
        over_s: The last one comes so many seconds after the first.
    """
    random = Random(f"{seed}/leads")  # noqa: S311 - no secret
    times = sorted(random.uniform(0, over_s) for _ in range(count))
    stops: dict[str, Iterator[Stop]] = {name: cycle(kind.stops) for name, kind in _KINDS.items() if kind.stops}
    leads = []
    for number, at_s in enumerate(times):
        name = _ORDER[number % len(_ORDER)]
        kind = _KINDS[name]
        is_stopped = kind.stops and number % _EVERY_STOPPED == 0
        address = f"{name}{number}@example.org"
        hot = name == "assessment" and random.random() < 0.5
        leads.append(
            Lead(
                address,
                kind.flow,
                _body(name, number, address, kind, hot=hot),
                kind.sequence,
                at_s,
                kind.key,
                random.choice((1, 1, 1, 2, 1, 3)),
                next(stops[name]) if is_stopped else None,
                hot,
            )
        )
    return tuple(leads)


def with_time(lead: Lead, sent_at: datetime) -> dict[str, Any]:
    """The body as it is posted; the website tells when it has sent #1."""
    return {**lead.body, **({"email_1_sent_at": sent_at.isoformat()} if lead.sequence == "5day" else {})}


def _body(name: str, number: int, address: str, kind: _Kind, *, hot: bool) -> dict[str, Any]:
    if name == "calendly":
        return {
            "event": "invitee_no_show.created",
            "payload": {
                "email": address,
                "name": f"Carla {number}",
                "timezone": "Europe/Berlin",
                "scheduled_event": {"uri": f"https://api.calendly.com/scheduled_events/EV{number}"},
            },
        }
    body: dict[str, Any] = {"email": address, "first_name": f"Lead {number}", **kind.fields}
    if name == "assessment":
        body |= {"red_systems": 2 if hot else 1, "orange_systems": 1, "overall_score": 40}
    if name == "relay":
        body |= {"calendly_event_id": f"EVENT{number}"}
    return body
