"""prepare: every decision about one email, and the exact mail that it freezes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from christmas_tasks.decisions import Action
from christmas_tasks.errors import NotPlanned, SettingsError, TemplateFault
from christmas_tasks.row_changes import stop_changes
from christmas_tasks.sequences import StopEvent
from christmas_tasks.steps.handover import dump, load
from christmas_tasks.steps.sending import FrozenMail
from christmas_tasks.tracker import EmailStatus, SequenceStatus
from tests.fakes import START, FakeLedger, broken, settings, without_fault
from tests.unit.steps.driver import Emails, assessment, no_show

FIRST = "noshow_recovery_email_1"


def test_a_due_email_is_frozen_with_one_call(emails: Emails) -> None:
    """One read of the row where the templates are warm; nothing is written."""
    frozen = emails.freeze(1)
    assert emails.ledger.calls.log == ["read_row", "templates"]
    assert (frozen.mail.to, frozen.mail.subject) == ("ann@example.org", f"{FIRST} for Ann")
    assert frozen.prepared_at == frozen.attempts_since == emails.clock()
    assert frozen.mail.marker in frozen.mail.html
    assert emails.state(1).status is EmailStatus.SCHEDULED


def test_the_frozen_mail_comes_back_byte_for_byte(emails: Emails) -> None:
    """What send and record read is what prepare has decided; it carries no more personal data than the mail."""
    frozen = emails.prepare(1).frozen
    assert frozen is not None
    assert load(dump(frozen), FrozenMail) == frozen
    assert frozen.row.variables == {}


def test_a_repeat_freezes_the_same_mail(emails: Emails) -> None:
    """A second prepare at the same time gives the same bytes, so that Resend's key takes both for one."""
    assert emails.freeze(1).mail == emails.freeze(1).mail


def test_an_attempt_that_may_have_a_predecessor_counts_from_the_planned_time(emails: Emails) -> None:
    """No other execution can have tried before that."""
    emails.clock.advance(hours=2)
    assert emails.freeze(1, first=False).attempts_since == START + timedelta(minutes=5)


def test_an_email_that_is_not_yet_due_waits_for_its_time(emails: Emails) -> None:
    """Nothing is rendered or written."""
    decision = emails.prepare(2).decision
    assert (decision.action, decision.until) == (Action.WAIT, START + timedelta(hours=24))
    assert emails.ledger.calls.log == ["read_row"]


def test_one_second_early_waits(emails: Emails) -> None:
    """The boundary is the planned second itself."""
    emails.clock.now = START + timedelta(minutes=5, seconds=-1)
    assert emails.prepare(1).decision.action is Action.WAIT


def test_an_email_waits_for_the_one_before_it(emails: Emails) -> None:
    """Both are due after a downtime: number order."""
    emails.clock.advance(hours=30)
    assert emails.prepare(2).decision.action is Action.WAIT
    assert emails.prepare(1).decision.action is Action.SEND


def test_an_email_keeps_the_gap_to_the_one_before_it(emails: Emails) -> None:
    """A late first email moves the second one on: six hours after it, not sooner."""
    emails.clock.advance(hours=23)
    emails.run(1)
    sent_at = emails.clock()
    emails.clock.advance(hours=2)
    decision = emails.prepare(2).decision
    assert (decision.action, decision.until) == (Action.WAIT, sent_at + timedelta(hours=6))
    emails.clock.now = sent_at + timedelta(hours=6)
    assert emails.prepare(2).decision.action is Action.SEND


def test_an_email_more_than_seven_days_late_is_skipped_with_the_reason(emails: Emails) -> None:
    """At exactly seven days it is still sent."""
    emails.clock.now = START + timedelta(minutes=5, days=7)
    assert emails.prepare(1).decision.action is Action.SEND
    emails.clock.advance(seconds=1)
    assert emails.prepare(1).decision.action is Action.SKIP
    assert emails.state(1).status is EmailStatus.SKIPPED
    assert "7 days late" in emails.row.stop_reason


@pytest.mark.parametrize("event", list(StopEvent))
def test_a_stopped_sequence_skips_its_next_email(emails: Emails, event: StopEvent) -> None:
    """Skipped with the reason; not an error."""
    emails.ledger.update_row(emails.row_id, stop_changes(emails.row, event))
    prepared = emails.prepare(1)
    assert prepared.decision.action in {Action.SKIP, Action.DONE}
    assert prepared.frozen is None
    assert (emails.state(1).status, emails.row.stop_reason) == (EmailStatus.SKIPPED, event.value)


def test_a_person_stops_a_row_by_its_status_alone(emails: Emails) -> None:
    """Sequence Status: stopped is enough."""
    emails.ledger.edit(emails.row_id, Sequence_Status="stopped")
    assert emails.prepare(1).decision.reason == "stopped by a person"
    assert emails.state(1).status is EmailStatus.SKIPPED


def test_a_held_row_waits_and_goes_on(emails: Emails) -> None:
    """Nothing is written while it is held; once active again the late policy holds."""
    emails.ledger.edit(emails.row_id, Sequence_Status="held")
    assert emails.prepare(1).decision.action is Action.HOLD
    assert emails.state(1).status is EmailStatus.SCHEDULED
    emails.ledger.edit(emails.row_id, Sequence_Status="active")
    emails.clock.advance(days=2)
    assert emails.prepare(1).decision.action is Action.SEND


