"""What one webhook would lead to, offline: the calendar and the exact mails, by the code that runs in production."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from christmas_tasks.enrolments import (
    EnrolmentRequest,
    from_assessment,
    from_no_show,
    from_onboarding,
    from_post_call,
    segment_of,
    variables_of,
)
from christmas_tasks.errors import PayloadError, TemplateFault
from christmas_tasks.events import Ignored, read_no_show
from christmas_tasks.mailer import Mail
from christmas_tasks.payloads import Assessment, Onboarding, PostCall, Signup, parse
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import PlannedEmail, Sequence, plan_emails, template_name
from christmas_tasks.settings import Settings
from christmas_tasks.steps.alerts import for_enrolment
from christmas_tasks.steps.enrol import Enrolled
from christmas_tasks.steps.forecast import Forecast, forecast
from christmas_tasks.steps.rendering import render_email
from christmas_tasks.template_format import StoredTemplate
from christmas_tasks.tracker import EmailState, EmailStatus, SentBy, TrackerRow


class Flow(StrEnum):
    """The handler that a body is posted to."""

    SIGNUP = "signup"
    ASSESSMENT = "assessment"
    NO_SHOW = "no-show"
    POST_CALL = "post-call"
    ONBOARDING = "onboarding"


class Outcome(StrEnum):
    """What becomes of one email."""

    WEBSITE = "sent by the website"
    WEBSITE_FAILED = "failed at the website"
    SENT = "sent"
    SKIPPED = "skipped"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class PlannedMail:
    """One email of the calendar.

    Args:
        number: The email number.
        due_at: Aware UTC: planned for.
        at: Aware UTC: not before this it goes out, or is given up.
        template: Its name.
        outcome: What becomes of it.
        reason: Why it is skipped or blocked.
        mail: For ``SENT`` alone.
    """

    number: int
    due_at: datetime
    at: datetime
    template: str
    outcome: Outcome
    reason: str = ""
    mail: Mail | None = None


@dataclass(frozen=True)
class Plan:
    """What a webhook would lead to.

    Args:
        flow: The handler.
        received_at: Aware UTC.
        address: Whose; empty for a body that asks for nothing.
        sequence: Or None: nothing is sent.
        segment: Of the sequence.
        key: ``Enrolment Key``.
        emails: In number order, the website's own included.
        warnings: What the flow would log as warnings.
        notes: What a person may want to know.
    """

    flow: Flow
    received_at: datetime
    address: str = ""
    sequence: Sequence | None = None
    segment: Segment | None = None
    key: str = ""
    emails: tuple[PlannedMail, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def blocked(self) -> tuple[str, ...]:
        """A line for each email that its template blocks."""
        return tuple(
            f'Email {email.number}, template "{email.template}": {email.reason}'
            for email in self.emails
            if email.outcome is Outcome.BLOCKED
        )


def plan(
    content: bytes, flow: Flow, received_at: datetime, settings: Settings, templates: Mapping[str, StoredTemplate]
) -> Plan:
    """Tell what a webhook with this body would lead to. Nothing is sent or written; equal for equal arguments.

    Nothing else is taken to happen: no stop, no person's edit, no trouble at a vendor.

    Args:
        content: The body as it is posted.
        flow: The handler.
        received_at: When it arrives, aware UTC.
        settings: The server's.
        templates: By name.

    Raises:
        PayloadError: One line for each field at fault, as the flow logs them.
        SettingsError: A setting that each mail needs is not set.
    """
    body = _json(content)
    if flow is Flow.SIGNUP:
        signup = parse(Signup, body)
        note = (
            "A signup creates or updates the contact. It plans and sends nothing: the website mails the confirmation."
        )
        return Plan(flow, received_at, signup.email, notes=(note,))
    request = _REQUESTS[flow](body, received_at)
    if isinstance(request, _Nothing):
        return Plan(flow, received_at, warnings=request.warnings, notes=request.notes)
    row = _row(request, settings)
    ahead = {fate.number: fate for fate in forecast(row, received_at, settings.send_policy)}
    emails = [
        _planned(row, state, ahead[state.number], settings, templates) for state in row.pending() if state.scheduled_at
    ]
    result = Plan(
        flow,
        received_at,
        row.address,
        row.sequence,
        row.segment,
        row.key,
        (*_websites(request), *emails),
        request.warnings,
        _notes(request),
    )
    planned = tuple(PlannedEmail(email.number, email.due_at) for email in emails)
    enrolled = Enrolled(row, row.segment, True, planned, (), result.blocked)
    alerts = tuple(f"Discord is told: {alert.headline}" for alert in for_enrolment(enrolled, request, received_at))
    return Plan(**{**vars(result), "notes": (*result.notes, *alerts)})


@dataclass(frozen=True)
class _Nothing:
    """A body that asks for nothing here."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise PayloadError(["The body must be a JSON object."]) from None


