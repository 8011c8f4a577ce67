"""Late, order, gap, stop and hold: contract sections 5 to 7, from a row and an instant."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from christmas_tasks.decisions import Action, Decision, SendPolicy, decide, key_covers
from christmas_tasks.errors import NotPlanned
from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.tracker import EmailState, EmailStatus, SentBy, SequenceStatus, TrackerRow
from tests.unit.rows import SECOND, T0, D, H, five_day, sent, state

POLICY = SendPolicy(min_gap=6 * H, max_lateness=7 * D)


# The single rules of a decision.


@pytest.mark.parametrize(
    ("now", "decision"),
    [
        (T0, Decision(Action.WAIT, "not yet due", T0 + 24 * H)),
        (T0 + 24 * H - timedelta(microseconds=1), Decision(Action.WAIT, "not yet due", T0 + 24 * H)),
        (T0 + 24 * H, Decision(Action.SEND)),
        (T0 + 24 * H + 7 * D, Decision(Action.SEND)),
        (T0 + 24 * H + 7 * D + timedelta(microseconds=1), Decision(Action.SKIP, "more than 7 days late")),
    ],
)
def test_an_email_goes_out_from_its_time_on_and_not_after_seven_days(now: datetime, decision: Decision) -> None:
    """Never early; seven days late is late, more is too late."""
    assert decide(five_day(), 2, now, POLICY) == decision


@pytest.mark.parametrize("lateness", [D, 36 * H])
def test_the_greatest_lateness_is_a_setting(lateness: timedelta) -> None:
    """The reason says how much."""
    policy = SendPolicy(6 * H, lateness)
    assert decide(five_day(), 2, T0 + 24 * H + lateness, policy).action is Action.SEND
    late = decide(five_day(), 2, T0 + 24 * H + lateness + SECOND, policy)
    assert late.action is Action.SKIP
    assert late.reason == f"more than {lateness / D:g} days late"


def test_each_late_email_before_it_needs_its_own_gap() -> None:
    """#4 can't go before #2 and #3 have had their gaps: it does not come back in vain before that."""
    now = T0 + 96 * H
    waiting = decide(five_day(), 4, now, POLICY)
    assert (waiting.reason, waiting.until) == ("email 2 goes first", now + 12 * H)


@pytest.mark.parametrize("status", [EmailStatus.SENT, EmailStatus.SKIPPED, EmailStatus.UNRESOLVED])
@pytest.mark.parametrize("row_status", list(SequenceStatus))
@pytest.mark.parametrize("now", [T0, T0 + 24 * H, T0 + 400 * D])
def test_what_has_ended_stays_ended(status: EmailStatus, row_status: SequenceStatus, now: datetime) -> None:
    """Whatever the row says and however late it is: nothing to do, nothing to write."""
    row = replace(five_day(e2=state(2, T0 + 24 * H, status)), status=row_status)
    assert decide(row, 2, now, POLICY).action is Action.DONE


def test_a_failed_email_is_sent_by_a_replay() -> None:
    """After the repair of a template it goes out once."""
    row = five_day(e2=state(2, T0 + 24 * H, EmailStatus.FAILED))
    assert decide(row, 2, T0 + 25 * H, POLICY).action is Action.SEND


def test_a_row_whose_status_somebody_has_cleared_is_still_planned() -> None:
    """A planned time without a status counts as scheduled."""
    assert decide(five_day(e2=state(2, T0 + 24 * H, None)), 2, T0 + 24 * H, POLICY).action is Action.SEND


@pytest.mark.parametrize("now", [T0, T0 + 24 * H, T0 + 30 * D])
def test_a_stopped_row_skips_with_its_reason(now: datetime) -> None:
    """Also before the email's time, and also when a person has given no reason."""
    row = replace(five_day(), status=SequenceStatus.STOPPED, stop_reason="unsubscribed")
    assert decide(row, 2, now, POLICY) == Decision(Action.SKIP, "unsubscribed")
    assert decide(replace(row, stop_reason=""), 2, now, POLICY) == Decision(Action.SKIP, "stopped by a person")


@pytest.mark.parametrize("now", [T0, T0 + 24 * H, T0 + 30 * D])
def test_a_held_row_holds(now: datetime) -> None:
    """However long: the late policy decides once it is active again."""
    row = replace(five_day(), status=SequenceStatus.HELD)
    assert decide(row, 2, now, POLICY).action is Action.HOLD
    assert decide(replace(row, status=SequenceStatus.ACTIVE), 2, T0 + 30 * H, POLICY).action is Action.SEND


@pytest.mark.parametrize("number", [1, 0, 6, -1])
def test_a_number_that_kestra_does_not_send_is_refused(number: int) -> None:
    """``5day`` #1 is never sent, whatever the row says of it."""
    with pytest.raises(NotPlanned):
        decide(five_day(e1=state(1, T0)), number, T0 + D, POLICY)


@pytest.mark.parametrize("row", [replace(five_day(), emails=()), five_day(e2=state(2, None, None))])
def test_a_number_that_was_never_planned_is_refused(row: TrackerRow) -> None:
    """An execution started by hand finds no mail to send."""
    with pytest.raises(NotPlanned):
        decide(row, 2, T0 + 24 * H, POLICY)


