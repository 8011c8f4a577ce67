"""What each step writes into a row: contract section 8."""

from dataclasses import replace

import pytest

from christmas_tasks.row_changes import (
    ended_changes,
    new_row_changes,
    sent_changes,
    stop_changes,
    was_stopped_meanwhile,
)
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, StopEvent, Timing, plan_emails
from christmas_tasks.tracker import EmailState, EmailStatus, SequenceStatus
from tests.unit.rows import SECOND, T0, D, H, five_day, sent, state

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
