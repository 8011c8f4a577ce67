"""Notion's pages as rows, contacts and templates: which column is which field. No calls."""

import json
from typing import Any

from christmas_tasks.contacts import Contact
from christmas_tasks.errors import SetupRefused
from christmas_tasks.notion_json import Json, decode_number, decode_text, decode_time
from christmas_tasks.notion_schema import Schema
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Sequence
from christmas_tasks.text import first_word
from christmas_tasks.tracker import (
    EMAIL_NUMBERS,
    Changes,
    EmailState,
    EmailStatus,
    SentBy,
    SequenceStatus,
    TrackerRow,
)


def tracker_row(page: Json, schema: Schema) -> TrackerRow:
    """A row of the tracker.

    Raises:
        SetupRefused: A person has put something into it that can't be read; says what to repair.
    """

    def text(name: str) -> str:
        return decode_text(schema.cell(page, name))

    key = text("Enrolment Key")
    return TrackerRow(
        row_id=page["id"],
        key=key,
        address=text("Email"),
        sequence=_choice(Sequence, text("Sequence Type"), "Sequence Type", key),
        segment=_choice(Segment, text("Segment") or Segment.OPTIMIZE, "Segment", key),
        status=_choice(SequenceStatus, text("Sequence Status") or SequenceStatus.ACTIVE, "Sequence Status", key),
        stop_reason=text("Stop Reason"),
        emails=tuple(_email(schema, page, number) for number in EMAIL_NUMBERS),
        variables=_variables(text("Variables"), key),
        campaign=text("Campaign"),
        started_at=decode_time(schema.cell(page, "Started At")),
    )


def _email(schema: Schema, page: Json, number: int) -> EmailState:
    def cell(what: str) -> Json | None:
        return schema.cell(page, f"Email {number} {what}")

    status = decode_text(cell("Status")).lower()
    sent_by = decode_text(cell("Sent By")).lower()
    return EmailState(
        number,
        scheduled_at=decode_time(cell("Scheduled At")),
        status=EmailStatus(status) if status in set(EmailStatus) else None,
        sent_at=decode_time(cell("Sent")),
        sent_by=SentBy(sent_by) if sent_by in set(SentBy) else None,
        resend_id=decode_text(cell("Resend ID")),
        delivery=decode_text(cell("Delivery")).lower(),
    )


def contact(page: Json, schema: Schema) -> Contact:
    """A contact, in either layout of its names.

    Raises:
        SetupRefused: A required column is missing.
    """

    def text(name: str) -> str:
        return decode_text(schema.cell(page, name))

    segment = text("Segment").upper()
    counts = {
        name: number
        for name in ("Assessment Score", "Red Systems", "Orange Systems", "Yellow Systems", "Green Systems")
        if (number := decode_number(schema.cell(page, name))) is not None
    }
    return Contact(
        contact_id=page["id"],
        address=text("Email"),
        first_name=text("first_name") or first_word(text("Name")),
        last_name=text("last_name"),
        business_name=text("Business Name"),
        stage=text("Christmas Campaign Status"),
        segment=Segment(segment) if segment in set(Segment) else None,
        suppressed=text("Email Suppressed").lower(),
        numbers=counts,
        last_email_sent_at=decode_time(schema.cell(page, "Last Email Sent At")),
    )


def template_values(page: Json, schema: Schema) -> Json:
    """What a ``Template`` is made of, as the cache keeps it.

    Raises:
        SetupRefused: A required column is missing.
    """

    def text(name: str) -> str:
        return decode_text(schema.cell(page, name))

    return {
        "name": text("Template Name").strip(),
        "subject": text("Subject Line"),
        "html": text("Email Body HTML"),
        "text": text("Email Body Plain Text"),
        "preview": text("Preview Text"),
        "is_active": text("Status").strip().lower() == "active",
    }


def with_names(changes: Changes, schema: Schema) -> Changes:
    """Put the names into the columns that this contacts database has (both layouts of contract section 8)."""
    names = {"first_name": changes.get("first_name"), "last_name": changes.get("last_name")}
    named = {name: value for name, value in changes.items() if name not in names}
    if schema.actual("first_name") is not None:
        named |= {name: value for name, value in names.items() if value and schema.actual(name) is not None}
    else:
        full = " ".join(str(value) for value in names.values() if value)
        named |= {"Name": full} if full else {}
    return named


def _choice(kind: Any, text: str, column: str, key: str) -> Any:  # noqa: ANN401 - one StrEnum in, its member out
    for member in kind:
        if str(member).lower() == text.strip().lower():
            return member
    raise SetupRefused(
        f'The tracker row {key or "without key"} has an unknown value in "{column}": set it to one of '
        f"{', '.join(str(member) for member in kind)}."
    )


def _variables(text: str, key: str) -> dict[str, str | float]:
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SetupRefused(f'The tracker row {key} has no readable JSON in "Variables": restore it from its history.')
    return {name: value for name, value in found.items() if isinstance(value, str | int | float)}
