"""What was planned and has no end: find it in the tracker, and say what to start and what a person should look at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from christmas_tasks.contacts import Contact
from christmas_tasks.sequences import RULES, all_template_names, template_name
from christmas_tasks.settings import Settings
from christmas_tasks.steps.ports import Ledger
from christmas_tasks.steps.schedule import DueEmail
from christmas_tasks.steps.stops import keep_what_was_sent, write_stop
from christmas_tasks.templates import Template, problems
from christmas_tasks.tracker import EmailState, EmailStatus, SequenceStatus, TrackerRow

_STALE_UNRESOLVED = timedelta(hours=24)


@dataclass(frozen=True)
class Reconciled:
    """What reconcile has found.

    Args:
        missing: What to start.
        findings: One line for each thing that a person should look at; no personal data.
        checked: How many emails are planned and have no end.
    """

    missing: tuple[DueEmail, ...]
    findings: tuple[str, ...]
    checked: int


def reconcile(ledger: Ledger, live: frozenset[tuple[str, int]], settings: Settings, now: datetime) -> Reconciled:
    """Compare what the tracker plans with what waits in Kestra; bring up to date what hangs on it.

    The contacts' last email is written, a suppressed contact's rows that still go on are stopped, and an email that was
    sent is no longer called skipped.

    Running it twice at once does no harm: its writes are absolute, and an email that is started twice is sent once all
    the same, which is ``send-email``'s own promise.

    Args:
        ledger: Tracker and templates.
        live: Enrolment keys and numbers that wait or run in Kestra.
        settings: Campaign.
        now: Aware UTC.
    """
    # By its id: a row whose status changes while they are read may come twice.
    found = {row.row_id: row for row in ledger.rows(settings.campaign, tuple(SequenceStatus))}
    every = [keep_what_was_sent(row, ledger) for row in found.values()]
    rows = [row for row in every if row.status is not SequenceStatus.STOPPED]
    contacts = ledger.contacts()
    _stamp_contacts(every, contacts, ledger)
    stopped = _finish_stops(rows, contacts, ledger)
    rows = [row for row in rows if row.row_id not in stopped]
    missing = [
        _missing(row, state, now)
        for row in rows
        if row.status is SequenceStatus.ACTIVE
        for state in row.pending()
        if (row.key, state.number) not in live
    ]
    findings = [
        *_duplicates(rows, contacts),
        *_unresolved(rows, now),
        *_blocking(rows, ledger.templates(fresh=True)),
    ]
    return Reconciled(tuple(missing), tuple(findings), sum(len(row.pending()) for row in rows))


def _missing(row: TrackerRow, state: EmailState, now: datetime) -> DueEmail:
    return DueEmail(row.key, row.row_id, state.number, state.scheduled_at or now, row.sequence.value, row.segment.value)


def _stamp_contacts(rows: list[TrackerRow], contacts: list[Contact], ledger: Ledger) -> None:
    # Not at each send: that would cost a third Notion call for each email.
    last: dict[str, datetime] = {}
    for row in rows:
        for state in row.emails:
            if state.sent_at is not None:
                last[row.address] = max(state.sent_at, last.get(row.address, state.sent_at))
    for contact in contacts:
        sent_at = last.get(contact.address)
        if sent_at is not None and (contact.last_email_sent_at is None or contact.last_email_sent_at < sent_at):
            ledger.update_contact(contact.contact_id, {"Last Email Sent At": sent_at})


def _finish_stops(rows: list[TrackerRow], contacts: list[Contact], ledger: Ledger) -> frozenset[str]:
    # A stop that broke off halfway, or a person who has set "Email Suppressed" by hand.
    suppressed = {contact.address: contact.suppressed for contact in contacts if contact.suppressed}
    stopped = [row for row in rows if row.address in suppressed and row.pending()]
    for row in stopped:
        write_stop(row, suppressed[row.address], ledger)
    return frozenset(row.row_id for row in stopped)


def _duplicates(rows: list[TrackerRow], contacts: list[Contact]) -> list[str]:
    counts = Counter(row.key for row in rows)
    by_address = Counter(contact.address.lower() for contact in contacts if contact.address)
    oldest = {contact.address.lower(): contact.contact_id for contact in reversed(contacts)}
    return [
        f"The contact {oldest[address]} in Notion has {count - 1} duplicates: merge them into it, and delete them."
        for address, count in by_address.items()
        if count > 1
    ] + [
        f"Enrolment {key} has {count} tracker rows: keep the oldest, delete the others (no mail goes out twice)."
        for key, count in counts.items()
        if count > 1
    ]


def _unresolved(rows: list[TrackerRow], now: datetime) -> list[str]:
    return [
        f"Email {state.number} of enrolment {row.key} is unresolved since "
        f"{state.scheduled_at:%Y-%m-%d}: run `christmas-tasks settle {row.key} {state.number}`."
        for row in rows
        for state in row.emails
        if state.status is EmailStatus.UNRESOLVED
        and state.scheduled_at is not None
        and now - state.scheduled_at > _STALE_UNRESOLVED
    ]


def _blocking(rows: list[TrackerRow], templates: Mapping[str, Template]) -> list[str]:
    wanted = {template_name(row.sequence, state.number) for row in rows for state in row.pending()}
    failed = Counter(
        template_name(row.sequence, state.number)
        for row in rows
        for state in row.emails
        if state.status is EmailStatus.FAILED and RULES[row.sequence].rule(state.number)
    )
    lines = []
    for name in all_template_names():
        template = templates.get(name)
        found = ("it is missing: add it.",) if template is None else problems(template)
        if name in wanted and found:
            lines.append(f'Template "{name}" blocks planned emails: {found[0]}')
    lines.extend(
        f'{count} emails of template "{name}" have failed: replay their executions.' for name, count in failed.items()
    )
    return lines
