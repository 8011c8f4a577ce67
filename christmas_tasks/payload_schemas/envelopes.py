"""The schemas of Calendly's and Resend's envelopes, as far as they are read, and of the unsubscribe form."""

from collections.abc import Mapping
from typing import Any

from christmas_tasks.events import BOOKED_EVENT, CANCELED_EVENT, NO_SHOW_EVENT, Delivery
from christmas_tasks.payload_schemas.forms import ADDRESS, DIALECT, GIVEN_TEXT, TEXT, JsonSchema
from christmas_tasks.unsubscribe import PARAMETER

_EVENT_URI = "https://api.calendly.com/scheduled_events/EVENT1"


def _object(properties: Mapping[str, Any], *required: str) -> JsonSchema:
    return {"type": "object", "properties": dict(properties), **({"required": list(required)} if required else {})}


def _schema(name: str, title: str, description: str, body: JsonSchema, *examples: object) -> JsonSchema:
    head = {"$schema": DIALECT, "$id": f"urn:christmas:schemas:{name}", "title": title, "description": description}
    return {**head, **body, "additionalProperties": True, "examples": list(examples)}


# A blank uri would hide payload.event, so it is null or there.
_URI = {"type": ["string", "null"], "pattern": "^$|[!-~]"}

_SCHEDULED_EVENT = {
    "description": "The missed call; its uri is the cause of the enrolment.",
    "type": ["object", "null"],
    "properties": {"uri": _URI, "start_time": TEXT, "name": TEXT},
}

CALENDLY_NO_SHOW: JsonSchema = _schema(
    "calendly-no-show",
    "Calendly: no-show",
    "What noshow-recovery-handler reads of Calendly's own webhook. Other events of Calendly do nothing there.",
    _object(
        {
            "event": {"const": NO_SHOW_EVENT},
            "payload": {
                "description": "Calendly's invitee.",
                **_object(
                    {
                        "email": ADDRESS,
                        "name": TEXT,
                        "first_name": TEXT,
                        "last_name": TEXT,
                        "timezone": TEXT,
                        "event": TEXT,
                        "reschedule_url": TEXT,
                        "scheduled_event": _SCHEDULED_EVENT,
                    },
                    "email",
                ),
                "anyOf": [
                    _object({"event": GIVEN_TEXT}, "event"),
                    _object(
                        {"scheduled_event": _object({"uri": {"type": "string", "pattern": "[!-~]"}}, "uri")},
                        "scheduled_event",
                    ),
                    _object({"scheduled_event": _object({"start_time": GIVEN_TEXT}, "start_time")}, "scheduled_event"),
                ],
            },
        },
        "event",
        "payload",
    ),
    {
        "event": NO_SHOW_EVENT,
        "created_at": "2025-11-24T10:20:00.000000Z",
        "payload": {
            "email": "anna@example.org",
            "name": "Anna Smith",
            "timezone": "Europe/Berlin",
            "reschedule_url": "https://calendly.example.org/reschedulings/1",
            "scheduled_event": {"uri": _EVENT_URI, "name": "Intro call", "start_time": "2025-11-24T10:00:00.000000Z"},
        },
    },
)

BOOKING: JsonSchema = _schema(
    "call-booked-handler",
    "Calendly: booking",
    f"What call-booked-handler reads. {BOOKED_EVENT} stops 5-Day Nurture and No-Show Recovery; {CANCELED_EVENT} and "
    "any other event are logged and do nothing.",
    {
        **_object(
            {
                "event": {"type": "string", "examples": [BOOKED_EVENT, CANCELED_EVENT]},
                "payload": {"description": "Calendly's invitee."},
            },
            "event",
        ),
        "if": _object({"event": {"const": BOOKED_EVENT}}),
        "then": _object({"payload": _object({"email": ADDRESS}, "email")}, "payload"),
    },
    {"event": BOOKED_EVENT, "payload": {"email": "anna@example.org", "name": "Anna Smith", "rescheduled": False}},
)

_TAGS = _object({"enrolment": {"type": "string"}, "email": {"type": "string"}})

RESEND_EVENT: JsonSchema = _schema(
    "resend-events",
    "Resend: event",
    f"What resend-events reads. It acts on {', '.join(f'email.{kind}' for kind in Delivery)}; any other type is logged "
    "and does nothing.",
    _object(
        {
            "type": {"type": "string", "examples": [f"email.{kind}" for kind in Delivery]},
            "created_at": {"type": "string"},
            "data": _object(
                {
                    "email_id": {"type": "string", "description": "Resend's id of the mail."},
                    "created_at": {"type": "string", "description": "When Resend took the mail."},
                    "to": {"type": "array", "items": {"type": "string"}},
                    "tags": {"description": "Those that Kestra sent the mail with.", **_TAGS},
                    "bounce": {"description": "type Permanent suppresses the contact.", **_object({"type": TEXT})},
                    "suppressed": _object({"type": TEXT, "reason": TEXT}),
                }
            ),
        },
        "type",
    ),
    {
        "type": f"email.{Delivery.BOUNCED}",
        "created_at": "2025-11-25T10:01:00.000Z",
        "data": {
            "email_id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794",
            "created_at": "2025-11-25T10:00:00.000Z",
            "to": ["anna@example.org"],
            "tags": {"enrolment": "5day-0f3c", "email": "2"},
            "bounce": {"type": "Permanent", "message": "No such mailbox."},
        },
    },
)

UNSUBSCRIBE: JsonSchema = _schema(
    "unsubscribe",
    "Unsubscribe form",
    "The fields of the form (application/x-www-form-urlencoded or multipart/form-data) that unsubscribe takes. "
    "The token may stand in the query or in the page's address instead.",
    _object(
        {
            "List-Unsubscribe": {"const": "One-Click", "description": "Without it nothing is changed."},
            PARAMETER: {"type": "string", "description": "Out of the link of a mail, as it is.", "pattern": "\\."},
        },
        "List-Unsubscribe",
    ),
    {"List-Unsubscribe": "One-Click", PARAMETER: "CONTENT.SIGNATURE"},
)
