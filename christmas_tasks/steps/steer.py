"""A person stops, holds or resumes the sequences of one contact."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from christmas_tasks.decisions import SendPolicy
from christmas_tasks.engine_records import Execution
from christmas_tasks.row_changes import hold_changes, resume_changes, stop_changes
from christmas_tasks.sequences import Sequence
from christmas_tasks.steps.forecast import Forecast, forecast
from christmas_tasks.steps.people import Look, Person, find_person, select_rows
from christmas_tasks.steps.ports import Locks, Tracker
from christmas_tasks.steps.schedule import DueEmail, Engine, schedule
from christmas_tasks.steps.stops import is_going_on, keep_what_was_sent
from christmas_tasks.tracker import Changes, SequenceStatus, TrackerRow

BY_A_PERSON = "stopped by a person"


class Verb(StrEnum):
    """What a person asks for."""

    STOP = "stop"
    HOLD = "hold"
    RESUME = "resume"


class Result(StrEnum):
    """What came of it for one row."""

    CHANGED = "changed"
    ALREADY = "already"
    REFUSED = "refused"


@dataclass(frozen=True)
class Wish:
    """What to do to which rows.

    Args:
        verb: Stop, hold or resume.
        sequence: Only this one.
        key: Only this enrolment.
        reason: Of a stop, for the tracker.
    """

    verb: Verb
    sequence: Sequence | None = None
    key: str = ""
    reason: str = BY_A_PERSON


@dataclass(frozen=True)
class Steered:
    """What came of a wish for one row.

    Args:
        row: As it is after that.
        why: Of ``ALREADY`` and ``REFUSED``.
        emails: Of a resumed row: what will become of its emails.
    """

    row: TrackerRow
    result: Result
    why: str = ""
    emails: tuple[Forecast, ...] = ()


class Ledger(Look, Tracker, Protocol):
    """Contacts and tracker."""


def steer(
    address: str,
    wish: Wish,
    ledger: Ledger,
    locks: Locks,
    policy: SendPolicy,
    now: datetime,
    *,
    is_dry: bool = False,
) -> tuple[Steered, ...]:
    """Stop, hold or resume rows of one address, under its lock, so that no enrolment or stop comes between.

    Safe to repeat: a row that is as wished already is left alone. Nothing is sent or started here.

    Args:
        address: From ``read_address``.
        wish: What to do.
        ledger: Contacts and tracker.
        locks: One at a time for each address.
        policy: For what a resumed row will send.
        now: Aware UTC.
        is_dry: Judge, and write nothing.

    Returns:
        What came of each row that is meant.

    Raises:
        UnknownPerson: No such address, or it has no such enrolment.
    """
    with locks.hold(address):
        person = find_person(address, ledger)
        return tuple(
            _steer(row, wish, person, ledger, policy, now, is_dry=is_dry)
            for row in select_rows(person, wish.sequence, wish.key)
        )


def start_missing(
    rows: tuple[TrackerRow, ...], live: Callable[[str], list[Execution]], engine: Engine
) -> tuple[str, ...]:
    """Start an execution for each planned email of *rows* that has none, as reconcile would within the hour.

    Safe to repeat, and beside reconcile: an execution too many mails nothing twice.

    Args:
        rows: Resumed.
        live: What waits or runs for an enrolment key.
        engine: Kestra.

    Returns:
        A line for each email.
    """
    missing: list[DueEmail] = []
    for row in rows:
        numbers = {execution.labels.get("email") for execution in live(row.key)}
        missing.extend(
            DueEmail(row.key, row.row_id, state.number, state.scheduled_at, row.sequence.value, row.segment.value)
            for state in row.pending()
            if state.scheduled_at is not None and str(state.number) not in numbers
        )
    return schedule(missing, engine)


def _steer(
    row: TrackerRow, wish: Wish, person: Person, tracker: Tracker, policy: SendPolicy, now: datetime, *, is_dry: bool
) -> Steered:
    result, why = _judge(row, wish.verb, person.suppressed)
    emails: tuple[Forecast, ...] = ()
    if wish.verb is Verb.RESUME and result is not Result.REFUSED:
        emails = forecast(row, now, policy)
    if result is Result.CHANGED and not is_dry:
        row = keep_what_was_sent(tracker.update_row(row.row_id, _changes(row, wish)), tracker)
    return Steered(row, result, why, emails)


def _judge(row: TrackerRow, verb: Verb, suppressed: str) -> tuple[Result, str]:
    status = row.status
    stopped = f"stopped ({row.stop_reason or 'no reason is written down'})"
    if verb is Verb.STOP:
        if status is SequenceStatus.STOPPED:
            return Result.ALREADY, stopped
        return (Result.CHANGED, "") if is_going_on(row) else (Result.ALREADY, "completed: nothing is left to stop")
    if status is SequenceStatus.STOPPED:
        return Result.REFUSED, f"{stopped}: a stop is for good"
    if status is SequenceStatus.COMPLETED:
        return Result.REFUSED, "completed: nothing is left to send"
    if verb is Verb.HOLD:
        return (Result.ALREADY, "held") if status is SequenceStatus.HELD else (Result.CHANGED, "")
    if suppressed:
        return Result.REFUSED, f"the contact is suppressed ({suppressed}): nothing may be sent"
    return (Result.ALREADY, "active") if status is SequenceStatus.ACTIVE else (Result.CHANGED, "")


def _changes(row: TrackerRow, wish: Wish) -> Changes:
    if wish.verb is Verb.STOP:
        return stop_changes(row, wish.reason)
    return hold_changes() if wish.verb is Verb.HOLD else resume_changes(row)