# Order and gap.


def test_a_late_email_waits_for_the_one_before_it() -> None:
    """After two days of downtime #3 lets #2 go first."""
    waiting = decide(five_day(), 3, T0 + 72 * H, POLICY)
    assert waiting.action is Action.WAIT
    assert waiting.reason == "email 2 goes first"
    assert waiting.until is not None
    assert waiting.until >= T0 + 72 * H + 6 * H


@pytest.mark.parametrize("status", [EmailStatus.SENT, EmailStatus.SKIPPED, EmailStatus.FAILED, EmailStatus.UNRESOLVED])
def test_an_email_with_an_end_holds_nobody_up(status: EmailStatus) -> None:
    """A failed template must not stop the sequence for ever."""
    row = five_day(e2=state(2, T0 + 24 * H, status))
    assert decide(row, 3, T0 + 72 * H, POLICY).action is Action.SEND


def test_an_email_too_late_to_be_sent_holds_nobody_up() -> None:
    """It will be skipped."""
    row = five_day(e2=state(2, T0))
    assert decide(row, 3, T0 + 7 * D, POLICY).reason == "email 2 goes first"
    assert decide(row, 3, T0 + 7 * D + SECOND, POLICY).action is Action.SEND


def test_an_email_that_a_person_has_put_off_holds_nobody_up() -> None:
    """A date moved into the future in Notion is the person's will."""
    assert decide(five_day(e2=state(2, T0 + 90 * H)), 3, T0 + 72 * H, POLICY).action is Action.SEND


@pytest.mark.parametrize(
    ("since_the_last", "action"),
    [(timedelta(0), Action.WAIT), (6 * H - SECOND, Action.WAIT), (6 * H, Action.SEND), (9 * H, Action.SEND)],
)
def test_the_gap_to_the_one_before_is_kept(since_the_last: timedelta, action: Action) -> None:
    """Six hours, and it waits exactly until they are over."""
    decision = decide(five_day(e2=sent(2, T0 + 72 * H)), 3, T0 + 72 * H + since_the_last, POLICY)
    assert decision.action is action
    assert decision.until == (T0 + 78 * H if action is Action.WAIT else None)


def test_the_gap_counts_from_the_websites_own_mail_too() -> None:
    """#1 belongs to the sequence, whoever has sent it."""
    row = five_day(e1=EmailState(1, None, EmailStatus.SENT, T0 + 23 * H, SentBy.WEBSITE))
    assert decide(row, 2, T0 + 24 * H, POLICY) == Decision(
        Action.WAIT, "too soon after the email before it", T0 + 29 * H
    )


def test_an_email_sent_late_keeps_its_distance_from_a_later_number() -> None:
    """A failed #2 that is repaired just after #3 has gone out."""
    row = five_day(e2=state(2, T0 + 24 * H, EmailStatus.FAILED), e3=sent(3, T0 + 72 * H))
    assert decide(row, 2, T0 + 73 * H, POLICY).until == T0 + 78 * H


def test_two_days_of_downtime_lead_to_six_hour_steps() -> None:
    """Played to the end: in number order, each six hours after the one before it, none twice."""
    row, now, went_out = five_day(), T0 + 110 * H, []
    for _ in range(50):
        for number in (5, 4, 3, 2):
            decision = decide(row, number, now, POLICY)
            if decision.action is Action.SEND:
                went_out.append((number, now))
                states = (sent(number, now) if old.number == number else old for old in row.emails)
                row = replace(row, emails=tuple(states))
        now += H
    assert went_out == [(2, T0 + 110 * H), (3, T0 + 116 * H), (4, T0 + 122 * H), (5, T0 + 128 * H)]


# Quiet hours.

NIGHT = QuietHours(time(21), time(8))


def test_a_late_email_waits_for_the_end_of_quiet_hours() -> None:
    """It fell due in the day, and would go out at night."""
    policy = replace(POLICY, quiet_hours=NIGHT)
    assert decide(five_day(), 2, T0 + 36 * H, policy) == Decision(Action.WAIT, "quiet hours", T0 + 47 * H)
    assert decide(five_day(), 2, T0 + 47 * H, policy).action is Action.SEND


def test_quiet_hours_are_read_in_the_contacts_zone() -> None:
    """09:00 UTC is 01:00 in Los Angeles."""
    row = replace(five_day(), variables={"time_zone": "America/Los_Angeles"})
    decision = decide(row, 2, T0 + 24 * H, replace(POLICY, quiet_hours=NIGHT))
    assert decision.until == T0 + 24 * H + 7 * H


# Resend's memory.


@pytest.mark.parametrize(("age", "covered"), [(timedelta(0), True), (22 * H, True), (24 * H, False), (90 * D, False)])
def test_a_key_is_relied_on_for_less_than_24_hours(age: timedelta, covered: bool) -> None:
    """With slack for slow calls: never past the vendor's own limit."""
    assert key_covers(T0, T0 + age) is covered
