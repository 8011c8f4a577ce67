"""What ends sequences early: a booking, a payment, an unsubscribe, a bounce, a complaint (contract section 7)."""

from collections.abc import Iterable
from datetime import datetime

from christmas_tasks.events import MailEvent
from christmas_tasks.row_changes import sent_after_all, sent_changes, stop_changes, was_stopped_meanwhile
from christmas_tasks.sequences import RULES, StopEvent, is_stopped_by
from christmas_tasks.steps.ports import Contacts, Ledger, Locks, Rows, Tracker
from christmas_tasks.tracker import Changes, EmailStatus, SequenceStatus, TrackerRow, Value

_SUPPRESSING = frozenset({StopEvent.UNSUBSCRIBED, StopEvent.BOUNCED, StopEvent.COMPLAINED})
# A complaint says more than a bounce, and that more than an unsubscribe: the stronger reason stays.
_STRENGTH = ("", StopEvent.UNSUBSCRIBED, StopEvent.BOUNCED, StopEvent.COMPLAINED)


def stop(address: str, event: StopEvent, ledger: Ledger, locks: Locks) -> int:
    """End the sequences of one address that *event* ends; suppress the contact where it asks for that.

    Safe to repeat: what is stopped already is left alone. The contact comes first, so that an enrolment at the same
    time either sees it suppressed or has its row found here.

    Returns:
        How many sequences it has ended.
    """
    with locks.hold(address):
        if event in _SUPPRESSING:
            _suppress(address, event, ledger)
        stopped = [row for row in ledger.rows_of(address) if is_going_on(row) and is_stopped_by(row.sequence, event)]
        for row in stopped:
            write_stop(row, event, ledger)
    return len(stopped)


def write_stop(row: TrackerRow, reason: StopEvent | str, rows: Rows) -> TrackerRow:
    """End a sequence in its row. One Notion call; a second one if a mail was recorded as sent since *row* was read."""
    return keep_what_was_sent(rows.update_row(row.row_id, stop_changes(row, reason)), rows)


def write_progress(row: TrackerRow, changes: Changes, rows: Rows) -> TrackerRow:
    """Write what has become of an email. One Notion call; more if a stop or a record came since *row* was read."""
    after = rows.update_row(row.row_id, changes)
    if was_stopped_meanwhile(row, after):
        # The write above came from a row that was still going on, and has covered what the stop wrote; not its reason.
        covered = {name: value for name, value in stop_changes(after, "").items() if name != "Stop Reason"}
        after = rows.update_row(after.row_id, covered)
    return keep_what_was_sent(after, rows)


def keep_what_was_sent(after: TrackerRow, rows: Rows) -> TrackerRow:
    """Put back what a write has covered: an email that Resend has accepted is sent, whatever was to become of it."""
    covered = sent_after_all(after)
    return rows.update_row(after.row_id, covered) if covered else after


def take_mail_event(event: MailEvent, ledger: Ledger, locks: Locks, now: datetime) -> tuple[str, ...]:
    """Write down what became of a mail, and stop the contact's sequences where that follows.

    Safe to repeat, and in any order: weaker news never covers stronger.

    Returns:
        Notes for the log.
    """
    row = ledger.find_row(event.enrolment_key) if event.enrolment_key else None
    address = row.address if row is not None else event.address
    notes = []
    if event.stops is not None and address:
        # First of all, and for mails of the website as well: the address is no good, whoever wrote to it.
        count = stop(address, event.stops, ledger, locks)
        notes.append(f"The contact is suppressed ({event.stops.value}): {count} sequences stopped.")
    if row is None:
        return (*notes, "No enrolment belongs to this mail: no delivery is recorded.")
    current = ledger.read_row(row.row_id) or row
    return (*notes, _record_delivery(current, event, ledger, now))


def strongest(reasons: Iterable[str]) -> str:
    """The reason of a suppression that says most; a person's own word most of all. Empty if there is none."""
    return max(
        reasons, key=lambda reason: _STRENGTH.index(reason) if reason in _STRENGTH else len(_STRENGTH), default=""
    )


def _record_delivery(row: TrackerRow, event: MailEvent, tracker: Tracker, now: datetime) -> str:
    state = next((state for state in row.emails if state.number == event.number), None)
    if state is None or (state.resend_id and state.resend_id != event.resend_id):
        return "The tracker knows another mail under this number: nothing is recorded."
    changes: dict[str, Value] = {}
    if state.status is not EmailStatus.SENT and RULES[row.sequence].rule(event.number) and event.resend_id:
        # Resend itself says that it had the mail: that settles an outcome that nobody has written down yet.
        changes |= sent_changes(row, event.number, event.accepted_at or now, event.resend_id)
    if event.delivery.outranks(state.delivery):
        changes[f"Email {event.number} Delivery"] = event.delivery
    if not changes:
        return f"Email {event.number} is {state.delivery} already."
    write_progress(row, changes, tracker)
    return f"Email {event.number}: {event.delivery.value}."


def _suppress(address: str, event: StopEvent, contacts: Contacts) -> None:
    contact = contacts.find_contact(address)
    if contact is None:
        contacts.create_contact(address, {"Email Suppressed": event})
    elif contact.suppressed not in _STRENGTH:
        return
    elif _STRENGTH.index(event) > _STRENGTH.index(contact.suppressed):
        contacts.update_contact(contact.contact_id, {"Email Suppressed": event})


def is_going_on(row: TrackerRow) -> bool:
    """Whether a stop has something to stop in *row*."""
    # What has failed can be replayed, and what is unresolved can be settled as not sent.
    open_ends = any(state.status in {EmailStatus.FAILED, EmailStatus.UNRESOLVED} for state in row.emails)
    return row.status in {SequenceStatus.ACTIVE, SequenceStatus.HELD} or (
        row.status is SequenceStatus.COMPLETED and (open_ends or bool(row.pending()))
    )
