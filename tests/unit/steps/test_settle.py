"""A person settles an unresolved email; a dry run only looks."""

from datetime import UTC, datetime

import pytest

from christmas_tasks.row_changes import new_row_changes, sent_changes, stop_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import Enrolment, Sequence, StopEvent, Timing, plan_emails
from christmas_tasks.steps.settle import AlreadySettled, settle
from christmas_tasks.steps.stops import stop
from christmas_tasks.tracker import EmailStatus, SequenceStatus
from tests.fakes import FakeLedger, FakeLocks

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def key(ledger: FakeLedger) -> str:
    """An enrolment whose email 1 is unresolved."""
    enrolment = Enrolment("Christmas 2025", Sequence.NOSHOW, "ann@example.org", "EV1")
    plan = plan_emails(enrolment.sequence, NOW, Timing())
    row = ledger.create_row(enrolment.key, new_row_changes(enrolment, Segment.URGENT, NOW, plan))
    ledger.edit(row.row_id, Email_1_Status="unresolved")
    return enrolment.key


@pytest.mark.parametrize("resend_id", ["", "id-1"])
def test_a_dry_run_writes_nothing(ledger: FakeLedger, key: str, resend_id: str) -> None:
    """The row is as it was; the same call without it settles the email."""
    before = ledger.all_rows()
    settle(key, 1, resend_id, ledger, NOW, is_dry=True)
    assert ledger.all_rows() == before
    settle(key, 1, resend_id, ledger, NOW)
    (row,) = ledger.all_rows()
    assert row.email(1).status == ("sent" if resend_id else "scheduled")


@pytest.mark.parametrize("resend_id", ["", "id-1"])
def test_a_stop_while_an_email_is_settled_stays(ledger: FakeLedger, key: str, resend_id: str) -> None:
    """Settled as the only one left, it would set the sequence's status from a reading before the stop."""
    (row,) = ledger.all_rows()
    ledger.edit(row.row_id, Email_2_Status="skipped", Email_3_Status="skipped", Sequence_Status="completed")
    stopped = stop_changes(row, StopEvent.BOOKED)
    ledger.calls.meanwhile(2, lambda: ledger.write(row.row_id, stopped))
    after = settle(key, 1, resend_id, ledger, NOW)
    assert [after] == ledger.all_rows()
    assert (after.status, after.stop_reason) == (SequenceStatus.STOPPED, StopEvent.BOOKED)
    assert not after.pending()


def test_an_email_of_a_stopped_sequence_is_not_planned_again(ledger: FakeLedger, locks: FakeLocks, key: str) -> None:
    """It was the only one left when the booking came; it did not go out, and it won't."""
    (row,) = ledger.all_rows()
    ledger.edit(row.row_id, Email_2_Status="sent", Email_3_Status="sent", Sequence_Status="completed")
    assert stop("ann@example.org", StopEvent.BOOKED, ledger, locks) == 1
    after = settle(key, 1, "", ledger, NOW)
    assert (after.status, after.email(1).status) == (SequenceStatus.STOPPED, EmailStatus.SKIPPED)


def test_news_that_it_went_out_beats_a_person_who_says_that_it_did_not(ledger: FakeLedger, key: str) -> None:
    """Resend's word came between reading and writing."""
    (row,) = ledger.all_rows()
    news = sent_changes(row, 1, NOW, "re_1")
    ledger.calls.meanwhile(2, lambda: ledger.write(row.row_id, news))
    after = settle(key, 1, "", ledger, NOW)
    assert (after.email(1).status, after.email(1).resend_id) == (EmailStatus.SENT, "re_1")
    assert [state.number for state in after.pending()] == [2, 3]


def test_a_dry_run_refuses_what_the_command_would_refuse(ledger: FakeLedger, key: str) -> None:
    """Email 2 is not unresolved."""
    with pytest.raises(AlreadySettled, match="not unresolved"):
        settle(key, 2, "", ledger, NOW, is_dry=True)
