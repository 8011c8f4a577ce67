"""send: at most one mail for each (enrolment, number), whatever is repeated, lost or restarted, at any later date."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from christmas_tasks.decisions import Action
from christmas_tasks.errors import MailRefused, OutcomeUnknown, SetupRefused, VendorUnavailable
from christmas_tasks.row_changes import stop_changes
from christmas_tasks.sequences import StopEvent, mail_key
from christmas_tasks.steps.sending import FrozenMail, Unresolved
from christmas_tasks.tracker import EmailStatus, SequenceStatus
from tests.fakes import START, FakeLedger, FakeSender, Killed
from tests.unit.steps.driver import Emails

LOST = OutcomeUnknown("No answer.")


def changed(frozen: FrozenMail, subject: str = "Other bytes") -> FrozenMail:
    """The same email as another execution would have rendered it."""
    return replace(frozen, mail=replace(frozen.mail, subject=subject))


def test_a_fresh_mail_is_sent_with_one_call(emails: Emails) -> None:
    """One call to Resend, none to Notion, with the key of enrolment and number."""
    frozen = emails.freeze(1)
    emails.ledger.calls.log.clear()
    outcome = emails.send(frozen)
    assert (outcome.decision.action, outcome.resend_id, outcome.accepted_at) == (Action.SEND, "id-1", emails.clock())
    assert (emails.sender.calls.log, emails.ledger.calls.log) == (["send"], [])
    (accepted,) = emails.sender.accepted
    assert accepted.key == mail_key(emails.key, 1)
    assert "ann" not in accepted.key


def test_a_restart_within_a_minute_sends_once(emails: Emails) -> None:
    """The answer got lost; the repeat has the same key and bytes, and gets the first id."""
    frozen = emails.freeze(1)
    emails.sender.calls.fail(1, LOST, after=True)
    with pytest.raises(OutcomeUnknown):
        emails.send(frozen)
    emails.clock.advance(seconds=59)
    assert emails.send(frozen).resend_id == "id-1"
    assert len(emails.sender.accepted) == 1


@pytest.mark.parametrize("hours", [0.05, 5, 22])
def test_a_restart_after_a_minute_reads_the_row_again_and_sends_once(emails: Emails, hours: float) -> None:
    """Within the key's memory Resend itself answers a repeat with the first id."""
    frozen = emails.freeze(1)
    emails.sender.calls.fail(1, Killed(), after=True)
    with pytest.raises(Killed):
        emails.send(frozen)
    emails.clock.advance(hours=hours)
    emails.ledger.calls.log.clear()
    assert emails.send(frozen).resend_id == "id-1"
    assert emails.ledger.calls.log == ["read_row"]
    assert len(emails.sender.accepted) == 1


@pytest.mark.parametrize("days", [1, 2, 6.9])
def test_a_restart_past_the_keys_memory_finds_what_was_accepted(emails: Emails, days: float) -> None:
    """Resend's list tells: recorded with the first id and time, nothing is sent again."""
    frozen = emails.freeze(1)
    emails.sender.calls.fail(1, LOST, after=True)
    with pytest.raises(OutcomeUnknown):
        emails.send(frozen)
    accepted_at = emails.clock()
    emails.clock.advance(days=days)
    outcome = emails.send(frozen)
    assert (outcome.resend_id, outcome.accepted_at) == ("id-1", accepted_at)
    assert len(emails.sender.accepted) == 1


def test_a_restart_past_the_keys_memory_sends_what_was_never_accepted(emails: Emails) -> None:
    """The list reaches back behind the first attempt and does not show it."""
    emails.sender.somebody_elses(START - timedelta(days=1))
    frozen = emails.freeze(1)
    emails.sender.calls.fail(1, LOST)
    with pytest.raises(OutcomeUnknown):
        emails.send(frozen)
    emails.clock.advance(days=2)
    assert emails.send(frozen).resend_id
    assert len(emails.sender.to("ann@example.org")) == 1


@pytest.mark.parametrize("was_accepted", [True, False])
def test_what_the_list_can_not_settle_is_never_sent(emails: Emails, *, was_accepted: bool) -> None:
    """The list ends before the first attempt: unresolved, an error, and a person's turn; a replay does nothing."""
    emails.sender.list_reaches_back = timedelta(hours=12)
    frozen = emails.freeze(1)
    emails.sender.calls.fail(1, LOST, after=was_accepted)
    with pytest.raises(OutcomeUnknown):
        emails.send(frozen)
    emails.clock.advance(days=2)
    outcome = emails.send(frozen)
    assert (outcome.decision.action, outcome.resend_id) == (Action.SEND, "")
    with pytest.raises(Unresolved, match="settle"):
        emails.record(frozen, outcome)
    assert emails.state(1).status is EmailStatus.UNRESOLVED
    assert len(emails.sender.accepted) == int(was_accepted)
    assert emails.send(frozen).decision.action is Action.DONE
    assert emails.prepare(1, first=False).decision.action is Action.DONE
    assert len(emails.sender.accepted) == int(was_accepted)


