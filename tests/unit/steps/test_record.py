"""record: one write of absolute values, safe at any later date, never a send."""

from datetime import timedelta

import pytest

from christmas_tasks.decisions import Action, Decision
from christmas_tasks.errors import VendorUnavailable
from christmas_tasks.row_changes import stop_changes
from christmas_tasks.sequences import StopEvent
from christmas_tasks.steps.sending import SendOutcome, Unresolved
from christmas_tasks.tracker import EmailStatus, SentBy, SequenceStatus
from tests.fakes import START, Killed
from tests.unit.steps.driver import Emails, assessment


def test_a_sent_mail_is_written_down_with_one_call(emails: Emails) -> None:
    """Sent, id, time, by whom, and when the next one is due."""
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    emails.ledger.calls.log.clear()
    emails.record(frozen, outcome)
    assert emails.ledger.calls.log == ["update_row"]
    state, columns = emails.state(1), emails.ledger.row_columns[emails.row_id]
    assert (state.status, state.resend_id, state.sent_by) == (EmailStatus.SENT, "id-1", SentBy.KESTRA)
    assert state.sent_at == emails.clock()
    assert (columns["Last Email Sent"], columns["Last Email Sent At"]) == (1, emails.clock())
    assert columns["Next Email At"] == START + timedelta(hours=24)


def test_the_last_mail_completes_the_sequence(emails: Emails) -> None:
    """Then nothing is next."""
    for number, hours in ((1, 0), (2, 24), (3, 48)):
        emails.clock.now = START + timedelta(hours=hours, minutes=5)
        emails.run(number)
    assert emails.row.status is SequenceStatus.COMPLETED
    assert emails.ledger.row_columns[emails.row_id]["Next Email At"] is None
    assert [accepted.key[-1] for accepted in emails.sender.accepted] == ["1", "2", "3"]


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=2), timedelta(days=30)])
def test_a_repeat_changes_nothing(emails: Emails, later: timedelta) -> None:
    """At once or weeks later: the first time and id stay."""
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    emails.record(frozen, outcome)
    before = dict(emails.ledger.row_columns[emails.row_id])
    emails.clock.now += later
    emails.record(frozen, outcome)
    assert emails.ledger.row_columns[emails.row_id] == before
    assert len(emails.sender.accepted) == 1


def test_a_stale_repeat_does_not_take_later_mails_back(emails: Emails) -> None:
    """Recording #1 comes again after #2 went out: Last Email Sent stays 2."""
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    emails.record(frozen, outcome)
    emails.clock.advance(hours=24)
    emails.run(2)
    emails.record(frozen, outcome)
    columns = emails.ledger.row_columns[emails.row_id]
    assert columns["Last Email Sent"] == 2
    assert columns["Next Email At"] == START + timedelta(hours=48)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [VendorUnavailable("Notion is away."), Killed()])
def test_a_write_that_fails_is_repeated_alone(emails: Emails, error: BaseException, *, after: bool) -> None:
    """The mail counts as sent, with the time at which Resend took it, however much later the write succeeds."""
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    emails.ledger.calls.fail(1, error, after=after)
    with pytest.raises(type(error)):
        emails.record(frozen, outcome)
    sent_at = outcome.accepted_at
    emails.clock.advance(hours=30)
    emails.record(frozen, outcome)
    assert (emails.state(1).status, emails.state(1).sent_at) == (EmailStatus.SENT, sent_at)
    assert emails.sender.calls.log == ["send"]


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=5)])
@pytest.mark.parametrize("event", list(StopEvent))
def test_a_stop_between_send_and_record_stays(emails: Emails, event: StopEvent, later: timedelta) -> None:
    """The mail in flight is recorded as sent, and the sequence stays stopped."""
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    emails.ledger.update_row(emails.row_id, stop_changes(emails.row, event))
    emails.clock.now += later
    emails.record(frozen, outcome)
    assert (emails.row.status, emails.row.stop_reason) == (SequenceStatus.STOPPED, event.value)
    assert emails.state(1).status is EmailStatus.SENT
    assert emails.ledger.row_columns[emails.row_id]["Next Email At"] is None
    emails.clock.advance(days=1)
    assert emails.prepare(2).frozen is None


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_stop_while_the_last_mail_is_recorded_stays(emails: Emails, *, by_hand: bool) -> None:
    """Recording the last one says completed: the stop that came meanwhile is put back."""
    emails.ledger.edit(emails.row_id, Email_2_Status="skipped", Email_3_Status="skipped")
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    if by_hand:
        emails.ledger.write(emails.row_id, {"Sequence Status": "stopped", "Stop Reason": "unsubscribed"})
    else:
        emails.ledger.write(emails.row_id, stop_changes(emails.row, StopEvent.UNSUBSCRIBED))
    emails.record(frozen, outcome)
    assert emails.row.status is SequenceStatus.STOPPED


