"""Late, order, gap, stop and hold, and what each step writes: contract sections 5 to 8, from a row and an instant."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from christmas_tasks.decisions import Action, Decision, SendPolicy, decide, key_covers
from christmas_tasks.errors import NotPlanned
from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.row_changes import (
    ended_changes,
    is_stopped_by,
    new_row_changes,
    sent_changes,
    stop_changes,
    was_stopped_meanwhile,
)
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, StopEvent, Timing, plan_emails
from christmas_tasks.tracker import EmailState, EmailStatus, SentBy, SequenceStatus, TrackerRow

T0 = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
H, D = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
POLICY = SendPolicy(min_gap=6 * H, max_lateness=7 * D)


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


# What a sent email writes.


def test_a_sent_email_writes_the_contracts_columns() -> None:
    """Time, status, sender, Resend's id, the last and the next email."""
    at = T0 + 24 * H + 5 * SECOND
    assert sent_changes(five_day(), 2, at, "re_42") == {
        "Email 2 Sent": at,
        "Email 2 Status": "sent",
        "Email 2 Sent By": "kestra",
        "Email 2 Resend ID": "re_42",
        "Last Email Sent": 2,
        "Last Email Sent At": at,
        "Next Email At": T0 + 72 * H,
    }


def rest_sent(*numbers: int) -> dict[str, EmailState]:
    return {f"e{number}": sent(number, T0 + number * D) for number in numbers}


def test_the_last_sent_email_completes_the_row() -> None:
    """Nothing is pending any more."""
    changes = sent_changes(five_day(**rest_sent(2, 3, 4)), 5, T0 + 6 * D, "re_5")
    assert changes["Sequence Status"] == "completed"
    assert changes["Next Email At"] is None
    assert changes["Last Email Sent"] == 5


def test_a_repaired_email_does_not_turn_the_last_one_back() -> None:
    """The last email is the one that went out last."""
    row = five_day(e2=state(2, T0 + 24 * H, EmailStatus.FAILED), e3=sent(3, T0 + 72 * H))
    assert sent_changes(row, 2, T0 + 80 * H, "re_2")["Last Email Sent"] == 2
    assert sent_changes(row, 2, T0 + 71 * H, "re_2")["Last Email Sent"] == 3
    assert sent_changes(row, 2, T0 + 71 * H, "re_2")["Last Email Sent At"] == T0 + 72 * H


def test_a_record_that_comes_after_a_stop_does_not_undo_it() -> None:
    """The mail counts as sent; the row stays stopped, with its reason and without a next email."""
    row = replace(five_day(), status=SequenceStatus.STOPPED, stop_reason="unsubscribed")
    changes = sent_changes(row, 2, T0 + 24 * H, "re_2")
    assert changes["Email 2 Status"] == "sent"
    assert changes["Next Email At"] is None
    assert "Sequence Status" not in changes
    assert "Stop Reason" not in changes


# What an end without a mail writes.


@pytest.mark.parametrize("status", [EmailStatus.SKIPPED, EmailStatus.FAILED, EmailStatus.UNRESOLVED])
def test_an_end_without_a_mail_leaves_its_reason(status: EmailStatus) -> None:
    """Status, reason and the next email; nothing that says it was sent."""
    assert ended_changes(five_day(), 2, status, "more than 7 days late") == {
        "Email 2 Status": status,
        "Stop Reason": f"Email 2 {status.value}: more than 7 days late",
        "Next Email At": T0 + 72 * H,
    }


def test_reasons_join_what_is_there_and_replace_the_emails_own() -> None:
    """A person's words stay; the same email has one note, the newest."""
    row = replace(five_day(), stop_reason="asked on the phone; Email 2 failed: no template; Email 3 skipped: late")
    changes = ended_changes(row, 2, EmailStatus.SKIPPED, "too late")
    assert changes["Stop Reason"] == "asked on the phone; Email 3 skipped: late; Email 2 skipped: too late"