def _assessment(body: object, received_at: datetime) -> EnrolmentRequest | _Nothing:
    return from_assessment(parse(Assessment, body), received_at)


def _no_show(body: object, received_at: datetime) -> EnrolmentRequest | _Nothing:
    found = read_no_show(body)
    return _Nothing((found.reason,)) if isinstance(found, Ignored) else from_no_show(found, received_at)


def _post_call(body: object, received_at: datetime) -> EnrolmentRequest | _Nothing:
    return from_post_call(parse(PostCall, body), received_at)


def _onboarding(body: object, received_at: datetime) -> EnrolmentRequest | _Nothing:
    found = parse(Onboarding, body)
    if not found.is_paid:
        status = found.payment_status[:40] or "absent"
        return _Nothing(warnings=(f'Not paid: payment_status is "{status}". Nothing is written, nothing is sent.',))
    return from_onboarding(found, received_at)


_REQUESTS: Mapping[Flow, Callable[[object, datetime], EnrolmentRequest | _Nothing]] = {
    Flow.ASSESSMENT: _assessment,
    Flow.NO_SHOW: _no_show,
    Flow.POST_CALL: _post_call,
    Flow.ONBOARDING: _onboarding,
}


def _row(request: EnrolmentRequest, settings: Settings) -> TrackerRow:
    """The row that enrolling would write for a contact of whom nothing else is known."""
    enrolment = request.enrolment(settings.campaign)
    variables = variables_of(request, None)
    planned = plan_emails(
        request.sequence, request.anchor, settings.timing, str(variables.get("time_zone") or "") or None
    )
    states = [EmailState(email.number, email.due_at, EmailStatus.SCHEDULED) for email in planned]
    if request.website_sent_at is not None and not request.website_failed:
        sent = EmailState(1, status=EmailStatus.SENT, sent_at=request.website_sent_at, sent_by=SentBy.WEBSITE)
        states.insert(0, sent)
    return TrackerRow(
        "",
        enrolment.key,
        enrolment.address,
        enrolment.sequence,
        segment_of(request, None),
        emails=tuple(states),
        variables=variables,
        campaign=enrolment.campaign,
        started_at=request.received_at,
    )


def _planned(
    row: TrackerRow,
    state: EmailState,
    fate: Forecast,
    settings: Settings,
    templates: Mapping[str, StoredTemplate],
) -> PlannedMail:
    name = template_name(row.sequence, state.number)
    due_at = state.scheduled_at or fate.at
    if not fate.goes_out:
        return PlannedMail(state.number, due_at, fate.at, name, Outcome.SKIPPED, fate.reason)
    stored = templates.get(name)
    try:
        mail = render_email(row, state.number, stored.template if stored else None, settings, fate.at)
    except TemplateFault as fault:
        return PlannedMail(state.number, due_at, fate.at, name, Outcome.BLOCKED, fault.problem)
    return PlannedMail(state.number, due_at, fate.at, name, Outcome.SENT, mail=mail)


def _websites(request: EnrolmentRequest) -> tuple[PlannedMail, ...]:
    at = request.website_sent_at
    if at is None:
        return ()
    outcome = Outcome.WEBSITE_FAILED if request.website_failed else Outcome.WEBSITE
    return (PlannedMail(1, at, at, template_name(request.sequence, 1), outcome),)


def _notes(request: EnrolmentRequest) -> tuple[str, ...]:
    notes = []
    if request.segment is None:
        notes.append(
            "What Notion knows of the contact (segment, names, scores) goes into the mails as well; none is known here."
        )
    if request.sequence is Sequence.ONBOARDING:
        notes.append("A payment also stops the contact's other sequences.")
    return tuple(notes)