@pytest.mark.parametrize("since_first", [timedelta(hours=1), timedelta(hours=30)])
def test_another_execution_never_sends_what_a_lost_one_has_sent(emails: Emails, since_first: timedelta) -> None:
    """Reconcile starts the email anew, with other bytes: the key or the list tells."""
    first = emails.freeze(1)
    emails.sender.calls.fail(1, LOST, after=True)
    with pytest.raises(OutcomeUnknown):
        emails.send(first)
    emails.clock.now += since_first
    second = changed(emails.freeze(1, first=False))
    assert emails.send(second).resend_id == "id-1"
    assert len(emails.sender.accepted) == 1


@pytest.mark.parametrize("list_can_tell", [True, False])
def test_a_first_attempt_after_a_downtime_is_sent(emails: Emails, *, list_can_tell: bool) -> None:
    """Two days late; the list is asked, but a first attempt goes out even where it can't tell."""
    if list_can_tell:
        emails.sender.somebody_elses(START - timedelta(days=1))
    emails.clock.advance(days=2)
    emails.run(1)
    assert emails.sender.calls.log == ["look_up", "send"]
    assert len(emails.sender.to("ann@example.org")) == 1


def test_a_first_attempt_that_is_none_is_found_in_the_list(emails: Emails) -> None:
    """A replayed handler starts the email again as new, days after a send that nobody has recorded."""
    emails.send(emails.freeze(1))
    emails.clock.advance(days=2)
    outcome = emails.send(emails.freeze(1, first=True))
    assert outcome.resend_id == "id-1"
    assert len(emails.sender.accepted) == 1


def test_a_spent_key_is_looked_up_and_never_replaced(emails: Emails) -> None:
    """409: another payload was accepted with this key; its id is recorded."""
    frozen = emails.freeze(1)
    emails.send(changed(frozen))
    outcome = emails.send(frozen)
    assert (outcome.resend_id, len(emails.sender.accepted)) == ("id-1", 1)
    assert emails.sender.calls.log == ["send", "send", "look_up"]


def test_a_spent_key_is_looked_up_as_far_back_as_keys_live(emails: Emails) -> None:
    """Even where this execution believes that nobody has tried before."""
    emails.send(changed(emails.freeze(1)))
    emails.clock.advance(hours=20)
    assert emails.send(emails.freeze(1, first=True)).resend_id == "id-1"


@pytest.mark.usefixtures("no_waits")
def test_a_list_that_is_late_is_asked_again(emails: Emails, sender: FakeSender) -> None:
    """Resend knows the key but its list does not show the mail yet."""
    frozen = emails.freeze(1)
    emails.send(changed(frozen))
    sender.hide_newest(look_ups=2)
    assert emails.send(frozen).resend_id == "id-1"
    assert sender.calls.log.count("look_up") == 3


@pytest.mark.usefixtures("no_waits")
def test_a_spent_key_that_no_list_explains_is_unresolved(emails: Emails, sender: FakeSender) -> None:
    """Accepted for sure, but nobody can say as what."""
    frozen = emails.freeze(1)
    emails.send(changed(frozen))
    sender.list_reaches_back = timedelta(0)
    emails.clock.advance(seconds=30)
    assert emails.send(frozen).resend_id == ""
    assert len(sender.accepted) == 1


def test_a_spent_key_is_not_unresolved_because_the_list_is_out_of_reach(emails: Emails, sender: FakeSender) -> None:
    """Trouble that passes is no answer: the task ends, and a later one finds the mail."""
    frozen = emails.freeze(1)
    emails.send(changed(frozen))
    sender.calls.fail(2, VendorUnavailable("Too many calls.", retry_after_s=30))
    with pytest.raises(VendorUnavailable):
        emails.send(frozen)
    assert emails.send(frozen).resend_id == "id-1"
    assert len(sender.accepted) == 1


