"""What was planned and has no end: find it in the tracker, and say what to start and what a person should look at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from christmas_tasks.sequences import RULES, all_template_names, template_name
from christmas_tasks.settings import Settings
from christmas_tasks.steps.ports import Ledger
from christmas_tasks.steps.schedule import DueEmail
from christmas_tasks.templates import Template, problems
from christmas_tasks.tracker import EmailState, EmailStatus, SequenceStatus, TrackerRow

_STALE_UNRESOLVED = timedelta(hours=24)


@dataclass(frozen=True)
class Reconciled:
    """What reconcile has found.

    Args:
        missing: What to start.
        findings: One line for each thing that a person should look at; no personal data.
        checked: How many emails were looked at.
    """

    missing: tuple[DueEmail, ...]
    findings: tuple[str, ...]
    checked: int


def reconcile(ledger: Ledger, live: frozenset[tuple[str, int]], settings: Settings, now: datetime) -> Reconciled:
    """Compare what the tracker plans with what waits in Kestra. Reads only: running it twice at once does no harm.

    An email that is started twice is sent once all the same: that is ``send-email``'s own promise.

    Args:
        ledger: Tracker and templates.
        live: Enrolment keys and numbers that wait or run in Kestra.
        settings: Campaign.
        now: Aware UTC.
    """
    rows = list(ledger.rows(settings.campaign, (SequenceStatus.ACTIVE, SequenceStatus.HELD, SequenceStatus.COMPLETED)))
    missing = [
        _missing(row, state, now)
        for row in rows
        if row.status is SequenceStatus.ACTIVE
        for state in row.pending()
        if (row.key, state.number) not in live
    ]
    findings = [
        *_duplicates(rows, ledger.contact_addresses()),
        *_unresolved(rows, now),
        *_blocking(rows, ledger.templates(fresh=True)),
    ]
    return Reconciled(tuple(missing), tuple(findings), sum(len(row.pending()) for row in rows))


def _missing(row: TrackerRow, state: EmailState, now: datetime) -> DueEmail:
    return DueEmail(row.key, row.row_id, state.number, state.scheduled_at or now, row.sequence.value, row.segment.value)


def _duplicates(rows: list[TrackerRow], addresses: list[str]) -> list[str]:
    counts = Counter(row.key for row in rows)
    contacts = Counter(address.lower() for address in addresses if address)
    return [
        f"{address} has {count} contacts: merge them into the oldest, and delete the others."
        for address, count in contacts.items()
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
