"""Erase one person from Notion and Kestra (GDPR, article 17): nothing is sent afterwards, a crash only pauses it.

The order is the safety: first the rows are stopped, so that whatever is under way sends nothing; then executions are
killed and deleted, while the rows still tell which ones they are; then the rows go, and the contact last, by which a
repeat finds the person. What comes in meanwhile is found by looking again until nothing is left.
"""

import time
from collections.abc import Callable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from typing import Any, Protocol

from christmas_tasks.contacts import Contact
from christmas_tasks.engine_records import Execution
from christmas_tasks.errors import SetupRefused, TransientError
from christmas_tasks.sequences import StopEvent
from christmas_tasks.steps.export import contacts_in_any_spelling
from christmas_tasks.steps.people import Look, UnknownPerson
from christmas_tasks.steps.ports import Locks
from christmas_tasks.steps.stops import is_going_on, strongest, write_stop
from christmas_tasks.steps.traces import Archive, Traces, find_traces
from christmas_tasks.tracker import Changes, TrackerRow

_ROUNDS = 5
_KILL_PATIENCE_S = 60.0
_KILL_POLL_S = 0.25
_REASON = "erased on request"
_SUPPRESSED, _EMAIL = "email suppressed", "email"


class Ledger(Look, Protocol):
    """Contacts and tracker, with the bin."""

    unreadable: list[str]

    def contacts(self) -> list[Contact]:
        """All contacts."""
        ...

    def columns_of(self, page_id: str) -> dict[str, Any] | None:
        """All that a page holds, or None if it is gone."""
        ...

    def create_contact(self, address: str, changes: Changes) -> Contact:
        """Create a contact."""
        ...

    def update_row(self, row_id: str, changes: Changes) -> TrackerRow:
        """Write absolute values."""
        ...

    def trash(self, page_id: str) -> None:
        """Put a page into the bin."""
        ...


class Engine(Archive, Protocol):
    """Kestra, with the end of executions."""

    def has_ended(self, execution_id: str) -> bool:
        """Whether nothing of it waits or runs any more."""
        ...

    def kill(self, execution_id: str) -> None:
        """Ask for its end."""
        ...

    def delete(self, execution_id: str) -> bool:
        """Delete it with its data; False if it has not ended."""
        ...


@dataclass(frozen=True)
class Held:
    """What is held of one person right now.

    Args:
        kept: The contact that stays; None: none is there (yet).
        contacts: Those that go.
        rows: All of them go.
        traces: All own executions go.
        suppression: What the kept contact says; empty: none is kept.
    """

    address: str
    kept: Contact | None
    contacts: tuple[Contact, ...]
    rows: tuple[TrackerRow, ...]
    traces: Traces
    suppression: str

    @property
    def is_erased(self) -> bool:
        """Nothing is left to do."""
        return not (self.contacts or self.rows or self.traces.own) and (not self.suppression or self.kept is not None)


def look_at(address: str, ledger: Ledger, engine: Engine, *, keep_suppression: bool | None) -> Held:
    """What an erase would do; reads only.

    Args:
        address: From ``read_address``.
        ledger: Notion.
        engine: Kestra.
        keep_suppression: Whether a contact with nothing but the address and ``Email Suppressed`` stays, so that a later
            webhook mails nobody who has said no. None: if the contact is suppressed now.

    Raises:
        UnknownPerson: Nothing is held anywhere.
        SetupRefused: A row of the person can't be read: nobody could tell which executions belong to it.
    """
    contacts = contacts_in_any_spelling(address, ledger)
    rows = tuple(ledger.rows_of(address))
    if ledger.unreadable:
        raise SetupRefused(f"{ledger.unreadable[0]} Nothing is erased before that.")
    traces = find_traces(address, [row.key for row in rows], engine)
    if not contacts and not rows and not traces.own:
        raise UnknownPerson(
            f"Nothing is held about {address}: looked at all contacts, the tracker rows of all campaigns, "
            f"and {traces.looked_at} executions in Kestra.{_mentioned(traces)}"
        )
    suppression = strongest([contact.suppressed for contact in contacts])
    if keep_suppression is False:
        suppression = ""
    elif keep_suppression and not suppression:
        suppression = StopEvent.UNSUBSCRIBED.value
    return _held(address, contacts, rows, traces, suppression, ledger)


