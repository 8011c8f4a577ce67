"""What ends sequences: by whom, which, and in whatever order the news arrives."""

from datetime import UTC, datetime

import pytest

from christmas_tasks.events import Delivery, MailEvent, read_mail_event
from christmas_tasks.row_changes import new_row_changes, sent_changes, stop_changes
from christmas_tasks.segments import Segment
from christmas_tasks.sequences import RULES, Enrolment, Sequence, StopEvent, Timing, plan_emails
from christmas_tasks.steps.stops import stop, take_mail_event
from christmas_tasks.tracker import EmailStatus, SequenceStatus
from tests.fakes import FakeLedger, FakeLocks

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)
ANN = "ann@example.org"


def enrol_everywhere(ledger: FakeLedger) -> dict[Sequence, str]:
    keys = {}
    for sequence in Sequence:
        enrolment = Enrolment("Christmas 2025", sequence, ANN)
        plan = plan_emails(sequence, NOW, Timing())
        ledger.create_row(enrolment.key, new_row_changes(enrolment, Segment.URGENT, NOW, plan))
        keys[sequence] = enrolment.key
    return keys


@pytest.mark.parametrize("event", StopEvent)
def test_each_event_stops_what_the_contract_says(ledger: FakeLedger, locks: FakeLocks, event: StopEvent) -> None:
    """Its sequences and no others; a repeat finds nothing left to stop."""
    enrol_everywhere(ledger)
    expected = {sequence for sequence in Sequence if event in RULES[sequence].stopped_by}
    assert stop(ANN, event, ledger, locks) == len(expected)
    rows = ledger.all_rows()
    assert {row.sequence for row in rows if row.status is SequenceStatus.STOPPED} == expected
    assert all(not row.pending() and row.stop_reason == event for row in rows if row.sequence in expected)
    assert stop(ANN, event, ledger, locks) == 0


@pytest.mark.parametrize(("event", "first_write"), [(StopEvent.BOOKED, 2), (StopEvent.UNSUBSCRIBED, 4)])
def test_a_mail_that_is_recorded_while_the_stop_is_written_stays_sent(
    ledger: FakeLedger, locks: FakeLocks, event: StopEvent, first_write: int
) -> None:
    """The stop has read the row before, and calls all skipped that was planned then."""
    key = enrol_everywhere(ledger)[Sequence.NOSHOW]
    (row,) = (row for row in ledger.all_rows() if row.key == key)
    sent = sent_changes(row, 1, NOW, "re_1")
    ledger.calls.meanwhile(first_write, lambda: ledger.write(row.row_id, sent))
    stop(ANN, event, ledger, locks)
    (after,) = (row for row in ledger.all_rows() if row.key == key)
    assert after.status is SequenceStatus.STOPPED
    assert [after.email(n).status for n in (1, 2, 3)] == [EmailStatus.SENT, EmailStatus.SKIPPED, EmailStatus.SKIPPED]


def test_stronger_suppression_stays(ledger: FakeLedger, locks: FakeLocks) -> None:
    """A complaint is not covered by a later unsubscribe."""
    for event in (StopEvent.BOUNCED, StopEvent.COMPLAINED, StopEvent.UNSUBSCRIBED):
        stop(ANN, event, ledger, locks)
    (contact,) = ledger.all_contacts()
    assert contact.suppressed == "complained"


def test_bounce_of_the_websites_own_mail_suppresses(ledger: FakeLedger, locks: FakeLocks) -> None:
    """A hard bounce without our tags counts all the same; a soft one is nobody's business."""
    enrol_everywhere(ledger)
    data = {"email_id": "w", "to": [" Ann <Ann@Example.org>"], "bounce": {"type": "Permanent"}}
    event = read_mail_event({"type": "email.bounced", "data": data})
    assert isinstance(event, MailEvent)
    take_mail_event(event, ledger, locks, NOW)
    assert {row.status for row in ledger.all_rows()} == {SequenceStatus.STOPPED}
    assert not isinstance(
        read_mail_event({"type": "email.bounced", "data": {**data, "bounce": {"type": "Transient"}}}), MailEvent
    )


def test_a_stop_while_news_of_the_last_mail_is_written_stays(ledger: FakeLedger, locks: FakeLocks) -> None:
    """Its news says that all is sent, from a reading before the stop."""
    key = enrol_everywhere(ledger)[Sequence.NOSHOW]
    (row,) = (row for row in ledger.all_rows() if row.key == key)
    ledger.edit(row.row_id, Email_2_Status="skipped", Email_3_Status="skipped")
    stopped = stop_changes(row, StopEvent.BOOKED)
    ledger.calls.meanwhile(3, lambda: ledger.write(row.row_id, stopped))
    take_mail_event(MailEvent("id-1", ANN, Delivery.DELIVERED, key, 1, accepted_at=NOW), ledger, locks, NOW)
    (after,) = (row for row in ledger.all_rows() if row.key == key)
    assert (after.status, after.email(1).status) == (SequenceStatus.STOPPED, EmailStatus.SENT)


def test_news_settles_an_email_that_nobody_has_recorded(ledger: FakeLedger, locks: FakeLocks) -> None:
    """Resend's own word that it had the mail ends the doubt about it."""
    keys = enrol_everywhere(ledger)
    event = MailEvent("id-1", ANN, Delivery.DELIVERED, keys[Sequence.NOSHOW], 1, accepted_at=NOW)
    take_mail_event(event, ledger, locks, NOW)
    row = next(row for row in ledger.all_rows() if row.sequence is Sequence.NOSHOW)
    state = row.email(1)
    assert (state.status, state.resend_id, state.delivery) == ("sent", "id-1", "delivered")
