"""A person stops, holds and resumes sequences: what changes, what is refused, and what the forecast promises."""

from datetime import timedelta

import pytest

from christmas_tasks.decisions import Action, decide
from christmas_tasks.engine_records import Execution
from christmas_tasks.row_changes import ended_changes, sent_changes
from christmas_tasks.sequences import Sequence
from christmas_tasks.settings import Settings
from christmas_tasks.steps.forecast import Forecast, forecast
from christmas_tasks.steps.people import UnknownPerson
from christmas_tasks.steps.steer import BY_A_PERSON, Result, Steered, Verb, Wish, start_missing, steer
from christmas_tasks.steps.timeline import Entry, timeline
from christmas_tasks.tracker import EmailStatus, SequenceStatus
from tests.fakes import START, FakeClock, FakeLedger, FakeLocks, FakeSender
from tests.unit.steps.driver import ANN, Emails, no_show
from tests.unit.steps.people_fakes import FakePeople


@pytest.fixture
def ledger() -> FakeLedger:
    return FakePeople()


def steered(emails: Emails, verb: Verb, *, is_dry: bool = False, reason: str = BY_A_PERSON) -> Steered:
    """What came of a wish for the only row."""
    assert isinstance(emails.ledger, FakePeople)
    now, policy = emails.clock(), emails.settings.send_policy
    (one,) = steer(ANN, Wish(verb, reason=reason), emails.ledger, FakeLocks(), policy, now, is_dry=is_dry)
    return one


@pytest.mark.parametrize(
    ("verb", "status", "result"),
    [
        (Verb.STOP, "active", Result.CHANGED),
        (Verb.STOP, "held", Result.CHANGED),
        (Verb.STOP, "stopped", Result.ALREADY),
        (Verb.HOLD, "active", Result.CHANGED),
        (Verb.HOLD, "held", Result.ALREADY),
        (Verb.HOLD, "stopped", Result.REFUSED),
        (Verb.HOLD, "completed", Result.REFUSED),
        (Verb.RESUME, "held", Result.CHANGED),
        (Verb.RESUME, "active", Result.ALREADY),
        (Verb.RESUME, "stopped", Result.REFUSED),
        (Verb.RESUME, "completed", Result.REFUSED),
    ],
)
def test_each_verb_fits_some_states_and_a_repeat_is_already(
    emails: Emails, verb: Verb, status: str, result: Result
) -> None:
    """A dry run judges the same and writes nothing; what was changed once is "already" the second time."""
    emails.ledger.edit(emails.row_id, Sequence_Status=status)
    before = dict(emails.ledger.row_columns[emails.row_id])
    assert steered(emails, verb, is_dry=True).result is result
    assert emails.ledger.row_columns[emails.row_id] == before
    one = steered(emails, verb)
    assert one.result is result
    assert one.why or result is Result.CHANGED
    if result is Result.CHANGED:
        assert emails.row.status == {"stop": "stopped", "hold": "held", "resume": "active"}[verb]
        assert steered(emails, verb).result is Result.ALREADY
    else:
        assert emails.ledger.row_columns[emails.row_id] == before


def test_a_mail_that_is_recorded_while_a_person_stops_stays_sent(emails: Emails) -> None:
    """The stop calls skipped what was planned when it read the row."""
    before = len(emails.ledger.calls.log)
    steered(emails, Verb.STOP, is_dry=True)
    reads = len(emails.ledger.calls.log) - before
    sent = sent_changes(emails.row, 1, START, "re_1")
    emails.ledger.calls.meanwhile(reads + 1, lambda: emails.ledger.write(emails.row_id, sent))
    steered(emails, Verb.STOP)
    assert emails.row.status is SequenceStatus.STOPPED
    assert [emails.state(n).status for n in (1, 2)] == [EmailStatus.SENT, EmailStatus.SKIPPED]


def test_stop_skips_what_is_planned_with_the_persons_reason(emails: Emails) -> None:
    """As a booking would, and the next email sees it."""
    steered(emails, Verb.STOP, reason="called us")
    assert emails.row.stop_reason == "called us"
    assert emails.row.pending() == ()
    assert emails.prepare(1).decision.action is Action.DONE


def test_suppressed_contact_is_not_resumed(emails: Emails) -> None:
    """A held row of somebody who has unsubscribed stays held: the send itself doesn't look at the contact."""
    emails.ledger.edit(emails.row_id, Sequence_Status="held")
    (contact,) = emails.ledger.all_contacts()
    emails.ledger.update_contact(contact.contact_id, {"Email Suppressed": "unsubscribed"})
    one = steered(emails, Verb.RESUME)
    assert (one.result, one.emails) == (Result.REFUSED, ())
    assert "unsubscribed" in one.why
    assert emails.row.status is SequenceStatus.HELD


