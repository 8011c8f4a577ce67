"""What steps write into the tracker: absolute, so that a repeat changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from christmas_tasks.row_changes import ended_changes, sent_changes, stop_changes
from christmas_tasks.sequences import RULES, Sequence, StopEvent
from christmas_tasks.tracker import Changes, EmailState, EmailStatus, SequenceStatus, TrackerRow
from tests.unit.properties.json_values import hostile_text, instants, steady


def applied(row: TrackerRow, changes: Changes) -> TrackerRow:
    """The row as it reads after the write."""
    states = []
    for state in row.emails:
        status = changes.get(f"Email {state.number} Status", state.status)
        sent_at = changes.get(f"Email {state.number} Sent", state.sent_at)
        assert isinstance(status, EmailStatus | None)
        assert isinstance(sent_at, datetime | None)
        states.append(replace(state, status=status, sent_at=sent_at))
    return replace(
        row,
        emails=tuple(states),
        status=SequenceStatus(str(changes.get("Sequence Status", row.status))),
        stop_reason=str(changes.get("Stop Reason", row.stop_reason)),
    )


@st.composite
def rows(draw: st.DrawFn) -> TrackerRow:
    """A row with any history."""
    sequence = draw(st.sampled_from(list(Sequence)))
    states = []
    for rule in RULES[sequence].emails:
        status = draw(st.sampled_from(list(EmailStatus)))
        due_at = draw(instants)
        states.append(EmailState(rule.number, due_at, status, due_at if status is EmailStatus.SENT else None))
    row_status = draw(st.sampled_from(list(SequenceStatus)))
    return TrackerRow(
        "row",
        "key",
        "ann@example.org",
        sequence,
        status=row_status,
        stop_reason=draw(hostile_text),
        emails=tuple(states),
    )


def check_repeatable(row: TrackerRow, write: Callable[[TrackerRow], Changes]) -> Changes:
    """Whoever writes, crashes, reads again and writes again leaves the same row."""
    first = write(row)
    after = applied(row, first)
    again = write(after)
    assert applied(after, again) == after
    assert {name: first[name] for name in again if name in first} == dict(again)
    return first


@given(row=rows(), place=st.integers(0, 3), at=instants)
@steady
def test_recording_a_sent_email_twice_is_recording_it_once(row: TrackerRow, place: int, at: datetime) -> None:
    """And it keeps an earlier end of the other emails."""
    rules = RULES[row.sequence].emails
    number = rules[place % len(rules)].number
    changes = check_repeatable(row, lambda now: sent_changes(now, number, at, "re_1"))
    assert {name for name in changes if name.startswith("Email ")} == {
        f"Email {number} {column}" for column in ("Sent", "Status", "Sent By", "Resend ID")
    }
    latest = max([at, *(state.sent_at for state in row.emails if state.sent_at and state.number != number)])
    assert changes["Last Email Sent At"] == latest


@given(
    row=rows(),
    place=st.integers(0, 3),
    status=st.sampled_from([EmailStatus.FAILED, EmailStatus.SKIPPED, EmailStatus.UNRESOLVED]),
    reason=hostile_text,
)
@steady
def test_ending_an_email_twice_is_ending_it_once(row: TrackerRow, place: int, status: EmailStatus, reason: str) -> None:
    """Whatever a person has written into the reason."""
    rules = RULES[row.sequence].emails
    number = rules[place % len(rules)].number
    changes = check_repeatable(row, lambda now: ended_changes(now, number, status, reason))
    assert {name for name in changes if name.startswith("Email ")} == {f"Email {number} Status"}


@given(row=rows(), event=st.one_of(st.sampled_from(list(StopEvent)), hostile_text))
@steady
def test_stopping_twice_is_stopping_once(row: TrackerRow, event: StopEvent | str) -> None:
    """Nothing is pending afterwards, and what had an end has the same end."""
    check_repeatable(row, lambda now: stop_changes(now, event))
    after = applied(row, stop_changes(row, event))
    assert after.pending() == ()
    assert after.status is SequenceStatus.STOPPED
    for was, now in zip(row.emails, after.emails, strict=True):
        assert now.status is (EmailStatus.SKIPPED if was.is_pending else was.status)


@given(row=rows(), place=st.integers(0, 3), at=instants)
@steady
def test_the_next_email_is_always_the_first_that_is_owed(row: TrackerRow, place: int, at: datetime) -> None:
    """Empty for a stopped row and a finished one, which is then completed."""
    rules = RULES[row.sequence].emails
    number = rules[place % len(rules)].number
    changes = sent_changes(row, number, at + timedelta(days=900), "re_1")
    after = applied(row, changes)
    owed = [state.scheduled_at for state in after.pending() if state.scheduled_at]
    if row.status is SequenceStatus.STOPPED:
        assert changes["Next Email At"] is None
        assert after.status is SequenceStatus.STOPPED
    else:
        assert changes["Next Email At"] == min(owed, default=None)
        assert bool(owed) or after.status is SequenceStatus.COMPLETED
