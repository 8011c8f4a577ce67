"""The plan and the late policy over any instant, row and policy."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from christmas_tasks.decisions import Action, SendPolicy, decide
from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.sequences import RULES, Mode, Sequence, Timing, plan_emails
from christmas_tasks.tracker import EmailState, EmailStatus, SequenceStatus, TrackerRow
from tests.unit.properties.json_values import instants, thorough, zones

clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
quiet_hours = st.builds(QuietHours, clocks, clocks, zones).filter(lambda quiet: quiet.start != quiet.end)
sequences = st.sampled_from(list(Sequence))


def is_quiet(quiet: QuietHours, at: datetime, zone: str | None = None) -> bool:
    """What the wall clock in the zone says."""
    clock = at.astimezone(ZoneInfo(zone or quiet.zone)).time().replace(fold=0)
    if quiet.start < quiet.end:
        return quiet.start <= clock < quiet.end
    return not quiet.end <= clock < quiet.start


# Days on which a clock changes somewhere, and their neighbours.
CHANGES = [
    date(2025, 11, 2),
    date(2026, 3, 8),
    date(2025, 10, 26),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2025, 10, 5),
]
near_changes = st.builds(
    lambda day, minutes: datetime.combine(day, time(), UTC) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-24 * 60, 48 * 60),
)


@given(quiet=quiet_hours, at=st.one_of(instants, near_changes), zone=st.one_of(st.none(), zones))
@thorough
def test_a_moved_mail_is_never_earlier_never_quiet_and_never_lost(
    quiet: QuietHours, at: datetime, zone: str | None
) -> None:
    """Both ways over a change of the clock."""
    allowed = quiet.next_allowed(at, zone)
    assert at <= allowed <= at + timedelta(hours=49)
    assert not is_quiet(quiet, allowed, zone)
    assert is_quiet(quiet, at, zone) or allowed == at
    assert quiet.next_allowed(allowed, zone) == allowed


@given(quiet=quiet_hours, at=instants)
@thorough
def test_a_moved_mail_waits_for_nothing_but_the_end(quiet: QuietHours, at: datetime) -> None:
    """In a zone that never changes its clock, every minute before the end is quiet."""
    quiet = replace(quiet, zone="Asia/Kathmandu")
    allowed = quiet.next_allowed(at)
    assume(allowed > at)
    steps = int((allowed - at) / timedelta(minutes=15)) + 1
    assert all(
        is_quiet(quiet, moment) for step in range(steps) if (moment := at + step * timedelta(minutes=15)) < allowed
    )
    assert is_quiet(quiet, allowed - timedelta(seconds=1))


@given(sequence=sequences, anchor=instants, quiet=st.one_of(st.none(), quiet_hours), zone=st.one_of(st.none(), zones))
@thorough
def test_a_plan_is_in_order_and_never_early(
    sequence: Sequence, anchor: datetime, quiet: QuietHours | None, zone: str | None
) -> None:
    """Numbers rise, times never fall below the delay, none is quiet, all are whole seconds in UTC."""
    plan = plan_emails(sequence, anchor, Timing(quiet_hours=quiet), zone)
    assert [email.number for email in plan] == [rule.number for rule in RULES[sequence].emails]
    for email, rule in zip(plan, RULES[sequence].emails, strict=True):
        assert email.due_at >= anchor + rule.delay
        assert email.due_at.microsecond == 0
        assert email.due_at.utcoffset() == timedelta(0)
        if quiet is None:
            assert email.due_at - (anchor + rule.delay) < timedelta(seconds=1)
        else:
            assert not is_quiet(quiet, email.due_at, zone)


@given(sequence=sequences, anchor=instants, minute_s=st.floats(0.01, 3600))
@thorough
def test_a_testing_plan_is_in_order_and_never_early(sequence: Sequence, anchor: datetime, minute_s: float) -> None:
    """However short a testing minute is."""
    plan = plan_emails(sequence, anchor, Timing(Mode.TESTING, minute_s))
    assert all(email.due_at > anchor for email in plan)
    assert [email.due_at for email in plan] == sorted(email.due_at for email in plan)


hours = st.integers(-400, 400).map(lambda count: timedelta(hours=count))
policies = st.builds(
    SendPolicy,
    st.integers(1, 12).map(lambda count: timedelta(hours=count)),
    st.integers(1, 8).map(lambda count: timedelta(days=count)),
    st.one_of(st.none(), quiet_hours),
)
T0 = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)


@st.composite
def rows(draw: st.DrawFn) -> TrackerRow:
    """Rows as enrolments, sends, crashes and people leave them."""
    sequence = draw(sequences)
    states = [EmailState(1, None, EmailStatus.SENT, T0)] if sequence is Sequence.FIVE_DAY else []
    for rule in RULES[sequence].emails:
        due_at = T0 + draw(hours)
        status = draw(st.one_of(st.none(), st.sampled_from(list(EmailStatus)), st.just(EmailStatus.SCHEDULED)))
        sent_at = due_at + abs(draw(hours)) if status is EmailStatus.SENT else None
        states.append(EmailState(rule.number, due_at, status, sent_at))
    row_status = draw(st.sampled_from(list(SequenceStatus)))
    return TrackerRow("row", "key", "ann@example.org", sequence, status=row_status, emails=tuple(states))


@given(row=rows(), place=st.integers(0, 3), after=hours, policy=policies)
@thorough
def test_a_decision_to_send_breaks_no_rule(row: TrackerRow, place: int, after: timedelta, policy: SendPolicy) -> None:
    """Never early, never too late, never too close, never quiet, never past one that still waits, never again."""
    rules = RULES[row.sequence].emails
    number, now = rules[place % len(rules)].number, T0 + after
    decision = decide(row, number, now, policy)
    email = row.email(number)
    assert email.scheduled_at is not None
    if decision.action is Action.SEND:
        assert email.status in {None, EmailStatus.SCHEDULED, EmailStatus.FAILED}
        assert row.status in {SequenceStatus.ACTIVE, SequenceStatus.COMPLETED}
        assert timedelta(0) <= now - email.scheduled_at <= policy.max_lateness
        assert all(now >= other.sent_at + policy.min_gap for other in row.emails if other.sent_at)
        assert policy.quiet_hours is None or not is_quiet(policy.quiet_hours, now)
        for earlier in row.pending():
            if earlier.number < number and earlier.scheduled_at is not None:
                assert not timedelta(0) <= now - earlier.scheduled_at <= policy.max_lateness
    if decision.action is Action.WAIT:
        assert decision.until is not None
        assert decision.until > now
        assert decision.until >= email.scheduled_at
    else:
        assert decision.until is None


@given(sequence=sequences, down_for=st.integers(0, 300), policy=policies, reverse=st.booleans())
@thorough
def test_after_any_downtime_all_is_sent_or_skipped_in_order(
    sequence: Sequence, down_for: int, policy: SendPolicy, reverse: bool
) -> None:
    """Played to the end by executions that come again when they are told to: gap kept, no number overtaken."""
    plan = plan_emails(sequence, T0, Timing(quiet_hours=policy.quiet_hours))
    states = tuple(EmailState(email.number, email.due_at, EmailStatus.SCHEDULED) for email in plan)
    row = TrackerRow("row", "key", "ann@example.org", sequence, emails=states)
    wake = {email.number: max(email.due_at, T0 + timedelta(hours=down_for)) for email in plan}
    went_out: list[tuple[int, datetime]] = []
    for _ in range(400):
        if not wake:
            break
        now = min(wake.values())
        number = sorted((number for number, at in wake.items() if at == now), reverse=reverse)[0]
        decision = decide(row, number, now, policy)
        if decision.action is Action.WAIT:
            assert decision.until is not None
            wake[number] = decision.until
            continue
        del wake[number]
        is_sent = decision.action is Action.SEND
        status = EmailStatus.SENT if is_sent else EmailStatus.SKIPPED
        row = replace(
            row,
            emails=tuple(
                replace(state, status=status, sent_at=now if is_sent else None) if state.number == number else state
                for state in row.emails
            ),
        )
        if is_sent:
            went_out.append((number, now))
    assert not wake
    assert went_out == sorted(went_out)
    assert all(later - earlier >= policy.min_gap for (_, earlier), (_, later) in pairwise(went_out))
