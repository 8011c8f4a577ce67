"""What a step writes into a tracker row (contract section 8), and what a later one reads out of such a write.

Pure: changes are returned as ``{column: value}``. Each change holds absolute values, so that writing it twice is the
same as once.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from christmas_tasks.segments import Segment
from christmas_tasks.sequences import RULES, Enrolment, PlannedEmail, StopEvent
from christmas_tasks.tracker import Changes, EmailState, EmailStatus, SentBy, SequenceStatus, TrackerRow, Value


def sent_changes(row: TrackerRow, number: int, sent_at: datetime, resend_id: str) -> Changes:
    """What to write once Resend has accepted an email."""
    after = _with(row, replace(row.email(number), status=EmailStatus.SENT, sent_at=sent_at))
    last = max(
        (state for state in after.emails if state.sent_at is not None),
        key=lambda state: state.sent_at or sent_at,
    )
    return {
        f"Email {number} Sent": sent_at,
        f"Email {number} Status": EmailStatus.SENT,
        f"Email {number} Sent By": SentBy.KESTRA,
        f"Email {number} Resend ID": resend_id,
        "Last Email Sent": last.number,
        "Last Email Sent At": last.sent_at,
        **_progress(after),
    }


def ended_changes(row: TrackerRow, number: int, status: EmailStatus, reason: str) -> Changes:
    """What to write when an email ends without being sent.

    Args:
        row: As read.
        number: The email number.
        status: ``skipped``, ``failed`` or ``unresolved``.
        reason: For people; joins what ``Stop Reason`` already says, once.
    """
    after = _with(row, replace(row.email(number), status=status))
    changes: dict[str, Value] = {f"Email {number} Status": status, **_progress(after)}
    if row.status is not SequenceStatus.STOPPED:
        # The joint of two notes within one would leave its tail behind at each repeat.
        note = f"Email {number} {status.value}: {reason.replace('; ', ', ')}"
        notes = [line for line in row.stop_reason.split("; ") if line and not line.startswith(f"Email {number} ")]
        changes["Stop Reason"] = "; ".join([*notes, note])[:1_900]
    return changes


def stop_changes(row: TrackerRow, event: StopEvent | str) -> Changes:
    """What to write when a sequence ends early: the row is stopped, what is still planned is skipped.

    Args:
        row: As read.
        event: The reason; a ``StopEvent`` or a person's own words.
    """
    changes: dict[str, Value] = {
        "Sequence Status": SequenceStatus.STOPPED,
        "Stop Reason": str(event),
        "Next Email At": None,
    }
    for state in row.pending():
        changes[f"Email {state.number} Status"] = EmailStatus.SKIPPED
    return changes


def sent_after_all(row: TrackerRow) -> Changes:
    """What to write where an email was recorded as sent and then covered by a write that came from an older reading.

    An email has a Resend ID only once Resend has accepted it. Empty if there is none such.
    """
    covered = [state for state in row.emails if state.resend_id and state.status is not EmailStatus.SENT]
    if not covered:
        return {}
    after = row
    for state in covered:
        after = _with(after, replace(state, status=EmailStatus.SENT))
    return {**{f"Email {state.number} Status": EmailStatus.SENT for state in covered}, **_progress(after)}


def hold_changes() -> Changes:
    """What to write when a sequence is to stand still: emails that come due do nothing."""
    return {"Sequence Status": SequenceStatus.HELD}


def resume_changes(row: TrackerRow) -> Changes:
    """What to write when a held sequence is to go on; its emails keep their planned times."""
    due = [state.scheduled_at for state in row.pending() if state.scheduled_at is not None]
    return {"Sequence Status": SequenceStatus.ACTIVE, "Next Email At": min(due, default=None)}


def end_reasons(row: TrackerRow) -> Mapping[int, str]:
    """Why single emails have ended without being sent, by number, as ``ended_changes`` has noted it."""
    reasons = {}
    for note in row.stop_reason.split("; "):
        head, found, reason = note.partition(": ")
        words = head.split()
        if found and len(words) == 3 and words[0] == "Email" and words[1].isdigit():  # noqa: PLR2004 - Email 2 skipped
            reasons[int(words[1])] = reason
    return reasons


def was_stopped_meanwhile(before: TrackerRow, after: TrackerRow) -> bool:
    """Whether a stop came between reading *before* and the write that led to *after*."""
    if before.status is SequenceStatus.STOPPED:
        return False
    return after.status is SequenceStatus.STOPPED or (
        after.stop_reason != before.stop_reason and after.stop_reason in {event.value for event in StopEvent}
    )


def new_row_changes(
    enrolment: Enrolment,
    segment: Segment,
    started_at: datetime,
    plan: tuple[PlannedEmail, ...],
    website_sent_at: datetime | None = None,
    *,
    website_failed: bool = False,
) -> Changes:
    """The columns of a new row that follow from the enrolment and its plan; personal data comes on top.

    Args:
        enrolment: Who, where, why.
        segment: The contact's.
        started_at: Receipt of the webhook.
        plan: From ``plan_emails``.
        website_sent_at: ``5day`` only: when the website sent #1.
        website_failed: The website told that #1 did not go out.
    """
    changes: dict[str, Value] = {
        "Name": f"{RULES[enrolment.sequence].title}: {enrolment.address}",
        "Email": enrolment.address,
        "Campaign": enrolment.campaign,
        "Sequence Type": enrolment.sequence,
        "Segment": segment,
        "Started At": started_at,
        "Sequence Status": SequenceStatus.ACTIVE,
        "Enrolment Key": enrolment.key,
        "Next Email At": min((email.due_at for email in plan), default=None),
    }
    for email in plan:
        changes[f"Email {email.number} Scheduled At"] = email.due_at
        changes[f"Email {email.number} Status"] = EmailStatus.SCHEDULED
    if website_sent_at is not None:
        changes["Email 1 Sent By"] = SentBy.WEBSITE
        changes["Email 1 Status"] = EmailStatus.FAILED if website_failed else EmailStatus.SENT
        if not website_failed:
            changes |= {
                "Email 1 Sent": website_sent_at,
                "Last Email Sent": 1,
                "Last Email Sent At": website_sent_at,
            }
    return changes


def _with(row: TrackerRow, state: EmailState) -> TrackerRow:
    return replace(row, emails=tuple(state if old.number == state.number else old for old in row.emails))


def _progress(after: TrackerRow) -> Changes:
    pending = [state.scheduled_at for state in after.pending() if state.scheduled_at is not None]
    changes: dict[str, Value] = {"Next Email At": min(pending, default=None)}
    if after.status is SequenceStatus.STOPPED:
        changes["Next Email At"] = None
    elif not pending:
        changes["Sequence Status"] = SequenceStatus.COMPLETED
    return changes
