"""Contacts and tracker as leads: who they are, and what is planned, sent, skipped, held or stopped. Reads only."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from christmas_sandbox.clock import iso_ms
from christmas_sandbox.notion_forms import plain_cells
from christmas_sandbox.notion_rows import DataSource, Row, Tables
from christmas_sandbox.notion_values import plain_text
from christmas_sandbox.resend_mails import Mails
from christmas_sandbox.seed import CONTACTS_SOURCE_ID, TRACKER_SOURCE_ID
from christmas_sandbox.wire import JsonObject

EMAIL_NUMBERS = range(1, 6)
_PENDING = frozenset({None, "", "scheduled"})
_SEARCHED = frozenset({"email", "first_name", "first name", "last_name", "name", "business_name", "business name"})
_FACTS = {
    "christmas campaign status": "Campaign status",
    "assessment score": "Score",
    "signup source": "Source",
}
_COLOURS = ("red", "orange", "yellow", "green")

Emails = Mapping[tuple[str, int], JsonObject]


@dataclass(slots=True)
class _Lead:
    """All rows of one address, oldest first."""

    address: str
    contacts: list[Row] = field(default_factory=list)
    enrolments: list[Row] = field(default_factory=list)

    @property
    def came_ms(self) -> int:
        """When it last came: the newest of its rows."""
        return max(row.created_ms for row in (*self.contacts, *self.enrolments))


def leads(tables: Tables, wanted: str, limit: int) -> JsonObject:
    """List the leads, the newest first.

    Args:
        tables: Notion's.
        wanted: Text that the address or a name must hold; empty for all.
        limit: How many at most.

    Returns:
        ``leads``, and ``total``: how many there are.
    """
    found = [lead for lead in _gather(tables).values() if _holds(tables, lead, wanted.casefold().strip())]
    found.sort(key=lambda lead: lead.came_ms, reverse=True)
    return {"leads": [_form(tables, lead) for lead in found[:limit]], "total": len(found)}


def lead(tables: Tables, mails: Mails, address: str, executions: Emails) -> JsonObject | None:
    """Give one lead in full, or None.

    Args:
        tables: Notion's.
        mails: Resend's, for the subjects.
        address: In any case.
        executions: The newest execution by enrolment key and email number.
    """
    found = _gather(tables).get(address.casefold().strip())
    if found is None:
        return None
    form = _form(tables, found)
    for sequence in form["sequences"]:
        for email in sequence["emails"]:
            mail = mails.get(email["mail_id"]) if email["mail_id"] else None
            email["subject"] = mail["subject"] if mail else ""
            execution = executions.get((sequence["key"], email["number"]))
            email["execution"] = execution["id"] if execution else ""
    return form


def enrolled(tables: Tables) -> dict[str, JsonObject]:
    """Give address and email states by enrolment key: whom an execution mails, and what came of it."""
    source = tables.data_sources.get(TRACKER_SOURCE_ID)
    if source is None:
        return {}
    found: dict[str, JsonObject] = {}
    names = ("Email", "Enrolment Key", *(f"Email {number} Status" for number in EMAIL_NUMBERS))
    props = {name: prop for name in names if (prop := source.schema.get(name))}
    for row in _live(tables, TRACKER_SOURCE_ID):
        cells = {name: row.cell(prop["id"], prop["type"]) for name, prop in props.items()}
        key = plain_text(cells.get("Enrolment Key") or [])
        if key and key not in found:
            states = [cells.get(f"Email {number} Status") for number in EMAIL_NUMBERS]
            found[key] = {
                "address": cells.get("Email") or "",
                "states": [state["name"] if isinstance(state, dict) else "" for state in states],
            }
    return found


def _gather(tables: Tables) -> dict[str, _Lead]:
    found: dict[str, _Lead] = {}
    for source_id in (CONTACTS_SOURCE_ID, TRACKER_SOURCE_ID):
        source = tables.data_sources.get(source_id)
        prop = next((prop for name, prop in source.schema.items() if name.lower() == "email"), None) if source else None
        if prop is None:
            continue
        for row in _live(tables, source_id):
            written = row.cell(prop["id"], prop["type"])
            if not isinstance(written, str) or not written:
                continue
            one = found.setdefault(written.casefold(), _Lead(written))
            (one.contacts if source_id == CONTACTS_SOURCE_ID else one.enrolments).append(row)
    return found


def _live(tables: Tables, source_id: str) -> Iterator[Row]:
    return (row for row in tables.rows_of(source_id) if not row.in_trash)


def _holds(tables: Tables, one: _Lead, wanted: str) -> bool:
    if not wanted or wanted in one.address.casefold():
        return True
    return any(wanted in text.casefold() for row in (*one.contacts, *one.enrolments) for text in _texts(tables, row))


def _texts(tables: Tables, row: Row) -> Iterator[str]:
    for name, prop in tables.data_sources[row.data_source_id].schema.items():
        if name.lower() in _SEARCHED and prop["type"] in {"title", "rich_text"}:
            yield plain_text(row.cell(prop["id"], prop["type"]))


def _form(tables: Tables, one: _Lead) -> JsonObject:
    contact = _plain(one.contacts[:1], tables.data_sources.get(CONTACTS_SOURCE_ID))
    rows = [_plain([row], tables.data_sources[TRACKER_SOURCE_ID]) for row in one.enrolments]
    newest: JsonObject = rows[-1] if rows else {}
    names = [contact.get("first_name"), contact.get("last_name"), contact.get("name")]
    return {
        "address": one.address,
        "name": " ".join(name for name in names if name) or newest.get("first name") or "",
        "business": contact.get("business_name") or contact.get("business name") or newest.get("business name") or "",
        "segment": contact.get("segment") or newest.get("segment") or "",
        "suppressed": contact.get("email suppressed") or "",
        "came_at": iso_ms(one.came_ms),
        "facts": {label: contact[name] for name, label in _FACTS.items() if contact.get(name) not in {None, ""}},
        "systems": {colour: count for colour in _COLOURS if (count := contact.get(f"{colour} systems")) is not None},
        "sequences": [_sequence(row) for row in reversed(rows)],
    }


def _plain(rows: Iterable[Row], source: DataSource | None) -> dict[str, Any]:
    """Give the first row's values by column name in lower case; names are matched without regard to case."""
    if source is None:
        return {}
    return next(({name.lower(): value for name, value in plain_cells(row, source).items()} for row in rows), {})