@pytest.mark.parametrize("status", [EmailStatus.SENT, EmailStatus.SKIPPED, EmailStatus.UNRESOLVED])
def test_an_email_with_an_end_is_left_alone(emails: Emails, status: EmailStatus) -> None:
    """A replay at any later date reads, and does nothing."""
    emails.ledger.edit(emails.row_id, Email_1_Status=status)
    before = dict(emails.ledger.row_columns[emails.row_id])
    assert emails.prepare(1, first=False).decision.action is Action.DONE
    assert emails.ledger.row_columns[emails.row_id] == before


def test_a_template_that_blocks_fails_and_is_sent_once_after_its_repair(emails: Emails) -> None:
    """The row says failed with the reason; a replay sends, another one does nothing."""
    pages = emails.ledger.template_pages
    pages[FIRST] = broken(pages[FIRST])
    emails.ledger.templates(fresh=True)
    with pytest.raises(TemplateFault, match="favourite_colour"):
        emails.prepare(1)
    assert emails.state(1).status is EmailStatus.FAILED
    assert "favourite_colour" in emails.row.stop_reason
    pages[FIRST] = without_fault(pages[FIRST])
    emails.run(1, first=False)
    assert emails.state(1).status is EmailStatus.SENT
    assert emails.prepare(1, first=False).decision.action is Action.DONE
    assert len(emails.sender.accepted) == 1


@pytest.mark.parametrize("fault", ["missing", "inactive", "empty"])
def test_each_kind_of_unusable_template_fails_the_email(emails: Emails, fault: str) -> None:
    """No mail, status failed, and a sentence that names the template."""
    pages = emails.ledger.template_pages
    page = pages.pop(FIRST)
    if fault != "missing":
        pages[FIRST] = replace(page, is_active=fault != "inactive", html="" if fault == "empty" else page.html)
    emails.ledger.templates(fresh=True)
    with pytest.raises(TemplateFault, match=FIRST):
        emails.prepare(1)
    assert emails.state(1).status is EmailStatus.FAILED


def test_the_template_is_read_anew_before_it_is_called_faulty(emails: Emails) -> None:
    """The cached one may be the one before the repair."""
    pages = emails.ledger.template_pages
    good = pages[FIRST]
    pages[FIRST] = broken(good)
    emails.ledger.templates(fresh=True)
    pages[FIRST] = good
    assert emails.prepare(1).decision.action is Action.SEND


def test_a_stop_between_reading_and_failing_is_not_covered(emails: Emails) -> None:
    """The last email fails while the contact unsubscribes: a replay after the repair must not send."""
    emails.ledger.edit(emails.row_id, Email_2_Status="sent", Email_3_Status="sent")
    pages = emails.ledger.template_pages
    pages[FIRST] = broken(pages[FIRST])
    emails.ledger.templates(fresh=True)
    stop = stop_changes(emails.row, StopEvent.UNSUBSCRIBED)
    emails.ledger.calls.meanwhile(4, lambda: emails.ledger.write(emails.row_id, stop))
    with pytest.raises(TemplateFault):
        emails.prepare(1)
    assert emails.row.status is SequenceStatus.STOPPED
    pages[FIRST] = without_fault(pages[FIRST])
    assert emails.prepare(1, first=False).frozen is None


def test_a_row_that_is_gone_sends_nothing(emails: Emails) -> None:
    """A person has deleted it: that is a stop."""
    emails.ledger.gone.add(emails.row_id)
    prepared = emails.prepare(1)
    assert (prepared.decision.action, prepared.frozen) == (Action.DONE, None)


def test_a_restored_row_is_found_by_its_key(emails: Emails) -> None:
    """The same enrolment under another id."""
    columns = emails.ledger.row_columns[emails.row_id]
    emails.ledger.gone.add(emails.row_id)
    emails.ledger.create_row(emails.key, columns)
    assert emails.prepare(1).decision.action is Action.SEND


def test_a_row_of_another_enrolment_is_refused(emails: Emails) -> None:
    """Key and row must belong together."""
    other = Emails(emails.clock, emails.ledger, emails.sender, emails.settings)
    other.enrol(no_show("EV2"))
    emails.key = other.key
    with pytest.raises(NotPlanned):
        emails.prepare(1)


@pytest.mark.parametrize("number", [1, 6])
def test_an_email_that_is_not_kestras_is_refused(emails: Emails, number: int) -> None:
    """5day #1 is never sent by Kestra, whatever arrives."""
    emails.enrol(assessment())
    with pytest.raises(NotPlanned):
        emails.prepare(number)


def test_quiet_hours_move_a_late_email_to_their_end(ledger: FakeLedger, emails: Emails) -> None:
    """In the campaign's zone."""
    emails.settings = settings(QUIET_HOURS="09:00-11:00", TIMEZONE="UTC")
    decision = emails.prepare(1).decision
    assert (decision.action, decision.until) == (Action.WAIT, START + timedelta(hours=2))
    assert ledger.calls.log == ["read_row"]


def test_a_missing_sender_is_told_and_is_no_end(emails: Emails) -> None:
    """A setting that is repaired lets the email go on: the row stays planned."""
    emails.settings = settings(EMAIL_FROM="")
    with pytest.raises(SettingsError, match="EMAIL_FROM"):
        emails.prepare(1)
    assert emails.state(1).status is EmailStatus.SCHEDULED
