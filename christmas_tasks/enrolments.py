"""From a payload to what an enrolment needs: cause, anchor, columns, variables. Pure; a function for each handler."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from christmas_tasks.contacts import STAGE_OF_SEQUENCE, STAGES, Contact, next_stage
from christmas_tasks.payloads import (
    Assessment,
    NoShow,
    Onboarding,
    Payload,
    PostCall,
    Signup,
    website_sent_at,
)
from christmas_tasks.quiet_hours import known_zone
from christmas_tasks.segments import Segment, classify
from christmas_tasks.sequences import Enrolment, Sequence
from christmas_tasks.text import whole
from christmas_tasks.tracker import Changes, Value, Variables

# In ``Variables`` beside the mails' own: which execution has made the row, so that this one alone plans its emails.
ENROLLED_BY = "enrolled_by"
_COUNTS = ("red_systems", "orange_systems", "yellow_systems", "green_systems")
_COUNT_COLUMNS = {name: f"{name.partition('_')[0].title()} Systems" for name in _COUNTS}


@dataclass(frozen=True)
class EnrolmentRequest:
    """What a handler asks for.

    Args:
        sequence: Which one.
        payload: Who.
        cause: Contract section 6; empty: one for each campaign.
        anchor: Aware UTC instant the delays count from.
        received_at: The execution's start.
        segment: Known from this very body, or None: the contact's.
        details: The body's own variables, without the blank ones.
        columns: The cause's own columns of the tracker row.
        website_sent_at: ``5day`` only.
        website_failed: ``5day`` only.
        warnings: For the log, without text of other people.
    """

    sequence: Sequence
    payload: Payload
    cause: str
    anchor: datetime
    received_at: datetime
    segment: Segment | None = None
    details: Variables = field(default_factory=dict)
    columns: Changes = field(default_factory=dict)
    website_sent_at: datetime | None = None
    website_failed: bool = False
    warnings: tuple[str, ...] = ()

    def enrolment(self, campaign: str) -> Enrolment:
        """The enrolment asked for, in one campaign."""
        return Enrolment(campaign, self.sequence, self.payload.email, self.cause)


def from_assessment(body: Assessment, received_at: datetime) -> EnrolmentRequest:
    """``5day``: one for each campaign; counts from the website's own mail."""
    sent_at, warnings = website_sent_at(body.email_1_sent_at, received_at)
    details = _filled(
        {
            "assessment_score": None if body.assessment_score is None else whole(body.assessment_score),
            **{name: getattr(body, name) for name in _COUNTS},
            "weakest_system_1": body.weakest_system_1,
            "weakest_system_2": body.weakest_system_2,
            "strongest_system": body.strongest_system,
            "revenue_leak_total": whole(body.revenue_leak_total),
        }
    )
    return EnrolmentRequest(
        Sequence.FIVE_DAY,
        body,
        cause="",
        anchor=sent_at,
        received_at=received_at,
        segment=classify(body.red_systems, body.orange_systems),
        details=details,
        website_sent_at=sent_at,
        website_failed=body.email_1_failed,
        warnings=(*body.warnings, *warnings),
    )


def from_no_show(body: NoShow, received_at: datetime) -> EnrolmentRequest:
    """``noshow``: one for each missed call; counts from the receipt."""
    return EnrolmentRequest(
        Sequence.NOSHOW,
        body,
        cause=body.cause,
        anchor=received_at,
        received_at=received_at,
        details=_filled({"time_zone": known_zone(body.time_zone) or ""}),
        columns={
            "Calendly Event URI": body.calendly_event_uri or body.calendly_event_id,
            "Scheduled Time": body.scheduled_time,
            "Event Type": body.event_type,
            "Reschedule URL": body.reschedule_url,
        },
    )


def from_post_call(body: PostCall, received_at: datetime) -> EnrolmentRequest:
    """``postcall``: one for each call date; counts from the receipt."""
    return EnrolmentRequest(
        Sequence.POSTCALL,
        body,
        cause=body.cause,
        anchor=received_at,
        received_at=received_at,
        columns={
            "Call Date": body.call_date,
            "Interest Level": body.interest_level,
            "Call Outcome": body.call_outcome,
            "Call Notes": body.call_notes,
            "Objections": ", ".join(body.objections),
            "Follow Up Priority": body.follow_up_priority,
        },
    )


