"""What will become of the emails of one row from now on, by the very rule that decides at each send. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from christmas_tasks.decisions import Action, SendPolicy, decide, key_covers
from christmas_tasks.tracker import EmailState, EmailStatus, SequenceStatus, TrackerRow

_MAX_STEPS = 500


@dataclass(frozen=True)
class Forecast:
    """What one email will come to.

    Args:
        number: The email number.
        at: Not before this, aware UTC.
        goes_out: Whether it will be sent; else it is skipped.
        is_looked_for: It is so late that an earlier attempt is looked for at Resend first (contract section 6).
        reason: Why it is skipped.
    """

    number: int
    at: datetime
    goes_out: bool
    is_looked_for: bool = False
    reason: str = ""


def forecast(row: TrackerRow, now: datetime, policy: SendPolicy) -> tuple[Forecast, ...]:
    """What becomes of each planned email if the row is active from *now* on and nothing else happens, in order of time.

    Args:
        row: Of any status.
        now: Aware UTC.
        policy: Gap, lateness, quiet hours.
    """
    row = replace(row, status=SequenceStatus.ACTIVE)
    wakes = {state.number: now for state in row.pending()}
    found: list[Forecast] = []
    for _ in range(_MAX_STEPS):
        if not wakes:
            break
        number, at = min(wakes.items(), key=lambda wake: (wake[1], wake[0]))
        decision = decide(row, number, at, policy)
        if decision.action is Action.WAIT and decision.until is not None:
            wakes[number] = max(decision.until, at + timedelta(seconds=1))
            continue
        goes_out = decision.action is Action.SEND
        is_looked_for = goes_out and not key_covers(row.email(number).scheduled_at or at, at)
        found.append(Forecast(number, at, goes_out, is_looked_for, "" if goes_out else decision.reason))
        row = _ended(row, number, at if goes_out else None)
        del wakes[number]
    return tuple(found)


def _ended(row: TrackerRow, number: int, sent_at: datetime | None) -> TrackerRow:
    status = EmailStatus.SENT if sent_at else EmailStatus.SKIPPED

    def after(state: EmailState) -> EmailState:
        return replace(state, status=status, sent_at=sent_at) if state.number == number else state

    return replace(row, emails=tuple(after(state) for state in row.emails))
