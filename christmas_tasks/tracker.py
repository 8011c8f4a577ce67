"""The tracker row of an enrolment, what may happen to its next email, and what a step writes into it.

Pure: every rule of contract sections 5 to 8 about late, order, gap, stop and hold is decided here, from a row and an
instant. Changes are returned as ``{column: value}`` with the contract's column names; ``notion.py`` knows how to write
them. Each change holds absolute values, so that writing it twice is the same as once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from christmas_tasks.errors import NotPlanned
from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import RULES, Enrolment, PlannedEmail, Sequence, StopEvent

EMAIL_NUMBERS = range(1, 6)

# Resend remembers a key for 24 hours from its first use; one hour is slack for slow calls and clocks.
_KEY_COVERS = timedelta(hours=23)

# How long an email at least waits for the one before it: testing minutes may be shorter than a send takes.
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=3), timedelta(seconds=12)

Value = str | float | datetime | None
Changes = Mapping[str, Value]
Variables = Mapping[str, str | float]


class EmailStatus(StrEnum):
    """``Email N Status``."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNRESOLVED = "unresolved"


class SentBy(StrEnum):
    """``Email N Sent By``."""

    WEBSITE = "website"
    KESTRA = "kestra"


class SequenceStatus(StrEnum):
    """``Sequence Status``."""

    ACTIVE = "active"
    HELD = "held"
    COMPLETED = "completed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class EmailState:
    """What the tracker says of one email number."""

    number: int
    scheduled_at: datetime | None = None
    status: EmailStatus | None = None
    sent_at: datetime | None = None
    sent_by: SentBy | None = None
    resend_id: str = ""
    delivery: str = ""

    @property
    def is_pending(self) -> bool:
        """Planned, and without an end."""
        return self.scheduled_at is not None and self.status in {None, EmailStatus.SCHEDULED}


@dataclass(frozen=True)
class TrackerRow:
    """One enrolment as the tracker holds it (contract section 8).

    Args:
        row_id: Notion's page id; empty before the row is created.
        key: ``Enrolment Key``.
        emails: One state for each number that the row knows, in number order.
        variables: The personal data of the mails, flat.
        campaign: ``Campaign``.
        started_at: Receipt of the webhook, aware UTC.
    """

    row_id: str
    key: str
    address: str
    sequence: Sequence
    segment: Segment = Segment.OPTIMIZE
    status: SequenceStatus = SequenceStatus.ACTIVE
    stop_reason: str = ""
    emails: tuple[EmailState, ...] = ()
    variables: Variables = field(default_factory=lambda: MappingProxyType({}))
    campaign: str = ""
    started_at: datetime | None = None

    def email(self, number: int) -> EmailState:
        """The state of one number.

        Raises:
            NotPlanned: Kestra doesn't send it, or it was never planned for this enrolment.
        """
        if RULES[self.sequence].rule(number) is None:
            raise NotPlanned(f"Email {number} of {self.sequence.value} is not Kestra's to send.")
        state = next((state for state in self.emails if state.number == number), None)
        if state is None or (state.scheduled_at is None and state.status is None):
            raise NotPlanned(f"Email {number} of enrolment {self.key} was never planned.")
        return state

    def pending(self) -> tuple[EmailState, ...]:
        """The emails that are planned and have no end, in number order; only Kestra's own."""
        rules = RULES[self.sequence]
        return tuple(state for state in self.emails if state.is_pending and rules.rule(state.number))

    @property
    def time_zone(self) -> str | None:
        """The contact's own IANA zone, if Calendly gave one."""
        return str(self.variables.get("time_zone") or "") or None


@dataclass(frozen=True)
class SendPolicy:
    """The settings that decide about a single send.

    Args:
        min_gap: Between two mails of one sequence.
        max_lateness: An email later than this is skipped.
        quiet_hours: When no mail goes out, if ever.
    """

    min_gap: timedelta
    max_lateness: timedelta
    quiet_hours: QuietHours | None = None


class Action(StrEnum):
    """What an execution of ``send-email`` does next."""

    SEND = "send"
    WAIT = "wait"
    SKIP = "skip"
    DONE = "done"
    HOLD = "hold"


@dataclass(frozen=True)
class Decision:
    """What to do with one email at one instant.

    Args:
        action: ``WAIT``: come again at *until*. ``DONE`` and ``HOLD``: nothing to do, nothing to write.
        reason: For people, without personal data.
        until: Aware UTC; for ``WAIT`` alone.
    """

    action: Action
    reason: str = ""
    until: datetime | None = None


def decide(row: TrackerRow, number: int, now: datetime, policy: SendPolicy) -> Decision:
    """Tell what to do with one email right now (contract sections 5 to 7). Writes nothing.

    Args:
        row: As just read.
        number: The email number.
        now: Aware UTC.
        policy: Gap, lateness, quiet hours.

    Raises:
        NotPlanned: See ``TrackerRow.email``.
    """
    state = row.email(number)
    if state.status is EmailStatus.SENT or state.resend_id:
        return Decision(Action.DONE, "already sent")
    if state.status is EmailStatus.SKIPPED:
        return Decision(Action.DONE, "already skipped")
    if state.status is EmailStatus.UNRESOLVED:
        return Decision(Action.DONE, "unresolved: a person settles it with `christmas-tasks settle`")
    if row.status is SequenceStatus.STOPPED:
        return Decision(Action.SKIP, row.stop_reason or "stopped by a person")
    if row.status is SequenceStatus.HELD:
        return Decision(Action.HOLD, "the row is held; it goes on once it is active again")
    due_at = state.scheduled_at or now
    if now < due_at:
        return Decision(Action.WAIT, "not yet due", due_at)
    if now - due_at > policy.max_lateness:
        return Decision(Action.SKIP, f"more than {_days(policy.max_lateness)} late")
    return _wait(row, state, now, policy) or Decision(Action.SEND)


def _wait(row: TrackerRow, state: EmailState, now: datetime, policy: SendPolicy) -> Decision | None:
    earlier = [
        other
        for other in row.pending()
        if other.number < state.number and timedelta(0) <= now - (other.scheduled_at or now) <= policy.max_lateness
    ]
    if earlier:
        overdue = now - (earlier[0].scheduled_at or now)
        # The longer the first one hangs, the busier the system is: ask the seldomer. Each one needs its own gap.
        pause = max(policy.min_gap, _SHORTEST_PAUSE, min(overdue, _LONGEST_PAUSE)) * len(earlier)
        return Decision(Action.WAIT, f"email {earlier[0].number} goes first", now + pause)
    others = [other.sent_at for other in row.emails if other.sent_at is not None and other.number != state.number]
    last = max(others, default=None)
    if last is not None and now < last + policy.min_gap:
        return Decision(Action.WAIT, "too soon after the email before it", last + policy.min_gap)
    if policy.quiet_hours is not None:
        allowed = policy.quiet_hours.next_allowed(now, row.time_zone)
        if allowed > now:
            return Decision(Action.WAIT, "quiet hours", allowed)
    return None


def key_covers(attempts_since: datetime, now: datetime) -> bool:
    """Whether Resend still remembers the key of every attempt that can have been made (contract section 6).

    Args:
        attempts_since: Aware UTC; no attempt can be earlier.
        now: Aware UTC.
    """
    return now - attempts_since < _KEY_COVERS


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


def is_stopped_by(sequence: Sequence, event: StopEvent) -> bool:
    """Whether *event* ends *sequence* (contract section 7)."""
    return event in RULES[sequence].stopped_by


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


def _days(span: timedelta) -> str:
    days = span / timedelta(days=1)
    return f"{days:g} days"
