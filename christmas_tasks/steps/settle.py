"""A person settles an email whose outcome nobody could tell."""

from datetime import datetime

from christmas_tasks.errors import NotPlanned, PermanentError
from christmas_tasks.row_changes import sent_changes
from christmas_tasks.steps.ports import Tracker
from christmas_tasks.steps.stops import write_progress
from christmas_tasks.tracker import Changes, EmailStatus, SequenceStatus, TrackerRow, Value


class AlreadySettled(PermanentError):
    """The email has an end already."""


def settle(
    key: str, number: int, resend_id: str, tracker: Tracker, now: datetime, *, is_dry: bool = False
) -> TrackerRow:
    """Write down what a person has found out about an unresolved email.

    Safe to repeat. It sends nothing itself: an email settled as not sent is planned again, and reconcile starts it;
    in a stopped sequence it is skipped.

    Args:
        key: The enrolment's key.
        number: The email number.
        resend_id: Resend's id if it went out; empty if it did not.
        tracker: The ledger.
        now: Aware UTC.
        is_dry: Only look whether it can be settled; the row comes back as it is.

    Raises:
        NotPlanned: No such enrolment or email.
        AlreadySettled: The email is not unresolved.
    """
    row = tracker.find_row(key)
    if row is None:
        raise NotPlanned(f"There is no enrolment {key} in the tracker: copy its Enrolment Key from Notion.")
    state = row.email(number)
    if state.status is not EmailStatus.UNRESOLVED:
        raise AlreadySettled(f"Email {number} of enrolment {key} is {state.status}, not unresolved: nothing to settle.")
    return row if is_dry else write_progress(row, _changes(row, number, resend_id, now), tracker)


def _changes(row: TrackerRow, number: int, resend_id: str, now: datetime) -> Changes:
    if resend_id:
        return sent_changes(row, number, now, resend_id)
    if row.status is SequenceStatus.STOPPED:
        return {f"Email {number} Status": EmailStatus.SKIPPED}
    # From now on no earlier attempt counts: a person has looked.
    changes: dict[str, Value] = {
        f"Email {number} Status": EmailStatus.SCHEDULED,
        f"Email {number} Scheduled At": now,
        "Next Email At": now,
    }
    if row.status is SequenceStatus.COMPLETED:
        changes["Sequence Status"] = SequenceStatus.ACTIVE
    return changes
