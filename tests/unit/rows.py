"""Rows of the tracker as an enrolment leaves them."""

from datetime import UTC, datetime, timedelta

from christmas_tasks.sequences import Sequence, Timing, plan_emails
from christmas_tasks.tracker import EmailState, EmailStatus, SentBy, TrackerRow

T0 = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
H, D = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


def state(number: int, due_at: datetime | None, status: EmailStatus | None = EmailStatus.SCHEDULED) -> EmailState:
    return EmailState(number, due_at, status)


def five_day(**changed: EmailState) -> TrackerRow:
    """A 5-day row as the enrolment leaves it; ``e2=...`` puts another state in its place."""
    states = {
        1: EmailState(1, None, EmailStatus.SENT, T0, SentBy.WEBSITE),
        **{email.number: state(email.number, email.due_at) for email in plan_emails(Sequence.FIVE_DAY, T0, Timing())},
        **{int(name[1:]): changed_state for name, changed_state in changed.items()},
    }
    return TrackerRow("row", "5day-key", "ann@example.org", Sequence.FIVE_DAY, emails=tuple(states.values()))


def sent(number: int, at: datetime, due_at: datetime | None = None) -> EmailState:
    return EmailState(number, due_at or at, EmailStatus.SENT, at, SentBy.KESTRA, "re_1")
