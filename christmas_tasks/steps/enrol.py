"""The steps behind the handlers: register a signup, enrol a contact in a sequence."""

from dataclasses import dataclass

from christmas_tasks.contacts import Contact
from christmas_tasks.enrolments import (
    ENROLLED_BY,
    EnrolmentRequest,
    contact_changes,
    personal_columns,
    segment_of,
    signup_changes,
    variables_of,
)
from christmas_tasks.errors import ChristmasError, SettingsError, TemplateFault
from christmas_tasks.payloads import Signup
from christmas_tasks.row_changes import new_row_changes, stop_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import PlannedEmail, StopEvent, plan_emails, template_name
from christmas_tasks.settings import Settings
from christmas_tasks.steps.ports import Contacts, Ledger, Locks, Templates
from christmas_tasks.steps.rendering import render_email
from christmas_tasks.steps.stops import write_stop
from christmas_tasks.tracker import EmailState, TrackerRow, Variables


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment has come to.

    Args:
        row: As it is now.
        segment: The enrolment's.
        is_new: This very execution has started the sequence: its emails are to be scheduled, its alert is due.
        emails: What is to be scheduled; empty unless *is_new* and the sequence is active.
        notes: For the log: what was skipped and why, and warnings. No text of other people.
        template_problems: One line for each template that blocks an email of this sequence.
    """

    row: TrackerRow
    segment: Segment
    is_new: bool
    emails: tuple[PlannedEmail, ...]
    notes: tuple[str, ...]
    template_problems: tuple[str, ...]


def register_signup(body: Signup, contacts: Contacts, locks: Locks) -> tuple[str, ...]:
    """Create or update the contact of a signup; sends and plans nothing (contract section 1). Two Notion calls.

    Safe to repeat: the same values are written again; the lock keeps two signups from creating two contacts.

    Returns:
        Notes for the log.
    """
    with locks.hold(body.email):
        contact = contacts.find_contact(body.email)
        changes = signup_changes(body, contact)
        if contact is None:
            contacts.create_contact(body.email, changes)
            return ("Created the contact.",)
        if changes:
            contacts.update_contact(contact.contact_id, changes)
        return ("The contact was there already: updated its data.",)


def enrol(request: EnrolmentRequest, execution_id: str, settings: Settings, ledger: Ledger, locks: Locks) -> Enrolled:
    """Write the tracker row and the contact of one enrolment, and say which emails to schedule. Four Notion calls.

    Safe to repeat: the lock lets one task at a time look for the row and create it; a repeat finds it and only
    refreshes the personal data. A row remembers the execution that made it, so that this one plans again after a crash,
    and no other one does.
    """
    enrolment = request.enrolment(settings.campaign)
    with locks.hold(enrolment.address):
        contact = ledger.find_contact(enrolment.address)
        row = ledger.find_row(enrolment.key)
        segment = segment_of(request, contact)
        if row is None:
            row = _create_row(request, execution_id, settings, ledger, contact, segment)
        else:
            variables = variables_of(request, contact, row.variables)
            row = ledger.update_row(row.row_id, personal_columns(request, variables))
        changes = contact_changes(request, contact)
        if contact is None:
            contact = ledger.create_contact(enrolment.address, changes)
        elif changes:
            contact = ledger.update_contact(contact.contact_id, changes)
        if contact.suppressed and row.pending():
            row = write_stop(row, _suppression(contact), ledger)
    return _outcome(request, execution_id, settings, ledger, row, contact)


def _create_row(
    request: EnrolmentRequest,
    execution_id: str,
    settings: Settings,
    ledger: Ledger,
    contact: Contact | None,
    segment: Segment,
) -> TrackerRow:
    enrolment = request.enrolment(settings.campaign)
    variables: Variables = {**variables_of(request, contact), ENROLLED_BY: execution_id}
    zone = str(variables.get("time_zone") or "") or None
    plan = plan_emails(request.sequence, request.anchor, settings.timing, zone)
    changes = new_row_changes(
        enrolment,
        segment,
        request.received_at,
        plan,
        request.website_sent_at,
        website_failed=request.website_failed,
    )
    if contact is not None and contact.suppressed:
        # Stopped from its first instant: a crash before a second write would leave emails that reconcile starts.
        emails = tuple(EmailState(email.number, email.due_at) for email in plan)
        planned = TrackerRow("", enrolment.key, enrolment.address, enrolment.sequence, emails=emails)
        changes = {**changes, **stop_changes(planned, _suppression(contact))}
    return ledger.create_row(enrolment.key, {**changes, **personal_columns(request, variables)})


def _outcome(
    request: EnrolmentRequest,
    execution_id: str,
    settings: Settings,
    ledger: Ledger,
    row: TrackerRow,
    contact: Contact,
) -> Enrolled:
    notes = list(request.warnings)
    is_new = row.variables.get(ENROLLED_BY) == execution_id
    emails: tuple[PlannedEmail, ...] = ()
    problems: tuple[str, ...] = ()
    if not is_new:
        notes.append("This enrolment exists already: updated its data; no second row, plan or alert.")
    elif contact.suppressed:
        notes.append(f"The contact is suppressed ({_suppression(contact)}): nothing is sent.")
    else:
        emails = tuple(
            PlannedEmail(state.number, state.scheduled_at) for state in row.pending() if state.scheduled_at is not None
        )
        problems = preflight(row, emails, settings, ledger, notes)
    return Enrolled(row, row.segment, is_new, emails, tuple(notes), problems)


def preflight(
    row: TrackerRow, emails: tuple[PlannedEmail, ...], settings: Settings, templates: Templates, notes: list[str]
) -> tuple[str, ...]:
    """Render all remaining emails of *row* with its data, and say which templates would block (contract section 9).

    Args:
        row: Just created.
        emails: What is to be sent.
        settings: For dates and links.
        templates: Where the templates are.
        notes: Gets a line if the templates can't be read right now: the sequence starts all the same.
    """
    try:
        found = templates.templates()
    except ChristmasError as error:
        notes.append(f"The templates could not be checked ahead: {error}")
        return ()
    problems = []
    for email in emails:
        name = template_name(row.sequence, email.number)
        try:
            render_email(row, email.number, found.get(name), settings, email.due_at)
        except (TemplateFault, SettingsError) as fault:
            problems.append(str(fault))
    return tuple(problems)


def _suppression(contact: Contact) -> str:
    return contact.suppressed if contact.suppressed in set(StopEvent) else f"suppressed: {contact.suppressed}"[:100]
