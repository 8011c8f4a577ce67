"""Everything that the product holds about one person, as one JSON document."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from christmas_tasks.contacts import Contact
from christmas_tasks.engine_records import Execution
from christmas_tasks.errors import ChristmasError
from christmas_tasks.steps.people import Look, UnknownPerson
from christmas_tasks.steps.traces import Archive, Traces, find_traces

Json = dict[str, Any]

# A caller's own credentials are no data of the person.
_CALLERS_SECRETS = frozenset({"authorization", "cookie", "proxy-authorization"})
_STORAGE = "kestra://"


class Ledger(Look, Protocol):
    """What is read of Notion."""

    unreadable: list[str]

    def contacts(self) -> list[Contact]:
        """All contacts."""
        ...

    def columns_of(self, page_id: str) -> dict[str, Any] | None:
        """All that a page holds."""
        ...


class Records(Archive, Protocol):
    """What is read of Kestra."""

    def whole(self, execution_id: str) -> Json | None:
        """The execution with its tasks."""
        ...

    def logs(self, execution_id: str) -> list[Json]:
        """What it logged."""
        ...


class Sender(Protocol):
    """What is read of Resend."""

    def sent_to(self, address: str) -> list[Json]:
        """The mails to an address that Resend still lists."""
        ...


def contacts_in_any_spelling(address: str, ledger: Ledger) -> tuple[Contact, ...]:
    """All contacts with an address, however a person has spelled it, oldest first. A call for each 100 contacts."""
    exact = ledger.contacts_of(address)
    known = {contact.contact_id for contact in exact}
    others = (contact for contact in ledger.contacts() if contact.address.strip().lower() == address)
    return (*exact, *(contact for contact in others if contact.contact_id not in known))


def export_person(
    address: str,
    ledger: Ledger,
    records: Callable[[], Records],
    sender: Callable[[], Sender],
    now: datetime,
) -> Json:
    """All that is held about a person; reads only.

    A vendor that can't be asked is named under ``incomplete``, and the rest is exported.

    Args:
        address: From ``read_address``.
        ledger: Notion.
        records: Kestra, when asked for.
        sender: Resend, when asked for.
        now: Aware UTC.

    Raises:
        UnknownPerson: Nothing is held, and everything could be asked.
    """
    contacts = contacts_in_any_spelling(address, ledger)
    rows = ledger.rows_of(address)
    missing = list(ledger.unreadable)
    document: Json = {
        "address": address,
        "exported_at": now.isoformat(),
        "contacts": [{"id": contact.contact_id, **_columns(contact.contact_id, ledger)} for contact in contacts],
        "enrolments": [{"id": row.row_id, **_columns(row.row_id, ledger)} for row in rows],
        "executions": [],
        "mentioned_in_executions": [],
        "resend": [],
        "incomplete": missing,
    }
    try:
        archive = records()
        traces = find_traces(address, [row.key for row in rows], archive)
        document["executions"] = [_execution(execution, archive) for execution in traces.own]
        document["mentioned_in_executions"] = [_name(execution) for execution in traces.mentions]
    except ChristmasError as error:
        missing.append(f"Kestra's executions: {error}")
        traces = Traces((), (), frozenset(), 0)
    try:
        document["resend"] = sender().sent_to(address)
    except ChristmasError as error:
        missing.append(f"Resend's list of mails: {error}")
    held = (contacts, rows, traces.own, traces.mentions, document["resend"])
    if not any(held) and not missing:
        raise UnknownPerson(
            f"Nothing is held about {address}: looked at all contacts, the tracker rows of all campaigns, "
            f"{traces.looked_at} executions in Kestra, and Resend's list."
        )
    return document


def _columns(page_id: str, ledger: Ledger) -> Json:
    return {"columns": ledger.columns_of(page_id) or {}}


def _name(execution: Execution) -> Json:
    return {"id": execution.execution_id, "flow": execution.flow, "state": execution.state}


def _execution(execution: Execution, archive: Records) -> Json:
    whole = archive.whole(execution.execution_id) or {}
    outputs = archive.outputs(execution.execution_id)
    trigger = _without_secrets(dict(execution.trigger))
    addresses = sorted({*_stored(outputs), *_stored(execution.trigger), *_stored(execution.inputs)})
    files = {uri: _readable(uri, archive.file(execution.execution_id, uri)) for uri in addresses}
    return {
        **_name(execution),
        "started_at": execution.started_at.isoformat() if execution.started_at else None,
        "scheduled_at": execution.scheduled_at.isoformat() if execution.scheduled_at else None,
        "labels": dict(execution.labels),
        "inputs": dict(execution.inputs),
        "trigger": trigger,
        "tasks": [{"id": run["taskId"], "state": run["state"]} for run in whole.get("taskRunList") or ()],
        "outputs": outputs,
        "files": files,
        "logs": [
            {name: line.get(name) for name in ("timestamp", "level", "taskId", "message")}
            for line in archive.logs(execution.execution_id)
        ],
    }


def _without_secrets(trigger: Json) -> Json:
    headers = trigger.get("headers")
    if isinstance(headers, Mapping):
        trigger["headers"] = {name: value for name, value in headers.items() if name.lower() not in _CALLERS_SECRETS}
    return trigger


def _stored(value: object) -> Iterator[str]:
    """The addresses of all stored files that *value* names."""
    if isinstance(value, str):
        if value.startswith(_STORAGE):
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _stored(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _stored(inner)


def _readable(uri: str, content: bytes | None) -> str | None:
    """A file as text: the flows' own base64 undone; what is no text stays base64."""
    if content is None:
        return None
    try:
        return (base64.b64decode(content) if uri.endswith(".b64") else content).decode()
    except (binascii.Error, UnicodeDecodeError):
        return base64.b64encode(content).decode()
