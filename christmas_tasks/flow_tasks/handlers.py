"""The tasks of the five handlers: a body comes in, contact and tracker row are written, emails are planned."""

from christmas_tasks.enrolments import (
    EnrolmentRequest,
    from_assessment,
    from_no_show,
    from_onboarding,
    from_post_call,
)
from christmas_tasks.events import Ignored, read_no_show
from christmas_tasks.flow_tasks import metrics
from christmas_tasks.flow_tasks.door import Door, Outputs, harmless, warn_of_gaps
from christmas_tasks.flow_tasks.protocol import Level, say
from christmas_tasks.payloads import Assessment, Onboarding, PostCall, Signup, parse
from christmas_tasks.sequences import StopEvent
from christmas_tasks.settings import utc_now
from christmas_tasks.signatures import verify_calendly
from christmas_tasks.steps.alerts import Written, for_enrolment
from christmas_tasks.steps.enrol import enrol, register_signup
from christmas_tasks.steps.handover import dump
from christmas_tasks.steps.schedule import DueEmail
from christmas_tasks.steps.stops import stop

_STATUS_LIMIT = 40


def signup(door: Door) -> Outputs:
    """signup-handler: the contact."""
    for note in register_signup(parse(Signup, door.json_file("payload")), door.notion, door.locks):
        say(Level.INFO, note)
    warn_of_gaps(door)
    return {}


def assessment(door: Door) -> Outputs:
    """assessment-handler: enrol in ``5day``."""
    body = parse(Assessment, door.json_file("payload"))
    return _enrol(door, from_assessment(body, door.instant("RECEIVED_AT")))


def no_show(door: Door) -> Outputs:
    """noshow-recovery-handler: enrol in ``noshow``, for a relay's flat body or Calendly's own signed event."""
    signing_key = door.settings.optional_secret("CALENDLY_SIGNING_KEY")
    if signing_key:
        verify_calendly(signing_key, door.headers(), door.body(), door.arrived_at)
    body = read_no_show(door.body_json())
    if isinstance(body, Ignored):
        say(Level.INFO, body.reason)
        return _nothing(door)
    return _enrol(door, from_no_show(body, door.instant("RECEIVED_AT")))


def post_call(door: Door) -> Outputs:
    """postcall-maybe-handler: enrol in ``postcall``, for a webhook's body or a person's inputs."""
    body = parse(PostCall, door.json_file("payload"))
    return _enrol(door, from_post_call(body, door.instant("RECEIVED_AT")))


def onboarding(door: Door) -> Outputs:
    """onboarding-handler: a payment ends the sales sequences and enrols in ``onboarding``; no payment does nothing."""
    body = parse(Onboarding, door.json_file("payload"))
    if not body.is_paid:
        status = harmless(body.payment_status[:_STATUS_LIMIT]) or "absent"
        say(Level.WARNING, f'Not paid: payment_status is "{status}". Nothing was written, nothing is sent.')
        return {**_nothing(door), "unpaid": True}
    stopped = stop(body.email, StopEvent.PAID, door.notion, door.locks)
    say(Level.INFO, f"The contact has paid: {stopped} sequences stopped.")
    return _enrol(door, from_onboarding(body, door.instant("RECEIVED_AT")))


def _enrol(door: Door, request: EnrolmentRequest) -> Outputs:
    enrolled = enrol(request, door.execution_id, door.settings, door.notion, door.locks)
    for note in enrolled.notes:
        say(Level.WARNING if note in request.warnings else Level.INFO, note)
    warn_of_gaps(door)
    metrics.enrolment(request.sequence.value, enrolled.segment.value, is_new=enrolled.is_new)
    alerts = tuple(for_enrolment(enrolled, request, utc_now()))
    door.write_file("alerts", dump(Written(door.execution_id, alerts)))
    row = enrolled.row
    emails = tuple(
        DueEmail(row.key, row.row_id, email.number, email.due_at, row.sequence.value, row.segment.value, True)
        for email in enrolled.emails
    )
    door.write_file("emails", dump(emails))
    return {
        "is_new": enrolled.is_new,
        "enrolment": row.key,
        "row": row.row_id,
        "segment": row.segment.value,
        "schedule": bool(emails),
        "alert": bool(alerts),
    }


def _nothing(door: Door) -> Outputs:
    door.write_file("alerts", dump(Written(door.execution_id, ())))
    door.write_file("emails", dump(()))
    return {"is_new": False}