def erase(
    held: Held,
    ledger: Ledger,
    engine: Engine,
    locks: Locks,
    tell: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Carry out what ``look_at`` has found, and look again until nothing is left.

    Safe to repeat at any point where it broke off: it goes on with what is left. Each thing that is done is told at
    once.

    Args:
        held: From ``look_at``.
        ledger: Notion.
        engine: Kestra.
        locks: One at a time for each address: no enrolment writes while rows and contacts go.
        tell: Takes a line for each thing that is done.
        sleep: Between two looks at an execution that is being killed.

    Raises:
        ChristmasError: It broke off; what was told is done, the rest is not.
    """
    for _ in range(_ROUNDS):
        if held.is_erased:
            return
        with locks.hold(held.address):
            _stop(held.address, ledger, tell)
        _end(held.traces.own, engine, tell, sleep)
        with locks.hold(held.address):
            _bin(held, ledger, tell)
        held = _again(held, ledger, engine)
    raise TransientError(
        "More came in about this person while it was erased. What is told above is done: run the command again."
    )


def _again(held: Held, ledger: Ledger, engine: Engine) -> Held:
    # What a handler has put out is deleted by now, but the keys that it told stay true.
    traces = find_traces(held.address, held.traces.keys, engine)
    contacts = contacts_in_any_spelling(held.address, ledger)
    return _held(held.address, contacts, tuple(ledger.rows_of(held.address)), traces, held.suppression, ledger)


def _held(
    address: str,
    contacts: tuple[Contact, ...],
    rows: tuple[TrackerRow, ...],
    traces: Traces,
    suppression: str,
    ledger: Ledger,
) -> Held:
    kept = next((contact for contact in contacts if suppression and _is_bare(contact, ledger, suppression)), None)
    return Held(address, kept, tuple(contact for contact in contacts if contact is not kept), rows, traces, suppression)


def _stop(address: str, ledger: Ledger, tell: Callable[[str], None]) -> None:
    for row in ledger.rows_of(address):
        if is_going_on(row):
            write_stop(row, _REASON, ledger)
            tell(f"Stopped the sequence {row.sequence.value} ({row.key}).")


def _end(
    executions: Ordered[Execution], engine: Engine, tell: Callable[[str], None], sleep: Callable[[float], None]
) -> None:
    live = [execution for execution in executions if execution.is_live]
    for execution in live:
        engine.kill(execution.execution_id)
    # Handlers last: what they have put out tells which emails belong to a row that is gone.
    for execution in sorted(executions, key=lambda execution: not execution.labels.get("enrolment")):
        _delete(execution, engine, sleep)
        what = "Killed and deleted" if execution in live else "Deleted"
        tell(f"{what} the execution {execution.execution_id} of {execution.flow}.")


def _delete(execution: Execution, engine: Engine, sleep: Callable[[float], None]) -> None:
    # A task that is under way is ended by its worker; only then is the execution Kestra's to delete.
    waited_s = 0.0
    while not (engine.has_ended(execution.execution_id) and engine.delete(execution.execution_id)):
        if waited_s >= _KILL_PATIENCE_S:
            raise TransientError(
                f"The execution {execution.execution_id} of {execution.flow} was killed {waited_s:.0f} s ago and has "
                "not ended. What is told above is done: run the command again."
            )
        sleep(_KILL_POLL_S)
        waited_s += _KILL_POLL_S


def _bin(held: Held, ledger: Ledger, tell: Callable[[str], None]) -> None:
    for row in ledger.rows_of(held.address):
        ledger.trash(row.row_id)
        tell(f"Put the tracker row {row.row_id} ({row.sequence.value}) into Notion's bin.")
    contacts = contacts_in_any_spelling(held.address, ledger)
    kept = held.kept
    if held.suppression and kept is None:
        # Before the old one goes: between the two, somebody who has said no must not be unknown.
        kept = ledger.create_contact(held.address, {"Email Suppressed": held.suppression})
        if kept.contact_id in {contact.contact_id for contact in contacts}:
            raise TransientError("Notion gave no usable answer while the suppression was kept: run the command again.")
        tell(f"Kept the suppression ({held.suppression}) as the contact {kept.contact_id}, which holds nothing else.")
    for contact in contacts:
        if kept is None or contact.contact_id != kept.contact_id:
            ledger.trash(contact.contact_id)
            tell(f"Put the contact {contact.contact_id} into Notion's bin.")


def _is_bare(contact: Contact, ledger: Ledger, suppression: str) -> bool:
    columns = ledger.columns_of(contact.contact_id) or {}
    filled = {name.strip().lower() for name, value in columns.items() if value not in (None, "", [], False)}
    return contact.suppressed == suppression and filled <= {_EMAIL, _SUPPRESSED}


def _mentioned(traces: Traces) -> str:
    ids = ", ".join(execution.execution_id for execution in traces.mentions)
    return f" Their text mentions the address: {ids}." if ids else ""
