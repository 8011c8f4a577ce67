"""What may happen to one email of a row at one instant.

Pure: every rule of contract sections 5 to 7 about late, order, gap, stop and hold is decided here, from a row and an
instant. Nothing is written.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.tracker import EmailState, EmailStatus, SequenceStatus, TrackerRow

# Resend remembers a key for 24 hours from its first use; one hour is slack for slow calls and clocks.
_KEY_COVERS = timedelta(hours=23)

# How long an email at least waits for the one before it: testing minutes may be shorter than a send takes.
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=3), timedelta(seconds=12)


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


def _days(span: timedelta) -> str:
    days = span / timedelta(days=1)
    return f"{days:g} days"
