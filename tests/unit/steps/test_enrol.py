"""The enrolment: one row, one contact, one plan, whatever is repeated, crashes or runs at the same time."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from christmas_tasks.enrolments import EnrolmentRequest
from christmas_tasks.errors import VendorUnavailable
from christmas_tasks.payloads import Signup, parse
from christmas_tasks.segments import Segment
from christmas_tasks.settings import Settings
from christmas_tasks.steps.alerts import for_enrolment
from christmas_tasks.steps.enrol import Enrolled, enrol, register_signup
from christmas_tasks.tracker import EmailStatus, SequenceStatus
from tests.fakes import START, FakeLedger, FakeLocks, Killed, broken
from tests.unit.steps.driver import ANN, assessment, no_show


@pytest.fixture
def enrols(ledger: FakeLedger, locks: FakeLocks, settings: Settings) -> Any:
    """`enrols(request, "execution")` does it in the test's own ledger."""

    def do(request: EnrolmentRequest, execution_id: str = "first") -> Enrolled:
        return enrol(request, execution_id, settings, ledger, locks)

    return do


def test_a_new_enrolment_writes_row_and_contact_in_four_calls(enrols: Any, ledger: FakeLedger) -> None:
    """Look for both, create both; the plan is that of the contract."""
    enrolled = enrols(assessment())
    assert ledger.calls.log == ["find_contact", "find_row", "create_row", "create_contact", "templates"]
    hours = [(email.number, (email.due_at - START) / timedelta(hours=1)) for email in enrolled.emails]
    assert hours == [(2, 24), (3, 72), (4, 96), (5, 120)]
    assert enrolled.is_new
    assert enrolled.template_problems == ()
    (contact,) = ledger.all_contacts()
    assert (contact.stage, contact.segment, contact.first_name) == ("Nurture Sequence", Segment.CRITICAL, "Ann")
    assert contact.numbers["Red Systems"] == 2
    (row,) = ledger.all_rows()
    assert (row.emails[0].status, row.emails[0].sent_at) == (EmailStatus.SENT, START)


def test_the_same_again_by_another_execution_plans_nothing(enrols: Any, ledger: FakeLedger) -> None:
    """No second row, contact, plan or alert; the execution says what it skipped, and the newer data is taken over."""
    enrols(assessment())
    again = enrols(assessment(first_name="Anna"), "second")
    assert (again.is_new, again.emails, again.template_problems) == (False, (), ())
    assert any("exists already" in note for note in again.notes)
    assert for_enrolment(again, assessment(), START) == []
    (row,), (contact,) = ledger.all_rows(), ledger.all_contacts()
    assert row.variables["first_name"] == "Anna"
    assert contact.first_name == "Anna"


def test_a_blank_in_a_repeat_erases_nothing(enrols: Any, ledger: FakeLedger) -> None:
    """What is known stays where the newer body says nothing."""
    enrols(assessment())
    enrols(assessment(first_name="", assessment_score=None), "second")
    (row,), (contact,) = ledger.all_rows(), ledger.all_contacts()
    assert (row.variables["first_name"], row.variables["assessment_score"]) == ("Ann", 41)
    assert (contact.first_name, contact.numbers["Assessment Score"]) == ("Ann", 41)


def test_the_same_execution_again_plans_again(enrols: Any, ledger: FakeLedger) -> None:
    """A restart after a crash has the full plan, with the first times, and still one row."""
    first = enrols(assessment())
    again = enrols(assessment(), "first")
    assert again.emails == first.emails
    assert again.is_new
    assert len(ledger.all_rows()) == len(ledger.all_contacts()) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 6))
def test_a_crash_at_any_call_and_the_same_execution_again(
    enrols: Any, ledger: FakeLedger, nth: int, *, after: bool
) -> None:
    """Killed before or after any call's effect, then run again: one row, one contact, the full plan."""
    ledger.calls.fail(nth, Killed(), after=after)
    with pytest.raises(Killed):
        enrols(assessment())
    enrolled = enrols(assessment())
    assert [email.number for email in enrolled.emails] == [2, 3, 4, 5]
    assert len(ledger.all_rows()) == len(ledger.all_contacts()) == 1
    (contact,) = ledger.all_contacts()
    assert contact.segment is Segment.CRITICAL


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_failed_call_frees_the_address(enrols: Any, ledger: FakeLedger, locks: FakeLocks, nth: int) -> None:
    """A later task need not wait for one that has failed."""
    ledger.calls.fail(nth, VendorUnavailable("Notion is away."))
    if nth < 5:
        with pytest.raises(VendorUnavailable):
            enrols(assessment())
    else:
        # Without the templates the sequence starts all the same.
        assert any("could not be checked" in note for note in enrols(assessment()).notes)
    assert locks.held == set()


@pytest.mark.parametrize("reason", ["unsubscribed", "bounced", "complained", "told us on the phone"])
def test_a_suppressed_contact_gets_nothing(enrols: Any, ledger: FakeLedger, reason: str) -> None:
    """The row says why, every email is skipped, nothing is planned, nobody is alerted."""
    ledger.create_contact(ANN, {"Email Suppressed": reason})
    enrolled = enrols(assessment())
    assert enrolled.emails == ()
    assert for_enrolment(enrolled, assessment(), START) == []
    (row,) = ledger.all_rows()
    assert row.status is SequenceStatus.STOPPED
    assert reason in row.stop_reason
    assert {state.status for state in row.emails[1:]} == {EmailStatus.SKIPPED}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 6))