def _sequence(row: Mapping[str, Any]) -> JsonObject:
    status = row.get("sequence status") or ""
    reasons = row.get("stop reason") or ""
    emails = [email for number in EMAIL_NUMBERS if (email := _email(row, number, status, reasons))]
    pending = [email for email in emails if email["state"] == "planned" and email["planned_at"]]
    for email in pending:
        email["is_next"] = email is min(pending, key=lambda one: str(one["planned_at"]))
    return {
        "key": row.get("enrolment key") or "",
        "type": row.get("sequence type") or "",
        "status": status,
        "reason": reasons,
        "segment": row.get("segment") or "",
        "started_at": row.get("started at"),
        "next_at": row.get("next email at"),
        "emails": emails,
    }


def _email(row: Mapping[str, Any], number: int, sequence_status: str, reasons: str) -> JsonObject | None:
    """Say what became of one email; None where it was never planned."""
    status = row.get(f"email {number} status")
    planned_at, sent_at = row.get(f"email {number} scheduled at"), row.get(f"email {number} sent")
    if not (status or planned_at or sent_at):
        return None
    state = status
    if status in _PENDING:
        # A row that was stopped or is held keeps its planned times.
        state = sequence_status if sequence_status in {"held", "stopped"} else "planned"
    note = re.search(rf"Email {number} (?:skipped|failed|unresolved): ([^;]*)", reasons)
    stopped = reasons if sequence_status == "stopped" and not reasons.startswith("Email ") else ""
    return {
        "number": number,
        "state": state,
        "planned_at": planned_at,
        "sent_at": sent_at,
        "by": row.get(f"email {number} sent by") or "",
        "mail_id": row.get(f"email {number} resend id") or "",
        "delivery": row.get(f"email {number} delivery") or "",
        "reason": note[1] if note and state != "sent" else stopped if state in {"skipped", "stopped"} else "",
        "is_next": False,
    }