def test_a_hold_between_send_and_record_stays(emails: Emails) -> None:
    """A person holds the row while a mail is in flight."""
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    emails.ledger.edit(emails.row_id, Sequence_Status="held")
    emails.record(frozen, outcome)
    assert (emails.row.status, emails.state(1).status) == (SequenceStatus.HELD, EmailStatus.SENT)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=5)])
def test_an_unknown_outcome_is_unresolved_and_an_error(emails: Emails, later: timedelta) -> None:
    """Written down with the reason, told with the command that settles it; a repeat says the same."""
    frozen = emails.freeze(1)
    emails.clock.now += later
    for _ in range(2):
        with pytest.raises(Unresolved, match=f"settle {emails.key} 1"):
            emails.record(frozen, SendOutcome(Decision(Action.SEND)))
        assert emails.state(1).status is EmailStatus.UNRESOLVED
        assert emails.row.stop_reason.count("unresolved") == 1
    assert "ann@example.org" not in emails.row.stop_reason


def test_an_unresolved_mail_is_no_obstacle_for_the_next_one(emails: Emails) -> None:
    """The sequence goes on."""
    with pytest.raises(Unresolved):
        emails.record(emails.freeze(1), SendOutcome(Decision(Action.SEND)))
    emails.clock.advance(hours=24)
    emails.run(2)
    assert emails.state(2).status is EmailStatus.SENT


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=5)])
def test_an_unknown_outcome_never_covers_a_known_one(emails: Emails, later: timedelta) -> None:
    """Another execution has recorded it as sent meanwhile: nobody is told to settle it."""
    frozen = emails.freeze(1)
    emails.run(1)
    emails.clock.now += later
    assert emails.record(frozen, SendOutcome(Decision(Action.SEND))) is not None
    assert emails.state(1).status is EmailStatus.SENT
    assert "unresolved" not in emails.row.stop_reason


def test_a_replay_reads_the_row_however_fresh_the_mail_is(emails: Emails) -> None:
    """What was recorded first stays, though the mail was frozen seconds ago."""
    frozen = emails.freeze(1)
    emails.record(frozen, emails.send(frozen))
    other = SendOutcome(Decision(Action.SEND), "another-id", emails.clock())
    emails.record(frozen, other, is_replay=True)
    assert emails.state(1).resend_id == "id-1"


def test_a_row_that_is_gone_is_no_error(emails: Emails) -> None:
    """There is nothing to write into."""
    frozen = emails.freeze(1)
    outcome = emails.send(frozen)
    emails.clock.advance(minutes=2)
    emails.ledger.gone.add(emails.row_id)
    assert emails.record(frozen, outcome) is None


def test_the_websites_mail_stays_the_last_one_until_kestras_first(emails: Emails) -> None:
    """5day: Last Email Sent goes from 1 to 2, and #1 keeps its sender."""
    emails.enrol(assessment())
    columns = emails.ledger.row_columns[emails.row_id]
    assert columns["Last Email Sent"] == 1
    emails.clock.now = START + timedelta(hours=24)
    emails.run(2)
    assert columns["Last Email Sent"] == 2
    assert columns["Email 1 Sent By"] == SentBy.WEBSITE