def test_a_crash_never_leaves_a_suppressed_contact_with_a_planned_email(
    enrols: Any, ledger: FakeLedger, nth: int, *, after: bool
) -> None:
    """Reconcile would start such an email: the row must be stopped from its first instant."""
    ledger.create_contact(ANN, {"Email Suppressed": "unsubscribed"})
    ledger.calls.fail(nth, Killed(), after=after)
    with suppress(Killed):
        enrols(assessment())
    assert [row for row in ledger.all_rows() if row.pending()] == []


def test_a_contact_suppressed_since_stops_its_row_at_a_repeat(enrols: Any, ledger: FakeLedger) -> None:
    """A person has suppressed the contact by hand in Notion: the next enrolment of the same cause ends the row."""
    enrols(assessment())
    (contact,) = ledger.all_contacts()
    ledger.update_contact(contact.contact_id, {"Email Suppressed": "unsubscribed"})
    enrols(assessment(), "second")
    (row,) = ledger.all_rows()
    assert (row.status, row.pending()) == (SequenceStatus.STOPPED, ())


def test_a_critical_lead_alerts_once(enrols: Any) -> None:
    """One alert for each sequence started as CRITICAL; none for URGENT."""
    alerts = for_enrolment(enrols(assessment()), assessment(), START)
    assert [alert.fields["Red systems"] for alert in alerts] == ["2"]
    assert alerts[0].fields["Email"] == ANN
    urgent = assessment(email="bob@example.org", red_systems=1)
    assert for_enrolment(enrols(urgent), urgent, START) == []


def test_every_template_that_blocks_is_told_on_the_first_day(enrols: Any, ledger: FakeLedger) -> None:
    """Missing, inactive, empty, or an unknown variable; the sequence starts all the same."""
    pages = ledger.template_pages
    del pages["5-Day E2"]
    pages["5-Day E3"] = replace(pages["5-Day E3"], is_active=False)
    pages["5-Day E4"] = broken(pages["5-Day E4"])
    pages["5-Day E5"] = replace(pages["5-Day E5"], html=" ")
    enrolled = enrols(assessment())
    assert len(enrolled.emails) == 4
    named = [line.split('"')[1] for line in enrolled.template_problems]
    assert named == ["5-Day E2", "5-Day E3", "5-Day E4", "5-Day E5"]
    assert "favourite_colour" in enrolled.template_problems[2]
    titles = [alert.headline for alert in for_enrolment(enrolled, assessment(), START)]
    assert len(titles) == 2


def test_another_cause_is_another_enrolment(enrols: Any, ledger: FakeLedger) -> None:
    """A second missed call starts a second sequence of the same contact."""
    first, second = enrols(no_show("EV1")), enrols(no_show("EV2"), "second")
    assert second.is_new
    assert first.row.key != second.row.key
    assert (len(ledger.all_rows()), len(ledger.all_contacts())) == (2, 1)


def test_a_later_sequence_carries_the_contacts_segment(enrols: Any, ledger: FakeLedger) -> None:
    """Contract section 4: the contact's segment, else OPTIMIZE; what is known of the person goes along."""
    enrols(assessment())
    row = enrols(no_show(), "second").row
    assert row.segment is Segment.CRITICAL
    assert (row.variables["first_name"], row.variables["red_systems"]) == ("Ann", 2)
    assert enrols(no_show(email="new@example.org"), "third").segment is Segment.OPTIMIZE
    assert {contact.stage for contact in ledger.all_contacts()} == {"No-Show Recovery"}


def test_a_signup_never_erases_an_assessment(enrols: Any, ledger: FakeLedger, locks: FakeLocks) -> None:
    """Scores, segment and stage stay; the names are taken over."""
    enrols(assessment())
    notes = register_signup(parse(Signup, {"email": ANN, "first_name": "Annie"}), ledger, locks)
    (contact,) = ledger.all_contacts()
    assert (contact.stage, contact.segment, contact.first_name) == ("Nurture Sequence", Segment.CRITICAL, "Annie")
    assert contact.numbers["Assessment Score"] == 41
    assert "there already" in notes[0]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_signup_may_crash_and_come_again(ledger: FakeLedger, locks: FakeLocks, nth: int, *, after: bool) -> None:
    """One contact, no row, no mail planned."""
    body = parse(Signup, {"email": ANN, "name": "Ann Example", "source": "fair"})
    ledger.calls.fail(nth, Killed(), after=after)
    with pytest.raises(Killed):
        register_signup(body, ledger, locks)
    register_signup(body, ledger, locks)
    (contact,) = ledger.all_contacts()
    assert (contact.first_name, contact.last_name, contact.stage) == ("Ann", "Example", "Signed Up")
    assert ledger.all_rows() == []


def test_the_website_failing_its_own_mail_changes_no_plan(enrols: Any) -> None:
    """#1 is recorded as failed; #2 to #5 are planned all the same."""
    row = enrols(assessment(email_1_status="Bounced")).row
    assert row.emails[0].status is EmailStatus.FAILED
    assert [state.number for state in row.pending()] == [2, 3, 4, 5]