def test_what_is_not_there_is_named(emails: Emails) -> None:
    """An unknown address, another sequence, another key: nothing is guessed, and what there is, is told."""
    assert isinstance(emails.ledger, FakePeople)
    arguments = (emails.ledger, FakeLocks(), emails.settings.send_policy, START)
    with pytest.raises(UnknownPerson, match="no such contact, and no tracker row"):
        steer("nobody@example.org", Wish(Verb.HOLD), *arguments)
    with pytest.raises(UnknownPerson, match=rf"noshow \(active, {emails.key}\)"):
        steer(ANN, Wish(Verb.HOLD, sequence=Sequence.FIVE_DAY), *arguments)
    with pytest.raises(UnknownPerson, match="no enrolment noshow-1;"):
        steer(ANN, Wish(Verb.HOLD, key="noshow-1"), *arguments)


def test_forecast_says_what_goes_when_and_what_is_too_late(emails: Emails) -> None:
    """Held for a week and a bit over: the first is too late, the others go with the gap between them."""
    steered(emails, Verb.HOLD)
    now = emails.clock.advance(days=7, hours=1)
    one = steered(emails, Verb.RESUME)
    gap = emails.settings.send_policy.min_gap
    assert one.emails == (
        Forecast(1, now, goes_out=False, reason="more than 7 days late"),
        Forecast(2, now, goes_out=True, is_looked_for=True),
        Forecast(3, now + gap, goes_out=True, is_looked_for=True),
    )


def test_forecast_comes_true(emails: Emails) -> None:
    """What is promised at a resume is what the sends decide when their time comes."""
    steered(emails, Verb.HOLD)
    emails.clock.advance(hours=30)
    promised = steered(emails, Verb.RESUME).emails
    assert [email.number for email in promised if email.goes_out] == [1, 2, 3]
    for email in promised:
        earlier = email.at - timedelta(seconds=1)
        if earlier > emails.clock():
            assert decide(emails.row, email.number, earlier, emails.settings.send_policy).action is Action.WAIT
        emails.clock.now = email.at
        emails.run(email.number)
    assert [accepted.at for accepted in emails.sender.accepted] == [email.at for email in promised]


def test_resume_starts_what_has_no_execution_and_only_that(emails: Emails) -> None:
    """Those that wait are left alone; nothing is a first attempt."""
    started: list[tuple[str, str]] = []

    class Engine:
        def waiting_numbers(self, _key: str, *, overdue: bool) -> frozenset[int]:
            assert not overdue
            return frozenset({3})

        def start(self, inputs: dict[str, str], _labels: object, _at: object) -> str:
            started.append((inputs["email_number"], inputs["first_attempt"]))
            return "new"

    live = [Execution("a", "send-email", "RUNNING", labels={"email": "2"})]
    lines = start_missing((emails.row,), lambda _: live, Engine())  # type: ignore[arg-type]
    assert started == [("1", "false")]
    assert len(lines) == 2


def test_timeline_shows_what_is_written_in_the_order_of_time(
    emails: Emails, clock: FakeClock, ledger: FakeLedger, sender: FakeSender, settings: Settings
) -> None:
    """Over all rows: sent with id and delivery, skipped with its own reason, planned with its execution."""
    emails.run(1)
    emails.ledger.edit(emails.row_id, Email_1_Delivery="bounced")
    emails.ledger.write(emails.row_id, ended_changes(emails.row, 2, emails.state(2).status.SKIPPED, "too late"))  # type: ignore[union-attr]
    second = Emails(clock, ledger, sender, settings)
    second.enrol(no_show("EV2"))
    steered_entries = timeline(
        (emails.row, second.row), {second.key: [Execution("w", "send-email", "CREATED", labels={"email": "3"})]}
    )
    times = [entry.at for entry in steered_entries if entry.at]
    assert times == sorted(times)
    assert len(steered_entries) == 6
    first = _one(steered_entries, emails.key, 1)
    assert (first.state, first.sent_by, first.delivery, first.resend_id) == ("sent", "kestra", "bounced", "id-1")
    assert _one(steered_entries, emails.key, 2).reason == "too late"
    assert [waiting.execution_id for waiting in _one(steered_entries, second.key, 3).waiting] == ["w"]
    assert _one(steered_entries, emails.key, 3).waiting == ()


def test_forecast_of_a_row_without_plans_is_empty(emails: Emails) -> None:
    """A stopped row has nothing left."""
    steered(emails, Verb.STOP)
    assert forecast(emails.row, START, emails.settings.send_policy) == ()


def _one(entries: tuple[Entry, ...], key: str, number: int) -> Entry:
    return next(entry for entry in entries if (entry.enrolment, entry.number) == (key, number))
