"""What Calendly and Resend tell of a contact or a mail, read from their envelopes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from christmas_tasks.errors import PayloadError
from christmas_tasks.instants import read_instant
from christmas_tasks.payloads import NoShow, Payload, parse
from christmas_tasks.sequences import StopEvent

BOOKED_EVENT, CANCELED_EVENT = "invitee.created", "invitee.canceled"
NO_SHOW_EVENT = "invitee_no_show.created"


class Delivery(StrEnum):
    """``Email N Delivery``, from the weakest news to the strongest: a later weaker one never covers a stronger."""

    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"

    def outranks(self, other: str) -> bool:
        """Whether this news replaces *other*, in whatever order they arrive."""
        order = [str(member) for member in Delivery]
        return other not in order or order.index(self) > order.index(other)


@dataclass(frozen=True)
class Ignored:
    """A body that asks for nothing here; the execution ends in success.

    Args:
        reason: One line for the log.
    """

    reason: str


@dataclass(frozen=True)
class Booking:
    """A contact has booked a call."""

    address: str


@dataclass(frozen=True)
class MailEvent:
    """News about one of our mails.

    Args:
        resend_id: Of the mail.
        delivery: What happened.
        address: Who it went to; empty if the event doesn't say one address.
        enrolment_key: From the mail's tags; empty: not one that Kestra sent.
        number: The email number, from the tags.
        stops: What ends the contact's sequences because of it, if anything.
        accepted_at: When Resend took the mail, aware UTC.
    """

    resend_id: str
    address: str
    delivery: Delivery
    enrolment_key: str
    number: int
    stops: StopEvent | None = None
    accepted_at: datetime | None = None


def read_no_show(body: object) -> NoShow | Ignored:
    """Read a no-show: the flat form, or Calendly's ``invitee_no_show.created`` (contract section 3).

    Raises:
        PayloadError: As ``parse``.
    """
    if not (isinstance(body, dict) and "event" in body and isinstance(body.get("payload"), dict)):
        return parse(NoShow, body)
    if body["event"] != NO_SHOW_EVENT:
        return Ignored("This Calendly event is no no-show: nothing to do.")
    invitee = body["payload"]
    scheduled = invitee.get("scheduled_event")
    event = scheduled if isinstance(scheduled, dict) else {}
    return parse(
        NoShow,
        {
            "email": invitee.get("email"),
            "first_name": invitee.get("first_name"),
            "last_name": invitee.get("last_name"),
            "name": invitee.get("name"),
            "calendly_event_uri": event.get("uri") or invitee.get("event"),
            "scheduled_time": event.get("start_time"),
            "event_type": event.get("name"),
            "reschedule_url": invitee.get("reschedule_url"),
            "time_zone": invitee.get("timezone"),
        },
    )


def read_booking(body: object) -> Booking | Ignored:
    """Read a Calendly event sent to ``call-booked-handler`` (contract section 7).

    ``invitee.created`` is a booking, a rescheduled one too. ``invitee.canceled`` never stops anything: with
    ``rescheduled`` it is half of a move, else the contact has no call any more.

    Raises:
        PayloadError: No envelope, or a booking without a usable address.
    """
    if not isinstance(body, dict) or not isinstance(body.get("event"), str):
        raise PayloadError(["The body must be a Calendly event: a JSON object with event and payload."])
    invitee = body.get("payload")
    if body["event"] == BOOKED_EVENT:
        if not isinstance(invitee, dict):
            raise PayloadError(["payload: is missing"])
        return Booking(parse(Payload, {"email": invitee.get("email")}).email)
    if body["event"] == CANCELED_EVENT:
        if isinstance(invitee, dict) and invitee.get("rescheduled") is True:
            return Ignored("The call was moved to another time: that is no cancellation.")
        return Ignored("The call was cancelled: stopped sequences stay stopped; a person may resume them.")
    return Ignored("This Calendly event is no booking: nothing to do.")


def read_mail_event(body: object) -> MailEvent | Ignored:
    """Read a Resend event (resend.com/docs/webhooks/event-types).

    Raises:
        PayloadError: No event envelope.
    """
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise PayloadError(["The body must be a Resend event: a JSON object with type and data."])
    data = body.get("data")
    kind = body["type"].removeprefix("email.")
    if kind not in set(Delivery) or not isinstance(data, dict):
        return Ignored("This Resend event needs nothing done.")
    tags = data.get("tags")
    tags = tags if isinstance(tags, dict) else {}
    number = str(tags.get("email", ""))
    is_ours = bool(tags.get("enrolment")) and number.isascii() and number.isdigit()
    delivery = Delivery(kind)
    if not is_ours and _stops(delivery, data) is None:
        return Ignored("This mail is none of the campaign's.")
    created = read_instant(data.get("created_at"))
    return MailEvent(
        str(data.get("email_id", "")),
        _one_address(data.get("to")),
        delivery,
        str(tags["enrolment"]) if is_ours else "",
        int(number[:3]) if is_ours else 0,
        _stops(delivery, data),
        created.instant if created else None,
    )


def _stops(delivery: Delivery, data: Mapping[str, Any]) -> StopEvent | None:
    def detail(name: str, key: str) -> str:
        found = data.get(name)
        return str(found.get(key, "")) if isinstance(found, dict) else ""

    if delivery is Delivery.COMPLAINED:
        return StopEvent.COMPLAINED
    if delivery is Delivery.BOUNCED and detail("bounce", "type") == "Permanent":
        return StopEvent.BOUNCED
    if delivery is Delivery.SUPPRESSED:
        before = detail("suppressed", "reason") + detail("suppressed", "type")
        return StopEvent.COMPLAINED if "complaint" in before.lower() else StopEvent.BOUNCED
    return None


def _one_address(to: object) -> str:
    found = to if isinstance(to, list) else [to]
    try:
        return parse(Payload, {"email": found[0]}).email if len(found) == 1 else ""
    except PayloadError:
        return ""