@pytest.mark.parametrize("reason", ["late", "a; b; c", "Email 3 failed: x; Email 2 skipped: y", "; ", "x" * 5_000])
@pytest.mark.parametrize("before", ["", "asked on the phone", "Email 3 skipped: late", "p" * 1_899, "a;; b; "])
def test_a_repeated_end_writes_the_same(before: str, reason: str) -> None:
    """The step may run again after its write: the note does not grow, and fits Notion's cell."""
    row = replace(five_day(), stop_reason=before)
    first = str(ended_changes(row, 2, EmailStatus.FAILED, reason)["Stop Reason"])
    again = str(ended_changes(replace(row, stop_reason=first), 2, EmailStatus.FAILED, reason)["Stop Reason"])
    assert again == first
    assert len(first) <= 2_000


def test_the_note_of_another_email_survives_a_reason_that_imitates_it() -> None:
    """A reason with the joint in it stays one note."""
    row = replace(five_day(), stop_reason="Email 3 skipped: late")
    first = str(ended_changes(row, 2, EmailStatus.FAILED, "x; Email 3 failed: y")["Stop Reason"])
    after = str(ended_changes(replace(row, stop_reason=first), 3, EmailStatus.SENT, "now")["Stop Reason"])
    assert "Email 2 failed: x" in after
    assert after.count("Email 3 ") == first.count("Email 3 ")


def test_the_end_of_the_last_pending_email_completes_the_row() -> None:
    """Also if it was not sent."""
    changes = ended_changes(five_day(**rest_sent(2, 3, 4)), 5, EmailStatus.FAILED, "no template")
    assert changes["Sequence Status"] == "completed"
    assert changes["Next Email At"] is None


def test_a_skip_in_a_stopped_row_keeps_the_reason_of_the_stop() -> None:
    """``unsubscribed`` stays ``unsubscribed``."""
    row = replace(five_day(), status=SequenceStatus.STOPPED, stop_reason="unsubscribed")
    assert ended_changes(row, 2, EmailStatus.SKIPPED, "unsubscribed") == {
        "Email 2 Status": "skipped",
        "Next Email At": None,
    }


# Stops.


@pytest.mark.parametrize("event", [*StopEvent, "asked on the phone"])
def test_a_stop_skips_all_that_is_still_planned(event: StopEvent | str) -> None:
    """What has an end keeps it."""
    row = five_day(e2=sent(2, T0 + 24 * H), e3=state(3, T0 + 72 * H, EmailStatus.FAILED))
    assert stop_changes(row, event) == {
        "Sequence Status": "stopped",
        "Stop Reason": str(event),
        "Next Email At": None,
        "Email 4 Status": "skipped",
        "Email 5 Status": "skipped",
    }


@pytest.mark.parametrize(
    ("event", "stopped"),
    [
        (StopEvent.UNSUBSCRIBED, {"5day", "noshow", "postcall", "onboarding"}),
        (StopEvent.BOUNCED, {"5day", "noshow", "postcall", "onboarding"}),
        (StopEvent.COMPLAINED, {"5day", "noshow", "postcall", "onboarding"}),
        (StopEvent.BOOKED, {"5day", "noshow"}),
        (StopEvent.PAID, {"5day", "noshow", "postcall"}),
    ],
)
def test_each_event_stops_the_contracts_sequences(event: StopEvent, stopped: set[str]) -> None:
    """Section 7, event by event."""
    assert {sequence.value for sequence in Sequence if is_stopped_by(sequence, event)} == stopped


@pytest.mark.parametrize(
    ("before", "after", "meanwhile"),
    [
        (("active", ""), ("active", ""), False),
        (("active", ""), ("stopped", "paid"), True),
        (("active", ""), ("stopped", ""), True),
        (("completed", ""), ("stopped", "bounced"), True),
        (("active", ""), ("completed", "unsubscribed"), True),
        (("active", ""), ("active", "Email 2 skipped: late"), False),
        (("active", "unsubscribed"), ("completed", "unsubscribed"), False),
        (("stopped", "paid"), ("stopped", "paid"), False),
    ],
)
def test_a_stop_between_reading_and_writing_is_noticed(
    before: tuple[str, str], after: tuple[str, str], meanwhile: bool
) -> None:
    """By the status, or by a reason that the write has overrun."""
    rows = [
        replace(five_day(), status=SequenceStatus(status), stop_reason=reason) for status, reason in (before, after)
    ]
    assert was_stopped_meanwhile(rows[0], rows[1]) is meanwhile