def from_onboarding(body: Onboarding, received_at: datetime) -> EnrolmentRequest:
    """``onboarding``: one for each payment date; counts from the receipt. The caller has checked ``is_paid``."""
    return EnrolmentRequest(
        Sequence.ONBOARDING,
        body,
        cause=body.cause,
        anchor=received_at,
        received_at=received_at,
        details=_filled({"portal_url": body.portal_url, "diagnostic_call_date": body.diagnostic_call_date}),
        columns={
            "Payment Status": body.payment_status or "confirmed",
            "Payment Date": body.payment_date,
            "Payment Amount": body.payment_amount,
            "Package Type": body.package_type,
            "Docusign Completed": "true" if body.docusign_completed else "",
            "Salon Address": body.salon_address,
            "Start Date": body.start_date,
            "Observation Dates": ", ".join(body.observation_dates),
        },
    )


def segment_of(request: EnrolmentRequest, contact: Contact | None) -> Segment:
    """The body's own segment, else the contact's, else OPTIMIZE (contract section 4)."""
    return request.segment or (contact.segment if contact and contact.segment else Segment.OPTIMIZE)


def variables_of(request: EnrolmentRequest, contact: Contact | None, before: Variables | None = None) -> Variables:
    """The personal data of the mails; the newer value wins, a blank one never erases.

    Args:
        request: The newest.
        contact: What is known of the person from elsewhere.
        before: The row's variables so far.
    """
    known: dict[str, str | float] = {}
    if contact is not None:
        numbers = {name: contact.numbers.get(column) for name, column in _COUNT_COLUMNS.items()}
        known = _filled(
            {
                "first_name": contact.first_name,
                "business_name": contact.business_name,
                "assessment_score": contact.numbers.get("Assessment Score"),
                **numbers,
            }
        )
    own = _filled({"first_name": request.payload.given_name, "business_name": request.payload.business_name})
    return {**known, **(before or {}), **own, **request.details}


def personal_columns(request: EnrolmentRequest, variables: Variables) -> Changes:
    """The row's columns that repeat what the mails know of the person; blanks are left out."""
    columns: dict[str, Value] = {
        "First Name": variables.get("first_name"),
        "Business Name": variables.get("business_name"),
        "Assessment Score": _known_number(variables.get("assessment_score")),
        **{column: _known_number(variables.get(name)) for name, column in _COUNT_COLUMNS.items()},
        "Segment": request.segment,
        **request.columns,
    }
    filled = {name: value for name, value in columns.items() if value not in (None, "")}
    return {**filled, "Variables": json.dumps(dict(variables), ensure_ascii=False)}


def contact_changes(request: EnrolmentRequest, contact: Contact | None) -> Changes:
    """What the contact takes over from a handler's body; blanks never erase."""
    body = request.payload
    stage = next_stage(contact.stage if contact else "", STAGE_OF_SEQUENCE[request.sequence])
    changes: dict[str, Value] = {**_names(body), "Christmas Campaign Status": stage}
    if request.segment is not None:
        changes |= {
            "Segment": request.segment,
            "Assessment Score": request.details.get("assessment_score"),
            **{column: request.details.get(name) for name, column in _COUNT_COLUMNS.items()},
        }
    return {name: value for name, value in changes.items() if value not in (None, "")}


def signup_changes(body: Signup, contact: Contact | None) -> Changes:
    """What the contact takes over from a signup: never the assessment, never a later stage."""
    changes: dict[str, Value] = {
        **_names(body),
        "Signup Source": body.source,
        "Christmas Campaign Status": next_stage(contact.stage if contact else "", STAGES[0]),
    }
    return {name: value for name, value in changes.items() if value not in (None, "")}


def _names(body: Payload) -> Mapping[str, Value]:
    return {
        "first_name": body.given_name,
        "last_name": body.family_name,
        "Business Name": body.business_name,
    }


def _filled(values: Mapping[str, str | float | None]) -> dict[str, str | float]:
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _known_number(value: str | float | None) -> float | None:
    return value if isinstance(value, int | float) else None
