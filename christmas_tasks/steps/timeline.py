"""What happened and will happen to one person, in the order of time. Pure: shows what is written, guesses nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from christmas_tasks.engine_records import Execution
from christmas_tasks.row_changes import end_reasons
from christmas_tasks.tracker import EmailState, EmailStatus, SequenceStatus, TrackerRow

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Waiting:
    """An execution of ``send-email`` that waits or runs.

    Args:
        until: Aware UTC; None: at once.
    """

    execution_id: str
    state: str
    until: datetime | None


@dataclass(frozen=True)
class Entry:
    """One email of one enrolment, as the tracker has it.

    Args:
        state: ``Email N Status``; "planned" if it has none yet.
        delivery: ``Email N Delivery``; empty: no news.
        reason: Why it was skipped, failed or is unresolved; empty: none is written down.
        waiting: Its executions; empty also where the engine wasn't asked.
    """

    sequence: str
    enrolment: str
    number: int
    state: str
    planned_at: datetime | None
    sent_at: datetime | None
    sent_by: str
    delivery: str
    resend_id: str
    reason: str
    waiting: tuple[Waiting, ...] = ()

    @property
    def at(self) -> datetime | None:
        """When it went out, else when it is or was to."""
        return self.sent_at or self.planned_at


def timeline(rows: Iterable[TrackerRow], live: Mapping[str, Iterable[Execution]]) -> tuple[Entry, ...]:
    """Every email of every row that was planned, sent or ended, in the order of time.

    Args:
        rows: Of one person.
        live: What waits and runs, by enrolment key.
    """
    entries = [_entry(row, state, live.get(row.key, ())) for row in rows for state in row.emails if _is_known(state)]
    return tuple(sorted(entries, key=lambda entry: (entry.at or _NEVER, entry.sequence, entry.number)))


def _is_known(state: EmailState) -> bool:
    return bool(state.scheduled_at or state.status or state.sent_at or state.resend_id)


def _entry(row: TrackerRow, state: EmailState, live: Iterable[Execution]) -> Entry:
    reason = end_reasons(row).get(state.number, "")
    if not reason and state.status is EmailStatus.SKIPPED and row.status is SequenceStatus.STOPPED:
        reason = row.stop_reason
    return Entry(
        sequence=row.sequence.value,
        enrolment=row.key,
        number=state.number,
        state=state.status.value if state.status else "planned",
        planned_at=state.scheduled_at,
        sent_at=state.sent_at,
        sent_by=state.sent_by.value if state.sent_by else "",
        delivery=state.delivery,
        resend_id=state.resend_id,
        reason=reason,
        waiting=tuple(
            Waiting(execution.execution_id, execution.state, execution.scheduled_at)
            for execution in live
            if execution.labels.get("email") == str(state.number)
        ),
    )