# A new row.


def enrolment(sequence: Sequence) -> Enrolment:
    return Enrolment("Christmas 2025", sequence, "ann@example.org", "cause")


def test_a_new_5day_row_holds_the_plan_and_the_websites_mail() -> None:
    """Every column that follows from the enrolment, by the contract's names."""
    made = enrolment(Sequence.FIVE_DAY)
    sent_at = T0 - H
    plan = plan_emails(Sequence.FIVE_DAY, sent_at, Timing())
    assert new_row_changes(made, Segment.CRITICAL, T0, plan, sent_at) == {
        "Name": "5-Day Nurture: ann@example.org",
        "Email": "ann@example.org",
        "Campaign": "Christmas 2025",
        "Sequence Type": "5day",
        "Segment": "CRITICAL",
        "Started At": T0,
        "Sequence Status": "active",
        "Enrolment Key": made.key,
        "Next Email At": sent_at + 24 * H,
        **{
            f"Email {number} Scheduled At": sent_at + hours * H
            for number, hours in {2: 24, 3: 72, 4: 96, 5: 120}.items()
        },
        **{f"Email {number} Status": "scheduled" for number in (2, 3, 4, 5)},
        "Email 1 Sent": sent_at,
        "Email 1 Status": "sent",
        "Email 1 Sent By": "website",
        "Last Email Sent": 1,
        "Last Email Sent At": sent_at,
    }


def test_a_website_mail_that_failed_is_no_sent_mail() -> None:
    """#2 to #5 are planned all the same."""
    plan = plan_emails(Sequence.FIVE_DAY, T0, Timing())
    made = new_row_changes(enrolment(Sequence.FIVE_DAY), Segment.URGENT, T0, plan, T0, website_failed=True)
    assert made["Email 1 Status"] == "failed"
    assert made["Email 1 Sent By"] == "website"
    assert not {"Email 1 Sent", "Last Email Sent", "Last Email Sent At"} & set(made)
    assert [made[f"Email {number} Status"] for number in (2, 3, 4, 5)] == ["scheduled"] * 4


@pytest.mark.parametrize("sequence", [Sequence.NOSHOW, Sequence.POSTCALL, Sequence.ONBOARDING])
def test_a_three_mail_row_has_nothing_sent(sequence: Sequence) -> None:
    """#1 is Kestra's own, and nothing is said of #4 and #5."""
    plan = plan_emails(sequence, T0, Timing())
    made = new_row_changes(enrolment(sequence), Segment.OPTIMIZE, T0, plan)
    assert made["Next Email At"] == plan[0].due_at
    assert [made[f"Email {number} Scheduled At"] for number in (1, 2, 3)] == [email.due_at for email in plan]
    assert not [name for name in made if name.startswith(("Email 4", "Email 5", "Last Email"))]
    assert "Email 1 Sent By" not in made


# The row itself.


def numbers(states: Iterable[EmailState]) -> list[int]:
    return [one.number for one in states]


def test_pending_is_what_kestra_still_owes() -> None:
    """Without what has an end, and without the website's #1."""
    row = five_day(e1=state(1, T0), e3=sent(3, T0), e4=state(4, T0, None), e5=state(5, None, None))
    assert numbers(row.pending()) == [2, 4]
    assert numbers(five_day(e2=state(2, T0, EmailStatus.FAILED)).pending()) == [3, 4, 5]


@pytest.mark.parametrize(
    ("variables", "zone"), [({}, None), ({"time_zone": ""}, None), ({"time_zone": "Asia/Tokyo"}, "Asia/Tokyo")]
)
def test_the_contacts_zone_comes_from_the_rows_variables(variables: dict[str, str], zone: str | None) -> None:
    """Calendly gives one; else the setting's holds."""
    assert replace(five_day(), variables=variables).time_zone == zone
