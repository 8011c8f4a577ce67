"""What the commands around one person print: lines for 100 columns, text of other people without its controls."""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from christmas_tasks.contacts import Contact
from christmas_tasks.sequences import RULES
from christmas_tasks.steps.erase import Held
from christmas_tasks.steps.forecast import Forecast
from christmas_tasks.steps.people import Person
from christmas_tasks.steps.steer import Result, Steered, Verb
from christmas_tasks.steps.timeline import Entry
from christmas_tasks.text import clean
from christmas_tasks.tracker import TrackerRow

DONE = {Verb.STOP: "stopped", Verb.HOLD: "held", Verb.RESUME: "resumed"}
_WIDTH = 100
_DETAIL = " " * 6


def instant(at: datetime, zone: ZoneInfo) -> str:
    """A time in the campaign's zone, with the same in UTC: ``2025-11-21 10:00:00 CET (09:00:00 UTC)``."""
    here, there = at.astimezone(zone), at.astimezone(UTC)
    text = f"{here:%Y-%m-%d %H:%M:%S %Z}"
    if here.utcoffset() == there.utcoffset():
        return text
    return f"{text} ({there:{'%H:%M:%S' if here.date() == there.date() else '%Y-%m-%d %H:%M:%S'}} UTC)"


def short_key(row_or_entry_key: str) -> str:
    """The first part of an enrolment's key: enough to tell one person's enrolments apart."""
    head, _, tail = row_or_entry_key.partition("-")
    return f"{head}-{tail[:6]}"


def person_lines(person: Person, entries: tuple[Entry, ...], zone: ZoneInfo, engine: str) -> Iterator[str]:
    """All that ``contact show`` prints.

    Args:
        person: Contacts and rows.
        entries: From ``timeline``.
        zone: ``TIMEZONE``.
        engine: What the engine was asked, or why it wasn't.
    """
    yield person.address
    if not person.contacts:
        yield "  no contact in Notion"
    if len(person.contacts) > 1:
        yield f"  {len(person.contacts)} contacts have this address: the first counts. Merge them into it in Notion."
    for contact in person.contacts:
        yield from _contact_lines(contact, zone)
    yield ""
    yield "Enrolments" if person.rows else "Enrolments: none"
    for row in sorted(person.rows, key=lambda row: row.started_at or datetime.max.replace(tzinfo=UTC)):
        yield from _row_lines(row, zone)
    yield ""
    yield f"Emails, in the order of time ({zone.key})" if entries else "Emails: none"
    for entry in entries:
        yield from _entry_lines(entry, zone)
    yield ""
    yield from _folded("", "", (engine,))


def forecast_lines(emails: tuple[Forecast, ...], zone: ZoneInfo) -> Iterator[str]:
    """What will become of the emails of a resumed row."""
    for email in emails:
        if email.goes_out:
            first = ", unless Resend's list has it already" if email.is_looked_for else ""
            yield f"{_DETAIL}#{email.number} goes out, not before {instant(email.at, zone)}{first}"
        else:
            yield f"{_DETAIL}#{email.number} is skipped: {email.reason}"


def steered_lines(one: Steered, verb: Verb, zone: ZoneInfo, *, is_dry: bool) -> list[str]:
    """What came of a wish for one row, or would."""
    done = DONE[verb]
    if one.result is Result.CHANGED:
        said = f"would be {done}" if is_dry else done
    elif one.result is Result.ALREADY:
        said = f"already {one.why}"
    else:
        said = f"not {done}: {one.why}"
    return [f"{one.row.key}  {said}", *forecast_lines(one.emails, zone)]


def steered_json(one: Steered) -> dict[str, Any]:
    """The same for machines."""
    return {
        "enrolment": one.row.key,
        "sequence": one.row.sequence,
        "status": one.row.status,
        "result": one.result,
        "why": one.why,
        "emails": [asdict(email) for email in one.emails],
    }