@pytest.mark.parametrize("event", list(StopEvent))
def test_a_stop_is_seen_by_a_mail_that_was_frozen_before_it(emails: Emails, event: StopEvent) -> None:
    """A restart later than a minute reads the row again: skipped, not sent."""
    frozen = emails.freeze(1)
    emails.ledger.update_row(emails.row_id, stop_changes(emails.row, event))
    emails.clock.advance(seconds=61)
    assert emails.send(frozen).decision.action in {Action.SKIP, Action.DONE}
    assert emails.sender.accepted == []
    assert emails.state(1).status is EmailStatus.SKIPPED


@pytest.mark.parametrize(
    ("change", "action"),
    [
        (lambda ledger, row_id: ledger.edit(row_id, Sequence_Status="held"), Action.HOLD),
        (lambda ledger, row_id: ledger.edit(row_id, Sequence_Status="stopped"), Action.SKIP),
        (lambda ledger, row_id: ledger.edit(row_id, Email_1_Status="sent"), Action.DONE),
        (lambda ledger, row_id: ledger.edit(row_id, Email_1_Scheduled_At=START + timedelta(days=3)), Action.WAIT),
        (lambda ledger, row_id: ledger.gone.add(row_id), Action.DONE),
    ],
)
def test_a_restart_obeys_what_people_have_written_since(
    emails: Emails, change: Callable[[FakeLedger, str], None], action: Action
) -> None:
    """Held, stopped, sent by another, moved, deleted: the frozen mail waits or is dropped."""
    frozen = emails.freeze(1)
    change(emails.ledger, emails.row_id)
    emails.clock.advance(minutes=2)
    assert emails.send(frozen).decision.action is action
    assert emails.sender.accepted == []


def test_a_restart_more_than_seven_days_late_is_skipped(emails: Emails) -> None:
    """The late policy holds for frozen mails as well."""
    frozen = emails.freeze(1)
    emails.clock.advance(days=7, seconds=1)
    assert emails.send(frozen).decision.action is Action.SKIP
    assert emails.state(1).status is EmailStatus.SKIPPED
    assert emails.sender.accepted == []


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)])
def test_a_mail_refused_for_good_is_failed(emails: Emails, later: timedelta) -> None:
    """The row says so; a replay after the repair sends once."""
    frozen = emails.freeze(1)
    emails.clock.now += later
    emails.sender.calls.fail(1, MailRefused("Resend refuses the request for good (HTTP 422)."))
    with pytest.raises(MailRefused):
        emails.send(frozen)
    assert emails.state(1).status is EmailStatus.FAILED
    assert "422" in emails.row.stop_reason
    emails.run(1, first=False)
    assert emails.state(1).status is EmailStatus.SENT
    assert len(emails.sender.accepted) == 1


@pytest.mark.parametrize("seconds", [10, 3_600])
def test_a_stop_before_a_refusal_is_not_covered(emails: Emails, seconds: float) -> None:
    """The last email is refused while the contact unsubscribes: a replay must not send."""
    emails.ledger.edit(emails.row_id, Email_2_Status="skipped", Email_3_Status="skipped")
    frozen = emails.freeze(1)
    emails.clock.advance(seconds=seconds)
    stop = stop_changes(emails.row, StopEvent.UNSUBSCRIBED)
    refusal = MailRefused("Resend refuses the request for good (HTTP 422).")
    emails.sender.calls.fail(1, refusal, meanwhile=lambda: emails.ledger.write(emails.row_id, stop))
    with pytest.raises(MailRefused):
        emails.send(frozen)
    assert emails.row.status is SequenceStatus.STOPPED
    assert emails.prepare(1, first=False).frozen is None


def test_a_refused_set_up_is_no_end(emails: Emails) -> None:
    """A wrong key at Resend is repaired by a person; the email stays planned, and is sent then."""
    frozen = emails.freeze(1)
    emails.sender.calls.fail(1, SetupRefused("Resend refuses the key."))
    with pytest.raises(SetupRefused):
        emails.send(frozen)
    assert emails.state(1).status is EmailStatus.SCHEDULED
    emails.run(1, first=False)
    assert len(emails.sender.accepted) == 1


def test_a_replay_reads_the_row_however_fresh_the_mail_is(emails: Emails) -> None:
    """A person replays within the minute: sent already, so nothing is asked of Resend."""
    frozen = emails.run(1)
    assert emails.send(frozen, is_replay=True).decision.action is Action.DONE
    assert emails.sender.calls.log == ["send"]


def test_the_first_attempt_of_a_replay_is_the_frozen_mails(emails: Emails) -> None:
    """A replay from send, weeks later, takes the frozen mail's own first attempt for the earliest."""
    frozen = emails.run(1)
    emails.clock.advance(days=21)
    assert emails.send(frozen).decision.action is Action.DONE
    assert len(emails.sender.accepted) == 1