def person_json(person: Person) -> dict[str, Any]:
    """Contacts and enrolments for machines."""
    return {
        "address": person.address,
        "contacts": [asdict(contact) for contact in person.contacts],
        "enrolments": [
            {
                "enrolment": row.key,
                "row": row.row_id,
                "sequence": row.sequence,
                "campaign": row.campaign,
                "segment": row.segment,
                "status": row.status,
                "stop_reason": row.stop_reason,
                "started_at": row.started_at,
            }
            for row in person.rows
        ],
    }


def held_lines(held: Held) -> list[str]:
    """What an erase would do, and what it would leave."""
    traces = held.traces
    counts = f"{len(held.contacts)} contacts, {len(held.rows)} tracker rows, {len(traces.own)} executions"
    lines = [f"{held.address}: {counts} ({len(traces.live)} live) to erase; {traces.looked_at} executions were read."]
    if len(held.contacts) > 1:
        lines.append("Several contacts have this address: all of them go.")
    lines.extend(f"  contact {contact.contact_id}" for contact in held.contacts)
    lines.extend(f"  row {row.row_id}  {row.key}  {row.status.value}" for row in held.rows)
    lines.extend(f"  execution {found.execution_id}  {found.flow}  {found.state}" for found in traces.own)
    if held.suppression:
        lines.append(
            f"Kept: a contact with the address and {held.suppression} alone, so that nobody writes there again."
        )
    else:
        lines.append("Nothing is kept: a later webhook with this address may be mailed again.")
    lines.extend(
        f"Not erased: execution {found.execution_id} of {found.flow} is not about this person, but its text holds the "
        "address. Look at it yourself."
        for found in traces.mentions
    )
    return lines


def _contact_lines(contact: Contact, zone: ZoneInfo) -> Iterator[str]:
    name = " ".join(part for part in (contact.first_name, contact.last_name) if part)
    numbers = ", ".join(f"{column} {value:g}" for column, value in contact.numbers.items())
    segment = contact.segment.value if contact.segment else ""
    yield from _folded("  ", " | ", (name, contact.business_name, contact.stage, segment, numbers))
    last = f"last email {instant(contact.last_email_sent_at, zone)}" if contact.last_email_sent_at else ""
    suppressed = f"suppressed: {contact.suppressed}" if contact.suppressed else "not suppressed"
    yield from _folded("  ", " | ", (suppressed, last, f"contact {contact.contact_id}"))


def _row_lines(row: TrackerRow, zone: ZoneInfo) -> Iterator[str]:
    yield from _folded("  ", " | ", (RULES[row.sequence].title, row.status.value, row.campaign, row.key))
    started = f"started {instant(row.started_at, zone)}" if row.started_at else ""
    yield from _folded(_DETAIL, " | ", (started, f"segment {row.segment.value}"))
    if row.stop_reason:
        yield from _folded(_DETAIL, "", (f"reason: {row.stop_reason}",))


def _entry_lines(entry: Entry, zone: ZoneInfo) -> Iterator[str]:
    at = instant(entry.at, zone) if entry.at else "no time"
    yield f"  {at}  {short_key(entry.enrolment)} #{entry.number}  {entry.state}"
    planned = f"planned {instant(entry.planned_at, zone)}" if entry.sent_at and entry.planned_at else ""
    sender = f"by {entry.sent_by}" if entry.sent_by else ""
    yield from _folded(_DETAIL, ", ", (planned, sender, entry.delivery))
    yield from _folded(_DETAIL, "", (f"Resend id {entry.resend_id}" if entry.resend_id else "",))
    yield from _folded(_DETAIL, "", (f"reason: {entry.reason}" if entry.reason else "",))
    for waiting in entry.waiting:
        until = f" until {instant(waiting.until, zone)}" if waiting.until else ""
        yield f"{_DETAIL}execution {waiting.execution_id} ({waiting.state}){until}"


def _folded(indent: str, joint: str, parts: tuple[str, ...]) -> list[str]:
    text = joint.join(clean(part) for part in parts if part)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=True, break_on_hyphens=False
    )
